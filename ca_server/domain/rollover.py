"""Rollover: the CA's next generation is made, announced by GetNextCACert, and at its time becomes current."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ca_server.domain.authority import Authority, Succession
from ca_server.domain.ledger import ABOUT_SETTINGS, AuditEntry, Store, What


class RolloverRefused(Exception):
    """No next CA can be made now; the text says why."""


class AuthorityKeeper(Protocol):
    """Whoever keeps the CA's keys."""

    def succession(self) -> Succession:
        """Return all generations."""
        ...

    def add_next(self, *, active_from: datetime, now: datetime) -> Authority:
        """Make and keep the next generation, of the same shape as the last."""
        ...


class CaDesk:
    """What operators do with the CA itself."""

    def __init__(self, store: Store, keeper: AuthorityKeeper) -> None:
        self._store = store
        self._keeper = keeper

    def authorities(self) -> Succession:
        """All generations of the CA."""
        return self._keeper.succession()

    def rollover(self, *, active_from: datetime, by: str, now: datetime) -> Authority:
        """Make the next CA, which becomes current at ``active_from``; RolloverRefused."""
        with self._store.write(ABOUT_SETTINGS) as ledger:
            succession = self._keeper.succession()
            if succession.next(now) is not None:
                raise RolloverRefused("there is a next CA already: wait until it is current")
            if active_from <= now:
                raise RolloverRefused("the next CA becomes current at some time to come")
            if now < succession.current(now).ca.certificate.not_after <= active_from:
                raise RolloverRefused("the next CA has to become current before this one ends")
            made = self._keeper.add_next(active_from=active_from, now=now)
            text = f"{made.ca.name}, current from {active_from:%Y-%m-%d %H:%M:%S} UTC"
            ledger.add_audit(AuditEntry(What.ROLLOVER, by, now, text=text))
        return made
