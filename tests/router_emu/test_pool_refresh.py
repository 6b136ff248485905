"""The trust pool's schedule, instant by instant, and its table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.pki.pool.refresh import TABLE, Effect, Event, Machine, State, next_instant, step

END = datetime(2026, 6, 30, 12, tzinfo=UTC)
LATER = END + timedelta(days=365)
EARLY = END - timedelta(days=300)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# "20 days, 15 days, 10 days, 5 days, 4 days, 3 days, 2 days, 1 day, and then once every hour" (the chapter)
CHAPTER = [END - days * DAY for days in (20, 15, 10, 5, 4, 3, 2, 1)]


def waiting(now: datetime = EARLY) -> Machine:
    machine, _ = step(Machine(), Event.STARTED, now, END)
    return step(machine, Event.URL_SET, now, END)[0]


def failing(machine: Machine, times: int) -> tuple[Machine, list[datetime]]:
    """Let every try fail, a second after it began; the instants at which they began."""
    instants = []
    for _ in range(times):
        assert machine.wake_at is not None
        now = machine.wake_at
        instants.append(now)
        machine, effect = step(machine, Event.TIMER, now, END)
        assert (effect, machine.state, machine.wake_at) == (Effect.FETCH, State.FETCHING, None)
        machine, _ = step(machine, Event.FAILED, now, None)
    return machine, instants


def test_it_is_tried_at_the_chapters_instants_and_then_once_every_hour_beyond_the_end_too():
    machine, instants = failing(waiting(), 8 + 24 + 3)
    assert instants[:8] == CHAPTER
    assert instants[8:] == [END - DAY + number * HOUR for number in range(1, 28)]
    assert instants[-1] == END + 3 * HOUR
    assert (machine.state, machine.failures, machine.end) == (State.RETRYING, 35, END)


def test_the_first_instant_is_that_of_a_real_router():
    """IOS-XE shows its timer for Cisco Root CA 2048 (iosxr.md 6), whose end the chapter prints."""
    end = datetime(2029, 5, 14, 20, 25, 42, tzinfo=UTC)
    first, _ = step(Machine(), Event.STARTED, EARLY, end)
    assert first.wake_at == datetime(2029, 4, 24, 20, 25, 42, tzinfo=UTC)


@pytest.mark.parametrize("tries", [1, 4, 8, 20, 40])
def test_a_success_at_any_of_them_sets_the_timer_anew_for_the_new_end(tries):
    machine, _ = failing(waiting(), tries)
    assert machine.wake_at is not None
    now = machine.wake_at
    machine, _ = step(machine, Event.TIMER, now, END)
    machine, effect = step(machine, Event.DOWNLOADED, now, LATER)
    assert effect is None
    assert machine == Machine(State.WAITING, LATER, LATER - 20 * DAY)


def test_after_a_success_that_ends_soon_the_next_instant_still_to_come_counts():
    machine, _ = step(waiting(), Event.TIMER, CHAPTER[0], END)
    machine, _ = step(machine, Event.DOWNLOADED, CHAPTER[0], END)
    assert machine.wake_at == END - 15 * DAY
    machine, _ = step(machine, Event.REPLACED, END - 4 * DAY, END)
    assert machine.wake_at == END - 3 * DAY
    machine, _ = step(machine, Event.REPLACED, END - 90 * timedelta(minutes=1), END)
    assert machine.wake_at == END - HOUR


def test_each_failure_up_to_the_end_is_told_then_the_first_beyond_it_and_then_one_a_day():
    machine, told = waiting(), []
    for _ in range(8 + 24 + 100):
        assert machine.wake_at is not None
        now = machine.wake_at
        machine, _ = step(machine, Event.TIMER, now, END)
        machine, effect = step(machine, Event.FAILED, now, None)
        told += [now] if effect is Effect.REPORT_FAILED else []
    assert told[:8] == CHAPTER
    assert told[8:32] == [END - DAY + number * HOUR for number in range(1, 25)]
    assert told[32:] == [END + HOUR + number * DAY for number in range(5)]
    machine, _ = step(machine, Event.URL_SET, END + 5 * DAY, LATER)
    assert (machine.failures, machine.late) == (0, 0)


def test_without_a_url_it_warns_at_the_same_instants_and_then_once_a_day():
    machine, _ = step(Machine(), Event.STARTED, EARLY, END)
    instants = []
    for _ in range(12):
        assert machine.wake_at is not None
        instants.append(machine.wake_at)
        machine, effect = step(machine, Event.TIMER, machine.wake_at, END)
        assert (effect, machine.state) == (Effect.WARN, State.UNATTENDED)
    assert instants == [*CHAPTER, END, END + DAY, END + 2 * DAY, END + 3 * DAY]


@pytest.mark.parametrize("spare", [timedelta(0), HOUR, 23 * HOUR])
def test_without_a_url_it_warns_of_the_next_one_too_at_all_the_instants_of_its_schedule(spare):
    second = END + 100 * DAY + spare
    machine, _ = step(Machine(), Event.STARTED, EARLY, END)
    warned: dict[datetime | None, list[datetime]] = {END: [], second: []}
    while machine.wake_at is not None and machine.wake_at <= second:
        now = machine.wake_at
        machine, effect = step(machine, Event.TIMER, now, END if now <= END else second)
        assert effect is Effect.WARN
        warned[machine.end].append(now)
    assert warned[END] == [*CHAPTER, *(END + days * DAY for days in range(79 + (spare > timedelta(0))))]
    begun, *rest = warned[second]
    assert second - 21 * DAY <= begun < second - 20 * DAY
    assert rest == [second - days * DAY for days in (20, 15, 10, 5, 4, 3, 2, 1, 0)]


def test_one_that_ends_while_the_router_is_off_is_warned_of_at_its_next_start():
    late = END + 85 * DAY
    second = END + 100 * DAY
    machine, _ = step(Machine(State.UNATTENDED, END, END + DAY), Event.TIMER, late, second)
    assert machine == Machine(State.UNATTENDED, second, second - 10 * DAY)


def test_a_url_that_comes_after_the_end_is_tried_within_the_hour_and_no_more_once_it_succeeded():
    now = END + 10 * DAY + timedelta(minutes=25)
    machine, _ = step(Machine(State.UNATTENDED, END, END + 11 * DAY), Event.URL_SET, now, LATER)
    assert machine == Machine(State.WAITING, END, END + 10 * DAY + HOUR)
    machine, _ = step(machine, Event.TIMER, END + 10 * DAY + HOUR, LATER)
    machine, _ = step(machine, Event.DOWNLOADED, END + 10 * DAY + HOUR, LATER)
    assert machine.wake_at == LATER - 20 * DAY


def test_another_url_goes_on_with_the_schedule_and_no_url_warns_instead():
    retrying, _ = failing(waiting(), 3)
    now = END - 7 * DAY
    assert step(retrying, Event.URL_SET, now, END)[0] == Machine(State.WAITING, END, END - 5 * DAY)
    assert step(retrying, Event.URL_REMOVED, now, END)[0] == Machine(State.UNATTENDED, END, END - 5 * DAY)


@pytest.mark.parametrize("event", [Event.REPLACED, Event.URL_SET, Event.URL_REMOVED])
def test_what_overtakes_a_download_leaves_fetching_so_that_its_answer_is_too_late(event):
    fetching, _ = step(waiting(), Event.TIMER, CHAPTER[0], END)
    machine, _ = step(fetching, event, CHAPTER[0] + HOUR, END)
    assert machine.state is not State.FETCHING
    assert machine.wake_at == CHAPTER[1]
    with pytest.raises(LookupError, match="takes no downloaded"):
        step(machine, Event.DOWNLOADED, CHAPTER[0] + 2 * HOUR, LATER)


def test_a_restart_keeps_the_timer_even_one_that_is_due_already():
    machine, _ = failing(waiting(), 2)
    assert step(machine, Event.STARTED, END + DAY, LATER)[0] == machine


def test_a_restart_tries_again_at_once_what_was_on_its_way():
    fetching, _ = step(waiting(), Event.TIMER, CHAPTER[0], END)
    machine, effect = step(fetching, Event.STARTED, CHAPTER[0] + HOUR, END)
    assert (machine.state, machine.wake_at, effect) == (State.RETRYING, CHAPTER[0] + HOUR, None)


def test_software_with_a_ca_that_ends_sooner_brings_the_timer_forward():
    sooner = END - 100 * DAY
    assert step(waiting(), Event.STARTED, EARLY, sooner)[0].wake_at == sooner - 20 * DAY


@pytest.mark.parametrize("ended", [None, END])
def test_a_url_is_asked_at_once_where_everything_has_ended_and_then_every_hour(ended):
    now = END + 10 * DAY + timedelta(minutes=25)
    machine, _ = step(Machine(State.UNATTENDED, ended), Event.URL_SET, now, None)
    assert machine == Machine(State.WAITING, ended or now, now)
    machine, tries = failing(machine, 3)
    first = now + (HOUR if ended is None else timedelta(minutes=35))
    assert tries == [now, first, first + HOUR]


def test_with_a_url_a_pool_where_everything_has_ended_is_refreshed_after_clean_too():
    machine, _ = step(waiting(), Event.REPLACED, LATER, None)
    assert machine == Machine(State.WAITING, LATER, LATER + HOUR)


def test_where_nothing_ends_there_is_no_timer_until_something_does():
    machine, _ = step(Machine(), Event.STARTED, EARLY, None)
    assert machine.wake_at is None
    assert step(machine, Event.REPLACED, EARLY, END)[0].wake_at == CHAPTER[0]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_what_is_absent_from_the_table_is_refused(state, event):
    machine = Machine(state, END, None if state is State.FETCHING else CHAPTER[0])
    if (state, event) in TABLE:
        assert step(machine, event, EARLY, END)[0].state is TABLE[state, event][0]
    else:
        with pytest.raises(LookupError, match=f"{state} takes no {event}"):
            step(machine, event, EARLY, END)


INSTANTS = st.integers(0, 10**9).map(lambda seconds: EARLY + timedelta(seconds=seconds))


@given(end=INSTANTS, after=INSTANTS, period=st.sampled_from([HOUR, DAY]))
def test_the_next_instant_is_the_first_of_the_schedule_after_now(end, after, period):
    found = next_instant(end, after, period)
    assert found > after
    if found < end - DAY:
        assert end - found in [days * DAY for days in (20, 15, 10, 5, 4, 3, 2)]
        assert found == next_instant(end, after - timedelta(microseconds=1), period) or after in CHAPTER
    else:
        assert (found - end) % period == timedelta(0)
        assert found - after <= period or found == end - DAY


@given(st.lists(st.sampled_from(Event), max_size=30), st.lists(st.integers(0, 100), min_size=30, max_size=30))
def test_whatever_happens_a_download_is_on_its_way_or_a_timer_is_set(events, hours):
    machine, now = waiting(), EARLY
    for event, wait in zip(events, hours, strict=False):
        if (machine.state, event) not in TABLE:
            continue
        now += wait * HOUR
        machine, effect = step(machine, event, now, END)
        assert (machine.wake_at is None) == (machine.state is State.FETCHING)
        assert (effect is Effect.FETCH) == (machine.state is State.FETCHING)
        assert machine == replace(machine, end=END)
