"""Several processes over one database, and processes that are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ca_server.domain.ledger import (
    ABOUT_CHALLENGES,
    AuditFilter,
    CertificateFilter,
    RequestFilter,
    Slice,
    What,
)
from ca_server.domain.requests import State
from ca_server.store import SqlStore
from tests.ca_server.store_samples import NOW, WALL, a_challenge
from tests.ca_server.store_worker import CHALLENGES, THREADS, TRANSACTIONS

pytest_plugins = ("tests.postgres",)

ROOT = Path(__file__).parents[2]
PROCESSES = 4
KILLS = 50
EVERYTHING = Slice(limit=1_000_000)


def start_worker(how, url):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ca_server.store_worker", how, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=ROOT,
    )


def test_processes_do_not_get_in_each_others_way(store_url):
    with closing(SqlStore(store_url, lambda: WALL)) as store:
        with store.write(ABOUT_CHALLENGES) as ledger:
            for digest in CHALLENGES:
                ledger.add_challenge(a_challenge(digest))
        results = race(store_url)
        assert [result["busy"] for result in results] == [[]] * PROCESSES
        # One request and one certificate of each transaction, issued by one thread of one process.
        issued = sorted(serial_number for result in results for serial_number in result["issued"])
        assert len(issued) == len(set(issued)) == len(TRANSACTIONS)
        requests = store.requests(RequestFilter(state=State.ISSUED), EVERYTHING)
        assert sorted(each.transaction_id for each in requests) == sorted(TRANSACTIONS)
        assert sorted(each.serial_number for each in requests) == issued
        certificates = store.certificates(CertificateFilter(), EVERYTHING, NOW)
        assert sorted(each.serial_number for each in certificates) == issued
        assert len(store.audit(AuditFilter(what=What.ISSUED), EVERYTHING)) == len(issued)
        # Each challenge was won by one; those who lost it have kept their requests none the less.
        won = sorted(digest for result in results for digest in result["won"])
        assert won == sorted(digest.decode() for digest in CHALLENGES)
        assert store.request_counts()[State.PENDING] == PROCESSES * THREADS * len(CHALLENGES)
        assert all(store.request(each.used_by) for each in store.challenges(EVERYTHING))


def race(url):
    """Let the processes go all together; what each got."""
    workers = [start_worker("race", url) for _ in range(PROCESSES)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
    results = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    return [json.loads(result) for result in results]


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9(store_url):
    SqlStore(store_url, lambda: WALL).close()
    acknowledged = kill_many_times(store_url)
    assert len(acknowledged) > KILLS
    with closing(SqlStore(store_url, lambda: WALL)) as store:
        kept = {each.id: each for each in store.requests(RequestFilter(), EVERYTHING)}
        assert {number: kept[number].serial_number for number in acknowledged} == acknowledged
        # Of what was killed unacknowledged, all is there or nothing.
        certificates = store.certificates(CertificateFilter(), EVERYTHING, NOW)
        assert [(each.id, each.serial_number) for each in kept.values()] == [
            (each.request_id, each.serial_number) for each in certificates
        ]
        audit = store.audit(AuditFilter(), EVERYTHING)
        assert [each.request_id for each in audit] == list(kept)
        if store_url.startswith("sqlite"):
            assert store._database.query("PRAGMA integrity_check", {}) == [("ok",)]


def kill_many_times(url):
    """Kill a process that enrols, at any moment, again and again; what it had acknowledged, by request."""
    acknowledged = {}
    chance = random.Random(8894)
    parent = start_worker("acknowledge", url)
    with parent:
        for _ in range(KILLS):
            parent.stdin.write("\n")
            child = int(parent.stdout.readline())
            for _ in range(chance.randint(0, 6)):
                number, serial_number = map(int, parent.stdout.readline().split())
                acknowledged[number] = serial_number
            end = time.perf_counter() + chance.uniform(0, 0.003)
            while time.perf_counter() < end:
                pass  # somewhere in one of the next transactions
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline()) != "dead\n":
                number, serial_number = map(int, line.split())
                acknowledged[number] = serial_number
        parent.stdin.close()
        assert parent.wait(60) == 0
    return acknowledged
