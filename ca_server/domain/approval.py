"""What operators do with the queue: look, approve, deny.  And the one way in which anything is issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ca_server.domain.authority import Authority
from ca_server.domain.ledger import Decision, IssuedCertificate, Store, Transaction
from ca_server.domain.policy import Policy
from ca_server.domain.requests import CertificateRequest, Event, State, next_state
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate
from scep_core.csr import slice_csr

# AD CS has no free text with a denial; this one is an addition of ours (labs.md 5.2).
MAX_REASON = 255


class NoSuchRequest(LookupError):
    """No request has this number."""


class BadReason(ValueError):
    """The reason of a denial cannot be sent to a client."""


class Issuer:
    """Turns requests into certificates, inside a transaction of the store."""

    def __init__(self, authority: Authority, policy: Policy, random_bytes: RandomBytes) -> None:
        self._authority = authority
        self._policy = policy
        self._random_bytes = random_bytes

    def issue(
        self, ledger: Transaction, request: CertificateRequest, *, by: str, now: datetime
    ) -> tuple[CertificateRequest, Certificate]:
        """Certify a request whose state already says so; keep certificate, request and decision.

        AuthorityExpired when the CA's own certificate has ended.
        """
        certificate = self._authority.issue(
            slice_csr(request.csr), now=now, lifetime=self._policy.lifetime, random_bytes=self._random_bytes
        )
        serial = certificate.serial_number
        decided = replace(request, decided_at=now, decided_by=by, serial_number=serial)
        ledger.add_certificate(
            IssuedCertificate(
                serial_number=serial,
                request_id=request.id,
                subject=request.subject,
                not_before=certificate.not_before,
                not_after=certificate.not_after,
                der=certificate.der,
            )
        )
        ledger.update_request(decided)
        ledger.add_decision(Decision(request.id, "issued", by, now, serial_number=serial))
        return decided, certificate


class ApprovalDesk:
    """The operators' side of the queue."""

    def __init__(self, store: Store, issuer: Issuer) -> None:
        self._store = store
        self._issuer = issuer

    def requests(self, state: State | None = None) -> Sequence[CertificateRequest]:
        """All requests, or those in one state, oldest first."""
        return self._store.requests(state)

    def request(self, request_id: int) -> CertificateRequest:
        """One request; NoSuchRequest."""
        return _existing(self._store.request(request_id), request_id)

    def decisions(self, request_id: int) -> Sequence[Decision]:
        """The audit of one request."""
        return self._store.decisions(request_id)

    def certificates(self) -> Sequence[IssuedCertificate]:
        """All certificates, oldest first."""
        return self._store.certificates()

    def approve(self, request_id: int, *, by: str, now: datetime) -> CertificateRequest:
        """Issue the certificate of a pending request: NoSuchRequest, WrongState, AuthorityExpired."""
        with self._store.write() as ledger:
            request = _existing(ledger.request(request_id), request_id)
            approved = replace(request, state=next_state(request.state, Event.APPROVE))
            return self._issuer.issue(ledger, approved, by=by, now=now)[0]

    def deny(self, request_id: int, reason: str, *, by: str, now: datetime) -> CertificateRequest:
        """Refuse a pending request: NoSuchRequest, WrongState, BadReason.

        The reason is told to the client in failInfoText.
        """
        reason = reason.strip()
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise BadReason(f"a reason is up to {MAX_REASON} printable characters")
        with self._store.write() as ledger:
            return refuse(ledger, _existing(ledger.request(request_id), request_id), reason, by=by, now=now)


def refuse(
    ledger: Transaction, request: CertificateRequest, reason: str, *, by: str, now: datetime
) -> CertificateRequest:
    """Deny a pending request; WrongState."""
    denied = replace(
        request,
        state=next_state(request.state, Event.DENY),
        decided_at=now,
        decided_by=by,
        reason=reason or None,
    )
    ledger.update_request(denied)
    ledger.add_decision(Decision(request.id, "denied", by, now, reason=reason or None))
    return denied


def _existing(request: CertificateRequest | None, request_id: int) -> CertificateRequest:
    if request is None:
        raise NoSuchRequest(f"there is no request {request_id}")
    return request
