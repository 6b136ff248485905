"""A router with its host, its folder and its fleet, and the scripted CA on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from router_emu.adapters.fleet import Fleet
from router_emu.adapters.host import RouterHost
from router_emu.adapters.storage import RouterFolder
from router_emu.cli.session import Session
from router_emu.commands.context import Router
from router_emu.pki.wire import HttpRequest, NoResponse
from sceplab.clock import ClockState, LabClock, wall_time
from sceplab.management import Timer
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa, awaited


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


class Stage:
    """A CA on a socket, and routers over one folder; ``gate`` closed, the CA lets its clients wait."""

    def __init__(self, make_router: Callable[[], Router], make_screen: Any, folder: Path) -> None:
        self._make_router, self._make_screen, self._folder = make_router, make_screen, folder
        self.ca = ScriptedCa()
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        lab = Lab(self._make_screen(self._make_router()), self.ca)
        lab.configure(url=f"http://127.0.0.1:{self.port}").type("crypto ca authenticate myca", "yes")
        RouterFolder(self._folder).save(lab.router)
        state = ClockState("offset", (lab.screen.now - wall_time()).total_seconds())
        self.clock = LabClock(state=state)
        self.fleet = Fleet(self.clock, asyncio.get_running_loop())
        self.start()
        async with server:
            try:
                yield self
            finally:
                self.gate.set()
                await self.host.stop()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        answer = self.ca(HttpRequest("GET", "http://ca" + head.split()[1].decode()))
        await self.gate.wait()
        if not isinstance(answer, NoResponse):
            writer.write(b"HTTP/1.0 %d -\r\n\r\n" % answer.status + answer.body)
        writer.close()

    def start(self) -> None:
        """A router with what the folder holds."""
        router = self._make_router()
        folder = RouterFolder(self._folder)
        folder.load(router)
        self.host = RouterHost(router, self.clock, folder, ("admin", "sesame"), self.fleet.record)
        self.fleet.hosts[:] = [self.host]
        self.host.start()

    async def restart(self) -> None:
        await self.host.stop()
        self.start()

    def session(self) -> Session:
        return self.host.open_session(user="admin", line="vty0", peer="192.0.2.7")

    def enroll(self, password: str = PASSWORD) -> None:
        """Type the command; what it starts runs beside."""
        session = self.session()
        for line in ("crypto ca enroll myca", password, password):
            output = session.feed(line, self.host.now())
            assert not output.failed
            self.host.after_command()

    async def pending(self) -> datetime:
        """Enrol, and have the CA say that it is pending; when the poll is due."""
        self.enroll()
        await until(lambda: awaited(self.host.router.pki))
        return awaited(self.host.router.pki)[0][0]

    def set_clock(self, instant: datetime) -> None:
        """Let the running clock show another time."""
        self.clock.set_state(offset=(instant - wall_time()).total_seconds())

    async def awaited(self) -> tuple[list[Timer], int]:
        """What the fleet tells of its timers, without those that only tell an end."""
        timers, last = await asyncio.to_thread(self.fleet.timers)
        return [each for each in timers if not each.name.startswith("expiry ")], last

    async def run_timers(self, after: int = 0) -> list[tuple[int, str, str, str]]:
        fired = await asyncio.to_thread(self.fleet.run_timers, after)
        return [(each.sequence, each.owner, each.name, each.outcome) for each in fired]
