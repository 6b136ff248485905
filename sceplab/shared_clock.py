"""One lab clock for several processes: what one sets, all of them show at once.

The clock lies in memory that forked children share.  Who made it is the only one to set it (the process
that answers the management API); the others read.  So there is one writer for each word, and no lock
between processes that a killed one could keep:

* ``changes`` counts the states.  State number n is in record n modulo 2, and is written before the count
  is: whoever reads the count while the next state is being written still has a whole record.  A record
  carries its own number and a checksum, so that a reader whom two changes overtook, or whose processor
  showed it the words in another order, sees that and reads again.
* ``moments`` has one word for each process, the latest time that it showed.  ``now`` is never earlier than
  any of them, so time runs forward across processes too when somebody sets the wall clock back.

A word is one aligned 64-bit store or load, which x86-64 and AArch64 never split.  That a setter's answer
comes after everybody shows the new time needs no more: the answer is a system call later than the store.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sceplab.clock import ClockState, LabClock

_WORD = 8
_RECORD = 512
_HEAD = struct.Struct("=qII")  # the state's number, its length, the checksum of number and state
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = -(2**63)


class SharedClock(LabClock):
    """A ``LabClock`` for the process that makes it and up to ``readers`` children that it forks.

    Only the maker sets it (RuntimeError elsewhere), and only the maker's subscribers hear of it.
    A child says once which of the readers, 1 to ``readers``, it is: ``join``.
    """

    def __init__(
        self, readers: int, wall: Callable[[], datetime] | None = None, state: ClockState | None = None
    ) -> None:
        super().__init__(wall, state)
        self._maker = os.getpid()
        self._place = 0
        words = 1 + 1 + readers
        self._memory = memoryview(mmap.mmap(-1, words * _WORD + 2 * _RECORD))
        numbers = self._memory[: words * _WORD].cast("q")
        self._changes, self._moments = numbers[:1], numbers[1:]
        self._records = self._memory[words * _WORD :]
        for place in range(1 + readers):
            self._moments[place] = _NEVER
        self._seen = 0
        self._publish(self._state)

    def join(self, reader: int) -> None:
        """Take the place of a reader, in a child.  A new child may take the place of one that ended."""
        if not 0 < reader < len(self._moments):
            raise ValueError(f"there is no reader {reader}")
        with self._lock:
            self._place = reader

    def now(self) -> datetime:
        """Return the lab time; never earlier than any process has shown it before."""
        with self._lock:
            self._follow()
            moment = _microseconds(super().now())
            latest = max(self._moments)
            if latest > moment:
                self._latest, moment = _EPOCH + timedelta(microseconds=latest), latest
            self._moments[self._place] = moment
            return self._latest

    def state(self) -> ClockState:
        """Return how the clock runs."""
        with self._lock:
            self._follow()
            return self._state

    def _change(self, state: ClockState) -> None:
        if os.getpid() != self._maker:
            raise RuntimeError("the lab clock is set in the process that made it, and only read in others")
        self._publish(state)
        self._state = state

    def _publish(self, state: ClockState) -> None:
        number, text = self._seen + 1, json.dumps(state.to_json()).encode()
        if _HEAD.size + len(text) > _RECORD:
            raise ValueError("the clock's state is too long")
        record = _HEAD.pack(number, len(text), _checksum(number, text)) + text
        start = number % 2 * _RECORD
        self._records[start : start + len(record)] = record
        self._changes[0] = self._seen = number

    def _follow(self) -> None:
        """Take over the state that the maker has set since the last look."""
        while (number := self._changes[0]) != self._seen:
            record = bytes(self._records[number % 2 * _RECORD :][:_RECORD])
            found, length, checksum = _HEAD.unpack_from(record)
            text = record[_HEAD.size :][:length]
            if found == number and checksum == _checksum(number, text):
                self._state, self._seen = ClockState.from_json(json.loads(text)), number


def _checksum(number: int, text: bytes) -> int:
    return zlib.crc32(text, number)


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
