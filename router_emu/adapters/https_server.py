"""The router's web server: TLS with a trustpoint's certificate, while `http server ssl` is committed.

The port is the router's from the start, but nobody listens there until there is something to present.
Each handshake asks anew what that is, so a renewed certificate is shown at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import datetime

import structlog

from router_emu.adapters.tls import TlsFailure, TlsStream, server_context
from router_emu.commands import http_server
from router_emu.commands.context import Router
from router_emu.commands.http_server import Answer
from router_emu.pki.identity import NoIdentity

# Real seconds for one client, from its connection to its end.
TIMEOUT = 10.0
MOST_CLIENTS = 64
_LARGEST_HEAD = 16 * 1024
_PAUSE = 1.0
_log = structlog.get_logger(__name__)


class HttpsServer:
    """One router's server.  Call ``follow`` whenever configuration, keys or certificates may have changed.

    ``now`` tells the lab's time, for the log.  OSError when the port cannot be had; 0 takes any.
    """

    def __init__(self, router: Router, now: Callable[[], datetime], *, bind: str, port: int) -> None:
        self._router, self._now, self._bind = router, now, bind
        self._socket = _bound(bind, port)
        self.port: int = self._socket.getsockname()[1]
        self._listening = self._over = False
        self._said = ""
        self._clients: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._crowded = False
        self._pause: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """Where it is, or would be."""
        host = f"[{self._bind}]" if ":" in self._bind else self._bind
        return f"https://{host}:{self.port}"

    def follow(self) -> None:
        """Listen, or stop it; what changed is told in the log.  In the event loop."""
        texts = self._router.texts
        if self._over:
            return
        if not http_server.is_wanted(self._router):
            self._stop_listening()
            self._said = ""
            return
        try:
            what = http_server.presented(self._router)
            server_context(what.identity.chain, what.identity.key)
            self._listen()
        except (NoIdentity, TlsFailure, OSError) as error:
            self._stop_listening()
            self._say(texts.web_stopped, why=str(error))
        else:
            expired = self._now() > what.identity.certificate.not_after
            self._say(texts.web_expired if expired else texts.web_listening, name=what.trustpoint)

    async def stop(self) -> None:
        """Give the port up, and drop every client at once."""
        self._over = True
        self._stop_listening()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _say(self, sentence: tuple[str, str], **words: str) -> None:
        mnemonic, text = sentence[0], sentence[1].format(**words)
        if text != self._said:
            self._said = text
            self._router.log.add(self._now(), "https", mnemonic, text)

    # ------------------------------------------------------------------------------ the port

    def _listen(self) -> None:
        if self._listening:
            return
        if self._socket.fileno() < 0:  # it was lost to somebody else when we last stopped
            self._socket = _bound(self._bind, self.port)
        self._socket.listen()
        self._listening = True
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _stop_listening(self) -> None:
        """Close the socket, the only way to stop, and take the port again before anybody else can."""
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._socket)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._listening or self._over:
            self._socket.close()
        if self._listening and not self._over:
            try:
                self._socket = _bound(self._bind, self.port)
            except OSError:
                _log.exception("the port of the HTTPS server is lost", router=self._router.name)
        self._listening = False

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # no descriptor is left, say: clients wait in the kernel's queue
            _log.warning("an HTTPS client cannot be accepted", router=self._router.name, error=str(error))
            loop.remove_reader(self._socket)
            self._pause = loop.call_later(_PAUSE, lambda: loop.add_reader(self._socket, self._accept))
            return
        self._make_room()
        connection.setblocking(False)
        client = loop.create_task(self._serve(connection))
        self._clients[client] = None
        client.add_done_callback(lambda client: self._clients.pop(client, None))

    def _make_room(self) -> None:
        """Drop the oldest client when there are too many, and say so once: most likely it says nothing."""
        staying = [each for each in self._clients if not each.cancelling()]
        crowded_before, self._crowded = self._crowded, len(staying) >= MOST_CLIENTS
        if self._crowded:
            staying[0].cancel()
        if self._crowded and not crowded_before:
            mnemonic, text = self._router.texts.web_crowded
            self._router.log.add(self._now(), "https", mnemonic, text.format(most=MOST_CLIENTS))

    # --------------------------------------------------------------------------- one client

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._talk(reader, writer)
                await writer.wait_closed()
        except (NoIdentity, TlsFailure, OSError, EOFError, ValueError) as error:
            _log.info("an HTTPS client was dropped", router=self._router.name, why=str(error))
        except Exception:
            _log.exception("the HTTPS server raised", router=self._router.name)
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what = http_server.presented(self._router)
        stream = TlsStream.to_client(reader, writer, server_context(what.identity.chain, what.identity.key))
        await stream.handshake()
        head = await _read_head(stream)
        line = head.partition("\r\n")[0]
        answer = http_server.answer(self._router, what.trustpoint, line)
        await stream.write(_encode(answer, with_body=not line.startswith("HEAD ")))
        stream.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"port {port} for HTTPS: {error.strerror}") from error
    return bound


async def _read_head(stream: TlsStream) -> str:
    """Up to the empty line; ValueError when that does not come."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = await stream.read(_LARGEST_HEAD)
        if not more or len(head) > _LARGEST_HEAD:
            raise ValueError("no request came")
        head += more
    return head.decode("latin-1")


def _encode(answer: Answer, *, with_body: bool) -> bytes:
    body = answer.text.encode()
    lines = [
        f"HTTP/1.1 {answer.status} {answer.reason}",
        *([f"Allow: {answer.allow}"] if answer.allow else []),
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (body if with_body else b"")
