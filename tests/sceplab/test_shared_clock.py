"""One clock in several processes: what the maker sets, every child shows; no time goes back."""

import copy
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from sceplab import shared_clock
from sceplab.clock import ClockBackwards, ClockState
from sceplab.shared_clock import SharedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Wall:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


def view(clock: SharedClock, reader: int, wall: Wall) -> SharedClock:
    """A second view of a clock's memory, as a forked child has one: what is private is copied."""
    twin = copy.copy(clock)
    twin._lock, twin._wall, twin._maker = threading.RLock(), wall, -1
    twin.join(reader)
    return twin


def test_a_reader_shows_each_state_and_sets_none() -> None:
    clock = SharedClock(1, Wall(), ClockState("frozen", 0, NOON))
    twin = view(clock, 1, Wall())
    for step in range(1, 6):
        clock.set_state(mode="frozen", frozen_at=NOON + timedelta(days=step))
        assert twin.now() == NOON + timedelta(days=step)
        assert twin.state() == clock.state()
    clock.set_state(mode="offset")
    assert twin.now() == NOON + timedelta(days=5)
    with pytest.raises(RuntimeError, match="only read"):
        twin.set_state(offset=1e8)
    assert twin.state() == clock.state()


def test_no_process_shows_less_than_another_has_shown() -> None:
    walls = [Wall(), Wall(), Wall()]
    clock = SharedClock(2, walls[0])
    clocks = [clock, view(clock, 1, walls[1]), view(clock, 2, walls[2])]
    latest = NOON
    for minutes, which in [(5, 1), (-60, 0), (7, 2), (-7, 1), (-7, 0), (9, 0), (8, 2)]:
        walls[which].time = NOON + timedelta(minutes=minutes)
        now = clocks[which].now()
        assert now >= latest
        latest = now
    assert latest == NOON + timedelta(minutes=9)
    # What a reader has shown binds the setter, too.
    with pytest.raises(ClockBackwards):
        clock.set_state(mode="frozen", frozen_at=NOON + timedelta(minutes=8))


def test_a_reader_that_was_overtaken_reads_again(monkeypatch) -> None:
    """Two changes between the look at the count and the look at the record: the record is another's."""
    clock = SharedClock(1, Wall())
    twin = view(clock, 1, Wall())

    class Overtaken:
        """The record, before whose first reading the clock is set twice more."""

        def __init__(self, records: memoryview) -> None:
            self.records, self.readings = records, 0

        def __getitem__(self, part: slice) -> memoryview:
            self.readings += 1
            if self.readings == 1:
                clock.set_state(offset=2)
                clock.set_state(offset=3)
            return self.records[part]

    twin._records = overtaken = Overtaken(twin._records)
    clock.set_state(offset=1)
    assert twin.state() == clock.state() == ClockState("offset", 3, None, 3)
    assert overtaken.readings == 2


def test_a_damaged_record_is_never_taken_for_a_state() -> None:
    clock = SharedClock(1, Wall())
    twin = view(clock, 1, Wall())
    clock.set_state(offset=5)
    start = clock._changes[0] % 2 * shared_clock._RECORD + shared_clock._HEAD.size
    good = clock._records[start]

    class Mending:
        """The record, one byte of which comes late."""

        def __getitem__(self, part: slice) -> bytes:
            seen = bytes(clock._records[part])
            clock._records[start] = good
            return seen

    clock._records[start] ^= 1
    twin._records = Mending()
    assert twin.state().offset == 5


CHILDREN = """
import os, sys, pickle
from datetime import UTC, datetime, timedelta
from sceplab.clock import ClockState
from sceplab.shared_clock import SharedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
clock, ended = SharedClock(2, state=ClockState("frozen", 0, NOON)), []
for reader in (1, 2):
    read, write = os.pipe()
    if os.fork() == 0:
        clock.join(reader)
        last, shown = clock.now(), 1
        while last < NOON + timedelta(seconds=2000):
            now = clock.now()
            # A torn state would show another second than its version says.
            state = clock.state()
            assert now >= last and state.frozen_at == NOON + timedelta(seconds=state.version), (now, state)
            last, shown = now, shown + (now != last)
        os.write(write, pickle.dumps(shown))
        os._exit(0)
    ended.append(read)
for second in range(1, 2001):
    clock.set_state(mode="frozen", frozen_at=NOON + timedelta(seconds=second))
print([pickle.loads(os.read(read, 100)) for read in ended])
print([os.wait()[1] for _ in ended])
"""


def test_forked_readers_follow_a_setter_in_a_hurry_and_see_no_half_state() -> None:
    """In a process of its own: pytest may have threads, and who has threads does not fork."""
    ran = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    shown, statuses = ran.stdout.splitlines()
    assert statuses == "[0, 0]"
    assert all(2 <= int(each) <= 2001 for each in shown.strip("[]").split(", "))


def test_a_place_is_one_of_the_readers() -> None:
    clock = SharedClock(2)
    for reader in (0, 3):
        with pytest.raises(ValueError, match="no reader"):
            clock.join(reader)
