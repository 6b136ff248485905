"""What the directory holds: what the CA publishes when somebody asks, or had published before it went away.

Into a real directory the CA writes, so what that says is true as soon as the CA has said it.  This one asks
the CA at every search, which gives the same: an answer is never older than its question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from ldap_mock.asking import AskedCa, NotAnswered, TooSlow
from ldap_mock.directory import Entry, Tree
from ldap_mock.kept import Issued, KeptCopy
from ldap_mock.published import IssuedEntries, PublishedCa, ca_entries, merged
from ldap_mock.server import DirectoryUnavailable

# How long the CA may take for all that a search asks it.
ROUND_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What the directory holds at one moment: a tree, and what it is made of."""

    tree: Tree
    cas: tuple[PublishedCa, ...]
    issued: Sequence[Entry]

    @classmethod
    def of(cls, cas: tuple[PublishedCa, ...], issued: Sequence[Entry]) -> Snapshot:
        """The CAs' entries and those of the certificates that they have issued."""
        return cls(Tree(merged([*ca_entries(cas), *issued])), cas, issued)


class Source:
    """The entries, from a CA and from the copy of a state folder.  Safe to use from several threads."""

    def __init__(self, ca: AskedCa, copy: KeptCopy) -> None:
        self._ca, self._copy = ca, copy
        self._lock = threading.Lock()
        self._issued = IssuedEntries()
        self._certificates = self._last = 0  # how many, and the last one's number
        self._cas: tuple[PublishedCa, ...] = ()
        self._snapshot: Snapshot | None = None
        self._answers: bool | None = None
        self._given_up = -1.0  # when the CA was given up for the last time, by time.monotonic()
        self._stale = self._keeping = True
        self._read_copy()

    @property
    def last(self) -> Snapshot | None:
        """What stood when the CA was last asked; None when nothing was ever known."""
        return self._snapshot

    def now(self, since: float | None = None) -> Snapshot:
        """What stands now, which is the same object until that changes.

        Who has waited since ``since``, by time.monotonic(), while others found the CA too slow, waits no
        longer: the CA is not asked again.

        DirectoryUnavailable when the CA does not answer, and there is nothing of it yet.
        """
        since = time.monotonic() if since is None else since
        with self._lock:
            if self._given_up < since:
                self._ask_in_time()
            if self._snapshot is None:
                raise DirectoryUnavailable("the CA has not yet told what it publishes")
            return self._snapshot

    def facts(self) -> Mapping[str, object]:
        """How much there is, and whether the CA answered when it was last asked (None: it never was)."""
        snapshot = self._snapshot
        return {
            "ca": self._ca.url,
            "ca_answers": self._answers,
            "entries": len(snapshot.tree) if snapshot else 0,
            "crls": sum(ca.crl is not None for ca in snapshot.cas) if snapshot else 0,
            "certificates": self._certificates,
        }

    # ----------------------------------------------------------------------------- within the lock

    def _ask_in_time(self) -> None:
        self._ca.limit(ROUND_SECONDS)
        try:
            self._ask()
        except NotAnswered as error:
            if isinstance(error, TooSlow):
                self._given_up = time.monotonic()
            self._tell(False, why=str(error))
        else:
            self._tell(True)

    def _ask(self) -> None:
        """Take what is new; NotAnswered."""
        cas, last = self._ca.cas()
        if last < self._last or (self._cas and _first(self._cas) != _first(cas)):
            _log.warning("another-ca", why="what was kept is of another CA or database, and is forgotten")
            self._forget()
        more = last > self._last
        while more:
            page, more = self._ca.issued(self._last)
            self._take(page)
            self._keep(partial(self._copy.add_issued, page))
        if cas != self._cas:
            self._cas, self._stale = cas, True
            self._keep(partial(self._copy.save_cas, cas))
        if self._stale:
            self._build()

    def _take(self, issued: Sequence[Issued]) -> None:
        for number, der in issued:
            self._last = number
            self._certificates += 1
            self._stale |= self._issued.add(der)

    def _build(self) -> None:
        self._snapshot, self._stale = Snapshot.of(self._cas, self._issued.entries()), False

    def _forget(self) -> None:
        self._issued, self._cas = IssuedEntries(), ()
        self._certificates = self._last = 0
        self._keep(self._copy.forget)

    def _keep(self, write: Callable[[], None]) -> None:
        """Write to the copy; when that fails, to none any more: one with gaps would never be mended."""
        if not self._keeping:
            return
        try:
            write()
        except OSError as error:
            self._keeping = False
            _log.error("copy-not-kept", why=error.strerror)
            with suppress(OSError):
                self._copy.forget()

    def _read_copy(self) -> None:
        try:
            kept = self._copy.read()
        except ValueError as error:
            _log.error("copy-damaged", why=str(error), then="it is fetched anew")
            kept = None
        if kept is None:
            self._keep(self._copy.forget)  # half of one, too
            return
        self._cas, issued = kept
        self._take(issued)
        self._build()

    def _tell(self, answers: bool, **why: str) -> None:
        """Log that the CA answers, or does not: once, not with every search."""
        if answers is not self._answers:
            self._answers = answers
            if answers:
                _log.info("ca-answers", **self.facts())
            else:
                _log.warning("ca-does-not-answer", copy=self._snapshot is not None, **why)


def _first(cas: tuple[PublishedCa, ...]) -> bytes:
    return cas[0].certificate if cas else b""
