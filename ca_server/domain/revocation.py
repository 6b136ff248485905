"""Revoking certificates, holding them back for a while, and letting them go again.

A certificate that is valid may be revoked for good or held; one that is held comes back by a RELEASE, or is
revoked for good after all.  A revocation is final.  What has ended needs none.  What is absent from TABLE is
refused with WrongCertificateState.

Every change is in the next CRL, which is made in the same transaction: whoever was told that a certificate is
revoked finds it in the CRL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from ca_server.domain.authority import Authorities
from ca_server.domain.challenges import Hasher, Use
from ca_server.domain.crl_desk import CrlDesk, CrlSettings
from ca_server.domain.ledger import (
    AuditEntry,
    CertificateFilter,
    CertificateState,
    IssuedCertificate,
    Slice,
    Store,
    Transaction,
    What,
    about_certificates_of,
)

WRONG_PASSWORDS = 3  # so many wrong tries lock a certificate's password
_EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)  # of invalidity dates; ours: where X.509's calendar begins


class Reason(IntEnum):
    """CRLReason, RFC 5280 section 5.3.1."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10

    @property
    def rfc_name(self) -> str:
        """The RFC's spelling: ``keyCompromise``, ``cACompromise``, ..."""
        first, *rest = self.name.lower().split("_")
        regular = first + "".join(word.capitalize() for word in rest)
        return _IRREGULAR.get(regular, regular)


_IRREGULAR = {
    "caCompromise": "cACompromise",
    "removeFromCrl": "removeFromCRL",
    "aaCompromise": "aACompromise",
}

HOLD = Reason.CERTIFICATE_HOLD


class Change(StrEnum):
    """What can be done to a certificate."""

    REVOKE = "revoke"
    HOLD = "hold"
    RELEASE = "release"


# (state, change) -> next state
TABLE: dict[tuple[CertificateState, Change], CertificateState] = {
    (CertificateState.VALID, Change.REVOKE): CertificateState.REVOKED,
    (CertificateState.VALID, Change.HOLD): CertificateState.HELD,
    (CertificateState.HELD, Change.REVOKE): CertificateState.REVOKED,
    (CertificateState.HELD, Change.RELEASE): CertificateState.VALID,
}

_WRONG = "no certificate of this serial number is revoked by this password"
_LOCKED = "the password was wrong too often: only an operator can revoke this now"

_WHAT = {
    CertificateState.REVOKED: What.REVOKED,
    CertificateState.HELD: What.HELD,
    CertificateState.VALID: What.RELEASED,
}


class NoSuchCertificate(LookupError):
    """No certificate of ours has this serial number."""


class WrongCertificateState(Exception):
    """The certificate's state does not allow this."""


class BadReason(ValueError):
    """No such revocation can be: the reason or the invalidity date makes no sense."""


class WrongPassword(Exception):
    """The password revokes no certificate of this serial number.  Which of the two is wrong is not told."""


class PasswordLocked(Exception):
    """The certificate's password was given wrong too often, and revokes it no more."""


def next_state(state: CertificateState, change: Change) -> CertificateState:
    """The state after ``change``; WrongCertificateState when TABLE has none."""
    try:
        return TABLE[state, change]
    except KeyError:
        raise WrongCertificateState(f"the certificate is {state}: {change} is not possible") from None


class RevocationDesk(CrlDesk):
    """Looks after the certificates that were issued, and the CRLs that tell of them."""

    def __init__(
        self, store: Store, authorities: Authorities, hasher: Hasher, settings: CrlSettings | None = None
    ) -> None:
        super().__init__(store, authorities, settings)
        self._hasher = hasher

    def certificates(
        self, wanted: CertificateFilter, part: Slice, now: datetime
    ) -> Sequence[IssuedCertificate]:
        """Return a part of the certificates that are wanted."""
        return self._store.certificates(wanted, part, now)

    def certificate(self, serial_number: int) -> IssuedCertificate:
        """Return one certificate; NoSuchCertificate."""
        return _existing(self._store.certificate(serial_number), serial_number)

    def revoke(
        self,
        serial_number: int,
        *,
        reason: Reason = Reason.UNSPECIFIED,
        invalidity_date: datetime | None = None,
        by: str,
        now: datetime,
    ) -> IssuedCertificate:
        """Revoke a certificate, or hold it: NoSuchCertificate, WrongCertificateState, BadReason.

        ``invalidity_date`` is since when the key or the certificate is thought to be no good.  Reason 8,
        removeFromCRL, releases a hold; it stands in no CRL of ours, for it belongs into delta CRLs alone
        (RFC 5280 section 5.3.1).
        """
        if reason is Reason.REMOVE_FROM_CRL:
            if invalidity_date is not None:
                raise BadReason("a release has no invalidity date")
            return self.release(serial_number, by=by, now=now)
        if invalidity_date is not None:
            _check_invalidity_date(invalidity_date, now)
        issuer = self.certificate(serial_number).issuer
        with self._store.write(about_certificates_of(issuer)) as ledger:
            known = _existing(ledger.certificate(serial_number), serial_number)
            return self._revoke(ledger, known, reason, invalidity_date, by=by, now=now)

    def release(self, serial_number: int, *, by: str, now: datetime) -> IssuedCertificate:
        """Let a held certificate be valid again: NoSuchCertificate, WrongCertificateState."""
        issuer = self.certificate(serial_number).issuer
        with self._store.write(about_certificates_of(issuer)) as ledger:
            known = _existing(ledger.certificate(serial_number), serial_number)
            released = replace(known, revoked_at=None, reason=None, invalidity_date=None)
            return self._change(ledger, known, released, Change.RELEASE, by=by, now=now)

    def revoke_with_password(
        self, serial_number: int, password: str, *, source: str, now: datetime
    ) -> IssuedCertificate:
        """Revoke a certificate for whoever knows the challenge password that it was asked for with.

        That is what the password is for: "You will need to verbally provide this password to the CA
        Administrator in order to revoke your certificate" (the chapter; here without the conversation).

        WrongPassword, PasswordLocked, and WrongCertificateState for the right password alone.  A certificate
        that has no password answers as one that does not exist, after the same work, and neither leaves a
        trace: else anybody could fill the audit.  ``source`` is the client's address.
        """
        certificate = self._store.certificate(serial_number)
        request = self._store.request(0 if certificate is None else certificate.request_id)
        digest = (request and request.challenge_digest) or b""
        right = self._hasher.matches(password, digest, Use.ENROLMENT)
        if certificate is None or not digest:
            raise WrongPassword(_WRONG)
        if certificate.wrong_passwords >= WRONG_PASSWORDS:
            raise PasswordLocked(_LOCKED)  # before the transaction: guesses must not keep others waiting
        with self._store.write(about_certificates_of(certificate.issuer)) as ledger:
            known = _existing(ledger.certificate(serial_number), serial_number)
            locked = known.wrong_passwords >= WRONG_PASSWORDS
            if right and not locked:
                how = "challenge password"
                return self._revoke(ledger, known, Reason.UNSPECIFIED, by=source, now=now, how=how)
            if not locked:
                tries = known.wrong_passwords + 1
                ledger.update_certificate(replace(known, wrong_passwords=tries))
                ledger.add_audit(_told(What.WRONG_PASSWORD, known, source, now, f"try {tries}"))
                locked = tries >= WRONG_PASSWORDS
        # Out here, so that the wrong try is kept.
        raise PasswordLocked(_LOCKED) if locked else WrongPassword(_WRONG)

    def _revoke(
        self,
        ledger: Transaction,
        known: IssuedCertificate,
        reason: Reason,
        invalidity_date: datetime | None = None,
        *,
        by: str,
        now: datetime,
        how: str | None = None,
    ) -> IssuedCertificate:
        revoked = replace(known, revoked_at=now, reason=int(reason), invalidity_date=invalidity_date)
        change = Change.HOLD if reason is HOLD else Change.REVOKE
        since = f"invalid since {invalidity_date:%Y-%m-%d %H:%M:%S} UTC" if invalidity_date else None
        text = ", ".join(filter(None, (reason.rfc_name, since, how)))
        return self._change(ledger, known, revoked, change, by=by, now=now, text=text)

    def _change(
        self,
        ledger: Transaction,
        known: IssuedCertificate,
        changed: IssuedCertificate,
        change: Change,
        *,
        by: str,
        now: datetime,
        text: str | None = None,
    ) -> IssuedCertificate:
        state = next_state(known.state(now), change)
        ledger.update_certificate(changed)
        ledger.add_audit(_told(_WHAT[state], known, by, now, text))
        self._reissue(ledger, self._ca(known.issuer), now)
        return changed


def _check_invalidity_date(invalidity_date: datetime, now: datetime) -> None:
    if invalidity_date.tzinfo is None:
        raise BadReason("the invalidity date has no time zone")
    if not _EARLIEST <= invalidity_date <= now:
        raise BadReason(f"the invalidity date is from {_EARLIEST.year} on, and not in the future")


def _existing(certificate: IssuedCertificate | None, serial_number: int) -> IssuedCertificate:
    if certificate is None:
        raise NoSuchCertificate(f"there is no certificate {serial_number:X}")
    return certificate


def _told(what: What, certificate: IssuedCertificate, by: str, at: datetime, text: str | None) -> AuditEntry:
    return AuditEntry(
        what, by, at, request_id=certificate.request_id, serial_number=certificate.serial_number, text=text
    )
