"""A message to bytes and back: RFC 8894 section 3.2's pkiMessage.

Reading is in two steps, because a refusal must be answerable.  ``parse_message`` takes the outer
layer apart and yields the transaction; from then on whatever is wrong is a PeerError that can be
sent back in a CertRep.  ``open_request`` and ``open_reply`` then verify and open.

What is told about the inside of an envelope: CBC does not protect it, so a stranger can replay a
captured one with changed blocks under his own signature, and learn from the answers, bit by bit,
what was in it (the challenge password).  Therefore

* a certification request that is malformed or forged looks like an envelope that did not open; only
  who holds the key that it names learns that its signature is bad (badRequest);
* that holds for renewals, too, whose signer has another key than the request names: a client with a
  certificate of its own is no less able to replay another's envelope.  So a renewal whose inner
  signature is bad "could not be opened", even if its sender is honest.  What does open was signed as a
  whole by the key that it names, so that it only tells that nobody has changed it;
* CertPoll, GetCert and GetCRL carry no signature inside, and the stranger chooses the message type.
  One that does not open, or has anything else inside, is a query for nobody, and is answered as one
  for something unknown; a CertPoll goes by its transaction anyway (section 4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from scep_core import algorithms, asn1, cms, pkimessage, structures
from scep_core.algorithms import NotAllowed, RandomBytes
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.csr import Csr, slice_csr, verify_csr
from scep_core.envelopes import (
    CANNOT_OPEN,
    addressed,
    open_envelope,
    parse_envelope,
    rsa_key,
    seal_envelope,
    sealing_key,
)
from scep_core.errors import LocalError, PeerError
from scep_core.messages import (
    CertPoll,
    Failure,
    GetCert,
    GetCrl,
    Pending,
    PkcsReq,
    RenewalReq,
    ReplyMessage,
    RequestMessage,
    Success,
)
from scep_core.names import EMPTY_NAME, parse_name
from scep_core.pkimessage import RequestHead, SignedMessage, parse_message
from scep_core.values import (
    MODERN,
    NONCE_LENGTH,
    AlgorithmPolicy,
    Algorithms,
    FailInfo,
    MessageType,
    PkiStatus,
)

__all__ = [
    "Identity",
    "ReplyShape",
    "Request",
    "RequestHead",
    "SignedMessage",
    "open_reply",
    "open_request",
    "parse_message",
    "seal_reply",
    "seal_request",
]


class EmptyContent(StrEnum):
    """What stands for "no messageData" in PENDING and FAILURE."""

    ABSENT = "absent"  # RFC 8894 section 3.2
    EMPTY = "empty"  # an OCTET STRING of no bytes, without which certmonger fails
    ZERO_BYTE = "zero-byte"  # an OCTET STRING of one 00, as NDES sends


@dataclass(frozen=True)
class ReplyShape:
    """How a CertRep looks where real CAs differ: COMPAT (what every client reads), RFC8894, NDES.

    ``failure_certificates``: whether FAILURE carries the signer's certificate.  NDES's does not
    (decoded from a real one, ``scep.md`` section 2.6); strongSwan and micromdm need it.
    """

    empty_content: EmptyContent
    failure_certificates: bool

    COMPAT: ClassVar[ReplyShape]
    RFC8894: ClassVar[ReplyShape]
    NDES: ClassVar[ReplyShape]


ReplyShape.COMPAT = ReplyShape(EmptyContent.EMPTY, failure_certificates=True)
ReplyShape.RFC8894 = ReplyShape(EmptyContent.ABSENT, failure_certificates=True)
ReplyShape.NDES = ReplyShape(EmptyContent.ZERO_BYTE, failure_certificates=False)


# -------------------------------------------------------------------------------------- requests


@dataclass(frozen=True)
class Request:
    """A request that was verified and opened.

    ``recipient`` is which of our identities it was sealed for; at a rollover that chooses the CA.
    """

    message: RequestMessage
    head: RequestHead
    signer: Certificate
    recipient: Identity


def seal_request(
    message: RequestMessage,
    *,
    transaction_id: str,
    sender_nonce: bytes,
    signer: Identity,
    recipient: Certificate,
    algorithms: Algorithms,
    random_bytes: RandomBytes,
    signing_time: datetime | None = None,
) -> bytes:
    """A request, sealed for ``recipient`` (the CA's or the RA's encryption certificate).

    An EC key may sign it, but gets no SUCCESS: that could not be sealed for it.
    """
    content = seal_envelope(_inside(message), recipient, algorithms, random_bytes)
    nonces = [(pkimessage.SENDER_NONCE, sender_nonce)]
    more = [] if signing_time is None else [(pkimessage.SIGNING_TIME, asn1.time(signing_time))]
    return pkimessage.build(
        message.message_type,
        transaction_id,
        nonces,
        more,
        content,
        signer,
        algorithms.digest,
        [signer.certificate],
    )


def _inside(message: RequestMessage) -> bytes:
    match message:
        case PkcsReq(csr) | RenewalReq(csr):
            return csr.der
        case CertPoll(issuer, subject):
            return asn1.sequence_of(issuer, subject)
        case GetCert(issuer, serial_number) | GetCrl(issuer, serial_number):
            return asn1.sequence_of(issuer, asn1.integer(serial_number))


def open_request(
    message: SignedMessage,
    recipients: Sequence[Identity],
    policy: AlgorithmPolicy = MODERN,
    *,
    random_bytes: RandomBytes,
) -> Request:
    """Verify and open a request; PeerError says what to answer (``scep.md`` section 1.4)."""
    signer = cms.signer_of(message.signed)
    cms.verify(message.signed, signer, policy)
    assert signer is not None  # verify() refused that
    reader = _INSIDES.get(message.message_type or -1)
    if reader is None:
        raise PeerError(FailInfo.BAD_REQUEST, f"message type {message.message_type} is not a request")
    if not message.sender_nonce or len(message.sender_nonce) > 4 * NONCE_LENGTH:
        raise PeerError(FailInfo.BAD_REQUEST, "senderNonce is missing or of no sensible length")
    if not message.signed.content:
        raise PeerError(FailInfo.BAD_REQUEST, "the message has no content")
    envelope = parse_envelope(message.signed.content)
    to = addressed(envelope, recipients)
    chosen = Algorithms(cms.digest_of(message.signed), envelope.cipher, to.key_transport)
    try:
        algorithms.allow_cipher(envelope.cipher, policy)
        sealing_key(signer, chosen)  # could the answer be sealed?  Asked now: later it would tell
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, str(error)) from error
    inside: RequestMessage
    try:
        inside = reader(open_envelope(envelope, to, random_bytes))
    except (PeerError, ValueError) as error:
        if message.message_type not in _FOR_NOBODY:
            raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error
        inside = _FOR_NOBODY[message.message_type]
    if isinstance(inside, PkcsReq | RenewalReq):
        _verify_inside(inside.csr, signer, policy)
    head = RequestHead(message.transaction_id, message.sender_nonce, chosen, signer)
    return Request(inside, head, signer, to.identity)


def _verify_inside(csr: Csr, signer: Certificate, policy: AlgorithmPolicy) -> None:
    try:
        verify_csr(csr, policy)
    except PeerError as error:
        if csr.public_key_info == signer.public_key_info:
            raise
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error


def _read_cert_poll(content: bytes) -> CertPoll:
    names = asn1.decode(structures.IssuerAndSubject, content)
    return CertPoll(_name(names.issuer), _name(names.subject))


def _read_issuer_and_serial(content: bytes) -> tuple[bytes, int]:
    named = asn1.decode(structures.IssuerAndSerialNumber, content)
    return _name(named.issuer), asn1.to_integer(named.serial_number)


def _name(tlv: asn1.TLV) -> bytes:
    der = asn1.raw(tlv)
    parse_name(der)
    return der


_INSIDES: dict[int, Callable[[bytes], RequestMessage]] = {
    MessageType.PKCS_REQ: lambda content: PkcsReq(slice_csr(content)),
    MessageType.RENEWAL_REQ: lambda content: RenewalReq(slice_csr(content)),
    MessageType.CERT_POLL: _read_cert_poll,
    MessageType.GET_CERT: lambda content: GetCert(*_read_issuer_and_serial(content)),
    MessageType.GET_CRL: lambda content: GetCrl(*_read_issuer_and_serial(content)),
}

# What a query is read as when it cannot be read: no CA has an empty name.
_FOR_NOBODY: dict[int | None, RequestMessage] = {
    MessageType.CERT_POLL: CertPoll(issuer=EMPTY_NAME, subject=EMPTY_NAME),
    MessageType.GET_CERT: GetCert(issuer=EMPTY_NAME, serial_number=0),
    MessageType.GET_CRL: GetCrl(issuer=EMPTY_NAME, serial_number=0),
}


# --------------------------------------------------------------------------------------- replies


def seal_reply(
    reply: ReplyMessage,
    *,
    head: RequestHead,
    signer: Identity,
    shape: ReplyShape,
    random_bytes: RandomBytes,
) -> bytes:
    """A CertRep that mirrors its request's digest, cipher and key transport.

    SUCCESS is sealed for the request's signer; LocalError when that, or ``signer``, has no RSA key.
    """
    rsa_key(signer)
    # RFC 8894 no longer asks for a senderNonce here; jscep and the older drafts do.
    nonces = [(pkimessage.SENDER_NONCE, random_bytes(NONCE_LENGTH))]
    if head.sender_nonce:
        nonces.append((pkimessage.RECIPIENT_NONCE, head.sender_nonce))
    certificates = [signer.certificate]
    content: bytes | None
    match reply:
        case Success(issued, crls):
            if head.signer is None:
                raise LocalError("SUCCESS needs the request's signer to be sealed for")
            bag = cms.degenerate(issued, crls)
            content = seal_envelope(bag, head.signer, head.algorithms, random_bytes)
            more = _status(PkiStatus.SUCCESS)
        case Pending():
            content, more = _no_content(shape), _status(PkiStatus.PENDING)
        case Failure():
            content, more = _no_content(shape), [*_status(PkiStatus.FAILURE), *_reasons(reply)]
            certificates = certificates if shape.failure_certificates else []
    return pkimessage.build(
        MessageType.CERT_REP,
        head.transaction_id,
        nonces,
        more,
        content,
        signer,
        head.algorithms.digest,
        certificates,
    )


def _no_content(shape: ReplyShape) -> bytes | None:
    return {EmptyContent.ABSENT: None, EmptyContent.EMPTY: b"", EmptyContent.ZERO_BYTE: b"\0"}[
        shape.empty_content
    ]


def _status(status: PkiStatus) -> list[tuple[str, bytes]]:
    return [(pkimessage.PKI_STATUS, asn1.printable_string(str(int(status))))]


def _reasons(failure: Failure) -> list[tuple[str, bytes]]:
    reasons = [(pkimessage.FAIL_INFO, asn1.printable_string(str(int(failure.fail_info))))]
    if failure.text:
        reasons.append((pkimessage.FAIL_INFO_TEXT, asn1.utf8_string(failure.text)))
    if failure.hresult is not None:
        reasons.append((pkimessage.MICROSOFT_HRESULT, asn1.printable_string(str(failure.hresult))))
    return reasons


def open_reply(
    data: bytes,
    *,
    transaction_id: str,
    sender_nonce: bytes,
    identity: Identity,
    trusted: Sequence[Certificate],
    policy: AlgorithmPolicy = MODERN,
    random_bytes: RandomBytes,
) -> ReplyMessage:
    """Verify and open a CertRep: PeerError, or NotAPkiMessage, when it must not be believed.

    It has to be signed by one of ``trusted`` (the CA and RA certificates that were authenticated;
    a certificate that merely comes along with the reply is not enough), belong to this
    transaction and echo this nonce (RFC 8894 section 3.2.1.5).
    """
    message = parse_message(data)
    signer = cms.signer_of(message.signed, trusted)
    if signer is not None and signer not in trusted:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the reply is signed by a stranger")
    cms.verify(message.signed, signer, policy)
    if message.message_type != MessageType.CERT_REP:
        raise PeerError(FailInfo.BAD_REQUEST, f"message type {message.message_type} is not a reply")
    if message.transaction_id != transaction_id:
        raise PeerError(FailInfo.BAD_REQUEST, "the reply belongs to another transaction")
    if message.recipient_nonce != sender_nonce:
        raise PeerError(FailInfo.BAD_REQUEST, "the reply does not echo the nonce")
    match message.pki_status:
        case PkiStatus.PENDING:
            return Pending()
        case PkiStatus.FAILURE:
            return Failure(_fail_info(message.fail_info), message.fail_info_text, message.hresult)
        case PkiStatus.SUCCESS:
            return _open_success(message, identity, policy, random_bytes)
        case other:
            raise PeerError(FailInfo.BAD_REQUEST, f"pkiStatus {other} is unknown")


def _fail_info(number: int | None) -> FailInfo:
    try:
        return FailInfo(-1 if number is None else number)
    except ValueError:  # Dogtag still sends pre-draft numbers, 5 to 12: a refusal all the same
        return FailInfo.BAD_REQUEST


def _open_success(
    message: SignedMessage, identity: Identity, policy: AlgorithmPolicy, random_bytes: RandomBytes
) -> Success:
    envelope = parse_envelope(message.signed.content or b"")
    try:
        algorithms.allow_cipher(envelope.cipher, policy)
        content = open_envelope(envelope, addressed(envelope, [identity]), random_bytes)
        certificates, crls = cms.read_degenerate(content)
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, str(error)) from error
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error
    if not certificates and not crls:
        raise PeerError(FailInfo.BAD_REQUEST, "SUCCESS with nothing in it")
    return Success(certificates, crls)
