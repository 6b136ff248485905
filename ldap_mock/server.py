"""The directory on its port: a thread with one loop.

When there are too many connections, the one that has been silent the longest makes place.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from ldap_mock.backend import Backend, DirectoryUnavailable, Injection
from ldap_mock.connection import SLICE, Connection
from ldap_mock.dn import Dn, parse_dn
from ldap_mock.session import Session
from sceplab.serving import BACKLOG, Listener

__all__ = ["Backend", "DirectoryUnavailable", "Injection", "LdapServer"]

MAX_CONNECTIONS = 400


class LdapServer:
    """Serves ``backend`` on a listener; a context manager.

    ``manager`` is the name and the password of who may bind.  ``size_limit`` is the most entries that a
    search tells without pages.
    """

    def __init__(
        self,
        backend: Backend,
        listener: Listener,
        *,
        manager: tuple[str, str] | None = None,
        size_limit: int = 5000,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.port = listener.port
        self.url = "ldap" + listener.url.removeprefix("http")
        self.backend = backend
        self._listener = listener
        self._manager: tuple[Dn, bytes] | None = None
        if manager is not None:
            self._manager = (parse_dn(manager[0]), manager[1].encode())
        self._size_limit = size_limit
        self._max_connections = max_connections
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"ldap-{self.port}", daemon=True)
        self._stopped = False

    def start(self) -> None:
        """Serve from now on; what connected before has waited."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection.  May be called twice, or without a start."""
        if self._stopped:
            return
        self._stopped = True
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
        else:
            self._loop.close()
        self._listener.close()

    def __enter__(self) -> LdapServer:
        self.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self._welcome, sock=self._listener.socket, limit=SLICE, backlog=BACKLOG
        )
        async with server:
            await self._end.wait()
            server.close()
            tasks = list(self._connections.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None:  # it has gone already
            writer.transport.abort()
            return
        if len(self._connections) >= self._max_connections:
            silent = min(self._connections, key=lambda each: (each.is_busy, each.heard))
            silent.dismiss("another client needs the place")
            self._connections.pop(silent).cancel()
        session = Session(self._manager, self._size_limit)
        connection = Connection(self.backend, session, reader, writer, peer[0])
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections[connection] = task

        def forget(_: asyncio.Task[None]) -> None:
            self._connections.pop(connection, None)
            writer.transport.abort()  # it may have been cancelled before it began

        task.add_done_callback(forget)
