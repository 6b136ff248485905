"""Trust pools for more than a year in one go: refreshes, failures, a recovery; and one that is left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sceplab.bundles_client import BundleServer
from sceplab.client import Lab
from sceplab.journal import Wanted
from sceplab.journal_reader import LabJournal
from sceplab.management import Fired
from sceplab.ports import AUTO_PORTS
from sceplab.supervisor import Settings, Supervisor, running_lab

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUNDLE = "/security/pki/trs/ios.p7b"
SECONDS = 10  # of real time, on a slow machine; it takes one or two


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Supervisor]:
    settings = Settings(state=tmp_path, ports=AUTO_PORTS, routers=("r1",), frozen=True)
    with running_lab(settings) as running:
        yield running


@pytest.fixture
def lab(running: Supervisor) -> Iterator[Lab]:
    with Lab(running.endpoints) as lab:
        yield lab


@pytest.fixture
def server(running: Supervisor) -> Iterator[BundleServer]:
    """It serves a bundle with a CA that ends on day 30."""
    with BundleServer(running.endpoints) as server:
        server.publish(BUNDLE, "expiring")
        yield server


def take_bundle(lab: Lab, *, refreshing: bool) -> datetime:
    """Have the router import the bundle; the lab's epoch."""
    url = lab.endpoints["bundles"]["http"] + BUNDLE
    with lab.router("r1") as router:
        assert "succeeded" in router.run(f"crypto ca trustpool import url {url}").text
        if refreshing:
            for line in ("configure", "crypto ca trustpool policy", f"cabundle url {url}", "commit", "end"):
                router.run(line)
    return lab.time.read().now


def days(fired: Sequence[Fired], start: datetime) -> list[float]:
    return [(each.at - start) / DAY for each in fired]


def log_of(lab: Lab) -> str:
    with lab.router("r1") as router:
        return router.run("show logging | include TRUSTPOOL_").text


def test_refreshes_failures_and_the_recovery_come_in_order(lab: Lab, server: BundleServer) -> None:
    start = take_bundle(lab, refreshing=True)
    server.publish(BUNDLE, "truncated", 12 * DAY)
    server.publish(BUNDLE, "not-a-bundle", 17 * DAY)
    server.publish(BUNDLE, "successor", 31 * DAY)
    began = time.monotonic()
    fired = list(lab.time.advance(400 * DAY))
    assert time.monotonic() - began < SECONDS

    assert [each.at for each in fired] == sorted(each.at for each in fired)
    switches = [each for each in fired if each.owner == "bundles"]
    assert days(switches, start) == [12, 17, 31]
    tries = [each for each in fired if each.owner == "r1"]
    assert days(tries[:9], start) == [10, 15, 20, 25, 26, 27, 28, 29, 29 + 1 / 24]
    assert {later.at - before.at for before, later in pairwise(tries[7:])} == {HOUR}
    assert tries[-1].at - start == 31 * DAY
    outcomes = [each.outcome.partition(":")[0] for each in tries]
    assert outcomes == ["refreshed", *["not refreshed"] * (len(tries) - 2), "refreshed"]
    with LabJournal(lab.endpoints) as journal:
        told = journal.find(Wanted(kind="timer"), 1000)
    assert [(each.at, each.who, each.summary) for each in told] == [
        (each.at, each.owner, f"{each.name} -> {each.outcome}") for each in fired
    ]
    log = log_of(lab)
    assert log.count("TRUSTPOOL_REFRESHED") == 2
    beyond = [each for each in tries[:-1] if each.at - start > 30 * DAY]
    assert len(beyond) == 23
    assert log.count("TRUSTPOOL_NOTREFRESHED") == len(tries) - 2 - 22  # of those the first alone is told
    [ahead] = [timer.due for timer in lab.time.timers()]
    assert ahead - start > 6 * 365 * DAY


@pytest.mark.usefixtures("server")
def test_without_a_url_the_log_warns_at_the_same_days_and_then_daily(lab: Lab) -> None:
    start = take_bundle(lab, refreshing=False)
    fired = list(lab.time.advance(35 * DAY))
    assert days(fired, start) == [10, 15, 20, *range(25, 36)]
    assert len({each.outcome for each in fired}) == 1
    assert log_of(lab).count("-TRUSTPOOL_") == len(fired) + 1
