"""Faults on demand: what a service does wrong when it is told to, by name.

A service has a catalogue of the faults that it knows.  An operator switches one on: for the next so many
times, until it is cleared, or with a probability; for one client or for all.  Where its work can go wrong
the service asks ``take`` what to do wrong now.  All are off at the start, and none outlasts the process.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

MAX_RULES = 100  # nobody can tell any more what so many do together
MOST = 1_000_000  # of times, seconds and whatever else a fault may count


class FaultError(ValueError):
    """A fault cannot be switched on or off; ``code`` is for programs, ``str()`` for people."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Fault:
    """A fault that a service knows; ``value`` is what its sentence calls so, such as seconds."""

    name: str
    sentence: str
    value: float | None = None
    least: float = 0
    most: float = MOST

    def to_json(self) -> dict[str, object]:
        """The fault as JSON values."""
        return {"name": self.name, "sentence": self.sentence, "value": self.value}


@dataclass(frozen=True)
class Rule:
    """A fault that is switched on.

    ``left`` is how often it still is to happen, None: until it is cleared.  ``client`` is whom it is for,
    by address, empty: all.  ``happened`` counts; ``drawn`` counts the numbers that chance has drawn.
    """

    number: int
    name: str
    left: int | None = None
    probability: float = 1.0
    client: str = ""
    value: float | None = None
    happened: int = 0
    seed: int = 0
    drawn: int = 0

    def to_json(self) -> dict[str, object]:
        """The rule as JSON values."""
        return {
            "id": self.number,
            "name": self.name,
            "left": self.left,
            "probability": self.probability,
            "client": self.client or None,
            "value": self.value,
            "happened": self.happened,
        }


@dataclass(frozen=True)
class Injected:
    """What is to be done wrong now."""

    name: str
    value: float | None = None


class FaultBox:
    """The faults of one service.  Safe to use from several threads.

    Of several rules that would do, the oldest does; a rule with a probability that passes leaves the turn to
    the next.  The same seed and the same questions in the same order give the same faults.
    """

    def __init__(self, catalogue: Sequence[Fault] = ()) -> None:
        self.catalogue: Mapping[str, Fault] = {each.name: each for each in catalogue}
        self._lock = threading.Lock()
        self._rules: dict[int, Rule] = {}
        self._chance: dict[int, Chance] = {}
        self._last = 0

    @property
    def is_idle(self) -> bool:
        """Whether no fault is on, told in no time."""
        return not self._rules

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the rules, so that nobody else changes them meanwhile."""
        with self._lock:
            yield

    def add(
        self,
        name: str,
        *,
        count: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
        client: str = "",
        value: float | None = None,
    ) -> Rule:
        """Switch a fault on; FaultError."""
        fault = self.catalogue.get(name)
        if fault is None:
            known = ", ".join(self.catalogue) or "none"
            raise FaultError("unknown-fault", f"there is no fault {name}; those here are {known}")
        if value is not None and fault.value is None:
            raise FaultError("bad-request", f"{name} takes no value")
        if value is not None and not fault.least <= value <= fault.most:
            raise FaultError("bad-request", f"{name} takes a value from {fault.least:g} to {fault.most:g}")
        with self._held():
            if len(self._rules) >= MAX_RULES:
                raise FaultError("full", f"{MAX_RULES} faults are switched on: clear some")
            self._last += 1
            value = fault.value if value is None else value
            rule = Rule(self._last, name, count, probability, client, value, seed=seed)
            self._rules[rule.number] = rule
        return rule

    def rules(self) -> list[Rule]:
        """What is switched on, the oldest first."""
        with self._held():
            return list(self._rules.values())

    def clear(self, number: int | None = None) -> int:
        """Switch one off, or all; how many those were.  FaultError when there is none of this number."""
        with self._held():
            if number is not None and number not in self._rules:
                raise FaultError("not-found", f"no fault of the number {number} is switched on")
            cleared = list(self._rules) if number is None else [number]
            for each in cleared:
                self._forget(each)
        return len(cleared)

    def take(self, client: str, among: Collection[str] | None = None) -> Injected | None:
        """What to do wrong now for this client, who is an address; None: nothing.

        ``among`` are the faults that could happen now: the others are left for another time.
        """
        with self._held():
            for rule in self._rules.values():
                if rule.client in ("", client) and (among is None or rule.name in among) and self._draw(rule):
                    break
            else:
                return None
            left = None if rule.left is None else rule.left - 1
            if left == 0:
                self._forget(rule.number)
            else:
                rule = self._rules[rule.number]
                self._rules[rule.number] = replace(rule, left=left, happened=rule.happened + 1)
        return Injected(rule.name, rule.value)

    def _draw(self, rule: Rule) -> bool:
        """Whether chance has it happen now."""
        self._rules[rule.number] = replace(rule, drawn=rule.drawn + 1)
        return self._chance.setdefault(rule.number, Chance(rule.seed)).number(rule.drawn) < rule.probability

    def _forget(self, number: int) -> None:
        del self._rules[number]
        self._chance.pop(number, None)


class Chance:
    """The numbers that a seed gives, one after the other; some may be passed over."""

    def __init__(self, seed: int) -> None:
        self._random, self._next = Random(seed), 0

    def number(self, place: int) -> float:
        """The number at this place, which must not be before one that was asked for."""
        for _ in range(place - self._next):
            self._random.random()
        self._next = place + 1
        return self._random.random()
