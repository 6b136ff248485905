"""A router's pool at work, with a network that does what a test says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router_emu.pki import wire
from router_emu.pki.pool import store
from router_emu.pki.pool.bundle import BundleRefused
from router_emu.pki.pool.keeper import SLOT, PoolKeeper, PoolPolicy, PoolReport
from router_emu.pki.pool.refresh import State
from router_emu.pki.pool.store import BrokenPool, TrustPool
from router_emu.pki.wire import (
    UNREACHABLE,
    Exchange,
    ExchangeFailed,
    HttpRequest,
    HttpResponse,
    NoResponse,
    Work,
)
from tests.router_emu.pool_stage import EPOCH, FAULTS, built_in, install, shipped, taken

URL = "http://bundles.lab/security/pki/trs/ios.p7b"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
END = EPOCH + 30 * DAY  # of the bundle "expiring"
DOWN = ExchangeFailed("connection refused", UNREACHABLE)


class Bench:
    """A keeper, what it reported, and a server that answers with ``answer``."""

    def __init__(self, stored: object = None, *, refuses_unsigned: bool = False) -> None:
        self.keeper = PoolKeeper(built_in(), refuses_unsigned=refuses_unsigned)
        self.reports: list[tuple[datetime, PoolReport]] = []
        self.asked: list[str] = []
        self.answer: HttpResponse | NoResponse = NoResponse("connection refused")
        self.keeper.fetch = self.fetch
        self.keeper.on_report = lambda report, now: self.reports.append((now, report))
        if stored is not None:
            self.keeper.load(stored)

    def fetch(self, url: str, now: datetime) -> Exchange[bytes]:
        self.asked.append(url)
        return self._download(url)

    @staticmethod
    def _download(url: str) -> Exchange[bytes]:
        response = yield from wire.fetch(HttpRequest("GET", url))
        return response.body

    def serve(self, name: str) -> None:
        self.answer = HttpResponse(200, "", shipped()[name].content)

    def install(self, name: str, now: datetime = EPOCH) -> None:
        install(self.keeper, shipped()[name].content, URL, now)

    def attend(self, url: str = URL, now: datetime = EPOCH) -> None:
        self.keeper.configure(PoolPolicy(url), now)

    def run(self, until: datetime) -> list[tuple[datetime, str, str]]:
        """Fire what is due by ``until`` and finish it: when, the timer, what it came to."""
        done = []
        while due := [each for each in self.keeper.timers() if each[0] <= until]:
            [(now, _, name)] = due
            came_to = self.keeper.fire(now)
            if not isinstance(came_to, str):
                came_to = self.keeper.finish(came_to, self.carry(came_to), now)
            done.append((now, name, came_to))
        return done

    def carry(self, exchange: Exchange[Any]) -> Any:
        try:
            asked = next(exchange)
            while True:
                asked = exchange.send(asked.do() if isinstance(asked, Work) else self.answer)
        except StopIteration as end:
            return end.value
        except ExchangeFailed as failure:
            return failure

    def again(self, now: datetime) -> Bench:
        """The same after a restart."""
        bench = Bench(json.loads(json.dumps(self.keeper.dump())))
        bench.keeper.recover(now)
        return bench

    @property
    def told(self) -> list[str]:
        return [report.what for _, report in self.reports]


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.keeper.recover(EPOCH)
    return made


class TestByHand:
    """Import and clean."""

    def test_an_import_replaces_the_pool_and_is_told(self, bench):
        bench.install("core")
        bundle = shipped()["core"]
        assert set(bench.keeper.pool.downloaded) == set(bundle.certificates)
        assert bench.keeper.pool.imported_at == EPOCH
        name = "CN=Lab Trusted Root Store Signer,O=scep-lab"
        assert bench.reports == [(EPOCH, PoolReport("imported", URL, name, 3))]

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_bad_bundle_changes_nothing(self, bench, name):
        bench.install("full")
        before, told = bench.keeper.dump(), bench.told
        with pytest.raises(BundleRefused):
            bench.install(name, EPOCH + DAY)
        assert (bench.keeper.dump(), bench.told) == (before, told)

    def test_an_unsigned_one_is_taken_and_told_or_refused_as_the_inventory_says(self, bench):
        bench.install("full-unsigned")
        assert bench.told == ["imported", "unsigned"]
        strict = Bench(refuses_unsigned=True)
        with pytest.raises(BundleRefused, match="nobody has signed it"):
            strict.install("full-unsigned")
        strict.install("full")
        assert strict.told == ["imported"]

    def test_clean_leaves_what_is_built_in(self, bench):
        bench.install("repeated")
        assert bench.keeper.clean(EPOCH + DAY) == 2
        assert bench.keeper.pool == TrustPool(built_in())
        assert bench.reports[-1] == (EPOCH + DAY, PoolReport("cleaned", count=2))

    def test_both_set_the_timer_anew(self, bench):
        bench.attend()
        first = next(bench.keeper.timers())
        bench.install("expiring")
        name = "trustpool refresh: 20 days before the end of CN=Lab Services CA,O=scep-lab"
        assert list(bench.keeper.timers()) == [(END - 20 * DAY, SLOT, name)]
        bench.keeper.clean(EPOCH)
        assert list(bench.keeper.timers()) == [first]

    def test_a_password_in_the_url_is_kept_nowhere(self, bench):
        install(bench.keeper, shipped()["core"].content, "http://me:sesame@lab/x.p7b")
        assert "sesame" not in repr((bench.reports, bench.keeper.pool, bench.keeper.dump()))

    def test_a_refresh_tells_no_password_either(self, bench):
        bench.install("expiring")
        bench.attend("https://me:sesame@lab/x.p7b")
        bench.run(END)
        bench.serve("full")
        bench.run(END + HOUR)
        assert bench.asked[0] == "https://me:sesame@lab/x.p7b"
        assert {"refresh-failed", "refreshed"} < set(bench.told)
        assert "sesame" not in repr((bench.reports, bench.keeper.pool, list(bench.keeper.timers())))


class TestByItself:
    """The refresh."""

    def test_down_for_days_and_then_back_the_pool_is_replaced_and_the_timer_set_anew(self, bench):
        bench.attend()
        bench.install("expiring")
        failed = bench.run(END - 3 * DAY)
        assert [now for now, _, _ in failed] == [END - days * DAY for days in (20, 15, 10, 5, 4, 3)]
        assert {came_to for _, _, came_to in failed} == {"not refreshed: connection refused"}
        bench.serve("successor")
        [(now, name, came_to)] = bench.run(END)
        assert now == END - 2 * DAY
        assert name == "trustpool refresh: 2 days before the end of CN=Lab Services CA,O=scep-lab"
        assert came_to == "refreshed: 11 CA certificates"
        assert set(bench.keeper.pool.downloaded) == set(shipped()["successor"].certificates)
        ending = bench.keeper.pool.earliest_end(now)
        assert ending is not None
        [(again, _, _)] = bench.keeper.timers()
        assert again == ending.not_after - 20 * DAY > END
        assert bench.told == ["imported", *6 * ["refresh-failed"], "refreshed"]

    def test_every_hour_at_last_and_beyond_the_end(self, bench):
        bench.attend()
        bench.install("expiring")
        names = [name for _, name, _ in bench.run(END + 2 * HOUR)]
        assert [name.partition(" the end")[0].partition(": ")[2] for name in names[6:]] == [
            *("2 days before", "1 day before", "23 hours before"),
            *(f"{hours} hours before" for hours in range(22, 1, -1)),
            *("1 hour before", "at", "1 hour after", "2 hours after"),
        ]
        assert {name.partition("end of ")[2] for name in names} == {"CN=Lab Services CA,O=scep-lab"}
        assert bench.keeper.machine.failures == len(names)

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_bad_bundle_is_a_failure_and_changes_nothing(self, bench, name):
        bench.attend()
        bench.install("expiring")
        bench.serve(name)
        before = bench.keeper.pool
        [(_, _, came_to)] = bench.run(END - 20 * DAY)
        assert came_to.startswith("not refreshed: ")
        assert bench.keeper.pool is before
        assert bench.reports[-1][1] == PoolReport("refresh-failed", URL, came_to.partition(": ")[2])
        assert [when for when, _, _ in bench.keeper.timers()] == [END - 15 * DAY]

    def test_the_same_bundle_again_is_no_end_of_it(self, bench):
        """It is fetched at each instant; when its certificate has ended it is refused."""
        bench.attend()
        bench.install("expiring")
        bench.serve("expiring")
        done = bench.run(END + HOUR)
        assert len(done) == 8 + 25
        assert {came_to for now, _, came_to in done if now <= END} == {"refreshed: 3 CA certificates"}
        assert "was valid until" in done[-1][2]

    def test_without_a_url_it_warns(self, bench):
        bench.install("expiring")
        done = bench.run(END + DAY)
        name = "trustpool warning: 20 days before the end of CN=Lab Services CA,O=scep-lab"
        assert done[0] == (END - 20 * DAY, name, "nobody refreshes it: no cabundle url")
        assert [now for now, _, _ in done[-3:]] == [END - DAY, END, END + DAY]
        warning = PoolReport("unattended", subject="CN=Lab Services CA,O=scep-lab", end=END)
        assert bench.reports[1:-1] == [(now, warning) for now, _, _ in done[:-1]]
        assert bench.reports[-1] == (END + DAY, replace(warning, what="ended"))

    def test_without_a_url_it_warns_of_the_next_one_that_ends_too(self, bench):
        bench.install("expiring")
        name, second = "CN=Lab Root CA 2048,O=scep-lab", datetime(2054, 5, 14, 20, 25, 42, tzinfo=UTC)
        bench.run(second + DAY)
        last = [(now, report) for now, report in bench.reports if report.subject == name]
        ahead = PoolReport("unattended", subject=name, end=second)
        assert last[1:-1] == [(second - days * DAY, ahead) for days in (20, 15, 10, 5, 4, 3, 2, 1, 0)]
        assert last[-1] == (second + DAY, replace(ahead, what="ended"))

    def test_beyond_the_end_the_log_has_one_line_a_day(self, bench):
        bench.attend()
        bench.install("expiring")
        tries = bench.run(END + 3 * DAY)
        assert len(tries) == 8 + 24 + 72
        failed = PoolReport("refresh-failed", URL, "connection refused")
        still = replace(failed, what="still-failing", count=24)
        assert [report for _, report in bench.reports[1:]] == [failed] * (8 + 24 + 1) + [still] * 2
        assert [now for now, _ in bench.reports[-3:]] == [END + HOUR + days * DAY for days in range(3)]

    def test_how_often_it_failed_outlasts_a_restart(self, bench):
        bench.attend()
        bench.install("expiring")
        bench.run(END + 5 * HOUR)
        again = bench.again(END + 5 * HOUR)
        assert again.keeper.machine.late == 5
        again.attend(now=END + 5 * HOUR)
        again.run(END + 24 * HOUR)
        assert again.told == []
        again.run(END + 25 * HOUR)
        assert again.told == ["still-failing"]

    def test_a_schedule_that_an_older_version_kept_is_taken(self, bench):
        bench.install("core")
        stored = {key: value for key, value in bench.keeper.dump().items() if key != "sha256"}
        del stored["refresh"]["late"]
        fresh = PoolKeeper(built_in())
        fresh.load(store.seal(stored))
        assert fresh.machine == bench.keeper.machine

    def test_an_unsigned_one_is_refused_by_itself_too(self):
        bench = Bench(refuses_unsigned=True)
        bench.attend()
        bench.install("expiring")
        bench.serve("full-unsigned")
        assert bench.run(END - 20 * DAY)[0][2] == "not refreshed: nobody has signed it"

    @pytest.mark.parametrize(
        "overtake",
        [
            lambda bench: bench.install("core"),
            lambda bench: bench.keeper.clean(EPOCH),
            lambda bench: bench.attend("http://elsewhere.lab/"),
            lambda bench: bench.attend(""),
        ],
        ids=["import", "clean", "another url", "no url"],
    )
    def test_an_answer_that_was_overtaken_is_too_late(self, bench, overtake):
        bench.attend()
        bench.install("expiring")
        exchange = bench.keeper.fire(END - 20 * DAY)
        overtake(bench)
        before = bench.keeper.dump()
        for late in (taken(bench.keeper, shipped()["full"].content), BundleRefused("it is empty"), DOWN):
            dropped = bench.keeper.finish(exchange, late, EPOCH)
            assert dropped == "dropped: the pool or its policy was changed meanwhile"
        assert bench.keeper.dump() == before

    def test_a_timer_that_was_overtaken_does_nothing(self, bench):
        bench.attend()
        bench.install("expiring")
        bench.keeper.fire(END - 20 * DAY)
        assert bench.keeper.fire(END - 20 * DAY) == "nothing to refresh any more"
        assert len(bench.asked) == 1

    def test_other_statements_of_the_policy_move_no_timer(self, bench):
        bench.attend()
        bench.install("expiring")
        bench.run(END - 15 * DAY)
        before = bench.keeper.machine
        bench.keeper.configure(PoolPolicy(URL, crl_optional=True, description="x", vrf="y"), END)
        assert bench.keeper.machine == before


class TestRestarts:
    """What outlasts one, and what a damaged store leaves."""

    def test_the_schedule_goes_on_where_it_was(self, bench):
        bench.attend()
        bench.install("expiring")
        bench.run(END - 10 * DAY)
        again = bench.again(END - 9 * DAY)
        again.attend(now=END - 9 * DAY)
        assert again.keeper.machine == bench.keeper.machine
        assert again.keeper.pool == bench.keeper.pool
        assert list(again.keeper.timers()) == list(bench.keeper.timers())
        assert again.told == []

    def test_an_instant_that_it_slept_through_is_made_up_for_once(self, bench):
        bench.attend()
        bench.install("expiring")
        again = bench.again(END - 4 * DAY - HOUR)
        [(due, _, _)] = again.keeper.timers()
        assert due == END - 20 * DAY
        exchange = again.keeper.fire(END - 4 * DAY - HOUR)
        again.keeper.finish(exchange, DOWN, END - 4 * DAY - HOUR)
        assert [when for when, _, _ in again.keeper.timers()] == [END - 4 * DAY]

    def test_what_was_on_its_way_is_tried_again_at_once(self, bench):
        bench.attend()
        bench.install("expiring")
        bench.keeper.fire(END - 20 * DAY)
        again = bench.again(END - 19 * DAY)
        assert [when for when, _, _ in again.keeper.timers()] == [END - 19 * DAY]

    @pytest.mark.parametrize("spoil", [lambda stored: None, lambda stored: stored | {"source": "elsewhere"}])
    def test_a_broken_store_is_told_and_healed_by_the_refresh(self, bench, spoil):
        bench.attend()
        bench.install("core")
        fresh = Bench()
        with pytest.raises(BrokenPool) as broken:
            fresh.keeper.load(spoil(bench.keeper.dump()))
        fresh.keeper.lost(str(broken.value))
        fresh.attend(now=EPOCH + DAY)
        fresh.keeper.recover(EPOCH + DAY)
        assert fresh.reports == [(EPOCH + DAY, PoolReport("broken", details=str(broken.value)))]
        assert fresh.keeper.pool == TrustPool(built_in())
        fresh.serve("core")
        done = fresh.run(EPOCH + DAY)
        assert [(when, came_to) for when, _, came_to in done] == [
            (EPOCH + DAY, "refreshed: 3 CA certificates")
        ]
        assert fresh.keeper.pool.active == bench.keeper.pool.active

    def test_a_broken_store_without_a_url_is_healed_by_an_import(self, bench):
        timers = list(bench.keeper.timers())
        bench = Bench()
        bench.keeper.lost("it is gone")
        bench.keeper.recover(EPOCH)
        assert list(bench.keeper.timers()) == timers
        bench.install("core")
        assert bench.keeper.machine.state is State.UNATTENDED
        assert [when > EPOCH for when, _, _ in bench.keeper.timers()] == [True]
        assert bench.told == ["broken", "imported"]

    @pytest.mark.parametrize("refresh", [None, {}, {"state": "asleep"}, {"state": "waiting", "end": 7}])
    def test_a_schedule_that_is_none_is_broken_and_nothing_of_it_is_taken(self, bench, refresh):
        stored = store.seal(
            store.dump(bench.keeper.pool) | {"router": "", "cabundle_url": URL, "refresh": refresh}
        )
        fresh = PoolKeeper(built_in())
        with pytest.raises(BrokenPool):
            fresh.load(stored)
        assert (fresh.policy, fresh.machine.end) == (PoolPolicy(), None)

    def test_a_keeper_without_a_network_fails_as_a_server_that_is_down(self):
        keeper = PoolKeeper(built_in())
        with pytest.raises(ExchangeFailed, match="no network"):
            next(keeper.fetch(URL, EPOCH))
