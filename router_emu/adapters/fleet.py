"""All routers of one process, as the management API sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count

from router_emu.adapters.host import RouterHost
from sceplab.clock import LabClock
from sceplab.management import Fired, Timer


class Fleet:
    """The routers' ``ManagedService``; its methods are called from a server's threads."""

    name = "routers"

    def __init__(self, clock: LabClock, loop: asyncio.AbstractEventLoop) -> None:
        self.hosts: list[RouterHost] = []
        self._clock = clock
        self._loop = loop
        self._fired: list[Fired] = []
        self._numbers = count(1)

    def record(self, owner: str, name: str, outcome: str) -> None:
        """A timer has fired, and its exchange is over.  Called in the loop."""
        self._fired.append(Fired(next(self._numbers), self._clock.now(), owner, name, outcome))

    def health(self) -> Mapping[str, object]:
        """Which routers there are."""
        return {"routers": [host.name for host in self.hosts]}

    def timers(self) -> tuple[Sequence[Timer], int]:
        """The timers that wait, and the number of the last one fired."""
        return asyncio.run_coroutine_threadsafe(self._timers(), self._loop).result()

    async def _timers(self) -> tuple[Sequence[Timer], int]:
        timers = [
            Timer(due, host.name, name) for host in self.hosts for due, _, name in host.router.pki.timers()
        ]
        return sorted(timers, key=lambda timer: timer.due), self._fired[-1].sequence if self._fired else 0

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Fire what is due in every router and wait until no exchange is on its way."""
        return asyncio.run_coroutine_threadsafe(self._run(after), self._loop).result()

    async def _run(self, after: int) -> Sequence[Fired]:
        await asyncio.gather(*(host.run_due() for host in self.hosts))
        return self._fired[after:]  # they count up from 1
