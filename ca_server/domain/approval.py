"""What operators do with the queue: look, approve, deny, note.  And how anything is issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ca_server.domain.authority import Authorities
from ca_server.domain.challenges import Hasher, revocation_digest
from ca_server.domain.issuance import Terms
from ca_server.domain.ledger import (
    AuditEntry,
    AuditFilter,
    CertificateState,
    IssuedCertificate,
    RequestFilter,
    Slice,
    Store,
    StoreBusy,
    Transaction,
    What,
    about_subject,
    about_transaction,
)
from ca_server.domain.places import Places
from ca_server.domain.policy import Policy, Refuse, never_issued
from ca_server.domain.profiles import Profile, Profiles
from ca_server.domain.requests import (
    CertificateRequest,
    ChallengeState,
    Event,
    State,
    Submission,
    next_state,
    subject_key,
    take_in,
)
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate
from scep_core.csr import Csr, read_csr, slice_csr
from scep_core.errors import PeerError
from scep_core.values import Digest, FailInfo

# AD CS has no free text with a denial; this one is an addition of ours (labs.md 5.2).
MAX_REASON = 255
MAX_NOTE = 2000
MAX_LIFETIME = timedelta(days=3650)


class NoSuchRequest(LookupError):
    """No request has this number."""


class RequestChanged(Exception):
    """The client has sent another request in the meantime than the one that was seen."""


class NoSuchProfile(LookupError):
    """The CA has no profile of this name."""


class BadReason(ValueError):
    """The reason of a denial cannot be sent to a client."""


class BadNote(ValueError):
    """A note that cannot be kept."""


class BadLifetime(ValueError):
    """No certificate lasts that long."""


class SubjectTaken(Exception):
    """There is a valid certificate with this subject, and no second one is issued here."""

    def __init__(self) -> None:
        super().__init__("there is a valid certificate with this subject: it has to be revoked first")


class RenewedRevoked(Exception):
    """The certificate that a request renews has been revoked, or is held, since it was sent."""

    def __init__(self) -> None:
        super().__init__("the certificate that this renews is no longer valid")


class BadSubmission(ValueError):
    """What an operator has brought is no request that could be certified."""


# A request that came by hand: there was no SCEP message, and so no type, no transaction, no signer of one.
BY_HAND = "nobody: brought by an operator"
NO_MESSAGE = 0  # reserved by RFC 8894 section 3.2.1.2


class Issuer:
    """Turns requests into certificates, inside a transaction of the store."""

    def __init__(self, authorities: Authorities, places: Places, random_bytes: RandomBytes) -> None:
        self._authorities = authorities
        self._places = places
        self._random_bytes = random_bytes

    def refusal(self, submission: Submission, policy: Policy) -> Refuse | None:
        """Why nobody has this certified, whoever decides; None when it can be."""
        refusal = never_issued(submission, policy)
        if refusal is None and self._authorities().is_own_name(submission.csr.subject):
            return Refuse(FailInfo.BAD_REQUEST, "the CA's own name")
        return refusal

    def generation(self, now: datetime) -> int:
        """The number of the CA's generation that a request is for which names none."""
        return self._authorities().current(now).number

    def issue(
        self,
        ledger: Transaction,
        request: CertificateRequest,
        terms: Terms,
        event: Event,
        *,
        by: str,
        now: datetime,
        text: str | None = None,
        csr: Csr | None = None,
    ) -> tuple[CertificateRequest, Certificate]:
        """Certify a pending request, be it kept already or new; keep certificate, request and decision.

        ``csr`` is what the request holds, where the caller has read it already.  WrongState,
        AuthorityExpired, SubjectTaken, RenewedRevoked; StoreBusy where the CA's generation is not known yet.
        """
        state = next_state(request.state, event)
        try:
            authority = self._authorities().numbered(request.authority)
        except LookupError as error:  # another machine has made it
            raise StoreBusy(str(error)) from error
        csr = csr or slice_csr(request.csr)
        key = subject_key(csr.subject)
        self._check_renewed(ledger, request, now)
        self.check_subject(ledger, request, terms, now)
        certificate = authority.issue(
            csr,
            terms,
            places=self._places,
            now=now,
            random_bytes=self._random_bytes,
        )
        serial_number = certificate.serial_number
        decided = replace(request, state=state, decided_at=now, decided_by=by, serial_number=serial_number)
        if decided.id:
            ledger.update_request(decided)
        else:
            decided = ledger.add_request(decided)
        ledger.add_certificate(
            IssuedCertificate(
                serial_number=serial_number,
                request_id=decided.id,
                issuer=authority.ca.name,
                subject=decided.subject,
                subject_key=key,
                not_before=certificate.not_before,
                not_after=certificate.not_after,
                der=certificate.der,
            )
        )
        ledger.add_audit(AuditEntry(What.ISSUED, by, now, decided.id, serial_number, text))
        return decided, certificate

    def check_subject(
        self, ledger: Transaction, request: CertificateRequest, terms: Terms, now: datetime
    ) -> None:
        """Raise SubjectTaken when the subject may have no second certificate.

        A renewal may; and who has no subject is told apart by his alternative names.
        """
        key = subject_key(slice_csr(request.csr).subject) if terms.unique_subjects else ""
        if key and request.renews is None:
            ledger.also(about_subject(key))  # until the end of the transaction
            ca = self._authorities().numbered(request.authority).ca
            if ledger.valid_certificate_of(key, ca.name, now):
                raise SubjectTaken

    @staticmethod
    def _check_renewed(ledger: Transaction, request: CertificateRequest, now: datetime) -> None:
        # That it has ended in the meantime is no fault of who has asked in time.
        renewed = None if request.renews is None else ledger.certificate(request.renews)
        if renewed is not None and renewed.state(now) in (CertificateState.REVOKED, CertificateState.HELD):
            raise RenewedRevoked


class ApprovalDesk:
    """The operators' side of the queue."""

    def __init__(self, store: Store, issuer: Issuer, profiles: Profiles, hasher: Hasher) -> None:
        self._store = store
        self._issuer = issuer
        self._profiles = profiles
        self._hasher = hasher

    def requests(self, wanted: RequestFilter, part: Slice) -> Sequence[CertificateRequest]:
        """A part of the requests that are wanted."""
        return self._store.requests(wanted, part)

    def counts(self) -> dict[State, int]:
        """How many requests there are in each state."""
        return self._store.request_counts()

    def request(self, request_id: int) -> CertificateRequest:
        """One request; NoSuchRequest."""
        found = self._store.request(request_id)
        if found is None:
            raise NoSuchRequest(f"there is no request {request_id}")
        return found

    def audit(self, request_id: int) -> Sequence[AuditEntry]:
        """What has happened to one request: its decisions and notes."""
        return self._store.audit(AuditFilter(request_id=request_id), Slice(limit=1000))

    def submit(self, der: bytes, *, profile: str, by: str, source: str, now: datetime) -> CertificateRequest:
        """Put a certification request into the queue that came by hand; it waits like any other.

        Its challenge password is not asked for, as an operator vouches for it, but revokes the certificate
        later.  The same request again, while it waits, is the one that waits.  BadSubmission, NoSuchProfile.
        """
        chosen = self._profile(profile)
        try:
            csr = read_csr(der, chosen.algorithms)
        except PeerError as error:
            raise BadSubmission(str(error)) from error
        submission = Submission(
            csr=csr,
            signer=None,
            signer_kind=BY_HAND,
            own_signer=False,
            transaction_id=f"by-hand-{csr.fingerprint(Digest.SHA256).hex()}",
            sender_nonce=b"",
            message_type=NO_MESSAGE,
            profile=chosen.name,
            source=source,
            authority=self._issuer.generation(now),
        )
        refusal = self._issuer.refusal(submission, chosen.policy)
        if refusal is not None:
            raise BadSubmission(refusal.text)
        password = csr.challenge_password
        challenge = ChallengeState.NOT_CHECKED if password else ChallengeState.ABSENT
        digest = revocation_digest(self._hasher, chosen.policy.challenge, password)
        with self._store.write(about_transaction(submission.transaction_id)) as ledger:
            known = ledger.latest_request(submission.transaction_id)
            if known is not None and known.state is State.PENDING:
                return known
            taken = ledger.add_request(take_in(submission, challenge, digest, now))
            ledger.add_audit(AuditEntry(What.NOTED, by, now, request_id=taken.id, text="brought by hand"))
        return taken

    def approve(
        self,
        request_id: int,
        *,
        by: str,
        now: datetime,
        profile: str | None = None,
        lifetime: timedelta | None = None,
        seen: str | None = None,
    ) -> CertificateRequest:
        """Issue the certificate of a pending request, on its own profile's terms or on others.

        ``seen`` is the SHA-256 that the operator has compared; None does not look.  NoSuchRequest,
        NoSuchProfile, BadLifetime, WrongState, RequestChanged, and what ``Issuer.issue`` raises.
        """
        about = self.request(request_id).transaction_id
        with self._store.write(about_transaction(about)) as ledger:
            request = _existing(ledger, request_id, seen)
            terms = self._terms(profile or request.profile)
            changed = [] if profile in (None, request.profile) else [f"profile {profile}"]
            if lifetime is not None:
                if not timedelta() < lifetime <= MAX_LIFETIME:
                    raise BadLifetime(f"a certificate lasts up to {MAX_LIFETIME.days} days")
                terms = replace(terms, lifetime=lifetime)
                changed.append(f"lifetime {lifetime}")
            text = ", ".join(changed) or None
            return self._issuer.issue(ledger, request, terms, Event.APPROVE, by=by, now=now, text=text)[0]

    def _terms(self, profile: str) -> Terms:
        return self._profile(profile).policy.terms

    def _profile(self, profile: str) -> Profile:
        try:
            return self._profiles.named(profile)
        except LookupError:
            raise NoSuchProfile(f"there is no profile {profile!r}") from None

    def deny(
        self, request_id: int, reason: str, *, by: str, now: datetime, seen: str | None = None
    ) -> CertificateRequest:
        """Refuse a pending request: NoSuchRequest, WrongState, RequestChanged, BadReason.

        The reason is told to the client in failInfoText.
        """
        reason = reason.strip()
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise BadReason(f"a reason is up to {MAX_REASON} printable characters")
        about = self.request(request_id).transaction_id
        with self._store.write(about_transaction(about)) as ledger:
            return refuse(ledger, _existing(ledger, request_id, seen), reason, by=by, now=now)

    def note(self, request_id: int, text: str, *, by: str, now: datetime) -> AuditEntry:
        """Add a remark to a request's history: NoSuchRequest, BadNote.  The client never sees it."""
        text = text.strip()
        if not 0 < len(text) <= MAX_NOTE or not all(each.isprintable() or each == "\n" for each in text):
            raise BadNote(f"a note is 1 to {MAX_NOTE} printable characters")
        entry = AuditEntry(What.NOTED, by, now, request_id=request_id, text=text)
        about = self.request(request_id).transaction_id
        with self._store.write(about_transaction(about)) as ledger:
            ledger.add_audit(entry)
        return entry


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
    ledger.add_audit(AuditEntry(What.DENIED, by, now, request_id=request.id, text=reason or None))
    return denied


def _existing(ledger: Transaction, request_id: int, seen: str | None) -> CertificateRequest:
    request = ledger.request(request_id)
    if request is None:
        raise NoSuchRequest(f"there is no request {request_id}")
    if seen is not None and seen != request.sha256:
        raise RequestChanged(f"request {request_id} is no longer the one that was seen")
    return request
