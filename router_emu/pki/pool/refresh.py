"""When the trust pool is refreshed: a table, and the chapter's schedule ("Updating the CA Trustpool").

A timer is set for the certificate with the earliest end.  20 days before it the bundle is downloaded from
``cabundle url``; if that fails, again 15, 10, 5, 4, 3, 2 days and 1 day before, and then once every hour
until it succeeds: beyond the end, too.  IOS-XE's timer stands 20 days before as well (iosxr.md 6).

With a URL the machine is WAITING for its timer, FETCHING, or RETRYING after a failure.  A download that
succeeds (DOWNLOADED), and an import or ``clean`` by hand (REPLACED), set the timer anew by what the pool
holds then; if its earliest end is less than 20 days away, to the next instant of the schedule.  Without a
URL it is UNATTENDED: at the same instants, but once a day where it would be once an hour, a line in the
log says that nobody refreshes the pool (what the chapter calls reasonable intervals; the numbers are
ours).  Beyond the end it goes over to the next certificate, a day before that one's schedule begins or
later.  With another URL, or none any more, the schedule goes on for the same end; where everything that is
held has ended, a URL is asked at once, and then every hour.  Whatever overtakes a download that is on its
way leaves FETCHING, so that its answer is dropped.  A restart (STARTED) forgets what was on its way, and
tries again at once.

Of the failures each up to the end is told, then the first beyond it, and then one a day (ours).

The machine does no I/O and keeps no time: ``step`` takes the instant and says what to do.  What is absent
from TABLE is an error of ours and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where the pool's refresh stands."""

    UNATTENDED = "unattended"
    WAITING = "waiting"
    FETCHING = "fetching"
    RETRYING = "retrying"


class Event(StrEnum):
    """What can happen to it."""

    STARTED = "started"
    URL_SET = "url set"
    URL_REMOVED = "url removed"
    TIMER = "timer"
    DOWNLOADED = "downloaded"
    FAILED = "failed"
    REPLACED = "replaced"


class Effect(StrEnum):
    """What the owner has to do."""

    FETCH = "fetch"
    WARN = "warn"
    REPORT_FAILED = "report failed"


@dataclass(frozen=True)
class Machine:
    """The pool's refresh.

    ``end`` is what the schedule counts to, None when nothing ends; ``wake_at`` is when TIMER is due, None
    while a download is on its way or nothing ends.  ``failures`` counts those since the last success,
    ``late`` those of them beyond the end.
    """

    state: State = State.UNATTENDED
    end: datetime | None = None
    wake_at: datetime | None = None
    failures: int = 0
    late: int = 0


# (state, event) -> (next state, what to do)
TABLE: dict[tuple[State, Event], tuple[State, Effect | None]] = {
    (State.UNATTENDED, Event.STARTED): (State.UNATTENDED, None),
    (State.UNATTENDED, Event.URL_SET): (State.WAITING, None),
    (State.UNATTENDED, Event.TIMER): (State.UNATTENDED, Effect.WARN),
    (State.UNATTENDED, Event.REPLACED): (State.UNATTENDED, None),
    (State.WAITING, Event.STARTED): (State.WAITING, None),
    (State.WAITING, Event.URL_SET): (State.WAITING, None),
    (State.WAITING, Event.URL_REMOVED): (State.UNATTENDED, None),
    (State.WAITING, Event.TIMER): (State.FETCHING, Effect.FETCH),
    (State.WAITING, Event.REPLACED): (State.WAITING, None),
    (State.FETCHING, Event.STARTED): (State.RETRYING, None),
    (State.FETCHING, Event.URL_SET): (State.WAITING, None),
    (State.FETCHING, Event.URL_REMOVED): (State.UNATTENDED, None),
    (State.FETCHING, Event.DOWNLOADED): (State.WAITING, None),
    (State.FETCHING, Event.FAILED): (State.RETRYING, Effect.REPORT_FAILED),
    (State.FETCHING, Event.REPLACED): (State.WAITING, None),
    (State.RETRYING, Event.STARTED): (State.RETRYING, None),
    (State.RETRYING, Event.URL_SET): (State.WAITING, None),
    (State.RETRYING, Event.URL_REMOVED): (State.UNATTENDED, None),
    (State.RETRYING, Event.TIMER): (State.FETCHING, Effect.FETCH),
    (State.RETRYING, Event.REPLACED): (State.WAITING, None),
}

DAYS_BEFORE = (20, 15, 10, 5, 4, 3, 2, 1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_BEGINS = timedelta(days=DAYS_BEFORE[0])
# Beyond the end, as many tries as there are in a day come to one line in the log.
TRIES_A_LINE = _DAY // _HOUR


def next_instant(end: datetime, after: datetime, period: timedelta) -> datetime:
    """The schedule's first instant after ``after``; from a day before the end on, one every ``period``."""
    listed = (end - timedelta(days=days) for days in DAYS_BEFORE)
    last = end - _DAY
    return next((each for each in listed if each > after), last + ((after - last) // period + 1) * period)


def step(
    machine: Machine, event: Event, now: datetime, end: datetime | None
) -> tuple[Machine, Effect | None]:
    """The machine after ``event`` at ``now``, and what its owner has to do; ``end`` is the pool's earliest.

    LookupError when the event is absent from the table.
    """
    try:
        state, effect = TABLE[machine.state, event]
    except KeyError:
        raise LookupError(f"a refresh that is {machine.state} takes no {event}") from None
    match event:
        case Event.DOWNLOADED | Event.REPLACED:
            return _timed(Machine(state, end), now), effect
        case Event.TIMER if effect is Effect.FETCH:
            return replace(machine, state=state, wake_at=None), effect
        case Event.STARTED:
            return _started(machine, state, now, end), None
        case Event.TIMER if end is not None and _is_over(machine, now) and _begins(machine, now, end):
            machine = replace(machine, end=end)
        case Event.FAILED:
            late = machine.late + _is_over(machine, now)
            if late > machine.late and late % TRIES_A_LINE != 1:
                effect = None
            machine = replace(machine, failures=machine.failures + 1, late=late)
        case Event.URL_SET if end is None:
            return Machine(state, machine.end or now, now), effect
        case Event.URL_SET | Event.URL_REMOVED:
            machine = replace(machine, failures=0, late=0)
    return _timed(replace(machine, state=state, end=machine.end or end), now), effect


def _is_over(machine: Machine, now: datetime) -> bool:
    return machine.end is not None and machine.end < now


def _begins(machine: Machine, now: datetime, end: datetime) -> bool:
    """Whether the schedule for ``end`` has begun before the next warning about what has ended."""
    return machine.end is not None and end - _BEGINS <= next_instant(machine.end, now, _DAY)


def _started(machine: Machine, state: State, now: datetime, end: datetime | None) -> Machine:
    """After a restart: the timer as it was, unless the router's new software has a CA that ends sooner."""
    if machine.state is State.FETCHING:
        return replace(machine, state=state, wake_at=now)
    if machine.end is None or (end is not None and end < machine.end):
        return _timed(replace(machine, end=end), now)
    return machine


def _timed(machine: Machine, now: datetime) -> Machine:
    if machine.end is None and machine.state is not State.UNATTENDED:
        machine = replace(machine, end=now)  # all that is held has ended
    period = _DAY if machine.state is State.UNATTENDED else _HOUR
    return replace(machine, wake_at=machine.end and next_instant(machine.end, now, period))
