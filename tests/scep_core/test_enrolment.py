"""The client's machine as scripts: what happens, and what has to be done about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from scep_core.enrolment import TABLE, Effect, Enrolment, Event, State, step
from scep_core.errors import LocalError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

S, E, F = State, Event, Effect

# (what happens, where it ends, what had to be done)
SCRIPTS = {
    "granted at once": ([E.START, E.SUCCESS], S.ISSUED, [F.SEND_REQUEST, F.INSTALL]),
    "refused at once": ([E.START, E.FAILURE], S.REFUSED, [F.SEND_REQUEST, F.REPORT_REFUSED]),
    "approved": (
        [E.START, E.PENDING, E.TIMER, E.PENDING, E.TIMER, E.SUCCESS],
        S.ISSUED,
        [F.SEND_REQUEST, F.SEND_POLL, F.SEND_POLL, F.INSTALL],
    ),
    "denied": (
        [E.START, E.PENDING, E.TIMER, E.FAILURE],
        S.REFUSED,
        [F.SEND_REQUEST, F.SEND_POLL, F.REPORT_REFUSED],
    ),
    "nobody decides": (
        [E.START, E.PENDING, *[E.TIMER, E.PENDING] * 3],
        S.EXPIRED,
        [F.SEND_REQUEST, *[F.SEND_POLL] * 3, F.REPORT_EXPIRED],
    ),
    "nobody answers": (
        [E.START, E.NO_ANSWER, *[E.TIMER, E.NO_ANSWER] * 3],
        S.EXPIRED,
        [F.SEND_REQUEST, *[F.SEND_REQUEST] * 3, F.REPORT_EXPIRED],
    ),
    "a lost request is sent again as a request": (
        [E.START, E.NO_ANSWER, E.TIMER, E.PENDING, E.TIMER, E.SUCCESS],
        S.ISSUED,
        [F.SEND_REQUEST, F.SEND_REQUEST, F.SEND_POLL, F.INSTALL],
    ),
    "a lost poll is a poll spent": (
        [E.START, E.PENDING, E.TIMER, E.NO_ANSWER, E.TIMER, E.NO_ANSWER, E.TIMER, E.PENDING],
        S.EXPIRED,
        [F.SEND_REQUEST, F.SEND_POLL, F.SEND_POLL, F.SEND_POLL, F.REPORT_EXPIRED],
    ),
    "the last poll can still succeed": (
        [E.START, E.PENDING, E.TIMER, E.PENDING, E.TIMER, E.PENDING, E.TIMER, E.SUCCESS],
        S.ISSUED,
        [F.SEND_REQUEST, F.SEND_POLL, F.SEND_POLL, F.SEND_POLL, F.INSTALL],
    ),
    "cancelled before": ([E.CANCEL], S.CANCELLED, [F.REPORT_CANCELLED]),
    "cancelled while sent": ([E.START, E.CANCEL], S.CANCELLED, [F.SEND_REQUEST, F.REPORT_CANCELLED]),
    "cancelled while pending": (
        [E.START, E.PENDING, E.CANCEL],
        S.CANCELLED,
        [F.SEND_REQUEST, F.REPORT_CANCELLED],
    ),
}


def fresh(retry_count: int = 3) -> Enrolment:
    return Enrolment(retry_period=MINUTE, retry_count=retry_count)


@pytest.mark.parametrize(("events", "end", "effects"), SCRIPTS.values(), ids=SCRIPTS)
def test_scripts(events: list[Event], end: State, effects: list[Effect]) -> None:
    """Timers fire when they are due; an answer comes in the instant of its question."""
    enrolment, now, done = fresh(), NOON, []
    for event in events:
        if event is E.TIMER:
            assert enrolment.wake_at is not None
            now = enrolment.wake_at
        enrolment, effect = step(enrolment, event, now)
        done += [effect] if effect else []
        assert (enrolment.wake_at is None) == (event not in {E.PENDING, E.NO_ANSWER} or enrolment.is_over)
    assert (enrolment.state, done) == (end, effects)
    assert enrolment.is_over
    assert enrolment.wake_at is None


@pytest.mark.parametrize("answer", [E.PENDING, E.NO_ANSWER])
@pytest.mark.parametrize("retry_count", [1, 3, 10])
def test_retries_last_as_long_as_they_say(retry_count: int, answer: Event) -> None:
    """Ten retries of one minute: the request, ten polls, and over after ten minutes."""
    enrolment, now, sent = fresh(retry_count), NOON, 0
    event = E.START
    while True:
        enrolment, effect = step(enrolment, event, now)
        sent += effect in {F.SEND_REQUEST, F.SEND_POLL}
        enrolment, effect = step(enrolment, answer, now)
        if enrolment.is_over:
            break
        assert enrolment.wake_at == now + MINUTE
        now, event = now + MINUTE, E.TIMER
    assert effect is F.REPORT_EXPIRED
    assert (sent, enrolment.retries, now - NOON) == (1 + retry_count, retry_count, retry_count * MINUTE)


def test_no_retries_at_all() -> None:
    enrolment, _ = step(fresh(0), E.START, NOON)
    assert step(enrolment, E.PENDING, NOON)[1] is F.REPORT_EXPIRED


@pytest.mark.parametrize(
    ("state", "event"), [pair for pair in product(State, Event) if pair not in TABLE], ids=str
)
def test_what_is_absent_is_refused(state: State, event: Event) -> None:
    before = Enrolment(MINUTE, 3, state=state, retries=1, wake_at=NOON)
    with pytest.raises(LocalError, match=f"{state} takes no {event}"):
        step(before, event, NOON)
    assert before == Enrolment(MINUTE, 3, state=state, retries=1, wake_at=NOON)


def test_over_is_over() -> None:
    over = {S.ISSUED, S.REFUSED, S.EXPIRED, S.CANCELLED}
    assert {state for state in State if Enrolment(MINUTE, 3, state=state).is_over} == over


def test_every_state_can_be_reached_and_left_or_is_an_end() -> None:
    reached = {S.NONEXISTENT} | {state for state, _ in TABLE.values()}
    assert reached == set(State)
    assert {effect for _, effect in TABLE.values()} == {*Effect, None}
