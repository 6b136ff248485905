"""What the CA must remember, and what it asks of whoever keeps it.

A ``Transaction`` is all or nothing, and is on disk when its ``with`` ends; so no answer leaves before
what it says is safe.  It names the thing it is about, and excludes every other transaction about the same
thing, in this process and in every other, while it lasts; it sees what those had committed.  So twenty
copies of one message make one request, and two operators do not decide twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ca_server.domain.requests import CertificateRequest, State


class StoreBusy(Exception):
    """The store cannot be read or written at the moment; the same again may work."""


# The things that a transaction can be about.
ABOUT_CHALLENGES = "challenges"
ABOUT_TOKENS = "tokens"
ABOUT_SETTINGS = "settings"
ABOUT_ISSUING = "issuing"  # shared by all who issue

ISSUED_AT_ONCE = 500  # certificates, in ``Store.issued_between``


def about_transaction(transaction_id: str) -> str:
    """Whatever happens in one SCEP transaction: its requests, and the decisions on them."""
    return f"transaction {transaction_id}"


def about_subject(subject_key: str) -> str:
    """The certificates of one subject; see ``requests.subject_key``."""
    return f"subject {subject_key}"


def about_certificates_of(issuer: str) -> str:
    """The revocations of one CA's certificates, and its CRL; ``issuer`` is ``Issuer.name``."""
    return f"certificates of {issuer}"


class CertificateState(StrEnum):
    """Where a certificate stands at an instant."""

    VALID = "valid"
    EXPIRED = "expired"
    HELD = "held"
    REVOKED = "revoked"


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate, the request that it answers, and its revocation.

    ``issuer`` is the name of the CA that signed it, such as ``ca-1`` (see ``succession``).  ``reason`` is
    RFC 5280's code.  ``wrong_passwords`` counts those who could not revoke it.  ``subject_key`` is what all
    ways to write the same subject have in common.
    """

    serial_number: int
    request_id: int
    issuer: str
    subject: str
    subject_key: str = field(repr=False)
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False)
    revoked_at: datetime | None = None
    reason: int | None = None
    invalidity_date: datetime | None = None
    wrong_passwords: int = 0
    id: int = 0

    def state(self, now: datetime) -> CertificateState:
        """Where it stands; a revoked one stays so after its end."""
        if self.revoked_at is not None:
            return CertificateState.HELD if self.reason == 6 else CertificateState.REVOKED
        return CertificateState.EXPIRED if now >= self.not_after else CertificateState.VALID


@dataclass(frozen=True)
class IssuedCrl:
    """One CRL of the CA named ``issuer``; ``number`` never goes back (RFC 5280 section 5.2.3)."""

    issuer: str
    number: int
    this_update: datetime
    next_update: datetime
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class Challenge:
    """A challenge password that somebody was given; only its keyed hash is kept.

    ``device`` binds it to one device's name; None: whoever has it.  ``once``: it is used up by the first
    request that is taken in with it, whose id is then ``used_by``.
    """

    digest: bytes = field(repr=False)
    device: str | None
    once: bool
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None = None
    used_by: int | None = None
    id: int = 0


class What(StrEnum):
    """What the audit tells of."""

    ISSUED = "issued"
    DENIED = "denied"
    NOTED = "noted"
    REVOKED = "revoked"
    HELD = "held"
    RELEASED = "released"
    WRONG_PASSWORD = "wrong-password"  # at a revocation
    ALARM = "alarm"  # a one-time challenge password was used again (RFC 8894 section 7.3)
    CHALLENGE = "challenge"  # one was given out
    CHALLENGE_WITHDRAWN = "challenge-withdrawn"
    CRL = "crl"
    CRL_SERVING = "crl-serving"
    ROLLOVER = "rollover"
    TOKEN = "token"
    TOKEN_WITHDRAWN = "token-withdrawn"


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit: who did what, at which lab time (the store adds the world's).

    ``by`` is an operator's name, ``policy`` when nobody was asked, or a client's address.
    """

    what: What
    by: str
    at: datetime
    request_id: int | None = None
    serial_number: int | None = None
    text: str | None = None
    wall_at: datetime | None = None  # filled in by the store
    id: int = 0


@dataclass(frozen=True)
class Token:
    """A bearer token of the operators' API; only its hash is kept."""

    name: str
    digest: bytes = field(repr=False)
    created_at: datetime
    created_by: str
    id: int = 0


@dataclass(frozen=True)
class RequestFilter:
    """Which requests: those for which everything given holds.

    ``search`` is a text anywhere in subject, names, transaction ID or fingerprints, in any case and however
    the digits of a fingerprint are grouped.
    """

    state: State | None = None
    profile: str | None = None
    source: str | None = None
    transaction_id: str | None = None
    search: str | None = None


@dataclass(frozen=True)
class CertificateFilter:
    """Which certificates; ``search`` is a text in the subject or the serial number, as in RequestFilter."""

    state: CertificateState | None = None
    issuer: str | None = None
    search: str | None = None


@dataclass(frozen=True)
class AuditFilter:
    """Which lines of the audit."""

    what: What | None = None
    request_id: int | None = None
    serial_number: int | None = None


@dataclass(frozen=True)
class Slice:
    """A part of a list that is ordered by id: at most ``limit`` of those after ``after``.

    ``newest_first`` turns the order, and ``after`` with it.  None for ``after`` begins at the start.
    """

    after: int | None = None
    limit: int = 100
    newest_first: bool = False


class Reader(Protocol):
    """Looking things up."""

    def latest_request(self, transaction_id: str) -> CertificateRequest | None:
        """Return the newest request of a SCEP transaction."""
        ...

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        ...

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        ...

    def valid_certificate_of(self, subject_key: str, issuer: str, now: datetime) -> IssuedCertificate | None:
        """Return the newest certificate of a subject from one CA that is neither revoked nor at its end.

        One that is held may become valid again, and counts.
        """
        ...

    def requests_of(self, transaction_id: str) -> Sequence[CertificateRequest]:
        """Return the requests of a SCEP transaction, newest first; the newest hundred if there are more."""
        ...

    def revoked_certificates(self, issuer: str, now: datetime) -> Sequence[IssuedCertificate]:
        """Return one CA's revoked and held certificates that have not ended, by serial number's arrival."""
        ...

    def latest_crl(self, issuer: str) -> IssuedCrl | None:
        """Return the CRL with the highest number of one CA."""
        ...

    def challenge(self, digest: bytes) -> Challenge | None:
        """Return the challenge with this keyed hash."""
        ...

    def open_challenges(self, now: datetime) -> int:
        """Count the one-time challenges without a device that are neither used nor at their end."""
        ...

    def token(self, digest: bytes) -> Token | None:
        """Return the token with this hash."""
        ...

    def setting(self, name: str) -> str | None:
        """Return a setting that operators change while the CA runs."""
        ...


class Transaction(Reader, Protocol):
    """Reading and writing, alone."""

    def also(self, about: str) -> None:
        """Be alone with a second thing, too.  Who needs two takes ``about_subject`` last, or none waits."""
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

    def update_certificate(self, certificate: IssuedCertificate) -> None:
        """Keep what has changed of a certificate: its revocation."""
        ...

    def add_crl(self, crl: IssuedCrl) -> None:
        """Keep a CRL in place of its predecessor."""
        ...

    def add_challenge(self, challenge: Challenge) -> Challenge:
        """Keep a new challenge; return it with its id."""
        ...

    def use_challenge(self, challenge: Challenge, *, by: int, now: datetime) -> bool:
        """Mark a challenge as used by a request; False when somebody has used it in the meantime."""
        ...

    def withdraw_challenge(self, challenge_id: int) -> bool:
        """Forget a challenge; False when there is none."""
        ...

    def add_token(self, token: Token) -> Token:
        """Keep a new token; return it with its id."""
        ...

    def withdraw_token(self, token_id: int) -> bool:
        """Forget a token; False when there is none."""
        ...

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        ...

    def add_audit(self, entry: AuditEntry) -> None:
        """Add a line to the audit."""
        ...


class Store(Reader, Protocol):
    """Whoever keeps the ledger."""

    def write(self, about: str) -> AbstractContextManager[Transaction]:
        """Begin a transaction about one thing; an exception inside undoes it."""
        ...

    def requests(self, wanted: RequestFilter, part: Slice) -> Sequence[CertificateRequest]:
        """Return a part of the requests that are wanted."""
        ...

    def request_counts(self) -> dict[State, int]:
        """Count the requests in each state."""
        ...

    def certificates(
        self, wanted: CertificateFilter, part: Slice, now: datetime
    ) -> Sequence[IssuedCertificate]:
        """Return a part of the certificates that are wanted."""
        ...

    def last_issued(self) -> int:
        """Return the id of the newest certificate; 0: there is none.

        None with a lower id comes later: whoever has read all up to here has missed nothing.
        """
        ...

    def issued_between(self, after: int, upto: int) -> Sequence[IssuedCertificate]:
        """Return the first ``ISSUED_AT_ONCE`` certificates with an id above ``after`` and up to ``upto``."""
        ...

    def challenges(self, part: Slice) -> Sequence[Challenge]:
        """Return a part of the challenges."""
        ...

    def audit(self, wanted: AuditFilter, part: Slice) -> Sequence[AuditEntry]:
        """Return a part of the audit."""
        ...

    def tokens(self) -> Sequence[Token]:
        """Return all tokens."""
        ...
