"""What the CA must remember, and what it asks of whoever keeps it.

A ``Transaction`` is all or nothing, sees what was committed before it began, and excludes every other
one while it lasts; it is on disk when its ``with`` ends.  So twenty copies of one message make one
request, and no answer leaves before what it says is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from ca_server.domain.requests import CertificateRequest, State


class StoreBusy(Exception):
    """The store cannot be read or written at the moment; the same again may work."""


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate and the request that it answers."""

    serial_number: int
    request_id: int
    subject: str
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class Decision:
    """One line of the audit: who decided what of a request, at which lab time.

    ``by`` is an operator's name, or ``policy`` when nobody was asked.
    """

    request_id: int
    what: Literal["issued", "denied"]
    by: str
    at: datetime
    reason: str | None = None
    serial_number: int | None = None


class Transaction(Protocol):
    """Reading and writing, alone."""

    def latest_request(self, transaction_id: str) -> CertificateRequest | None:
        """Return the newest request of a SCEP transaction."""
        ...

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        ...

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        ...

    def add_request(self, request: CertificateRequest) -> CertificateRequest:
        """Keep a new request; return it with its id."""
        ...

    def update_request(self, request: CertificateRequest) -> None:
        """Keep what has changed of a request."""
        ...

    def add_certificate(self, certificate: IssuedCertificate) -> None:
        """Keep a certificate."""
        ...

    def add_decision(self, decision: Decision) -> None:
        """Add a line to the audit."""
        ...


class Store(Protocol):
    """Whoever keeps the ledger."""

    def write(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction; an exception inside undoes it."""
        ...

    def requests(self, state: State | None = None) -> Sequence[CertificateRequest]:
        """Return all requests, or those in one state, oldest first."""
        ...

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        ...

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        ...

    def certificates(self) -> Sequence[IssuedCertificate]:
        """Return all certificates, oldest first."""
        ...

    def decisions(self, request_id: int) -> Sequence[Decision]:
        """Return the audit of one request, oldest first."""
        ...
