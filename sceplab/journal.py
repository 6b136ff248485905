"""The journal: what has passed between the parts of the lab, each exchange one entry.

Every service writes its own, in memory, bounded; ``sceplab.journal_reader`` puts them in one order.  It is
for people and tests who ask what happened; what must never be lost stands in the CA's audit.  No secret goes
in: who writes an entry leaves passwords out, and keeps the octets of such messages alone as seal them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sceplab.clock import Clock, format_instant, parse_instant, wall_time

MAX_ENTRIES = 20_000
# The octets of messages that are kept; those of the oldest entries go first.
MAX_OCTETS = 32 * 1024 * 1024
_LONGEST_DETAIL = 500  # characters of a text among the details, of which there are a handful
MAX_MESSAGE = 1024 * 1024  # a longer message is told by its length alone
_LONGEST_TEXT = 2000


class Kind(StrEnum):
    """What an entry is about."""

    SCEP = "scep"
    CRL = "crl"
    LDAP = "ldap"
    BUNDLE = "bundle"
    HTTP = "http"
    MANAGEMENT = "management"
    TIMER = "timer"
    COMMAND = "command"
    LOG = "log"


@dataclass(frozen=True)
class Entry:
    """One exchange, firing or command.

    ``sequence`` counts up from 1 in each service.  ``who`` is a router's name, or a client's address;
    ``transaction`` is SCEP's transactionID; ``details`` are JSON values; ``messages`` are octets by what they
    are: ``request``, ``response``.
    """

    sequence: int
    at: datetime
    wall: datetime
    service: str
    kind: str
    who: str
    summary: str
    transaction: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    messages: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, object]:
        """The entry as JSON values; of its messages the lengths."""
        return {
            "sequence": self.sequence,
            "at": format_instant(self.at),
            "wall": format_instant(self.wall),
            "service": self.service,
            "kind": self.kind,
            "who": self.who,
            "summary": self.summary,
            "transaction": self.transaction,
            "details": dict(self.details),
            "messages": {name: len(octets) for name, octets in self.messages.items()},
        }


@dataclass(frozen=True)
class Wanted:
    """Which entries somebody asks for; what is empty does not matter."""

    after: int = 0
    kind: str = ""
    who: str = ""
    transaction: str = ""
    text: str = ""
    since: datetime | None = None

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is one of them."""
        return (
            entry.sequence > self.after
            and self.kind in ("", entry.kind)
            and self.who in ("", entry.who)
            and self.transaction.lower() in ("", entry.transaction.lower())
            and self.text.lower() in entry.summary.lower()
            and (self.since is None or entry.at >= self.since)
        )


class Journal:
    """The journal of one service.  Safe to use from several threads."""

    def __init__(
        self,
        service: str,
        clock: Clock,
        *,
        max_entries: int = MAX_ENTRIES,
        max_octets: int = MAX_OCTETS,
        wall: Callable[[], datetime] = wall_time,
    ) -> None:
        self.service = service
        self._clock, self._wall = clock, wall
        self._max_octets = max_octets
        self._entries: deque[Entry] = deque(maxlen=max_entries)
        self._with_octets: deque[int] = deque()  # the sequences of entries that have messages
        self._octets = 0
        self._last = 0
        self._changed = threading.Condition()

    @property
    def last(self) -> int:
        """The sequence of the last entry, 0 when there is none yet."""
        return self._last

    def add(
        self,
        kind: Kind,
        who: str,
        summary: str,
        *,
        transaction: str = "",
        details: Mapping[str, object] | None = None,
        messages: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write an entry.  ``summary`` is one line; a peer's text in it is made printable here."""
        told = {
            key: _cut(value, _LONGEST_DETAIL) if isinstance(value, str) else value
            for key, value in (details or {}).items()
        }
        kept: dict[str, bytes] = {}
        for name, octets in (messages or {}).items():
            if len(octets) <= MAX_MESSAGE:
                kept[name] = octets
            else:
                told[f"{name}_octets"] = len(octets)
        self._put(
            Entry(
                sequence=0,
                at=self._clock.now(),
                wall=self._wall(),
                service=self.service,
                kind=str(kind),
                who=who,
                summary=_printable(summary),
                transaction=_printable(transaction),
                details=told,
                messages=kept,
            )
        )

    def _put(self, entry: Entry) -> None:
        """Number an entry, and keep it."""
        with self._changed:
            if len(self._entries) == self._entries.maxlen:
                self._forget_octets_of(self._entries[0])
            self._last += 1
            entry = replace(entry, sequence=self._last)
            self._entries.append(entry)
            self._keep_octets_of(entry)
            self._changed.notify_all()

    def find(self, wanted: Wanted, most: int) -> list[Entry]:
        """The entries that are wanted, oldest first: the last ``most`` of them."""
        with self._changed:
            return self._find(wanted, most)

    def wait_for(self, wanted: Wanted, most: int, seconds: float) -> list[Entry]:
        """The same; when there is none, wait so many seconds of real time for the next one that is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: any(map(wanted.fits, reversed(self._entries))), seconds)
            return self._find(wanted, most)

    def messages(self, sequence: int) -> Mapping[str, bytes] | None:
        """The messages of an entry, as far as they are still kept; None when there is no such entry."""
        with self._changed:
            place = self._place(sequence)
            return None if place is None else self._entries[place].messages

    def clear(self) -> None:
        """Forget all entries; the sequence goes on."""
        with self._changed:
            self._entries.clear()
            self._with_octets.clear()
            self._octets = 0

    def _find(self, wanted: Wanted, most: int) -> list[Entry]:
        found = list(_first(filter(wanted.fits, reversed(self._entries)), most))
        return found[::-1]

    def _place(self, sequence: int) -> int | None:
        """Where an entry is: they count up one by one."""
        place = sequence - self._entries[0].sequence if self._entries else -1
        return place if 0 <= place < len(self._entries) else None

    def _keep_octets_of(self, entry: Entry) -> None:
        if not entry.messages:
            return
        self._with_octets.append(entry.sequence)
        self._octets += _octets(entry)
        while self._octets > self._max_octets:
            place = self._place(self._with_octets[0])
            assert place is not None
            old = self._entries[place]
            self._forget_octets_of(old)
            self._entries[place] = replace(old, messages={})

    def _forget_octets_of(self, entry: Entry) -> None:
        """Count them out; the entry itself goes, or is put there anew."""
        if entry.messages:
            self._octets -= _octets(entry)
            self._with_octets.popleft()


def _octets(entry: Entry) -> int:
    return sum(map(len, entry.messages.values()))


def _first(entries: Iterator[Entry], most: int) -> Iterator[Entry]:
    for _, entry in zip(range(most), entries, strict=False):
        yield entry


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in _cut(text, _LONGEST_TEXT))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def read_entry(value: Mapping[str, object]) -> Entry:
    """Read what ``to_json`` made; its messages are not there."""
    details = value["details"]
    return Entry(
        sequence=int(str(value["sequence"])),
        at=parse_instant(value["at"]),
        wall=parse_instant(value["wall"]),
        service=str(value["service"]),
        kind=str(value["kind"]),
        who=str(value["who"]),
        summary=str(value["summary"]),
        transaction=str(value["transaction"]),
        details=details if isinstance(details, Mapping) else {},
    )
