"""Moves the clocks of all services together, from timer to timer.

A jump of twenty days in one go is how retry counters and renewals are missed: a router that polls every
minute would wake up once, late.  So time stops at each timer on its way:

1. let every service fire what is due, and wait until each exchange is over; again, until nothing is due,
   since one timer's exchange may set another (a request that was only just typed has no timer yet);
2. take the earliest of the timers that wait then, of which every service has told, if the target is later;
3. set every clock to that instant (the same state everywhere; servers before those that ask them, since a
   service fires at once what is due then), and go on from 1;
4. at last set every clock to the target.

In "offset" mode the clocks run on meanwhile and a service's own loop may fire a timer before it is asked
to.  That firing is not lost: each service numbers its firings, and answers with all after a number.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from sceplab.clock import LAST_INSTANT, ClockState, format_instant
from sceplab.errors import LabError, Refused, ServiceUnreachable, TimerFar, TimerStuck
from sceplab.management import Fired, Timer
from sceplab.remote import Ran, Reading

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

    def run_timers(self, after: int, clock: ClockState | None = None) -> Ran:
        """Fire what is due at the time that ``clock`` says; return all firings after ``after``.

        Refused as ``set_clock``, and nothing has fired.
        """
        ...


class LabTime:
    """The one lab time over several services."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services

    def readings(self) -> dict[str, Reading]:
        """Return each service's clock."""
        return {service.name: service.clock() for service in self._services}

    def read(self) -> Reading:
        """Return the lab time: that of the clock which is furthest, should they differ."""
        return furthest(self.readings().values())

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
        reading, clock = self.read(), None
        instant = reading.now
        for _ in range(MAX_INSTANTS):
            waiting = yield from self._settle(instant, seen, clock)
            if not waiting or waiting[0].due > target:
                self._set_all(_moved(self.read(), target))
                return
            instant = waiting[0].due
            # A frozen clock moves by our hand alone: it need not be read again.
            reading = reading if reading.state.frozen_at is not None else self.read()
            clock = _moved(reading, instant)
        raise TimerStuck(f"The clock stopped {MAX_INSTANTS} times on its way; it is now {self._now_text()}.")

    def _settle(
        self, instant: datetime, seen: dict[str, int], clock: ClockState | None = None
    ) -> Generator[Fired, None, list[Timer]]:
        """Fire what is due at ``instant`` or before, until nothing is; return the timers that wait then.

        With a ``clock`` every service's is set to that before it fires anything.
        """
        waiting: dict[str, Sequence[Timer]] = {}
        steady: set[str] = set()
        to_ask = list(self._services)
        for _ in range(MAX_PASSES):
            last_to_fire = None
            for service in to_ask:
                ran = self._run(service, seen, clock)
                waiting[service.name] = ran.waiting
                if ran.steady:
                    steady.add(service.name)
                for fired in ran.fired:
                    last_to_fire = service
                    yield fired
            due = [timer for timers in waiting.values() for timer in timers if timer.due <= instant]
            if last_to_fire is None:
                break
            # What fired may have set timers elsewhere.  Its own are known: they came with it.
            clock, still_due = None, {name for name, timers in waiting.items() if _any_due(timers, instant)}
            known = {last_to_fire.name, *steady} - still_due
            to_ask = [each for each in self._services if each.name not in known]
            if not to_ask:
                break
        if due:
            raise TimerStuck(
                f"The timer {due[0].name!r} of {due[0].owner} stays due at {format_instant(due[0].due)}"
                " however often it is fired."
            )
        return sorted((each for timers in waiting.values() for each in timers), key=lambda each: each.due)

    def _run(self, service: Service, seen: dict[str, int], clock: ClockState | None) -> Ran:
        """Have a service fire what is due; none of the others is left behind when it does not answer."""
        try:
            ran = service.run_timers(seen[service.name], clock)
        except Refused as error:
            if clock is None or error.code != "backwards":
                raise
            ran = service.run_timers(seen[service.name])  # somebody else has moved the clocks further
        except ServiceUnreachable:
            if clock is not None:
                self._set_all(clock)
            raise
        seen[service.name] = max([seen[service.name], *(fired.sequence for fired in ran.fired)])
        return ran

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


def furthest(readings: Iterable[Reading]) -> Reading:
    """The clock that is ahead of the others."""
    return max(readings, key=lambda reading: reading.now)


def _any_due(timers: Sequence[Timer], instant: datetime) -> bool:
    return any(timer.due <= instant for timer in timers)


def _moved(reading: Reading, instant: datetime) -> ClockState:
    """The state in which a clock shows ``instant``, or goes on as it is when it is there already."""
    state, ahead = reading.state, max(instant - reading.now, timedelta(0))
    if state.frozen_at is not None:
        return replace(state, frozen_at=state.frozen_at + ahead)
    return replace(state, offset=state.offset + ahead.total_seconds())


def _demand_calendar(now: datetime, ahead: timedelta) -> None:
    """Refuse to go where no service would follow; said before any clock is moved."""
    if ahead > LAST_INSTANT - now:
        raise LabError(f"The lab's calendar ends before that, at {format_instant(LAST_INSTANT)}.")
