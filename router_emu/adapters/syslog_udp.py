"""The log's datagrams on their way: sent when they can be, counted as lost when not, never waited for."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from router_emu.syslog import Datagram

# For a host whose name nobody answers for; each is at most two kilobytes.
MOST_WAITING = 1000

Place = tuple[str, int]


class SyslogSender:
    """Sends what the log has for hosts, each host's in order; ``lost`` is told what could not go."""

    def __init__(self, lost: Callable[[Datagram], None]) -> None:
        self._lost = lost
        self._waiting: dict[Place, deque[Datagram]] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        # Threads of its own: names that nobody answers for must not hold the router's other work up.
        self._resolvers = ThreadPoolExecutor(2)

    def send(self, datagram: Datagram) -> None:
        """Take a datagram, in the event loop, and return at once."""
        place = (datagram.host, datagram.port)
        waiting = self._waiting.get(place)
        if waiting is None:
            self._waiting[place] = deque([datagram])
            delivery = asyncio.get_running_loop().create_task(self._deliver(place))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)
        elif len(waiting) < MOST_WAITING:
            waiting.append(datagram)
        else:
            self._lost(datagram)

    async def _deliver(self, place: Place) -> None:
        """Send all that waits for one host.  Its name is asked for again each time: it may have moved."""
        waiting = self._waiting[place]
        try:
            ask = partial(socket.getaddrinfo, *place, type=socket.SOCK_DGRAM)
            found = await asyncio.get_running_loop().run_in_executor(self._resolvers, ask)
            family, _, _, _, address = found[0]
            with socket.socket(family, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                while waiting:
                    self._try(channel, waiting.popleft(), address)
        except (OSError, UnicodeError):  # no such name, no such family
            while waiting:
                self._lost(waiting.popleft())
        finally:
            del self._waiting[place]

    def _try(self, channel: socket.socket, datagram: Datagram, address: tuple[object, ...]) -> None:
        try:
            channel.sendto(datagram.data, address)
        except OSError:  # no route, or the kernel's buffer is full
            self._lost(datagram)

    async def stop(self) -> None:
        """Drop what still waits."""
        deliveries = list(self._deliveries)
        for delivery in deliveries:
            delivery.cancel()
        await asyncio.gather(*deliveries, return_exceptions=True)
        self._resolvers.shutdown(wait=False, cancel_futures=True)
