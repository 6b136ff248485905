"""HTTPS: TLS is taken off here, and the HTTP server behind gets the bytes.

waitress knows no TLS.  Werkzeug's server does, but makes the handshake where it accepts, and so waits for
whoever connects and says nothing.  Here each connection has a thread for as long as it lasts, so many seconds
for its handshake, and is ended by the HTTP server when it is idle.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from sceplab.serving import Listener

MAX_CONNECTIONS = 150  # half of what the HTTP server takes: the other half is for HTTP
MAX_ENDING = 16  # that were dropped for others, and are not gone yet
HANDSHAKE_SECONDS = 10.0
STALLED_SECONDS = 30.0  # for a peer that takes nothing
_CHUNK = 64 * 1024
_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Connection:
    """A connection, and when (``time.monotonic``) either side has last said something in it."""

    socket: ssl.SSLSocket
    heard: float = field(default_factory=time.monotonic)
    dropped: bool = False

    def end(self) -> None:
        """Have its thread end it."""
        with suppress(OSError):
            # Not SSLSocket's own: it takes the TLS from under the thread that reads.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


def server_context(file: Path) -> ssl.SSLContext:
    """The settings of a server whose key and certificates are in ``file``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsFront:
    """Serves ``listener`` with TLS, and hands all that is said on to an HTTP server at ``behind``."""

    def __init__(self, listener: Listener, context: ssl.SSLContext, behind: tuple[str, int]) -> None:
        self._listener = listener
        self._context = context
        self._behind = behind
        self._wake, self._end = socket.socketpair()
        self._connections: dict[threading.Thread, _Connection] = {}
        self._acceptor = threading.Thread(target=self._accept, name=f"https-{listener.port}", daemon=True)

    @property
    def url(self) -> str:
        """The address, ``https://127.0.0.1:8443``."""
        return "https" + self._listener.url.removeprefix("http")

    def __enter__(self) -> TlsFront:
        self._acceptor.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._end.send(b"!")
        self._acceptor.join()
        for thread, connection in list(self._connections.items()):
            connection.end()
            thread.join()
        for each in (self._wake, self._end, self._listener):
            each.close()

    def _accept(self) -> None:
        self._listener.socket.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener.socket, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while all(key.fileobj is not self._wake for key, _ in selector.select()):
                with suppress(OSError):  # who asked is gone again, or there is no descriptor left for him
                    self._take(self._listener.socket.accept()[0])

    def _take(self, accepted: socket.socket) -> None:
        """Give a connection a thread, perhaps another one's place; nothing here waits for a peer."""
        with accepted:
            if not self._has_place():
                return
            accepted.setblocking(False)
            connection = _Connection(
                self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
            )
        thread = threading.Thread(target=self._carry, args=(connection,), daemon=True)
        self._connections[thread] = connection
        thread.start()

    def _has_place(self) -> bool:
        """Whether there is place for one more; when there is none, who is silent for longest makes some."""
        connections = list(self._connections.values())
        alive = [each for each in connections if not each.dropped]
        if len(alive) < MAX_CONNECTIONS:
            return True
        if len(connections) >= MAX_CONNECTIONS + MAX_ENDING:
            return False
        silent = min(alive, key=lambda each: each.heard)
        _log.warning("https-full", dropped_after_silence=round(time.monotonic() - silent.heard, 1))
        silent.dropped = True
        silent.end()
        return True

    def _carry(self, connection: _Connection) -> None:
        """Carry one connection until one of the two ends it."""
        tls = connection.socket
        try:
            with tls, suppress(OSError):  # a TLS error is an OSError too
                _shake_hands(tls)
                tls.settimeout(STALLED_SECONDS)
                with socket.create_connection(self._behind, STALLED_SECONDS) as behind:
                    try:
                        _pump(connection, behind)
                    except ConnectionResetError:  # by the server: the client is to see it too
                        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        raise
                tls.setblocking(False)
                tls.unwrap()  # says goodbye, and does not wait for the answer
        finally:
            del self._connections[threading.current_thread()]


def _shake_hands(connection: ssl.SSLSocket) -> None:
    """Make the handshake; TimeoutError when the whole of it takes too long."""
    deadline = time.monotonic() + HANDSHAKE_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while True:
            try:
                return connection.do_handshake()
            except ssl.SSLWantReadError:
                selector.modify(connection, selectors.EVENT_READ)
            except ssl.SSLWantWriteError:
                selector.modify(connection, selectors.EVENT_WRITE)
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError("no handshake")


def _pump(connection: _Connection, behind: socket.socket) -> None:
    """Hand on what both say, until one of them ends; the HTTP server ends what is idle."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.socket, selectors.EVENT_READ, behind)
        selector.register(behind, selectors.EVENT_READ, connection.socket)
        while True:
            for key, _ in selector.select():
                try:
                    data = behind.recv(_CHUNK) if key.fileobj is behind else _decrypted(connection.socket)
                except ssl.SSLWantReadError:
                    continue
                if not data:
                    return
                connection.heard = time.monotonic()
                key.data.sendall(data)


def _decrypted(connection: ssl.SSLSocket) -> bytes:
    """What has come; SSLWantReadError when that is no whole record, or one that says nothing."""
    connection.setblocking(False)
    try:
        data = connection.recv(_CHUNK)
        while connection.pending():
            data += connection.recv(_CHUNK)
        return data
    finally:
        connection.settimeout(STALLED_SECONDS)
