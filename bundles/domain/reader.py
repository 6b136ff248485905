"""How recipes are read: each value by its kind, with errors that say where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

# An instant of the lab clock, or a distance from the lab's epoch.
When = datetime | timedelta

_UNITS = {
    "y": timedelta(days=365),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_DISTANCE = re.compile(r"([+-])(\d{1,6})([ydhms])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
LONGEST_PATH = 200
TAKEN_PATHS = ("/", "/index.json")
TAKEN_BELOW = "/crl/"


class RecipeError(Exception):
    """A recipe cannot be used; the text names the file, the thing in it and the key."""


class Reader:
    """Reads the values of one table; ``done`` finds what nobody has asked for."""

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, Mapping):
            raise RecipeError(f"{where}: a table is needed")
        self.where = where
        self._left = dict(table)

    def error(self, key: str, why: str) -> RecipeError:
        """The error to raise about a key."""
        return RecipeError(f"{self.where}.{key}: {why}")

    def take(self, key: str, read: Callable[[Any], T]) -> T | None:
        """The value of ``key`` as ``read`` makes it, or None; ValueError in there is told with the place."""
        if key not in self._left:
            return None
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            raise self.error(key, str(error)) from error

    def demand(self, key: str, read: Callable[[Any], T]) -> T:
        """The same for a key that must be there."""
        if key not in self._left:
            raise self.error(key, "is missing")
        found = self.take(key, read)
        assert found is not None
        return found

    def done(self) -> None:
        """Raise RecipeError when there is something that nobody has asked for."""
        if self._left:
            raise self.error(min(self._left), "is not known here")


# ---------------------------------------------------------------------------------- kinds of values


def text(value: object) -> str:
    """A text of at least one character."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text is needed")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts, perhaps empty."""
    if not isinstance(value, list):
        raise ValueError("a list is needed")
    return tuple(text(each) for each in value)


def yes_or_no(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def count(most: int) -> Callable[[object], int]:
    """A whole number from 1 on."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"a whole number from 1 to {most}")
        return value

    return read


def word(kind: type[E]) -> Callable[[object], E]:
    """One of an enumeration's words."""
    return lambda value: kind(one_of(map(str, kind))(value))


def one_of(words: Iterable[str]) -> Callable[[object], str]:
    """One of these words."""
    known = tuple(words)

    def read(value: object) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return str(value)

    return read


def when(value: object) -> When:
    """``"-10y"`` or ``"+18d"`` from the epoch on (a year is 365 days), or a TOML date-time with its zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a date needs its time zone: 2030-01-31T12:00:00Z")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("out of the calendar") from None
    match = _DISTANCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, str) and _DATE.match(value):
            raise ValueError("a date stands without quotes: 2030-01-31T12:00:00Z")
        raise ValueError("a distance such as -10y, +18d, +12h, or a date such as 2030-01-31T12:00:00Z")
    sign, number, unit = match.groups()
    return int(f"{sign}{number}") * _UNITS[unit]


def path(value: object) -> str:
    """A path that something can be published at."""
    found = text(value)
    segments = found.removeprefix("/").split("/")
    if not found.startswith("/") or len(found) > LONGEST_PATH or found in TAKEN_PATHS:
        raise ValueError(f"a path begins with / and has at most {LONGEST_PATH} characters")
    if not all(_SEGMENT.fullmatch(each) and each.strip(".") for each in segments):
        raise ValueError("a path is made of letters, digits, and ._~- between its slashes")
    if found.startswith(TAKEN_BELOW):
        raise ValueError(f"below {TAKEN_BELOW} are the CRLs")
    return found


def paths(value: object) -> tuple[str, ...]:
    """A list of such."""
    return tuple(path(each) for each in texts(value))


def header_value(value: object) -> str:
    """What can stand in a Content-Type header."""
    found = text(value)
    if not (found.isascii() and found.isprintable() and len(found) <= LONGEST_PATH):
        raise ValueError("a media type in ASCII")
    return found
