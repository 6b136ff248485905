"""Carry one ``HttpRequest`` over the network, byte for byte as the wire profile wants it.

No HTTP library here: a Cisco router's GET is HTTP/1.0 with a Host header and nothing else, and what
matters is exactly the bytes that go out.  What comes back ``http_answer`` reads.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from router_emu.adapters import ldap
from router_emu.adapters.failures import why_not
from router_emu.adapters.http_answer import Answer, TooLarge
from router_emu.adapters.tls import TlsFailure, TlsStream, client_context
from router_emu.pki.peers.verdict import Good
from router_emu.pki.wire import (
    Exchange,
    ExchangeFailed,
    HttpRequest,
    HttpResponse,
    Judge,
    LdapEntries,
    LdapSearch,
    Limits,
    NoResponse,
    Work,
    printable,
)

TIMEOUT = Limits().response
_PORTS = {"http": 80, "https": 443}
_CHUNK = 64 * 1024
_CONTEXT = client_context()
T = TypeVar("T")
Answered = HttpResponse | LdapEntries | NoResponse
# Told of each question to the network, and what has come of it.
Note = Callable[[HttpRequest | LdapSearch, Answered], None]


def no_note(_asked: HttpRequest | LdapSearch, _answer: Answered) -> None:
    """Tell nobody."""


class _NotAccepted(Exception):
    """The server's certificate is not good; ``str()`` says why."""


async def send(request: HttpRequest, note: Note = no_note) -> HttpResponse | NoResponse:
    """The response, or why there is none, within the request's limits.

    ``note`` hears of what is asked meanwhile, to judge the server.
    """
    try:
        parts = urlsplit(request.url)
        host, port = _server(request, parts)
        message = _encode(request, parts)
    except UnicodeEncodeError:
        return NoResponse("the URL has characters that HTTP cannot carry")
    except ValueError:  # urlsplit's own words repeat passwords
        return NoResponse("the URL is not http://host/... or https://host/...")
    try:
        stream = await _connected(host, port, parts.scheme == "https", request.limits)
        try:
            if request.judge is not None and isinstance(stream, TlsStream):
                await _judge(stream, request.judge, note)
            async with asyncio.timeout(request.limits.response):
                await stream.write(message)
                return await _receive(stream, request.limits.body)
        finally:
            stream.close()
    except _NotAccepted as refusal:
        return NoResponse(f"the server's certificate is not accepted: {refusal}")
    except TlsFailure as failure:
        return NoResponse(f"TLS failed: {failure}")
    except TooLarge:
        return NoResponse(f"the answer is larger than {request.limits.body} octets")
    except (OSError, UnicodeError) as error:
        return NoResponse(why_not(error, host))
    except (EOFError, ValueError, http.client.HTTPException):
        return NoResponse("the answer is not HTTP, or was cut off")


def _server(request: HttpRequest, parts: SplitResult) -> tuple[str, int]:
    """Whom to connect to; ValueError."""
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError
    asked = urlsplit(f"//{request.proxy}") if request.proxy and parts.scheme == "http" else parts
    return asked.hostname or "", asked.port or _PORTS[parts.scheme]


async def carry(exchange: Exchange[T], note: Note = no_note, *, as_one: bool = False) -> T:
    """Send what an exchange asks for, one after the other; its result, or what it raises.

    ``as_one``, all of it together takes no longer than one request may.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        asked = next(exchange)
        while True:
            if isinstance(asked, Work):
                asked = exchange.send(await asyncio.to_thread(asked.do))
                continue
            ends = began + asked.limits.connect + asked.limits.response if as_one else None
            if ends is not None and clock() >= ends:
                asked = exchange.send(NoResponse("no time is left"))
                continue
            answer: Answered
            try:
                async with asyncio.timeout_at(ends):
                    answer = await (ldap.send(asked) if isinstance(asked, LdapSearch) else send(asked, note))
            except TimeoutError:
                answer = NoResponse("timed out")
            note(asked, answer)
            asked = exchange.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


# -------------------------------------------------------------------------------------- connections


class _Stream(Protocol):
    """A connection; ``read`` returns nothing at its end, and raises EOFError when it was cut."""

    async def read(self, most: int) -> bytes: ...
    async def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class _PlainStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, most: int) -> bytes:
        return await self._reader.read(most)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def _connected(host: str, port: int, secure: bool, limits: Limits) -> _Stream:
    """A connection, TLS's handshake done; the last try's failure."""
    for retries_left in reversed(range(limits.retries + 1)):
        try:
            async with asyncio.timeout(limits.connect):
                return await _connect(host, port, secure)
        except (OSError, TlsFailure):  # a TimeoutError is an OSError
            if not retries_left:
                raise
    raise AssertionError("a first try there always is")


async def _connect(host: str, port: int, secure: bool) -> _Stream:
    reader, writer = await asyncio.open_connection(host, port, limit=_CHUNK)
    if not secure:
        return _PlainStream(reader, writer)
    try:
        stream = TlsStream.to_server(reader, writer, host, _CONTEXT)
        await stream.handshake()
    except BaseException:
        writer.close()
        raise
    return stream


async def _judge(stream: TlsStream, judge: Judge, note: Note) -> None:
    """Nothing is told to a server whose certificate is not good.  To find out has a time limit of its own."""
    try:
        chain = stream.peer_chain()
    except ValueError as error:
        raise _NotAccepted(f"it cannot be read: {printable(str(error))}") from error
    try:
        verdict = await carry(judge(chain), note, as_one=True)
    except ExchangeFailed as failure:
        raise _NotAccepted(str(failure)) from failure
    if not isinstance(verdict, Good):
        raise _NotAccepted(printable(verdict.why))


# ---------------------------------------------------------------------------------------- messages


def _encode(request: HttpRequest, parts: SplitResult) -> bytes:
    authority = parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if request.proxy and parts.scheme == "http":
        target = f"http://{authority}{target}"  # RFC 9112 section 3.2.2
    host = f"Host: {authority}"
    named = [f"{name}: {value}" for name, value in request.headers]
    # Host first is RFC 9110 section 7.2's advice; Cisco's HTTP/1.0 has it last (scep.md 3.1).
    named = [*named, host] if request.version == "1.0" else [host, *named]
    lines = [f"{request.method} {target} HTTP/{request.version}", *named]
    if request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    if request.version == "1.1":
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


async def _receive(stream: _Stream, most: int) -> HttpResponse:
    """The answer, once it is whole: nobody waits for a server that keeps the connection open."""
    answer = Answer(most)
    while not answer.is_whole:
        data = await stream.read(_CHUNK)  # whoever just cuts a connection cannot shorten what ends with it
        if not data:
            answer.end()
            break
        answer.feed(data)
    fields = answer.fields
    media_type = fields.get_content_type() if fields["Content-Type"] else ""
    return HttpResponse(answer.status, media_type, answer.body, fields["Location"] or "")
