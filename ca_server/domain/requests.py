"""A certificate request and its states.

A request that has been taken in is PENDING until a person decides, or ISSUED at once when the policy
needs nobody, or later, when a poll finds that what the policy waits for has come.  APPROVE, DENY or GRANT
ends the waiting; both ends are final, so of two people who decide at the same time exactly one does.  A
client that asks again (POLL: a CertPoll, or the PKCSReq once more) changes nothing but the count, and gets
the same answer for as long as it asks.

What a PKCSReq of a known transaction means is in ``asks_again``.  What is absent from TABLE is refused
with WrongState.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from scep_core import asn1, names
from scep_core.algorithms import hash_bytes, load_public_key
from scep_core.certificates import Certificate
from scep_core.csr import CHALLENGE_PASSWORD, Csr, slice_csr
from scep_core.values import Digest


class State(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    ISSUED = "issued"
    DENIED = "denied"


class Event(StrEnum):
    """What can happen to it."""

    QUEUE = "queue"
    GRANT = "grant"  # the policy issues, without a person
    POLL = "poll"
    APPROVE = "approve"
    DENY = "deny"


# (state, event) -> next state; None: not there yet
TABLE: dict[tuple[State | None, Event], State] = {
    (None, Event.QUEUE): State.PENDING,
    (None, Event.GRANT): State.ISSUED,
    (State.PENDING, Event.POLL): State.PENDING,
    (State.PENDING, Event.GRANT): State.ISSUED,
    (State.PENDING, Event.APPROVE): State.ISSUED,
    (State.PENDING, Event.DENY): State.DENIED,
    (State.ISSUED, Event.POLL): State.ISSUED,
    (State.DENIED, Event.POLL): State.DENIED,
}


class ChallengeState(StrEnum):
    """What was found out about a request's challenge password."""

    ABSENT = "absent"
    NOT_CHECKED = "not-checked"  # there is one; this profile does not ask
    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    USED = "used"  # a one-time one, for the second time


class WaitsFor(StrEnum):
    """Who ends the waiting of a pending request; an operator may in any case."""

    PERSON = "person"
    POLICY = "policy"  # so many polls, or a time


class WrongState(Exception):
    """The request's state does not allow this."""


def next_state(state: State | None, event: Event) -> State:
    """The state after ``event``; WrongState when TABLE has none."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise WrongState(f"the request is {state or 'new'}: too late to {event}") from None


@dataclass(frozen=True)
class CertificateRequest:
    """A request as the CA remembers it; ``id`` is 0 until it is stored.

    ``csr`` is the DER without its challenge password, see ``without_challenge``; the fingerprints are
    those of the original, as routers print them.  ``signer_key`` is the SubjectPublicKeyInfo of
    whoever signed the message, and ``signer`` says who that is, for people.  ``challenge_digest`` is the
    challenge password's keyed hash, by which the certificate can be revoked later.  ``authority`` is the
    number of the CA's generation that was asked, ``renews`` the serial number of the certificate that a
    renewal was signed with.  ``sender_nonce`` is the last message's, ``earlier_nonces`` has the beginnings
    of the hashes of those before it.
    """

    state: State
    transaction_id: str
    message_type: int
    profile: str
    source: str
    sender_nonce: bytes
    csr: bytes = field(repr=False)
    public_key_info: bytes = field(repr=False)
    signer_key: bytes = field(repr=False)
    signer: str
    subject: str
    subject_alt_names: tuple[str, ...]
    key: str
    md5: str
    sha1: str
    sha256: str
    challenge: ChallengeState
    challenge_digest: bytes | None = field(repr=False)
    authority: int
    renews: int | None
    received_at: datetime
    waits_for: WaitsFor = WaitsFor.PERSON
    earlier_nonces: bytes = field(default=b"", repr=False)
    polls: int = 0
    last_poll_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    serial_number: int | None = None
    id: int = 0

    def has_sent(self, nonce: bytes) -> bool:
        """Whether one of its messages had this senderNonce: then that message has come again."""
        seen = self.earlier_nonces
        marks = {seen[at : at + _NONCE_MARK] for at in range(0, len(seen), _NONCE_MARK)}
        return nonce == self.sender_nonce or _mark(nonce) in marks


_NONCE_MARK = 8  # octets of a hash
_MOST_NONCES = 64


def _mark(nonce: bytes) -> bytes:
    return hash_bytes(Digest.SHA256, nonce)[:_NONCE_MARK]


def asks_again(known: CertificateRequest, submission: Submission, *, still_valid: bool) -> bool:
    """Whether a PKCSReq in the transaction of ``known`` asks for the same again, or starts a new request.

    It must ask the same CA at the same profile for the same names and extensions, signed with the same
    certificate: transaction IDs are made from the key alone, so a person who has corrected the subject or
    the URL, and a router that renews a certificate for the same key or goes over to the next CA, come back
    in the same transaction.

    While it is pending, it asks again: draft-nourse's clients repeat the PKCSReq instead of polling
    (micromdm's sends the identical message).  When it was issued, as long as that certificate is valid.
    When it was denied, only the very same message (its nonce tells): another one means that a person
    has typed ``enroll`` again.
    """
    before_and_now = (known, submission)
    if len({(each.renews, each.authority, each.profile) for each in before_and_now}) > 1:
        return False
    before, wanted = slice_csr(known.csr), submission.csr
    if (before.subject, before.extensions) != (wanted.subject, wanted.extensions):
        return False
    match known.state:
        case State.PENDING:
            return True
        case State.ISSUED:
            return still_valid
        case State.DENIED:
            return known.has_sent(submission.sender_nonce)


def same_key(one: bytes, other: bytes) -> bool:
    """Whether two SubjectPublicKeyInfos are the same key; ValueError when either cannot be read.

    Keys are compared and never names: Cisco's request, its temporary certificate and its polls carry
    different subjects, and other clients re-encode the strings in them (``scep.md`` 3.2, 6.1).
    """
    return one == other or load_public_key(one) == load_public_key(other)


def without_challenge(csr: Csr) -> bytes:
    """The request's DER without its challengePassword attribute, for keeping.

    A challenge password never rests on disk.  Without that attribute the self-signature, which was
    checked on arrival, no longer matches; a request that had none is kept byte for byte.
    """
    if csr.challenge_password is None:
        return csr.der
    info, *signature = asn1.items(csr.der)
    *head, attributes = asn1.items(asn1.raw(info))
    oid = asn1.oid(CHALLENGE_PASSWORD)
    inside = (asn1.raw(each) for each in asn1.items(asn1.encode(asn1.SEQUENCE, bytes(attributes.data))))
    kept = [each for each in inside if asn1.raw(asn1.items(each)[0]) != oid]
    bare = asn1.sequence_of(*map(asn1.raw, head), asn1.encode(0xA0, *kept))
    return asn1.sequence_of(bare, *map(asn1.raw, signature))


def fingerprint_text(fingerprint: bytes) -> str:
    """A fingerprint as routers print it: ``9370C649 1708685B ...``."""
    return fingerprint.hex(" ", 4).upper()


@dataclass(frozen=True)
class Submission:
    """A request as it arrives: who asks which generation of the CA for what, where, in which message.

    ``signer`` is None when there was no message: an operator has brought the request.  ``own_signer``: it is
    signed with a certificate of this CA.  ``renews`` is the serial number of the certificate that it is
    signed with, when that is one of ours and the request is for the same names.  ``vouched``: that
    certificate stands for it in place of a challenge password.
    """

    csr: Csr
    signer: Certificate | None
    signer_kind: str
    own_signer: bool
    transaction_id: str
    sender_nonce: bytes
    message_type: int
    profile: str
    source: str
    authority: int
    renews: int | None = None
    vouched: bool = False


def take_in(
    submission: Submission,
    challenge: ChallengeState,
    challenge_digest: bytes | None,
    now: datetime,
    waits_for: WaitsFor = WaitsFor.PERSON,
) -> CertificateRequest:
    """The request to remember, which waits."""
    csr = submission.csr
    return CertificateRequest(
        state=next_state(None, Event.QUEUE),
        transaction_id=submission.transaction_id,
        message_type=submission.message_type,
        profile=submission.profile,
        source=submission.source,
        sender_nonce=submission.sender_nonce,
        csr=without_challenge(csr),
        public_key_info=csr.public_key_info,
        signer_key=(submission.signer or csr).public_key_info,
        signer=submission.signer_kind,
        subject=names.rfc4514(csr.subject),
        subject_alt_names=csr.subject_alt_names,
        key=csr.key_type,
        md5=fingerprint_text(csr.fingerprint(Digest.MD5)),
        sha1=fingerprint_text(csr.fingerprint(Digest.SHA1)),
        sha256=fingerprint_text(csr.fingerprint(Digest.SHA256)),
        challenge=challenge,
        challenge_digest=challenge_digest,
        authority=submission.authority,
        renews=submission.renews,
        received_at=now,
        waits_for=waits_for,
    )


def subject_key(subject: bytes) -> str:
    """What all ways to write a DER Name have in common.

    Case and spaces do not count (RFC 5280 section 7.1).
    """
    rdns = names.parse_name(subject)
    return "/".join(
        "+".join(sorted(f"{kind}={' '.join(text.split()).casefold()}" for kind, text in rdn)) for rdn in rdns
    )


def repeated(known: CertificateRequest, latest: CertificateRequest) -> CertificateRequest:
    """A pending request as it was sent last: a person compares the fingerprint that the router shows now.

    The same names asked for with another challenge password make another CSR.
    """
    earlier = known.earlier_nonces
    if latest.sender_nonce != known.sender_nonce:
        earlier = (earlier + _mark(known.sender_nonce))[-_MOST_NONCES * _NONCE_MARK :]
    return replace(
        known,
        sender_nonce=latest.sender_nonce,
        earlier_nonces=earlier,
        csr=latest.csr,
        signer_key=latest.signer_key,
        signer=latest.signer,
        source=latest.source,
        md5=latest.md5,
        sha1=latest.sha1,
        sha256=latest.sha256,
        challenge=latest.challenge,
        challenge_digest=latest.challenge_digest,
    )
