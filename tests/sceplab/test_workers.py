"""Several processes on one port: they share the work and the clock, are replaced, and outlive nobody."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from sceplab.workers import RESTARTS


class Service:
    """The fake service as a child, as ``sceplab up`` starts one."""

    def __init__(self, log: Path, *words: str) -> None:
        self.log = log
        script = str(Path(__file__).with_name("fake_service.py"))
        gate = log.with_suffix(".gate")
        os.mkfifo(gate)
        # For both directions, so that neither end waits for the other to come.
        self.gate = os.open(gate, os.O_RDWR)
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, script, *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                env={**os.environ, "SCEPLAB_CHILD": "1", "GATE": str(gate)}, start_new_session=True,
            )  # fmt: skip

    def wait_ready(self) -> None:
        assert self.process.stdout
        ready = json.loads(self.process.stdout.readline())["ready"]
        self.url, self.management = ready["url"], ready["management"]

    def ask(self, path: str = "/") -> tuple[int, int, str]:
        """A request on a connection of its own: the worker, its process, the lab time."""
        worker, process, now = requests.get(self.url + path, timeout=20).text.split()
        return int(worker), int(process), now

    def workers(self, count: int) -> dict[int, int]:
        """The processes that serve, by number, once ``count`` have answered."""
        seen: dict[int, int] = {}

        def all_seen() -> bool:
            worker, process, _ = self.ask()
            seen[worker] = process
            return len(seen) == count

        wait_until(all_seen)
        return seen

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.gate)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "this took too long"


def is_gone(process: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def group(service: Service) -> list[int]:
    """All processes of the service's session that live."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = place.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(session) == service.process.pid and state != "Z":
            found.append(int(place.parent.name))
    return found


@pytest.fixture
def start(tmp_path):
    services = []

    def begin(*words: str, ready: bool = True) -> Service:
        services.append(service := Service(tmp_path / f"{len(services)}.log", *words))
        if ready:
            service.wait_ready()
        return service

    yield begin
    for service in services:
        service.end()


def test_one_worker_is_the_service_itself(start) -> None:
    service = start("1")
    assert service.ask()[:2] == (0, service.process.pid)
    assert group(service) == [service.process.pid]


def test_workers_share_the_port_show_one_time_and_are_replaced(start) -> None:
    service = start("3")
    workers = service.workers(3)
    assert len({*workers.values(), service.process.pid}) == 4
    for day in range(24, 29):
        instant = f"2026-11-{day}T12:00:00.000000Z"
        requests.put(
            f"{service.management}/_lab/clock", json={"mode": "frozen", "frozen_at": instant}, timeout=20
        ).raise_for_status()
        seen = {}
        while len(seen) < 3:
            worker, _, now = service.ask()
            assert now == instant
            seen[worker] = now
    with pytest.raises(requests.ConnectionError):
        service.ask("/die")
    wait_until(lambda: "worker-restarted" in service.log.read_text())
    assert "killed by SIGKILL" in service.log.read_text()
    after = service.workers(3)
    assert len(set(after.items()) & set(workers.items())) == 2
    assert service.ask()[2] == instant


@pytest.mark.parametrize("how", ["SIGTERM to the service", "SIGINT to all"])
def test_at_the_end_what_is_in_hand_is_answered(start, how) -> None:
    service = start("2")
    answers = []
    client = threading.Thread(target=lambda: answers.append(service.ask("/slow")))
    client.start()
    wait_until(lambda: "slow begins" in service.log.read_text())
    if how == "SIGINT to all":
        os.killpg(service.process.pid, signal.SIGINT)
    else:
        service.process.terminate()
    os.write(service.gate, b"!")
    client.join()
    assert [worker for worker, _, _ in answers] in ([1], [2])
    assert service.process.wait(20) == 0
    assert group(service) == []
    assert "restarted" not in service.log.read_text()


@pytest.mark.parametrize("who", ["service", "keeper"])
def test_nobody_outlives_who_started_it(start, who) -> None:
    service = start("2")
    processes = set(group(service))
    (keeper,) = processes - {service.process.pid} - set(service.workers(2).values())
    os.kill(keeper if who == "keeper" else service.process.pid, signal.SIGKILL)
    service.process.wait(20)
    wait_until(lambda: all(is_gone(process) for process in processes))
    if who == "keeper":
        assert service.process.returncode == 1
        assert "could not be kept running" in service.log.read_text()


def test_workers_that_keep_dying_end_the_service(start) -> None:
    service = start("2")

    def ended() -> bool:
        with suppress(requests.RequestException):
            service.ask("/die")
        return service.process.poll() is not None

    wait_until(ended)
    log = service.log.read_text()
    assert log.count("worker-restarted") == RESTARTS
    assert "workers-end-too-often" in log
    assert service.process.returncode == 1
    wait_until(lambda: not group(service))


def test_a_worker_that_cannot_start_is_told_in_one_sentence(start) -> None:
    service = start("2", "--fails", ready=False)
    assert service.process.wait(20) == 1
    assert service.log.read_text().splitlines()[-1] == "fake: no database"
    wait_until(lambda: not group(service))
