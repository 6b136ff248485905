"""The faults of a service that is several processes: what one switches on or takes counts for all of them.

The rules lie in memory that forked processes share.  Who reads or changes them holds a file's lock, which the
kernel takes from a process that is killed.  As with ``SharedClock``, state number n lies in record n modulo 2
and is whole before its number is written, so that who is killed meanwhile leaves the state before.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from sceplab.faults import Fault, FaultBox, Rule

_WORD = 8
_RECORD = 64 * 1024  # more than MAX_RULES take


class SharedFaultBox(FaultBox):
    """A ``FaultBox`` for the process that makes it and all that it forks."""

    def __init__(self, catalogue: Sequence[Fault] = ()) -> None:
        super().__init__(catalogue)
        self._file, name = tempfile.mkstemp(prefix="sceplab-faults-")
        Path(name).unlink()  # the lock is all that is needed of it
        self._memory = memoryview(mmap.mmap(-1, 2 * _WORD + 2 * _RECORD))
        self._number, self._count = (self._memory[at : at + _WORD].cast("q") for at in (0, _WORD))
        self._records = self._memory[2 * _WORD :]
        self._seen = 0

    @property
    def is_idle(self) -> bool:
        """Whether no fault is on, in any process."""
        return self._count[0] == 0

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the rules as they stand, and let others see what has become of them."""
        with super()._held():
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                self._load()
                before = dict(self._rules)
                yield
                if self._rules != before:
                    self._store()
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _load(self) -> None:
        number = self._number[0]
        if number == self._seen:
            return
        record = self._records[number % 2 * _RECORD :][:_RECORD]
        self._last, rules = json.loads(bytes(record).rstrip(b"\0"))
        self._rules = {each["number"]: Rule(**each) for each in rules}
        self._chance = {number: chance for number, chance in self._chance.items() if number in self._rules}
        self._seen = number

    def _store(self) -> None:
        text = json.dumps([self._last, [asdict(each) for each in self._rules.values()]]).encode()
        number = self._seen + 1
        start = number % 2 * _RECORD
        self._records[start : start + _RECORD] = text.ljust(_RECORD, b"\0")
        self._number[0] = self._seen = number
        self._count[0] = len(self._rules)
