"""HTTPS: TLS is taken off here, and the HTTP server behind gets the bytes.

waitress knows no TLS.  Servers that give every connection a thread, or do the handshake where they accept
(as Werkzeug's does), are held up by whoever connects and says nothing.  Here one asyncio loop in one thread
carries all connections, each with so many seconds for its handshake; the HTTP server limits the rest.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from sceplab.serving import Listener

MAX_CONNECTIONS = 150  # half of what the HTTP server takes: the other half is for HTTP
HANDSHAKE_SECONDS = 10.0
_CHUNK = 64 * 1024


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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"https-{listener.port}", daemon=True)

    @property
    def url(self) -> str:
        """The address, ``https://127.0.0.1:8443``."""
        return "https" + self._listener.url.removeprefix("http")

    def __enter__(self) -> TlsFront:
        self._serving = self._loop.create_task(self._serve())
        self._thread.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        self._loop.close()

    async def _serve(self) -> None:
        self._listener.socket.setblocking(False)
        room = asyncio.Semaphore(MAX_CONNECTIONS)
        async with asyncio.TaskGroup() as connections:
            while True:
                await room.acquire()
                try:
                    connection, _ = await self._loop.sock_accept(self._listener.socket)
                except OSError:  # who asked is gone again, or there is no descriptor left for him
                    room.release()
                    await asyncio.sleep(0.1)
                    continue
                task = connections.create_task(self._carry(connection))
                task.add_done_callback(lambda _: room.release())

    async def _carry(self, connection: socket.socket) -> None:
        """Carry one connection until one of the two ends it; whatever goes wrong is its own affair."""
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        with suppress(OSError, ssl.SSLError):
            try:
                transport, _ = await self._loop.connect_accepted_socket(
                    lambda: protocol,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS,
                    ssl_shutdown_timeout=HANDSHAKE_SECONDS,
                )
            except BaseException:
                connection.close()
                raise
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            try:
                behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
                try:
                    await _first_of(_pump(reader, behind_writer), _pump(behind_reader, writer))
                finally:
                    await _close(behind_writer)
            finally:
                await _close(writer)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()


async def _first_of(*coroutines: Any) -> None:
    """Run both until one is done; then the other one is of no use."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, ssl.SSLError, TimeoutError):
        await writer.wait_closed()
