"""The router's log: XR's lines in a bounded buffer, with listeners (`terminal monitor`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime

from router_emu import dates

CAPACITY = 2000
# Process numbers as seen in captures (iosxr.md 1.7 [T]); they only have to look right.
PROCESSES = {"cepki": 363, "config": 66279, "exec": 67679}


class LogBuffer:
    """What `show logging` prints.  The oldest lines fall out at ``capacity``."""

    def __init__(self, node: str, capacity: int = CAPACITY) -> None:
        self.node = node
        self.written = 0
        self._lines: deque[str] = deque(maxlen=capacity)
        self._listeners: list[Callable[[str], None]] = []

    @property
    def lines(self) -> tuple[str, ...]:
        """What the buffer still holds, oldest first."""
        return tuple(self._lines)

    def add(self, now: datetime, process: str, mnemonic: str, text: str) -> None:
        """Log ``%mnemonic : text``, from a process named in ``PROCESSES``."""
        line = f"{self.node}:{dates.syslog(now)}: {process}[{PROCESSES[process]}]: %{mnemonic} : {text}"
        self.written += 1
        self._lines.append(line)
        for listener in tuple(self._listeners):
            listener(line)

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with each new line, until the function returned is called."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe
