"""The lab clock: forward only, whatever happens to it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceplab.clock import LAST_INSTANT, ClockBackwards, ClockState, LabClock, format_instant, parse_instant

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

SECONDS = st.floats(-1e8, 1e8)
STEPS = st.one_of(
    st.tuples(st.just("wall moves"), SECONDS),
    st.tuples(st.just("offset"), SECONDS),
    st.tuples(st.just("frozen"), SECONDS),
    st.tuples(st.just("freeze"), st.none()),
    st.tuples(st.just("resume"), st.none()),
)


class Wall:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@given(st.lists(STEPS, max_size=12))
def test_time_never_goes_back_whatever_is_asked(steps) -> None:
    wall = Wall()
    clock = LabClock(wall)
    before = clock.now()
    for what, amount in steps:
        state = clock.state()
        try:
            match what:
                case "wall moves":
                    wall.time += timedelta(seconds=amount)
                case "offset":
                    clock.set_state(mode="offset", offset=amount)
                case "frozen":
                    clock.set_state(mode="frozen", frozen_at=NOON + timedelta(seconds=amount))
                case "freeze":
                    clock.set_state(mode="frozen")
                case "resume":
                    clock.set_state(mode="offset")
        except ClockBackwards:
            assert clock.state() == state
        assert clock.now() >= before
        before = clock.now()
        assert ClockState.from_json(clock.state().to_json()) == clock.state()


def test_a_frozen_clock_stands_and_then_runs_on_from_there() -> None:
    wall = Wall()
    clock = LabClock(wall)
    clock.set_state(mode="offset", offset=3600)
    clock.set_state(mode="frozen")
    wall.time += timedelta(days=2)
    assert clock.now() == NOON + timedelta(hours=1)
    clock.set_state(mode="offset")
    assert clock.now() == NOON + timedelta(hours=1)
    wall.time += timedelta(seconds=5)
    assert clock.now() == NOON + timedelta(hours=1, seconds=5)


def test_going_back_is_refused_and_changes_nothing() -> None:
    clock = LabClock(Wall(), ClockState("offset", 100))
    with pytest.raises(ClockBackwards, match="only moves forward"):
        clock.set_state(offset=99)
    with pytest.raises(ClockBackwards):
        clock.set_state(mode="frozen", frozen_at=NOON)
    assert clock.state() == ClockState("offset", 100)


@pytest.mark.parametrize(
    "asked",
    [
        {"mode": "frozen", "frozen_at": LAST_INSTANT + timedelta(microseconds=1)},
        {"offset": (LAST_INSTANT - NOON).total_seconds() + 1},
        {"offset": 1e12},
        {"offset": 1e300},
        {"offset": -1e12},
    ],
)
def test_going_beyond_the_calendar_is_refused_and_changes_nothing(asked) -> None:
    clock = LabClock(Wall())
    with pytest.raises(ValueError, match="calendar") as caught:
        clock.set_state(**asked)
    assert not isinstance(caught.value, ClockBackwards)
    assert clock.state() == ClockState()
    clock.set_state(mode="frozen", frozen_at=LAST_INSTANT)
    assert clock.now() == LAST_INSTANT


def test_subscribers_hear_of_changes_until_they_leave() -> None:
    clock, heard = LabClock(Wall()), []
    leave = clock.subscribe(heard.append)
    clock.set_state(offset=1)
    leave()
    leave()
    clock.set_state(offset=2)
    assert heard == [ClockState("offset", 1, None, 1)]
    assert clock.state().version == 2


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"mode": "stopped"},
        {"mode": "frozen"},
        {"mode": "offset", "frozen_at": "2026-11-23T12:00:00Z"},
        {"mode": "frozen", "frozen_at": "2026-11-23T12:00:00"},
        {"mode": "frozen", "frozen_at": "noon"},
        {"mode": "frozen", "frozen_at": 7},
        {"mode": "frozen", "frozen_at": "9999-12-31T23:59:59-01:00"},
        {"offset": 10**400},
        {"offset": "1"},
        {"offset": True},
        {"offset": float("nan")},
        {"version": "1"},
    ],
)
def test_what_is_no_clock_state_is_refused(value) -> None:
    with pytest.raises(ValueError):
        ClockState.from_json(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_keep_their_microseconds(instant) -> None:
    text = format_instant(instant)
    assert text.endswith("Z")
    assert parse_instant(text) == instant
