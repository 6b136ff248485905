"""Moves the clocks of all services together, from timer to timer.

A jump of twenty days in one go is how retry counters and renewals are missed: a router that polls every
minute would wake up once, late.  So time stops at each timer on its way:

1. let every service fire what is due, and wait until each exchange is over; again, until nothing is due,
   since one timer's exchange may set another (a request that was only just typed has no timer yet);
2. ask every service for its timers; take the earliest that is due before the target;
3. set every clock to that instant (the same state everywhere; servers before those that ask them, since a
   service's own loop may fire at once what is due then);
4. go on from 1; at last set every clock to the target.

In "offset" mode the clocks run on meanwhile and a service's own loop may fire a timer before it is asked
to.  That firing is not lost: each service numbers its firings, and answers with all after a number.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from sceplab.clock import LAST_INSTANT, ClockState, format_instant
from sceplab.errors import LabError, Refused, ServiceUnreachable, TimerFar, TimerStuck
from sceplab.management import Fired, Timer
from sceplab.remote import Reading

# A timer that sets itself anew for the same instant would hold the lab for ever.
MAX_PASSES = 50
MAX_INSTANTS = 100_000
# Clocks that run are stopped a little ahead, so that all of them reach the same instant; in seconds.
FREEZE_MARGINS = (1, 5, 30)
# Clocks that are let run go on while one after the other is set.
RESUME_MARGIN = timedelta(minutes=1)


class Service(Protocol):
    """A service whose clock moves with the others; ``sceplab.remote`` has the real one."""

    name: str

    def clock(self) -> Reading:
        """Read the clock."""
        ...

    def set_clock(self, state: ClockState) -> None:
        """Set the clock; Refused, with the code "backwards", when it would go back."""
        ...

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return the waiting timers, and the number of the last firing."""
        ...

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Fire what is due; return all firings after ``after``."""
        ...


class LabTime:
    """The one lab time over several services."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services

    def read(self) -> Reading:
        """Return the lab time: that of the clock which is furthest, should they differ."""
        return max((service.clock() for service in self._services), key=lambda reading: reading.now)

    def timers(self) -> list[Timer]:
        """Return all waiting timers, the next one first."""
        waiting = [timer for service in self._services for timer in service.timers()[0]]
        return sorted(waiting, key=lambda timer: timer.due)

    def advance(self, by: timedelta) -> Iterator[Fired]:
        """Move on by ``by``; yield each timer as it fires."""
        if by < timedelta(0):
            raise LabError("The lab clock only moves forward.")
        now = self.read().now
        _demand_calendar(now, by)
        return self._move_to(now + by, self._numbers())

    def next(self, within: timedelta | None = None) -> Iterator[Fired]:
        """Move on to the next timer; yield what fires there.  Nothing moves when no timer waits.

        TimerFar when it is further off than ``within``: there is no way back.
        """
        seen = self._numbers()
        waiting = yield from self._settle(self.read().now, seen)
        if waiting:
            if within is not None and waiting[0].due - self.read().now > within:
                raise TimerFar(
                    f"The next timer is more than {within.days} days off: {waiting[0].owner}'s"
                    f" {waiting[0].name!r}, {format_instant(waiting[0].due)}."
                )
            yield from self._move_to(max(waiting[0].due, self.read().now), seen)

    def freeze(self) -> Reading:
        """Stop all clocks at one instant, a second or two ahead; frozen ones stay as they are."""
        for margin in FREEZE_MARGINS:
            reading = self.read()
            if reading.state.frozen_at is None:
                ahead = reading.now.replace(microsecond=0) + timedelta(seconds=margin + 1)
                reading = Reading(ahead, replace(reading.state, mode="frozen", frozen_at=ahead))
            try:
                self._set_all(reading.state)
            except Refused as error:
                if error.code != "backwards":
                    raise
            else:
                return reading
        raise LabError("The clocks could not be frozen at one instant: a service is too slow to answer.")

    def resume(self) -> Reading:
        """Let frozen clocks run on, from where they stand."""
        reading = self.read()
        if reading.state.frozen_at is not None:
            _demand_calendar(reading.now, RESUME_MARGIN)
            wall = datetime.now(reading.now.tzinfo)
            offset = (reading.now - wall).total_seconds()
            self._set_all(ClockState("offset", offset, None, reading.state.version))
        return self.read()

    def _numbers(self) -> dict[str, int]:
        """Return the number of each service's last firing."""
        return {service.name: service.timers()[1] for service in self._services}

    def _move_to(self, target: datetime, seen: dict[str, int]) -> Iterator[Fired]:
        instant = self.read().now
        for _ in range(MAX_INSTANTS):
            waiting = yield from self._settle(instant, seen)
            if not waiting or waiting[0].due > target:
                self._set_now(target)
                return
            instant = waiting[0].due
            self._set_now(instant)
        raise TimerStuck(f"The clock stopped {MAX_INSTANTS} times on its way; it is now {self._now_text()}.")

    def _settle(self, instant: datetime, seen: dict[str, int]) -> Generator[Fired, None, list[Timer]]:
        """Fire what is due at ``instant`` or before, until nothing is; return the timers that wait then."""
        for _ in range(MAX_PASSES):
            moved = False
            for service in self._services:
                for fired in service.run_timers(seen[service.name]):
                    seen[service.name] = max(seen[service.name], fired.sequence)
                    moved = True
                    yield fired
            waiting = self.timers()
            due = [timer for timer in waiting if timer.due <= instant]
            if not due:
                return waiting
            if not moved:
                break
        raise TimerStuck(
            f"The timer {due[0].name!r} of {due[0].owner} stays due at {format_instant(due[0].due)}"
            " however often it is fired."
        )

    def _set_now(self, instant: datetime) -> None:
        """Bring every clock to ``instant``, or leave it when it is there already."""
        reading = self.read()
        state, ahead = reading.state, max(instant - reading.now, timedelta(0))
        if state.frozen_at is not None:
            state = replace(state, frozen_at=state.frozen_at + ahead)
        else:
            state = replace(state, offset=state.offset + ahead.total_seconds())
        self._set_all(state)

    def _set_all(self, state: ClockState) -> None:
        """Set every clock; one that does not answer must not keep the others apart."""
        silent: list[ServiceUnreachable] = []
        for service in self._services:
            try:
                service.set_clock(state)
            except ServiceUnreachable as error:
                silent.append(error)
        if silent:
            raise silent[0]

    def _now_text(self) -> str:
        return format_instant(self.read().now)


def _demand_calendar(now: datetime, ahead: timedelta) -> None:
    """Refuse to go where no service would follow; said before any clock is moved."""
    if ahead > LAST_INSTANT - now:
        raise LabError(f"The lab's calendar ends before that, at {format_instant(LAST_INSTANT)}.")
