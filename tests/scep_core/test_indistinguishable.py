"""What a stranger learns who replays a captured envelope with changes under his own signature: nothing.

CBC lets him choose plaintext bits; every answer that depends on what came out would be an oracle for
the challenge password (Vaudenay 2002, Bleichenbacher 1998, RFC 3218).  So all ways to fail are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scep_core import algorithms, asn1, cms, codec, envelopes
from scep_core.codec import Identity
from scep_core.csr import build_csr, public_key_info
from scep_core.errors import PeerError
from scep_core.messages import CertPoll, GetCert, GetCrl, PkcsReq, RenewalReq
from scep_core.names import EMPTY_NAME
from scep_core.values import OAEP_SHA256, PKCS1, Cipher, Digest, FailInfo, KeyTransport

KEY, IV = bytes(range(16)), bytes(range(16, 32))


def envelope(
    lab: Any,
    content: bytes,
    *,
    wrapped: bytes | None = None,
    transport: KeyTransport = PKCS1,
    to: Identity | None = None,
    encrypted: bytes | None = None,
    iv: bytes = IV,
) -> bytes:
    """An envelope for the RA, each of its parts replaceable."""
    to = to or lab.ra
    if wrapped is None:
        wrapped = algorithms.wrap_key(to.key.public_key(), transport, KEY)
    recipient = asn1.sequence_of(
        asn1.integer(0),
        cms.issuer_and_serial(to.certificate),
        algorithms.key_transport_algorithm(transport),
        asn1.octet_string(wrapped),
    )
    if encrypted is None:
        encrypted = algorithms.encrypt(Cipher.AES128, KEY, IV, content)
    info = asn1.sequence_of(
        asn1.oid(cms.DATA),
        algorithms.cipher_algorithm(Cipher.AES128, iv),
        asn1.encode(0x80, encrypted),
    )
    body = asn1.sequence_of(asn1.integer(0), asn1.set_of([recipient]), info)
    return cms.content_info(envelopes.ENVELOPED_DATA, body)


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


def forged(lab: Any, *, digest: Digest = Digest.SHA256, spki: bytes | None = None) -> bytes:
    """A well-formed request in the client's name, signed by the stranger."""
    body = asn1.sequence_of(
        asn1.integer(0), lab.name("r1"), spki or lab.client.certificate.public_key_info, b"\xa0\x00"
    )
    signature = asn1.bit_string(algorithms.sign(lab.stranger.key, digest, body))
    return asn1.sequence_of(body, algorithms.signature_algorithm(lab.stranger.key, digest), signature)


def closed(lab: Any) -> Iterator[tuple[str, bytes]]:
    """Envelopes that name us and do not open: the key, its padding, or the ciphertext is wrong."""
    csr = lab.csr.der
    public_key = lab.ra.key.public_key()
    for length in (0, 8, 15, 17, 24, 32):
        wrapped = algorithms.wrap_key(public_key, PKCS1, bytes(length))
        yield f"a content key of {length} bytes", envelope(lab, csr, wrapped=wrapped)
    yield "another content key", envelope(lab, csr, wrapped=algorithms.wrap_key(public_key, PKCS1, bytes(16)))
    other = algorithms.wrap_key(lab.stranger.key.public_key(), PKCS1, KEY)
    for name, wrapped in {
        "another's public key": other,
        "no wrapped key": b"",
        "a wrapped key cut short": other[:-1],
        "a wrapped key beyond the modulus": b"\xff" * 256,
        "a wrapped key of zeros": bytes(256),
    }.items():
        yield f"{name}, PKCS #1", envelope(lab, csr, wrapped=wrapped)
        yield f"{name}, OAEP", envelope(lab, csr, wrapped=wrapped, transport=OAEP_SHA256)
    pkcs1 = algorithms.wrap_key(public_key, PKCS1, KEY)
    yield "PKCS #1 said to be OAEP", envelope(lab, csr, wrapped=pkcs1, transport=OAEP_SHA256)
    oaep = algorithms.wrap_key(public_key, OAEP_SHA256, KEY)
    yield "OAEP said to be PKCS #1", envelope(lab, csr, wrapped=oaep)
    other_mask = KeyTransport(Digest.SHA256, Digest.SHA1)
    yield "OAEP with another mask", envelope(lab, csr, wrapped=oaep, transport=other_mask)
    good = algorithms.encrypt(Cipher.AES128, KEY, IV, csr)
    for length in (0, 1, 15, 16, len(good) - 16, len(good) - 1):
        yield f"ciphertext of {length} bytes", envelope(lab, csr, encrypted=good[:length])
    for at in range(1, 17):  # the last block's padding, from the block before
        yield f"padding flipped at -{at}", envelope(lab, csr, encrypted=flipped(good, -16 - at))
    for at in range(0, len(good), 16):
        yield f"block at {at} flipped", envelope(lab, csr, encrypted=flipped(good, at, 0x80))
    yield "a block twice", envelope(lab, csr, encrypted=good[:16] + good)
    yield "blocks swapped", envelope(lab, csr, encrypted=good[16:32] + good[:16] + good[32:])
    for at in range(16):
        yield f"IV flipped at {at}", envelope(lab, csr, iv=flipped(IV, at))


def garbage(lab: Any) -> Iterator[tuple[str, bytes]]:
    """Envelopes that open, with something else inside than any message."""
    for name, inside in {
        "nothing": b"",
        "text": b"some text or other",
        "an empty SEQUENCE": b"\x30\x00",
        "a certificate": lab.client.certificate.der,
        "a request and a byte": lab.csr.der + b"\0",
        "a request cut short": lab.csr.der[:-1],
        "an envelope": envelope(lab, lab.csr.der),
    }.items():
        yield name, envelope(lab, inside)


def forgeries(lab: Any) -> Iterator[tuple[str, bytes]]:
    """Envelopes that open, with a well-formed request inside that is not its key holder's."""
    ed25519 = asn1.sequence_of(asn1.sequence_of(asn1.oid("1.3.101.112")), asn1.bit_string(bytes(32)))
    unknown = lab.csr.der.replace(asn1.oid("1.2.840.113549.1.1.11"), asn1.oid("1.2.840.113549.1.1.10"))
    weak = build_csr(subject=lab.name("r1"), key=lab.client.key, challenge_password=None, digest=Digest.MD5)
    for name, inside in {
        "another's signature": forged(lab),
        "another's signature, MD5": forged(lab, digest=Digest.MD5),
        "a key of another kind": forged(lab, spki=ed25519),
        "a broken key": forged(lab, spki=asn1.sequence_of()),
        "an unknown signature algorithm": unknown,
        "an MD5 signature": weak.der,
        "a flipped signature": flipped(lab.csr.der, -1),
        "a flipped challenge password": lab.csr.der.replace(b"s3cret", b"t3cret"),
    }.items():
        yield name, envelope(lab, inside)


def not_for_us(lab: Any) -> Iterator[tuple[str, bytes]]:
    same_serial = lab.identity("ra", serial_number=lab.ra.certificate.serial_number)
    yield "another recipient", envelope(lab, lab.csr.der, to=lab.stranger)
    yield "our serial number of another issuer", envelope(lab, lab.csr.der, to=same_serial)
    yield "no envelope", lab.csr.der
    yield "a bag", cms.degenerate([lab.ra.certificate])


def outcome(lab: Any, content: bytes, message_type: str, signer: Identity | None = None) -> object:
    """All that the outside can see: the exception's type, failInfo and text; or the message."""
    data = lab.signed(content, message_type=message_type, signer=signer or lab.stranger)
    try:
        request = lab.open(data)
    except Exception as error:
        return type(error), getattr(error, "fail_info", None), str(error)
    return request.message


SAME = (PeerError, FailInfo.BAD_MESSAGE_CHECK, envelopes.CANNOT_OPEN)


@pytest.mark.parametrize("message_type", ["17", "19"])
def test_requests_fail_in_one_way(lab: Any, message_type: str) -> None:
    cases = [*closed(lab), *garbage(lab), *forgeries(lab), *not_for_us(lab)]
    outcomes = {name: outcome(lab, content, message_type) for name, content in cases}
    assert len(outcomes) == len(cases) > 90
    assert {name: seen for name, seen in outcomes.items() if seen != SAME} == {}
    # All these are one change away from what opens, whoever signs:
    good = envelope(lab, lab.csr.der)
    assert isinstance(outcome(lab, good, message_type), PkcsReq | RenewalReq)


NOBODYS = {
    "20": CertPoll(EMPTY_NAME, EMPTY_NAME),
    "21": GetCert(EMPTY_NAME, 0),
    "22": GetCrl(EMPTY_NAME, 0),
}


@pytest.mark.parametrize("message_type", NOBODYS)
def test_queries_do_not_tell_whether_they_opened(lab: Any, message_type: str) -> None:
    """Else a captured PKCSReq, called a GetCert, could be asked about byte by byte.

    What a lucky guess makes of it is a query for somebody unknown; so is all the rest.
    """
    for name, content in [*closed(lab), *garbage(lab)]:
        assert outcome(lab, content, message_type) == NOBODYS[message_type], name
    for name, content in not_for_us(lab):  # which everybody can see
        assert outcome(lab, content, message_type) == SAME, name
    no_name = envelope(lab, asn1.sequence_of(b"\x04\x03abc", b"\x02\x01\x05"))
    assert outcome(lab, no_name, message_type) == NOBODYS[message_type]


def test_what_is_seen_before_opening_is_told_before_opening(lab: Any) -> None:
    """badAlg for the signer's key does not depend on whether the envelope would open."""
    good, bad = envelope(lab, lab.csr.der), envelope(lab, lab.csr.der, wrapped=b"")
    for message_type in ("17", "19", *NOBODYS):
        told = [outcome(lab, content, message_type, lab.elliptic) for content in (good, bad)]
        assert told[0] == told[1]
        assert told[0][1] is FailInfo.BAD_ALG  # type: ignore[index]


@pytest.mark.parametrize(
    ("digest", "fail_info", "why"),
    [(Digest.SHA256, FailInfo.BAD_REQUEST, "bad signature"), (Digest.MD5, FailInfo.BAD_ALG, "md5")],
)
def test_the_holder_of_the_key_does_learn(lab: Any, digest: Digest, fail_info: FailInfo, why: str) -> None:
    csr = build_csr(subject=lab.name("r1"), key=lab.client.key, challenge_password=None, digest=digest)
    inside = csr.der if digest is Digest.MD5 else flipped(csr.der, -1)
    data = lab.signed(envelope(lab, inside), signer=lab.client)
    with pytest.raises(PeerError, match=why) as caught:
        lab.open(data)
    assert caught.value.fail_info is fail_info
    assert public_key_info(lab.client.key.public_key()) == csr.public_key_info
    assert outcome(lab, envelope(lab, inside), "19") == SAME


def test_a_renewal_opens_but_tells_no_more(lab: Any) -> None:
    """Its signer holds an older key, so he is as any stranger, honest or not, with a certificate or not.

    What opens is what the key named inside has signed; of anything else he hears the same as of garbage.
    """
    old = lab.identity("renewing", issuer=lab.ca, serial_number=60)
    new = build_csr(subject=lab.name("renewing"), key=lab.client.key, challenge_password=None)
    opened = lab.open(lab.request(RenewalReq(new), signer=old))
    assert (opened.message, opened.signer) == (RenewalReq(new), old.certificate)
    assert opened.signer.public_key_info != new.public_key_info
    weak = build_csr(subject=lab.name("x"), key=lab.client.key, challenge_password=None, digest=Digest.MD5)
    for inside in (flipped(new.der, -1), weak.der, forged(lab), b"garbage"):
        for message_type in ("17", "19"):
            assert outcome(lab, envelope(lab, inside), message_type, old) == SAME
    same_key = build_csr(subject=lab.name("renewing"), key=old.key, challenge_password=None)
    told = outcome(lab, envelope(lab, flipped(same_key.der, -1)), "17", old)
    assert told == (PeerError, FailInfo.BAD_REQUEST, "certification request: bad signature")


def test_a_key_holder_s_malformed_request_is_not_told_apart(lab: Any) -> None:
    """It names no key, so nobody is known to hold it."""
    for _, content in garbage(lab):
        assert outcome(lab, content, "19", lab.client) == SAME


def test_random_content_keys_give_one_answer(lab: Any) -> None:
    """Some random keys happen to leave a good padding: one in 256."""
    csr, public_key = lab.csr.der, lab.ra.key.public_key()
    seen = {
        outcome(
            lab,
            envelope(lab, csr, wrapped=algorithms.wrap_key(public_key, PKCS1, lab.random_bytes(16))),
            "19",
        )
        for _ in range(300)
    }
    assert seen == {SAME}
    assert isinstance(lab.open(lab.request()), codec.Request)
