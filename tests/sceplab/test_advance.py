"""Time that stops at every timer, over several services and real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from sceplab.advance import LabTime
from sceplab.clock import LAST_INSTANT, ClockState
from sceplab.errors import LabError, ServiceUnreachable, TimerFar, TimerStuck
from sceplab.management import Timer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def every_minute(count):
    """Return a ``rearm``: the timer fires ``count`` times in all, a minute apart."""
    left = [count]

    def rearm(fired):
        left[0] -= 1
        return [Timer(fired.due + MINUTE, fired.owner, fired.name)] if left[0] else []

    return rearm


@pytest.fixture
def lab(serve):
    """A CA without timers, and a router that polls five times, every minute."""
    ca, router = serve("ca"), serve("routers")
    router.service.waiting = [Timer(NOON + MINUTE, "r1", "poll")]
    router.service.rearm = every_minute(5)
    return ca, router, LabTime([ca.remote, router.remote])


def test_time_stops_at_every_timer_and_ends_at_the_target(lab) -> None:
    ca, router, time = lab
    fired = list(time.advance(MINUTE * 3.5))
    assert [one.at for one in fired] == [NOON + MINUTE, NOON + 2 * MINUTE, NOON + 3 * MINUTE]
    assert ca.service.clock.now() == router.service.clock.now() == NOON + 3.5 * MINUTE
    assert ca.service.clock.state() == router.service.clock.state()
    assert [one.at for one in time.advance(MINUTE / 2)] == [NOON + 4 * MINUTE]  # due exactly at the target
    assert len(list(time.advance(timedelta(days=20)))) == 1


def test_next_goes_to_the_next_timer_and_no_further(lab) -> None:
    ca, _, time = lab
    assert [one.at for one in time.next()] == [NOON + MINUTE]
    assert ca.service.clock.now() == NOON + MINUTE
    list(time.advance(timedelta(hours=1)))
    assert list(time.next()) == []
    assert ca.service.clock.now() == NOON + MINUTE + timedelta(hours=1)


def test_next_goes_no_further_than_it_may(lab) -> None:
    ca, router, time = lab
    router.service.waiting = [Timer(NOON + timedelta(days=9000), "r1", "trustpool refresh")]
    with pytest.raises(TimerFar, match="more than 400 days off: r1's 'trustpool refresh', 2051-07-"):
        list(time.next(within=timedelta(days=400)))
    assert ca.service.clock.now() == NOON
    assert len(list(time.next(within=timedelta(days=9000)))) == 1


def test_a_firing_that_sets_a_timer_elsewhere_for_the_same_instant(lab) -> None:
    ca, router, time = lab

    def rearm(fired):
        ca.service.waiting.append(Timer(fired.due, "ca", "publish"))
        return []

    router.service.rearm = rearm
    fired = list(time.advance(2 * MINUTE))
    assert [(one.owner, one.at) for one in fired] == [("r1", NOON + MINUTE), ("ca", NOON + MINUTE)]


@pytest.mark.parametrize("move", [lambda time: time.next(), lambda time: time.advance(MINUTE)])
def test_an_exchange_on_its_way_is_over_before_time_moves(lab, move) -> None:
    """A request that was only just typed has no timer until its answer is there."""
    _, router, time = lab
    service, fire = router.service, router.service.run_timers
    service.waiting = []

    def answer_arrives(after):
        service.run_timers = fire
        service.waiting.append(Timer(NOON + MINUTE, "r1", "first poll"))
        return fire(after)

    service.run_timers = answer_arrives
    assert [(one.name, one.at) for one in move(time)] == [("first poll", NOON + MINUTE)]


def test_running_clocks_move_by_their_offset_and_keep_running(serve) -> None:
    ca, router = serve("ca", ClockState("offset", 10)), serve("routers", ClockState("offset", 10))
    due = router.service.clock.now() + MINUTE
    router.service.waiting = [Timer(due, "r1", "poll")]
    router.service.rearm = every_minute(2)
    time = LabTime([ca.remote, router.remote])
    before = time.read().now
    fired = list(time.advance(90 * MINUTE))
    assert len(fired) == 2
    assert due <= fired[0].at < due + MINUTE / 2
    assert ca.service.clock.state() == router.service.clock.state()
    assert 90 * MINUTE <= time.read().now - before < 91 * MINUTE


def test_a_timer_that_the_service_fires_by_itself_is_told_once(lab) -> None:
    """In offset mode a service's own loop is awake; here it fires as soon as its clock is set."""
    _, router, time = lab
    router.service.clock.subscribe(lambda _state: router.service.run_timers(0))
    fired = list(time.advance(MINUTE * 2.5))
    assert [one.sequence for one in fired] == [1, 2]


@pytest.mark.parametrize("fires", [False, True])
def test_a_timer_that_stays_due_is_an_error_that_names_it(lab, fires, monkeypatch) -> None:
    _, router, time = lab
    if fires:
        router.service.rearm = lambda fired: [fired]
    else:
        monkeypatch.setattr(router.service, "run_timers", lambda after: [])
    with pytest.raises(TimerStuck, match="'poll' of r1"):
        list(time.advance(2 * MINUTE))


def test_nothing_moves_when_a_service_does_not_answer(lab) -> None:
    ca, router, time = lab
    router.server.stop()
    with pytest.raises(ServiceUnreachable, match=r"^routers does not answer"):
        list(time.advance(MINUTE))
    assert ca.service.clock.now() == NOON


@pytest.mark.parametrize("waiting", [[], [Timer(NOON + MINUTE, "r1", "poll")]])
def test_a_service_that_dies_on_the_way_leaves_the_others_together(serve, waiting) -> None:
    """The first of three is gone when the clocks are set: the other two still get the same state."""
    gone, ca, router = serve("gone"), serve("ca"), serve("routers")

    class DiesBeforeIt:
        name = "gone"

        def __getattr__(self, method):
            return getattr(gone.remote, method)

        def set_clock(self, state):
            gone.server.stop()
            gone.remote.set_clock(state)

        def run_timers(self, after, clock=None):
            if clock is not None:
                gone.server.stop()
            return gone.remote.run_timers(after, clock)

    router.service.waiting = waiting
    time = LabTime([DiesBeforeIt(), ca.remote, router.remote])
    with pytest.raises(ServiceUnreachable, match=r"^gone"):
        list(time.advance(MINUTE))
    assert ca.service.clock.now() == router.service.clock.now() == NOON + MINUTE


def test_who_moves_the_clocks_further_meanwhile_is_followed(lab) -> None:
    """Two operators: what was due for the first one fires at the second one's time."""
    ca, router, time = lab
    firings = time.advance(MINUTE * 2.5)
    assert next(firings).at == NOON + MINUTE
    ahead = ClockState("frozen", 0, NOON + timedelta(hours=1))
    for each in (ca, router):
        each.remote.set_clock(ahead)
    assert [one.at for one in firings] == [NOON + timedelta(hours=1)]
    assert ca.service.clock.now() == router.service.clock.now() == NOON + timedelta(hours=1)


def test_a_stop_costs_each_service_two_calls_and_the_one_that_fires_one(serve) -> None:
    """A year of hourly tries is 8,760 stops: what a stop costs is what a year costs."""
    calls = []

    class Counted:
        def __init__(self, served):
            self.remote, self.name = served.remote, served.service.name

        def __getattr__(self, method):
            calls.append((self.name, method))
            return getattr(self.remote, method)

    services = [serve(name) for name in ("ca", "bundles", "routers")]
    router = services[-1].service
    router.waiting = [Timer(NOON + MINUTE, "r1", "poll")]
    router.rearm = every_minute(5)
    firings = LabTime([Counted(each) for each in services]).advance(5.5 * MINUTE)
    next(firings)
    calls.clear()
    next(firings)
    run = "run_timers"
    assert calls == [("ca", run), ("bundles", run), ("ca", run), ("bundles", run), ("routers", run)]
    # Of those whose timers nobody's question sets, the second is left out.
    for each in services[:2]:
        each.service.is_steady = True
    next(firings)
    calls.clear()
    next(firings)
    assert calls == [("ca", run), ("bundles", run), ("routers", run)]


def test_clocks_that_differ_are_brought_together_at_the_furthest(serve) -> None:
    ca, router = serve("ca"), serve("routers", ClockState("frozen", 0, NOON + MINUTE))
    list(LabTime([ca.remote, router.remote]).advance(timedelta(0)))
    assert ca.service.clock.now() == router.service.clock.now() == NOON + MINUTE


def test_freeze_stops_all_at_one_instant_and_resume_runs_on_from_it(serve) -> None:
    ca, router = serve("ca", ClockState()), serve("routers", ClockState())
    time = LabTime([ca.remote, router.remote])
    frozen = time.freeze()
    assert ca.service.clock.now() == router.service.clock.now() == frozen.now
    assert time.freeze().now == frozen.now
    time.resume()
    assert ca.service.clock.state() == router.service.clock.state()
    assert ca.service.clock.state().mode == "offset"
    assert timedelta(0) <= time.read().now - frozen.now < MINUTE


def test_the_clock_does_not_go_back(lab) -> None:
    with pytest.raises(LabError, match="only moves forward"):
        lab[2].advance(-MINUTE)
    with pytest.raises(LabError, match="calendar"):
        lab[2].advance(timedelta.max)


def test_at_the_calendars_end_the_clocks_stay_together_and_say_why(serve) -> None:
    state = ClockState("frozen", 0, LAST_INSTANT - MINUTE / 2)
    ca, router = serve("ca", state), serve("routers", state)
    time = LabTime([ca.remote, router.remote])
    with pytest.raises(LabError, match=r"^The lab's calendar ends"):
        time.resume()
    with pytest.raises(LabError, match=r"^The lab's calendar ends"):
        time.advance(MINUTE)
    assert ca.service.clock.state() == router.service.clock.state() == state
    list(time.advance(MINUTE / 2))
    assert ca.service.clock.now() == router.service.clock.now() == LAST_INSTANT
