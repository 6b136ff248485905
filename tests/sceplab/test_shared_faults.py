"""Faults of several processes: switched on in one, they happen in all, and exactly as often as was said."""

import os
import signal

import pytest

from sceplab.faults import MAX_RULES, Fault, FaultBox, FaultError
from sceplab.shared_faults import SharedFaultBox

CATALOGUE = (Fault("busy", "says that it is busy"), Fault("slow", "waits for value seconds", 3.0))
HERE, THERE = "127.0.0.1", "192.0.2.1"


@pytest.fixture
def box():
    return SharedFaultBox(CATALOGUE)


def in_another(work) -> list[str]:
    """What ``work`` returns in another process."""
    (reading, writing) = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.write(writing, ",".join(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    assert os.waitpid(process, 0)[1] == 0
    return said.split(",")


def taken(box, count, client=HERE):
    return [injected.name if injected else "-" for injected in (box.take(client) for _ in range(count))]


def test_what_is_switched_on_here_happens_there_and_is_counted_here(box) -> None:
    assert box.is_idle
    box.add("busy", count=3)
    assert in_another(lambda: [str(box.is_idle), *taken(box, 2)]) == ["False", "busy", "busy"]
    assert [(each.left, each.happened) for each in box.rules()] == [(1, 2)]
    assert taken(box, 2) == ["busy", "-"]
    assert in_another(lambda: [str(box.is_idle), *taken(box, 1)]) == ["True", "-"]


def test_many_processes_take_no_more_than_there_are(box) -> None:
    box.add("busy", count=500)
    (reading, writing) = os.pipe()
    processes = []
    for _ in range(4):
        processes.append(os.fork())
        if processes[-1] == 0:
            os.write(writing, b"x" * taken(box, 300).count("busy"))
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert len(pipe.read()) == 500
    assert [os.waitpid(each, 0)[1] for each in processes] == [0] * 4
    assert box.rules() == []


def test_chance_is_that_of_one_process_whoever_asks(box) -> None:
    alone = FaultBox(CATALOGUE)
    for each in (alone, box):
        each.add("busy", probability=0.5, seed=7)
    expected = taken(alone, 40)
    found = [*taken(box, 10), *in_another(lambda: taken(box, 10)), *taken(box, 10)]
    assert [*found, *in_another(lambda: taken(box, 10))] == expected
    assert len(set(expected)) == 2


def test_what_is_cleared_is_cleared_for_all(box) -> None:
    box.add("busy", client=THERE)
    number = box.add("slow", value=0.5).number
    assert in_another(lambda: [*taken(box, 1, HERE), *taken(box, 1, THERE)]) == ["slow", "busy"]
    assert box.clear(number) == 1
    assert in_another(lambda: taken(box, 1, HERE)) == ["-"]
    with pytest.raises(FaultError, match="no fault of the number"):
        box.clear(number)
    assert box.clear() == 1


def test_there_is_room_for_as_many_as_there_may_be(box) -> None:
    for _ in range(MAX_RULES):
        box.add(
            "slow", count=1_000_000, probability=1 / 3, seed=2**32, client="2001:db8::" + "1" * 4, value=1 / 3
        )
    assert in_another(lambda: [str(len(box.rules()))]) == [str(MAX_RULES)]


def test_who_is_killed_keeps_no_lock(box) -> None:
    box.add("busy")
    (reading, writing) = os.pipe()
    process = os.fork()
    if process == 0:
        with box._held():
            os.write(writing, b"!")
            signal.pause()
    assert os.read(reading, 1) == b"!"
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(reading)
    os.close(writing)
    assert taken(box, 1) == ["busy"]
