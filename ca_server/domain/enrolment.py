"""Requests and polls: what a client that wants a certificate is told.

A request is first looked up in its transaction: whoever asks for the same again gets the answer that
stands.  A new one has its challenge password checked and is decided about; what is taken in is kept before
anything is said.  What a poll or a repetition is told also depends on what has come in the meantime: an
operator's decision, or what the policy waits for.

The four resynchronisation cases of RFC 8894 section 5.2: (1) a new PKCSReq in a new transaction waits beside
the old one; (2) and (4) a resumed CertPoll is answered like any other, also after the certificate was issued;
(3) a new PKCSReq for a subject that has a valid certificate is refused where ``unique_subjects`` says so,
until an operator revokes that one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ca_server.domain import challenges
from ca_server.domain.approval import Issuer, RenewedRevoked, SubjectTaken, refuse
from ca_server.domain.authority import Authority, AuthorityExpired, Succession, same_name
from ca_server.domain.challenges import ChallengeRule, ChallengeUsed, Checked, Hasher, revocation_digest
from ca_server.domain.issuance import is_good_for
from ca_server.domain.ledger import CertificateState, IssuedCertificate, Store, Transaction, about_transaction
from ca_server.domain.policy import Issue, Policy, Refuse, decide, is_due
from ca_server.domain.profiles import Profile, Profiles
from ca_server.domain.requests import (
    CertificateRequest,
    ChallengeState,
    Event,
    State,
    Submission,
    asks_again,
    next_state,
    repeated,
    same_key,
    take_in,
)
from scep_core.certificates import SUBJECT_ALT_NAME, Certificate, read_certificate, read_subject_alt_name
from scep_core.codec import Request
from scep_core.csr import Csr
from scep_core.errors import PeerError
from scep_core.messages import Failure, Pending, RenewalReq, ReplyMessage, Success
from scep_core.names import COMMON_NAME, UNSTRUCTURED_NAME, parse_name
from scep_core.values import FailInfo

POLICY = "policy"  # who has decided when nobody was asked
REPLACED = "replaced by a request for something else with the same key"
SELF_SIGNED = "self-signed"
RENEWAL = "issued by this CA"
# Why a request that nobody refuses is not issued all the same.
NOT_ISSUED = (AuthorityExpired, SubjectTaken, RenewedRevoked)
_NOT_ASKED = (ChallengeState.ABSENT, ChallengeState.NOT_CHECKED)
FOREIGN = "issued by another CA (not verified)"


@dataclass(frozen=True)
class Exchange:
    """What a request's handling needs besides the message; ``wall`` is the world's time."""

    profile: Profile
    source: str
    now: datetime
    wall: datetime


class Enrolment:
    """The CA's side of PKCSReq, RenewalReq and CertPoll."""

    def __init__(self, *, store: Store, profiles: Profiles, issuer: Issuer, hasher: Hasher) -> None:
        self._store = store
        self._profiles = profiles
        self._issuer = issuer
        self._hasher = hasher

    # ------------------------------------------------------------------------------- requests

    def request(self, csr: Csr, request: Request, succession: Succession, exchange: Exchange) -> ReplyMessage:
        """Answer a PKCSReq or a RenewalReq."""
        try:
            succession.answering(request.recipient).check_lasts(exchange.now)
        except AuthorityExpired as error:
            raise PeerError(FailInfo.BAD_REQUEST, str(error)) from error
        submission = self._submission(csr, request, succession, exchange)
        refusal = self._issuer.refusal(submission, exchange.profile.policy)
        if refusal is not None:
            raise PeerError(refusal.fail_info, refusal.text)
        while True:
            try:
                with self._store.write(about_transaction(submission.transaction_id)) as ledger:
                    return self._take(ledger, submission, exchange)
            except ChallengeUsed:  # by another request, since we looked: look again
                continue
            except NOT_ISSUED as error:  # undoes the transaction: nothing is remembered of it
                raise PeerError(FailInfo.BAD_REQUEST, str(error)) from error

    def _submission(
        self, csr: Csr, request: Request, succession: Succession, exchange: Exchange
    ) -> Submission:
        signer = request.signer
        own = succession.issuer_of(signer)
        kind = SELF_SIGNED if signer.is_self_issued else FOREIGN if own is None else RENEWAL
        return Submission(
            csr=csr,
            signer=signer,
            signer_kind=kind,
            own_signer=own is not None,
            transaction_id=request.head.transaction_id,
            sender_nonce=request.head.sender_nonce or b"",
            message_type=request.message.message_type,
            profile=exchange.profile.name,
            source=exchange.source,
            authority=succession.answering(request.recipient).number,
            renews=self._renews(csr, request, own),
        )

    def _renews(self, csr: Csr, request: Request, own: Authority | None) -> int | None:
        """The serial number of the certificate that this renews; None when it asks for a first one.

        A RenewalReq must be signed with a certificate of ours, and for its names (RFC 8894 section 2.3).
        Cisco's routers renew by a PKCSReq (``scep.md`` 3.3), and there is no telling one for other names
        from an enrolment.
        """
        must = isinstance(request.message, RenewalReq)
        # The RAs' certificates are ours as well, but are nobody's to renew: they are not in the ledger.
        issued = None if own is None else self._store.certificate(request.signer.serial_number)
        if issued is None or issued.der != request.signer.der:
            if must:
                raise PeerError(FailInfo.BAD_CERT_ID, "renewal: not signed with a certificate of this CA")
            return None
        if not _same_names(csr, request.signer):
            if must:
                raise PeerError(FailInfo.BAD_REQUEST, "renewal: for other names than the certificate's")
            return None
        return issued.serial_number

    def _take(self, ledger: Transaction, submission: Submission, exchange: Exchange) -> ReplyMessage:
        policy, now = exchange.profile.policy, exchange.now
        known = ledger.latest_request(submission.transaction_id)
        if known is not None:
            if not same_key(known.public_key_info, submission.csr.public_key_info):
                raise PeerError(FailInfo.BAD_REQUEST, "transaction ID in use with another key")
            issued = _issued(ledger, known)
            still_valid = issued is not None and issued.state(now) is CertificateState.VALID
            if asks_again(known, submission, still_valid=still_valid):
                if known.state is not State.PENDING:
                    return self._standing(ledger, known, issued, exchange)
                return self._repeat(ledger, known, submission, exchange)
            for each in ledger.requests_of(submission.transaction_id):
                if each.has_sent(submission.sender_nonce):  # a message of old, which asks for nothing new
                    return self._standing(ledger, each, _issued(ledger, each), exchange)
        submission = replace(submission, vouched=self._vouched(ledger, submission, exchange))
        checked = self._check(ledger, submission, policy, now)
        decision = decide(submission, policy, checked.state)
        if isinstance(decision, Refuse):
            return self._refused(ledger, checked, decision, submission, exchange)
        new = self._as_new(ledger, submission, checked, exchange)
        if known is not None and known.state is State.PENDING:
            refuse(ledger, known, REPLACED, by=POLICY, now=now)
        if isinstance(decision, Issue):
            decided, certificate = self._issuer.issue(
                ledger, new, policy.terms, Event.GRANT, by=POLICY, now=now, csr=submission.csr
            )
            challenges.record(ledger, checked, request_id=decided.id, now=now)
            return Success((certificate,))
        self._issuer.check_subject(ledger, new, policy.terms, now)
        taken = ledger.add_request(replace(new, waits_for=decision.waits_for))
        challenges.record(ledger, checked, request_id=taken.id, now=now)
        return Pending()

    def _vouched(self, ledger: Transaction, submission: Submission, exchange: Exchange) -> bool:
        """Whether the certificate that is renewed stands for the request; PeerError when it is not valid.

        It does at the profile that it was issued by, and for no more than it is good for.
        """
        renewed = None if submission.renews is None else ledger.certificate(submission.renews)
        if renewed is None:
            return False
        state = renewed.state(exchange.now)
        if state is not CertificateState.VALID:
            raise PeerError(FailInfo.BAD_CERT_ID, f"renewal: the certificate is {state}")
        before = ledger.request(renewed.request_id)
        if before is None or before.profile != submission.profile:
            return False
        return is_good_for(read_certificate(renewed.der), submission.csr, exchange.profile.policy.terms)

    def _repeat(
        self, ledger: Transaction, known: CertificateRequest, submission: Submission, exchange: Exchange
    ) -> ReplyMessage:
        """The same request again while it waits: a poll, unless it comes with another password.

        A password that was right is not asked for again.
        """
        policy, now = exchange.profile.policy, exchange.now
        checked = self._check(ledger, submission, policy, now)
        latest = repeated(known, self._as_new(ledger, submission, checked, exchange))
        stands = known.challenge is ChallengeState.RIGHT or (
            policy.challenge is not ChallengeRule.STATIC and latest.challenge_digest == known.challenge_digest
        )
        if stands:
            latest = replace(latest, challenge=known.challenge, challenge_digest=known.challenge_digest)
        if stands or known.renews is not None or checked.state in _NOT_ASKED:
            return self._standing(ledger, latest, None, exchange)
        decision = decide(submission, policy, checked.state)
        if isinstance(decision, Refuse):
            return self._refused(ledger, checked, decision, submission, exchange)
        challenges.record(ledger, checked, request_id=known.id, now=now)
        if isinstance(decision, Issue):
            return Success((self._grant(ledger, latest, policy, now),))
        return self._standing(ledger, replace(latest, waits_for=decision.waits_for), None, exchange)

    def _check(self, ledger: Transaction, submission: Submission, policy: Policy, now: datetime) -> Checked:
        csr = submission.csr
        return challenges.check(
            ledger,
            self._hasher,
            rule=ChallengeRule.IGNORED if submission.vouched else policy.challenge,
            static=policy.static_challenges,
            password=csr.challenge_password,
            names=_host_names(csr),
            now=now,
        )

    def _as_new(
        self, ledger: Transaction, submission: Submission, checked: Checked, exchange: Exchange
    ) -> CertificateRequest:
        """The request to remember, with what its certificate can be revoked by.

        A renewal without a password keeps that of the certificate it renews.
        """
        rule = exchange.profile.policy.challenge
        digest = revocation_digest(self._hasher, rule, submission.csr.challenge_password)
        if digest is None and submission.renews is not None:
            renewed = ledger.certificate(submission.renews)
            before = ledger.request(renewed.request_id) if renewed else None
            digest = before.challenge_digest if before else None
        return take_in(submission, checked.state, digest, exchange.now)

    def _refused(
        self,
        ledger: Transaction,
        checked: Checked,
        decision: Refuse,
        submission: Submission,
        exchange: Exchange,
    ) -> Failure:
        # An answer and no error, so that what the alarm writes is kept.
        challenges.alarm(
            ledger,
            checked,
            source=exchange.source,
            transaction_id=submission.transaction_id,
            now=exchange.now,
        )
        return _failure(decision.fail_info, decision.text, exchange)

    def _grant(
        self, ledger: Transaction, request: CertificateRequest, policy: Policy, now: datetime
    ) -> Certificate:
        return self._issuer.issue(ledger, request, policy.terms, Event.GRANT, by=POLICY, now=now)[1]

    # ---------------------------------------------------------------------------------- polls

    def poll(self, request: Request, exchange: Exchange) -> ReplyMessage:
        """Answer a CertPoll: by transaction, and by the key that signed its request, so that nobody polls
        for another.  The names in the message are not compared: see ``same_key``.
        """
        transaction_id = request.head.transaction_id
        try:
            with self._store.write(about_transaction(transaction_id)) as ledger:
                known = ledger.latest_request(transaction_id)
                if known is None or not same_key(known.signer_key, request.signer.public_key_info):
                    raise PeerError(FailInfo.BAD_CERT_ID, "no such transaction")
                return self._standing(ledger, known, _issued(ledger, known), exchange)
        except AuthorityExpired as error:
            raise PeerError(FailInfo.BAD_REQUEST, str(error)) from error

    def _standing(
        self,
        ledger: Transaction,
        request: CertificateRequest,
        issued: IssuedCertificate | None,
        exchange: Exchange,
    ) -> ReplyMessage:
        """What a client that asks again is told, and the poll counted while nothing is decided yet."""
        match next_state(request.state, Event.POLL):
            case State.PENDING:
                polled = replace(request, polls=request.polls + 1, last_poll_at=exchange.now)
                policy = self._policy_of(request)
                if policy is None or not is_due(polled, policy, exchange.now):
                    ledger.update_request(polled)
                    return Pending()
                try:
                    return Success((self._grant(ledger, polled, policy, exchange.now),))
                except (SubjectTaken, RenewedRevoked) as error:
                    refuse(ledger, polled, str(error), by=POLICY, now=exchange.now)
                    return _failure(FailInfo.BAD_REQUEST, str(error), exchange)
            case State.DENIED:
                return _failure(FailInfo.BAD_REQUEST, request.reason or "denied by the operator", exchange)
            case State.ISSUED:
                if issued is None:
                    raise LookupError(f"the certificate of request {request.id} is missing")
                return Success((read_certificate(issued.der),))

    def _policy_of(self, request: CertificateRequest) -> Policy | None:
        """The policy that a request came under, whatever path is polled at; None when it is there no more."""
        try:
            return self._profiles.named(request.profile).policy
        except LookupError:  # the settings have changed since: a person decides
            return None


def _failure(fail_info: FailInfo, text: str, exchange: Exchange) -> Failure:
    return Failure(fail_info, text, exchange.profile.hresult)


def _issued(ledger: Transaction, request: CertificateRequest) -> IssuedCertificate | None:
    return None if request.serial_number is None else ledger.certificate(request.serial_number)


def _same_names(csr: Csr, certificate: Certificate) -> bool:
    """Whether a request is for a certificate's subject, and for no alternative name that it has not got."""
    wanted = csr.extension(SUBJECT_ALT_NAME)
    has = certificate.extension(SUBJECT_ALT_NAME)
    try:
        asked = set(read_subject_alt_name(wanted.value)) if wanted else set()
        held = set(read_subject_alt_name(has.value)) if has else set()
    except ValueError:
        return False
    return asked <= held and same_name(csr.subject, certificate.subject)


def _host_names(csr: Csr) -> tuple[str, ...]:
    """What a device calls itself in its request: common name, Cisco's unstructuredName, DNS names."""
    called = (COMMON_NAME, UNSTRUCTURED_NAME)
    common = [text for rdn in parse_name(csr.subject) for oid, text in rdn if oid in called]
    dns = [name.removeprefix("DNS:") for name in csr.subject_alt_names if name.startswith("DNS:")]
    return (*common, *dns)
