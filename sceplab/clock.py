"""The lab clock: wall time plus an offset, or frozen; forward only.

Every service of a lab holds one ``LabClock`` and all of them hold the same ``ClockState``.  Nobody moves
a clock by itself: ``sceplab.advance`` moves them together, over the management API.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

Mode = Literal["offset", "frozen"]

# No clock is set beyond this: what is issued then must still end before year 10000, where X.509 does.
LAST_INSTANT = datetime(9000, 1, 1, tzinfo=UTC)


class ClockBackwards(ValueError):
    """The asked state would put the clock before the instant that it shows now."""


class Clock(Protocol):
    """What tells the lab time."""

    def now(self) -> datetime:
        """Return the lab time, aware, in UTC."""
        ...


@dataclass(frozen=True)
class ClockState:
    """How a clock runs.  ``offset`` is in seconds, lab minus wall; ``version`` counts the changes."""

    mode: Mode = "offset"
    offset: float = 0.0
    frozen_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("offset", "frozen"):
            raise ValueError(f"mode is 'offset' or 'frozen', not {self.mode!r}")
        if not math.isfinite(self.offset):
            raise ValueError("offset is a finite number of seconds")
        if (self.mode == "frozen") != (self.frozen_at is not None):
            raise ValueError("frozen_at goes with the mode 'frozen', and only with it")
        if self.frozen_at is not None and self.frozen_at.tzinfo is None:
            raise ValueError("frozen_at has no time zone")

    def at(self, wall: datetime) -> datetime:
        """Return the lab time when the wall clock shows ``wall``; ValueError beyond the calendar's end."""
        try:
            return self.frozen_at or wall + timedelta(seconds=self.offset)
        except OverflowError:
            raise ValueError("offset leads out of the calendar") from None

    def start(self, wall: datetime) -> datetime:
        """Return the time at which a clock set to this state starts; ValueError beyond LAST_INSTANT."""
        instant = self.at(wall)
        if instant > LAST_INSTANT:
            raise ValueError(f"the lab's calendar ends at {format_instant(LAST_INSTANT)}")
        return instant

    def to_json(self) -> dict[str, object]:
        """Return the state as JSON values."""
        frozen_at = None if self.frozen_at is None else format_instant(self.frozen_at)
        return {"mode": self.mode, "offset": self.offset, "frozen_at": frozen_at, "version": self.version}

    @classmethod
    def from_json(cls, value: object) -> ClockState:
        """Read what ``to_json`` made; ValueError when it is none."""
        if not isinstance(value, Mapping):
            raise ValueError("a clock state is a JSON object")
        mode, offset = value.get("mode", "offset"), value.get("offset", 0.0)
        frozen_at, version = value.get("frozen_at"), value.get("version", 0)
        if isinstance(offset, bool) or not isinstance(offset, int | float):
            raise ValueError("offset is a number of seconds")
        if isinstance(version, bool) or not isinstance(version, int):
            raise ValueError("version is a whole number")
        try:
            offset = float(offset)
        except OverflowError:
            raise ValueError("offset leads out of the calendar") from None
        return cls(mode, offset, None if frozen_at is None else parse_instant(frozen_at), version)


class LabClock:
    """One service's clock.  Safe to use from several threads."""

    def __init__(self, wall: Callable[[], datetime] | None = None, state: ClockState | None = None) -> None:
        self._wall = wall or wall_time
        self._state = state or ClockState()
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[ClockState], None]] = []
        self._latest = self._state.at(self._wall())

    def now(self) -> datetime:
        """Return the lab time; never earlier than it was before, even when the wall clock is set back."""
        with self._lock:
            self._latest = max(self._latest, self._state.at(self._wall()))
            return self._latest

    def state(self) -> ClockState:
        """Return how the clock runs."""
        with self._lock:
            return self._state

    def set_state(
        self, *, mode: Mode | None = None, offset: float | None = None, frozen_at: datetime | None = None
    ) -> ClockState:
        """Change how the clock runs, and tell the subscribers; an error leaves it as it was.

        ClockBackwards when it would go back, another ValueError when it would pass LAST_INSTANT.

        What is left out is kept: ``mode="frozen"`` alone stops the clock where it is, and
        ``mode="offset"`` alone lets a stopped clock run on from where it stood.
        """
        with self._lock:
            now, wall, old = self.now(), self._wall(), self._state
            mode = mode or old.mode
            if mode == "frozen":
                frozen_at, offset = frozen_at or now, old.offset if offset is None else offset
            elif offset is None:
                offset = old.offset if old.mode == "offset" else (now - wall).total_seconds()
            state = ClockState(mode, offset, frozen_at, old.version + 1)
            if state.start(wall) < now:
                raise ClockBackwards(f"the lab clock shows {format_instant(now)} and only moves forward")
            self._change(state)
            self.now()
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback(state)
        return state

    def _change(self, state: ClockState) -> None:
        """Run as ``state`` says from now on."""
        self._state = state

    def subscribe(self, callback: Callable[[ClockState], None]) -> Callable[[], None]:
        """Have ``callback`` called with each new state, in the thread that made it; return the way out."""
        with self._lock:
            self._callbacks.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe


def wall_time() -> datetime:
    """Return the wall clock's time, aware, in UTC."""
    return datetime.now(UTC)


def format_instant(instant: datetime) -> str:
    """Print an instant as the management API does: ISO 8601, microseconds, ``Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: object) -> datetime:
    """Read an ISO 8601 instant that has a time zone; ValueError when it is none."""
    if not isinstance(text, str):
        raise ValueError("an instant is an ISO 8601 text")
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of the calendar") from None
