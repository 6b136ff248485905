"""The router's log: XR's lines in a bounded buffer, with listeners (`terminal monitor`) and hosts.

Lines of another year than that of the first have their year, for labs whose clock leaps.  What goes to a host
is one UDP datagram a line, always without a year: ``<PRI>NUMBER: [PREFIX ]LINE``, as napalm-logs reads XR's.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from router_emu import dates

CAPACITY = 2000
# Process numbers as seen in captures (iosxr.md 1.7 [T]); they only have to look right.
PROCESSES = {"cepki": 363, "config": 66279, "exec": 67679, "https": 1187, "SSHD_": 69004}

# The words of `logging trap`, and those of a host's `severity`; a place in the list is syslog's number.
LEVELS = (
    *("emergencies", "alerts", "critical", "errors"),
    *("warnings", "notifications", "informational", "debugging"),
)
HOST_LEVELS = (
    *("emergencies", "alerts", "critical", "error"),
    *("warning", "notifications", "info", "debugging"),
)
INFORMATIONAL = LEVELS.index("informational")
# RFC 3164, section 4.1.1.
FACILITIES: Mapping[str, int] = {
    **{name: number for number, name in enumerate(("kern", "user", "mail", "daemon", "auth", "syslog"))},
    **{f"local{number}": 16 + number for number in range(8)},
}
DEFAULT_FACILITY = "local7"
PORT = 514
# What a receiver should take (RFC 5424, section 6.1).
MOST_BYTES = 2048

_SEVERITY = re.compile(r"-([0-7])-")


@dataclass(frozen=True)
class LogHost:
    """Who gets lines, and up to which level."""

    host: str
    port: int = PORT
    level: int = INFORMATIONAL


@dataclass(frozen=True)
class Forwarding:
    """Where lines go.  ``trap`` is the highest level that goes to any host; None sends nothing."""

    hosts: tuple[LogHost, ...] = ()
    trap: int | None = INFORMATIONAL
    facility: int = FACILITIES[DEFAULT_FACILITY]
    prefix: str = ""


@dataclass(frozen=True)
class Datagram:
    """What is to be sent to ``host``, by UDP."""

    host: str
    port: int
    data: bytes


def _nowhere(_datagram: Datagram) -> None:
    pass


class LogBuffer:
    """What `show logging` prints.  The oldest lines fall out at ``capacity``.

    ``send`` is called with what goes to hosts; it must not wait, and says by ``lost`` what it could not send.
    """

    def __init__(self, node: str, capacity: int = CAPACITY) -> None:
        self.node = node
        self.capacity = capacity
        self.written = self.trapped = self.dropped = 0
        self.sent: Counter[str] = Counter()
        self.forwarding = Forwarding()
        self.send: Callable[[Datagram], None] = _nowhere
        self._first_year: int | None = None
        self._lines: deque[str] = deque(maxlen=capacity)
        self._listeners: list[Callable[[str], None]] = []

    @property
    def lines(self) -> tuple[str, ...]:
        """What the buffer still holds, oldest first."""
        return tuple(self._lines)

    def add(self, now: datetime, process: str, mnemonic: str, text: str) -> None:
        """Log ``%mnemonic : text``, from a process named in ``PROCESSES``."""
        said = f"{process}[{PROCESSES[process]}]: %{mnemonic} : {text}"
        self._first_year = self._first_year or now.year
        line = f"{self.node}:{dates.syslog(now, year=now.year != self._first_year)}: {said}"
        self.written += 1
        self._lines.append(line)
        for listener in tuple(self._listeners):
            listener(line)
        self._forward(f"{self.node}:{dates.syslog(now)}: {said}", severity_of(mnemonic))

    def _forward(self, line: str, severity: int) -> None:
        to = self.forwarding
        if to.trap is None or severity > to.trap:
            return
        prefix = f"{to.prefix} " if to.prefix else ""
        data = f"<{to.facility * 8 + severity}>{self.written}: {prefix}{line}".encode()[:MOST_BYTES]
        hosts = [host for host in to.hosts if severity <= host.level]
        self.trapped += bool(hosts)
        for host in hosts:
            self.sent[host.host] += 1
            self.send(Datagram(host.host, host.port, data))

    def lost(self, datagram: Datagram) -> None:
        """Count what could not be sent: it is gone, and the router goes on."""
        self.sent[datagram.host] -= 1
        self.dropped += 1

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with each new line, until the function returned is called."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe


def severity_of(mnemonic: str) -> int:
    """The digit in ``MGBL-SYS-5-CONFIG_I``; ValueError when there is none."""
    found = _SEVERITY.search(mnemonic)
    if not found:
        raise ValueError(f"{mnemonic!r} tells no severity")
    return int(found[1])
