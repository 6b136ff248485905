"""Faults of a service that answers over HTTP, and the WSGI application that makes them.

``FaultyHttp`` stands before all else.  It asks which fault a request meets, has what is behind it answer, and
spoils the answer or its way to the client.  What only the service itself can do wrong the service does: it
finds the fault by ``fault_of``.  Whatever answer goes out names the fault in a header.

A slow answer holds none of the HTTP server's threads: it gets a thread and a copy of the connection of its
own, and the server lets go of the connection.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

import structlog
from flask import Flask
from waitress.channel import ClientDisconnected
from werkzeug.http import http_date
from werkzeug.wrappers import Response

from sceplab.faults import Fault, FaultBox, Injected
from sceplab.journal import Journal, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Lab-Fault"
HTTP_FAULTS = (
    Fault(
        "http-error",
        "An HTTP error in place of an answer, value is its status. The request is not handled.",
        503,
        least=400,
        most=599,
    ),
    Fault("reset", "The connection is reset in place of an answer. The request is not handled."),
    Fault("lost-answer", "The request is handled, and the connection ends without an answer."),
    Fault("delay", "The request is handled, and value seconds later it is answered.", 15, most=600),
    Fault("drip", "The answer comes octet by octet, value seconds between two.", 0.5, most=60),
    Fault("truncated", "The answer breaks off in its middle, and the connection ends."),
    Fault("wrong-content-type", "The answer says that it is text/html."),
)
ANY_REQUEST = frozenset(each.name for each in HTTP_FAULTS)
MAX_SLOW = 100  # answers that are on their way; of further ones the connection ends
STALLED_SECONDS = 30.0  # for a client that takes nothing

_KEY = "sceplab.fault"
_WRONG_TYPE = "text/html; charset=utf-8"
_log = structlog.get_logger(__name__)


def fault_of(environ: WSGIEnvironment) -> str:
    """The name of the fault that a request meets, empty when there is none."""
    fault: Injected | None = environ.get(_KEY)
    return "" if fault is None else fault.name


def labelled(summary: str, fault: str) -> str:
    """The journal's line about an exchange, with the fault that it has met, which may be none."""
    return f"{summary} (fault {fault})" if fault else summary


def about(fault: str) -> dict[str, object]:
    """What to add to the journal's details."""
    return {"fault": fault} if fault else {}


@dataclass(frozen=True)
class Exposed:
    """What a request is, for the journal, and which faults it may meet."""

    kind: Kind
    asked: str
    faults: Collection[str] = ANY_REQUEST


class FaultyHttp:
    """A WSGI application that has the one behind it answer, now and then wrongly.

    ``exposed`` tells of a request which faults it may meet, None: none.  ``instead`` are the answers, by
    fault, that are given without asking who is behind.  Close it when its server has stopped.
    """

    def __init__(
        self,
        behind: WSGIApplication,
        box: FaultBox,
        journal: Journal,
        exposed: Callable[[WSGIEnvironment], Exposed | None],
        instead: Mapping[str, Callable[[Injected], Response]] | None = None,
    ) -> None:
        self._behind, self._box, self._journal, self._exposed = behind, box, journal, exposed
        self._instead = {"http-error": _error, **(instead or {})}
        self._slow = _SlowAnswers()

    def close(self) -> None:
        """End the answers that are on their way."""
        self._slow.close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        exposed = None if self._box.is_idle else self._exposed(environ)
        if exposed is None:
            return self._behind(environ, start_response)
        fault = self._box.take(environ.get("REMOTE_ADDR", ""), exposed.faults)
        if fault is None:
            return self._behind(environ, start_response)
        environ[_KEY] = fault
        _log.warning("fault", fault=fault.name, source=environ.get("REMOTE_ADDR"), asked=exposed.asked)
        if fault.name == "reset":
            self._tell(environ, exposed, "reset")
            _reset(environ)
        instead = self._instead.get(fault.name)
        if instead is None:
            answer = Response.from_app(self._behind, environ, buffered=True)
        else:
            answer = instead(fault)
            self._tell(environ, exposed, str(answer.status_code), status=answer.status_code)
        answer.headers[HEADER] = fault.name
        match fault.name:
            case "lost-answer":
                raise ClientDisconnected
            case "wrong-content-type":
                answer.headers["Content-Type"] = _WRONG_TYPE
            case "delay" | "drip" | "truncated":
                self._slow.send(_connection(environ), _pieces(fault, _octets(answer)))
                raise ClientDisconnected
        return answer(environ, start_response)

    def _tell(self, environ: WSGIEnvironment, exposed: Exposed, came_to: str, **details: object) -> None:
        """Write what nobody behind has heard of into the journal."""
        fault = fault_of(environ)
        summary = labelled(f"{exposed.asked} -> {came_to}", fault)
        who = environ.get("REMOTE_ADDR", "")
        self._journal.add(exposed.kind, who, summary, details=details | about(fault))


def make_faulty(
    app: Flask,
    box: FaultBox,
    journal: Journal,
    exposed: Callable[[WSGIEnvironment], Exposed | None],
    instead: Mapping[str, Callable[[Injected], Response]] | None = None,
) -> FaultyHttp:
    """Put a ``FaultyHttp`` before a Flask application."""
    faulty = FaultyHttp(app.wsgi_app, box, journal, exposed, instead)
    app.wsgi_app = faulty  # type: ignore[method-assign]
    return faulty


def _error(fault: Injected) -> Response:
    status = int(fault.value or 500)
    phrase = {each.value: each.phrase for each in HTTPStatus}.get(status, "Error")
    text = f"{phrase}: a fault of this lab\n"
    return Response(text, f"{status} {phrase}", content_type="text/plain; charset=utf-8")


# ------------------------------------------------------------------------------------------ the wire


def _connection(environ: WSGIEnvironment) -> socket.socket:
    """The connection to the client.  waitress tells no application, but hands it a method of who has it.

    ClientDisconnected when there is none any more.
    """
    connection: socket.socket | None = environ["waitress.client_disconnected"].__self__.socket
    if connection is None:
        raise ClientDisconnected
    return connection


def _reset(environ: WSGIEnvironment) -> NoReturn:
    """Have the connection reset: whoever closes it drops it."""
    _connection(environ).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ClientDisconnected


def _octets(answer: Response) -> tuple[bytes, bytes]:
    """An answer's head and body, for a connection that ends with it."""
    body = answer.get_data()
    headers = answer.headers
    if answer.status_code not in (204, 304):  # RFC 9110 section 8.6
        headers.setdefault("Content-Length", str(len(body)))
    headers.setdefault("Date", http_date())
    headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body


def _pieces(fault: Injected, octets: tuple[bytes, bytes]) -> Iterator[tuple[float, bytes]]:
    """What to send of an answer, and how long to wait before each piece of it, in seconds."""
    head, body = octets
    seconds = fault.value or 0
    match fault.name:
        case "delay":
            yield seconds, head + body
        case "drip":
            for place, octet in enumerate(head + body):
                yield seconds if place else 0, bytes([octet])
        case "truncated":
            yield 0, (head + body)[: len(head) + len(body) // 2 if body else len(head) // 2]


class _SlowAnswers:
    """Sends answers that take their time, each in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sending: dict[threading.Thread, socket.socket] = {}

    def send(self, connection: socket.socket, pieces: Iterator[tuple[float, bytes]]) -> None:
        """Send them over a copy of the connection, and end that: who has the connection must let go, too."""
        with self._lock:
            if self._closed.is_set() or len(self._sending) >= MAX_SLOW:
                _log.warning("too-many-slow-answers", most=MAX_SLOW)
                return
            own = connection.dup()
            thread = threading.Thread(target=self._send, args=(own, pieces), name="slow-answer", daemon=True)
            self._sending[thread] = own
            thread.start()

    def _send(self, connection: socket.socket, pieces: Iterator[tuple[float, bytes]]) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(STALLED_SECONDS)
                for seconds, octets in pieces:
                    if self._closed.wait(seconds):
                        return
                    connection.sendall(octets)
        finally:
            with self._lock:
                del self._sending[threading.current_thread()]

    def close(self) -> None:
        """End all."""
        with self._lock:
            self._closed.set()
            sending = dict(self._sending)
            for connection in sending.values():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in sending:
            thread.join()
