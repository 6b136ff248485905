"""Every message both ways, with every algorithm; and what a CA refuses."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from asn1crypto import cms as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import asn1, cms, codec, envelopes, pkimessage
from scep_core.codec import EmptyContent, ReplyShape
from scep_core.crls import RevokedEntry, build_crl
from scep_core.csr import build_csr
from scep_core.errors import LocalError, NotAPkiMessage, PeerError
from scep_core.messages import CertPoll, Failure, GetCert, GetCrl, Pending, PkcsReq, RenewalReq, Success
from scep_core.names import rfc4514
from scep_core.values import (
    LEGACY,
    MODERN,
    PKCS1,
    Algorithms,
    Cipher,
    Digest,
    FailInfo,
    KeyTransport,
    MessageType,
)

FIXED = settings.get_profile("scep_core")
OAEP = [KeyTransport(*each) for each in product(sorted(set(Digest) - {Digest.MD5}), repeat=2)]


def requests(lab: Any) -> list[Any]:
    ca = lab.ca.certificate
    return [
        PkcsReq(lab.csr),
        RenewalReq(lab.csr),
        CertPoll(ca.subject, lab.csr.subject),
        GetCert(ca.subject, 2**263),
        GetCrl(ca.subject, -128),
    ]


def crl(lab: Any) -> bytes:
    return build_crl(
        issuer=lab.ca.certificate.subject,
        key=lab.ca.key,
        digest=Digest.SHA256,
        this_update=lab.born,
        next_update=lab.born,
        revoked=[RevokedEntry(5, lab.born)],
        number=1,
        authority_key_id=b"id",
    )


# --------------------------------------------------------------------------------- every message


def test_every_request(lab: Any) -> None:
    for message in requests(lab):
        request = lab.open(lab.request(message), recipients=[lab.ca, lab.ra])
        assert request.message == message
        assert request.signer == request.head.signer == lab.client.certificate
        assert request.recipient == lab.ra
        assert (request.head.transaction_id, request.head.sender_nonce) == (lab.transaction_id, lab.nonce)


def test_every_reply(lab: Any) -> None:
    issued = lab.identity("client", issuer=lab.ca, serial_number=50).certificate
    replies = [
        Success((issued, lab.ca.certificate)),
        Success(crls=(crl(lab),)),
        Pending(),
        *(Failure(fail_info) for fail_info in FailInfo),
        Failure(FailInfo.BAD_REQUEST, "denied: Zürich is full", hresult=-2147024809),
    ]
    for reply, shape in product(replies, (ReplyShape.COMPAT, ReplyShape.RFC8894, ReplyShape.NDES)):
        assert lab.open_reply(lab.reply(reply, shape=shape)) == reply


@pytest.mark.parametrize(("cipher", "digest"), list(product(Cipher, Digest)))
def test_a_reply_mirrors_its_request(lab: Any, cipher: Cipher, digest: Digest) -> None:
    """Every cipher with every digest, and the key transports in turn with each."""
    pairs = list(product(Cipher, Digest))
    turn = pairs.index((cipher, digest))
    policy = MODERN if cipher in MODERN.ciphers and digest in MODERN.digests else LEGACY
    for transport in (PKCS1, *OAEP[turn % 4 :: 4]):
        chosen = Algorithms(digest, cipher, transport)
        request = lab.open(lab.request(chosen=chosen), policy)
        assert request.head.algorithms == chosen
        reply = Success((lab.ra.certificate,))
        data = lab.reply(reply, request)
        assert lab.open_reply(data, policy=policy) == reply
        signed = cms.parse_signed(data)
        assert cms.digest_of(signed) is digest
        envelope = envelopes.parse_envelope(signed.content or b"")
        to = envelopes.addressed(envelope, [lab.client])
        assert (envelope.cipher, to.key_transport) == (cipher, transport)
        if policy is LEGACY:
            refused(lab, lab.request(chosen=chosen), FailInfo.BAD_ALG, "is not allowed")
            with pytest.raises(PeerError, match="is not allowed") as caught:
                lab.open_reply(data)
            assert caught.value.fail_info is FailInfo.BAD_ALG


def test_pending_and_failure_mirror_the_digest(lab: Any) -> None:
    request = lab.open(lab.request(chosen=Algorithms(Digest.SHA512)))
    for reply in (Pending(), Failure(FailInfo.BAD_TIME)):
        assert cms.digest_of(cms.parse_signed(lab.reply(reply, request))) is Digest.SHA512


def test_a_refusal_before_opening_mirrors_the_digest_if_it_may(lab: Any) -> None:
    messages = {digest: codec.parse_message(lab.signed(b"x", digest=digest)) for digest in Digest}
    for policy in (MODERN, LEGACY):
        mirrored = {digest: each.head(policy).algorithms.digest for digest, each in messages.items()}
        assert mirrored == {each: each if each in policy.digests else Digest.SHA256 for each in Digest}
    assert Digest.MD5 in LEGACY.digests - MODERN.digests
    signed = lab.signed(b"x")
    sha256 = asn1.oid("2.16.840.1.101.3.4.2.1")
    garbled = signed.replace(sha256, asn1.octet_string(sha256[2:]))
    assert codec.parse_message(garbled).head(LEGACY).algorithms.digest is Digest.SHA256
    refused(lab, garbled, FailInfo.BAD_MESSAGE_CHECK)


def test_signing_time(lab: Any, make_attribute: Any) -> None:
    """None when nothing is said; what is no time is badTime, to whoever asks, and nothing to others."""
    assert codec.parse_message(lab.request()).signing_time is None
    for instant in (lab.born, datetime(2051, 12, 31, 23, 59, 59, tzinfo=UTC)):
        message = codec.parse_message(lab.request(signing_time=instant))
        assert message.signing_time == instant
        assert asn1.raw(message.signed.attributes[pkimessage.SIGNING_TIME]) == asn1.time(instant)
    content = cms.parse_signed(lab.request()).content
    for odd in (asn1.utf8_string("noon"), b"\x17\x0b2601010000Z", b"\x17\x0d990000000000Z", asn1.NULL):
        data = lab.signed(content, more=[make_attribute(pkimessage.SIGNING_TIME, odd)])
        assert lab.open(data).message == PkcsReq(lab.csr)
        with pytest.raises(PeerError) as caught:
            codec.parse_message(data).signing_time  # noqa: B018
        assert caught.value.fail_info is FailInfo.BAD_TIME


def test_attributes_on_the_wire(lab: Any) -> None:
    """RFC 8894 section 3.2.1, as asn1crypto sees it."""

    def attributes(data: bytes) -> dict[str, Any]:
        (signer,) = oracle.ContentInfo.load(data, strict=True)["content"]["signer_infos"]
        return {each["type"].native: each["values"][0] for each in signer["signed_attrs"]}

    def seen(value: Any) -> tuple[str, Any]:
        return type(value.parse()).__name__, value.native

    asked = attributes(lab.request())
    assert seen(asked[pkimessage.MESSAGE_TYPE]) == ("PrintableString", "19")
    assert seen(asked[pkimessage.TRANSACTION_ID]) == ("PrintableString", lab.transaction_id)
    assert seen(asked[pkimessage.SENDER_NONCE]) == ("OctetString", lab.nonce)
    assert asked.keys() & {pkimessage.PKI_STATUS, pkimessage.FAIL_INFO, pkimessage.RECIPIENT_NONCE} == set()
    told = attributes(lab.reply(Failure(FailInfo.BAD_CERT_ID, "no", hresult=-5)))
    assert seen(told[pkimessage.MESSAGE_TYPE]) == ("PrintableString", "3")
    assert seen(told[pkimessage.PKI_STATUS]) == ("PrintableString", "2")
    assert seen(told[pkimessage.FAIL_INFO]) == ("PrintableString", "4")
    assert seen(told[pkimessage.FAIL_INFO_TEXT]) == ("UTF8String", "no")
    assert seen(told[pkimessage.MICROSOFT_HRESULT]) == ("PrintableString", "-5")
    assert seen(told[pkimessage.TRANSACTION_ID]) == ("PrintableString", lab.transaction_id)
    assert seen(told[pkimessage.RECIPIENT_NONCE]) == ("OctetString", lab.nonce)
    assert len(told[pkimessage.SENDER_NONCE].native) == 16
    assert told[pkimessage.SENDER_NONCE].native != lab.nonce


@pytest.mark.parametrize(
    ("shape", "content", "certificates"),
    [(ReplyShape.COMPAT, b"", 1), (ReplyShape.RFC8894, None, 1), (ReplyShape.NDES, b"\0", 0)],
)
def test_shapes_of_a_failure(lab: Any, shape: ReplyShape, content: bytes | None, certificates: int) -> None:
    info = oracle.ContentInfo.load(lab.reply(Failure(FailInfo.BAD_REQUEST), shape=shape), strict=True)
    assert info["content"]["encap_content_info"]["content"].native == content
    assert len(info["content"]["certificates"]) == certificates
    pending = oracle.ContentInfo.load(lab.reply(Pending(), shape=shape), strict=True)
    assert pending["content"]["encap_content_info"]["content"].native == content
    assert len(pending["content"]["certificates"]) == 1


def indefinite(der: bytes) -> bytes:
    """The same with an outer header of indefinite length."""
    header = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    return der[:1] + b"\x80" + der[header:] + b"\0\0"


def test_ber_outside_and_inside(lab: Any, openssl: Any) -> None:
    """Either layer or both, ours made BER, and an envelope as ``openssl cms -stream`` writes it."""
    envelope = cms.parse_signed(lab.request()).content or b""
    openssl.lay(ra=lab.ra)
    encrypt = "cms -encrypt -binary -stream -aes128 -in csr -outform DER ra.crt"
    streamed = openssl(*encrypt.split(), csr=lab.csr.der)
    for inside in (envelope, indefinite(envelope), streamed):
        for outside in (lab.signed(inside), indefinite(lab.signed(inside))):
            assert lab.open(outside).message == PkcsReq(lab.csr)


def test_shapes_by_hand(lab: Any) -> None:
    shape = ReplyShape(EmptyContent.ABSENT, failure_certificates=False)
    assert lab.open_reply(lab.reply(Failure(FailInfo.BAD_TIME), shape=shape)) == Failure(FailInfo.BAD_TIME)


def test_transaction_ids_of_other_string_types(lab: Any, make_attribute: Any) -> None:
    for tag, octets in ((0x0C, "ü-1".encode()), (0x16, b"a@b"), (0x1E, "id".encode("utf-16-be"))):
        value = make_attribute(pkimessage.TRANSACTION_ID, asn1.encode(tag, octets))
        content = cms.parse_signed(lab.request()).content
        data = lab.signed(content, without=[pkimessage.TRANSACTION_ID], more=[value])
        request = lab.open(data)
        reply = lab.reply(Pending(), request)
        assert lab.open_reply(reply, transaction_id=request.head.transaction_id) == Pending()


# ----------------------------------------------------------------------------- strict with requests


def refused(lab: Any, data: bytes, fail_info: FailInfo, why: str | None = None) -> None:
    with pytest.raises(PeerError, match=why) as caught:
        lab.open(data)
    assert caught.value.fail_info is fail_info


def test_message_types(lab: Any, make_attribute: Any) -> None:
    content = cms.parse_signed(lab.request()).content
    for text in ("3", "0", "18", "-19", "999", "4294967315", "19 ", " 19 ", "+19", "1_9", "0x13", "", "19\n"):
        refused(lab, lab.signed(content, message_type=text), FailInfo.BAD_REQUEST, "is not a request")
    for value in (asn1.utf8_string("１９"), asn1.integer(19), asn1.octet_string(b"\x13")):
        typed = make_attribute(pkimessage.MESSAGE_TYPE, value)
        data = lab.signed(content, without=[pkimessage.MESSAGE_TYPE], more=[typed])
        refused(lab, data, FailInfo.BAD_REQUEST, "is not a request")
    refused(lab, lab.signed(content, without=[pkimessage.MESSAGE_TYPE]), FailInfo.BAD_REQUEST)
    assert lab.open(lab.signed(content)).message.message_type is MessageType.PKCS_REQ


def test_a_reply_is_no_request(lab: Any) -> None:
    refused(lab, lab.reply(Success((lab.ca.certificate,))), FailInfo.BAD_REQUEST, "type 3 is not")


def test_sender_nonces(lab: Any, make_attribute: Any) -> None:
    content = cms.parse_signed(lab.request()).content
    for nonce, fine in ((None, False), (b"", False), (bytes(65), False), (bytes(8), True), (bytes(16), True)):
        more = [] if nonce is None else [make_attribute(pkimessage.SENDER_NONCE, asn1.octet_string(nonce))]
        data = lab.signed(content, without=[pkimessage.SENDER_NONCE], more=more)
        if fine:
            assert lab.open(data).head.sender_nonce == nonce
        else:
            refused(lab, data, FailInfo.BAD_REQUEST, "senderNonce")


def test_no_transaction_is_no_message(lab: Any, make_attribute: Any) -> None:
    values = [asn1.printable_string(""), asn1.integer(1), asn1.utf8_string("a\0b"), asn1.utf8_string("a\nb")]
    more = [[], *([make_attribute(pkimessage.TRANSACTION_ID, value)] for value in values)]
    for attributes in more:
        data = lab.signed(b"x", without=[pkimessage.TRANSACTION_ID], more=attributes)
        with pytest.raises(NotAPkiMessage, match="transactionID"):
            codec.parse_message(data)


def test_no_content(lab: Any) -> None:
    refused(lab, lab.signed(None), FailInfo.BAD_REQUEST, "no content")
    refused(lab, lab.signed(b""), FailInfo.BAD_REQUEST, "no content")


def test_content_of_another_kind(lab: Any) -> None:
    for content in (cms.degenerate([lab.ca.certificate]), lab.signed(b"x"), lab.csr.der, b"x"):
        refused(lab, lab.signed(content), FailInfo.BAD_MESSAGE_CHECK, envelopes.CANNOT_OPEN)


def test_a_changed_outer_layer(lab: Any) -> None:
    data = lab.request()
    refused(lab, data[:-1] + bytes([data[-1] ^ 1]), FailInfo.BAD_MESSAGE_CHECK, "signature")
    envelope = cms.parse_signed(data).content or b""
    changed = data.replace(envelope[-16:], bytes(16))
    refused(lab, changed, FailInfo.BAD_MESSAGE_CHECK, "digest")


def test_signers_that_could_not_read_the_answer(lab: Any) -> None:
    """Asked before opening: afterwards the answer would tell whether the envelope had opened."""
    content = cms.parse_signed(lab.request()).content or b""
    by_curve = lab.signed(content, signer=lab.elliptic)
    refused(lab, by_curve, FailInfo.BAD_ALG, "RSA")
    small = lab.identity("small", bits=1024)
    wide = Algorithms(key_transport=KeyTransport(Digest.SHA512, Digest.SHA512))
    csr = build_csr(subject=lab.name("r1"), key=small.key, challenge_password=None)
    refused(lab, lab.request(PkcsReq(csr), signer=small, chosen=wide), FailInfo.BAD_ALG, "1024 bits")
    request = lab.open(lab.request(PkcsReq(csr), signer=small))
    assert lab.open_reply(lab.reply(Success((lab.ca.certificate,)), request), identity=small)


def test_success_needs_someone_to_seal_for(lab: Any) -> None:
    head = codec.parse_message(lab.signed(b"x", certificates=[])).head(MODERN)
    assert head.signer is None
    arguments = {"head": head, "signer": lab.ra, "shape": ReplyShape.COMPAT, "random_bytes": lab.random_bytes}
    with pytest.raises(LocalError):
        codec.seal_reply(Success((lab.ca.certificate,)), **arguments)
    assert lab.open_reply(codec.seal_reply(Failure(FailInfo.BAD_ALG), **arguments)) == Failure(
        FailInfo.BAD_ALG
    )


def test_the_subject_is_carried_verbatim(lab: Any) -> None:
    """A multi-valued RDN out of DER's order, in T61 and with an @ in a PrintableString."""
    elements = [(0x14, "2.5.4.5", b"Z\xfcrich"), (0x13, "2.5.4.3", b"r1@lab")]
    parts = [asn1.sequence_of(asn1.oid(oid), asn1.encode(tag, text)) for tag, oid, text in elements]
    subject = asn1.sequence_of(asn1.encode(asn1.SET, *parts))
    csr = build_csr(subject=subject, key=lab.client.key, challenge_password=None)
    message = lab.open(lab.request(PkcsReq(csr))).message
    assert isinstance(message, PkcsReq)
    assert message.csr.subject == subject
    issued = lab.identity("client", issuer=lab.ca, subject=message.csr.subject).certificate
    assert lab.open_reply(lab.reply(Success((issued,)))).certificates[0].subject == subject
    assert rfc4514(issued.subject) == "serialNumber=Zürich+CN=r1@lab"


# ---------------------------------------------------------------------------------- hostile input


@settings(FIXED, max_examples=100)
@given(data=st.data())
def test_mutated_messages_raise_nothing_else(lab: Any, data: st.DataObject, mutate: Any) -> None:
    """As a CA would meet them: parsed, refused or opened, and the refusal can be sealed."""
    mutant = mutate(lab.request(), data)
    try:
        message = codec.parse_message(mutant)
    except NotAPkiMessage:
        return
    head = message.head(MODERN)
    try:
        request = codec.open_request(message, [lab.ra], random_bytes=lab.random_bytes)
    except PeerError as error:
        failure = Failure(error.fail_info, str(error))
    else:
        assert request.message == PkcsReq(lab.csr)
        return
    reply = codec.seal_reply(
        failure, head=head, signer=lab.ra, shape=ReplyShape.COMPAT, random_bytes=lab.random_bytes
    )
    assert codec.parse_message(reply).fail_info_text == failure.text


@settings(FIXED, max_examples=100)
@given(data=st.data(), index=st.integers(0, 4))
def test_mutated_insides_raise_nothing_else(lab: Any, data: st.DataObject, index: int, mutate: Any) -> None:
    message = requests(lab)[index]
    inside = mutate(codec._inside(message), data)
    content = envelopes.seal_envelope(inside, lab.ra.certificate, Algorithms(), lab.random_bytes)
    signed = lab.signed(content, message_type=str(int(message.message_type)))
    if index >= 2:  # a query that cannot be read is one for nobody
        assert type(lab.open(signed).message) is type(message)
    else:
        with suppress(PeerError):
            assert isinstance(lab.open(signed).message, PkcsReq | RenewalReq)


@settings(FIXED, max_examples=100)
@given(data=st.data())
def test_mutated_replies_raise_nothing_else(lab: Any, data: st.DataObject, mutate: Any) -> None:
    good = lab.reply(Success((lab.ra.certificate,)))
    try:
        reply = lab.open_reply(mutate(good, data))
    except (NotAPkiMessage, PeerError):
        return
    assert reply == Success((lab.ra.certificate,))
