"""Messages made to hurt: deep, huge, or lying about their size; and thousands of broken PKCSReqs.

Only NotAPkiMessage and PeerError may come out, soon, and without memory beyond the message's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scep_core import algorithms, asn1, cms, codec, envelopes, pkimessage
from scep_core.csr import CHALLENGE_PASSWORD, EXTENSION_REQUEST, build_csr, slice_csr
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.messages import Failure, PkcsReq
from scep_core.names import COMMON_NAME, build_name
from scep_core.values import MODERN, Algorithms, Cipher, Digest, FailInfo

DEPTH = 5000


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Elements in elements, definite lengths."""
    der = b""
    for _ in range(depth):
        der = asn1.encode(tag, der)
    return der


def outcome(lab: Any, data: bytes) -> object:
    """What a CA makes of it; anything but a Request, a PeerError and a NotAPkiMessage is a failure."""
    try:
        message = codec.parse_message(data)
        return codec.open_request(message, [lab.ra], random_bytes=lab.random_bytes)
    except PeerError as error:
        return answered(lab, message, error)
    except NotAPkiMessage:
        return NotAPkiMessage


def answered(lab: Any, message: codec.SignedMessage, error: PeerError) -> FailInfo:
    """The failInfo that a CertRep can indeed be made of."""
    reply = codec.seal_reply(
        Failure(error.fail_info, str(error)),
        head=message.head(MODERN),
        signer=lab.ra,
        shape=codec.ReplyShape.COMPAT,
        random_bytes=lab.random_bytes,
    )
    told = codec.parse_message(reply)
    assert (told.transaction_id, told.fail_info) == (message.transaction_id, error.fail_info)
    return error.fail_info


def resealed(lab: Any, inside: bytes) -> bytes:
    """A message whose layers are all right but for what is inside."""
    content = envelopes.seal_envelope(inside, lab.ra.certificate, Algorithms(), lab.random_bytes)
    return lab.signed(content)


LIARS = {
    "4 GB": b"\x30\x84\xff\xff\xff\xff\x00",
    "2^1008 bytes": b"\x30\xfe" + b"\xff" * 126,
    "a reserved length": b"\x30\xff",
    "no length": b"\x30",
    "an endless tag": b"\x3f" + b"\xff" * 1000,
    "open ends": b"\x30\x80" * DEPTH,
    "open ends, closed": b"\x30\x80" * DEPTH + b"\0\0" * DEPTH,
    "a string of strings": b"\x24\x80" * DEPTH + b"\0\0" * DEPTH,
    "deep": nested(DEPTH),
    "end of contents": b"\0\0" * DEPTH,
}


@pytest.mark.parametrize("liar", LIARS.values(), ids=list(LIARS))
def test_bombs_in_every_layer(lab: Any, liar: bytes) -> None:
    """As the message, its content, a certificate, an attribute, the envelope's inside."""
    assert outcome(lab, liar) is NotAPkiMessage
    assert outcome(lab, cms.content_info(cms.SIGNED_DATA, liar)) is NotAPkiMessage
    assert outcome(lab, lab.signed(liar)) is FailInfo.BAD_MESSAGE_CHECK
    assert outcome(lab, lab.signed(cms.content_info(envelopes.ENVELOPED_DATA, liar))) is (
        FailInfo.BAD_MESSAGE_CHECK
    )
    assert outcome(lab, lab.signed(b"x", certificates=[liar])) in {
        NotAPkiMessage,
        FailInfo.BAD_MESSAGE_CHECK,
    }
    assert outcome(lab, lab.signed(b"x", more=[liar])) is NotAPkiMessage
    assert outcome(lab, resealed(lab, liar)) is FailInfo.BAD_MESSAGE_CHECK


def test_depth_where_anything_may_stand(lab: Any, make_attribute: Callable[..., bytes]) -> None:
    """Inside attributes, names and extensions, which are left unread until somebody asks."""
    deep = nested(DEPTH)
    content = cms.parse_signed(lab.request()).content
    strange = lab.signed(content, more=[make_attribute("1.2.3", deep)])
    assert isinstance(outcome(lab, strange), codec.Request)
    odd = asn1.sequence_of(asn1.set_of([asn1.sequence_of(asn1.oid(COMMON_NAME), deep)]))
    csr = build_csr(subject=odd, key=lab.client.key, challenge_password=None)
    assert isinstance(outcome(lab, lab.request(PkcsReq(csr))), codec.Request)
    for oid in (CHALLENGE_PASSWORD, EXTENSION_REQUEST):
        body = asn1.sequence_of(
            asn1.integer(0),
            lab.name("r1"),
            lab.client.certificate.public_key_info,
            asn1.encode(0xA0, make_attribute(oid, deep)),
        )
        signature = asn1.bit_string(algorithms.sign(lab.client.key, Digest.SHA256, body))
        algorithm = algorithms.signature_algorithm(lab.client.key, Digest.SHA256)
        inside = asn1.sequence_of(body, algorithm, signature)
        assert outcome(lab, resealed(lab, inside)) is FailInfo.BAD_MESSAGE_CHECK


def test_a_thousand_attributes(lab: Any, make_attribute: Callable[..., bytes]) -> None:
    subject = build_name([[(COMMON_NAME, f"<script>{number}</script>")] for number in range(1000)])
    csr = build_csr(subject=subject, key=lab.client.key, challenge_password="p" * 10_000)
    opened = outcome(lab, lab.request(PkcsReq(csr)))
    assert isinstance(opened, codec.Request)
    assert opened.message == PkcsReq(csr)
    content = cms.parse_signed(lab.request()).content
    more = [make_attribute(f"1.2.{number}", asn1.NULL) for number in range(1000)]
    assert isinstance(outcome(lab, lab.signed(content, more=more)), codec.Request)


def test_numbers_without_end(lab: Any) -> None:
    """Serial numbers, versions, OIDs and key lengths that no arithmetic should be done with."""
    huge = b"\x7f" + b"\xff" * 50_000
    serial = asn1.sequence_of(lab.name("ca"), asn1.encode(0x02, huge))
    content = envelopes.seal_envelope(serial, lab.ra.certificate, Algorithms(), lab.random_bytes)
    for message_type in ("21", "22"):
        request = lab.open(lab.signed(content, message_type=message_type))
        assert request.message.serial_number == 0  # nobody's
    tbs = slice_csr(lab.csr.der)
    endless_oid = asn1.sequence_of(asn1.encode(0x06, b"\xff" * 50_000 + b"\x01"))
    wide = asn1.sequence_of(asn1.encode(0x02, huge), asn1.encode(0x02, huge))
    rsa = asn1.sequence_of(asn1.oid(algorithms.RSA_ENCRYPTION), asn1.NULL)
    for spki in (
        asn1.sequence_of(endless_oid, asn1.bit_string(b"\0")),
        asn1.sequence_of(rsa, asn1.bit_string(wide)),
    ):
        info = asn1.sequence_of(asn1.integer(0), tbs.subject, spki, b"\xa0\0")
        inside = asn1.sequence_of(info, rsa, asn1.bit_string(bytes(256)))
        assert outcome(lab, resealed(lab, inside)) is FailInfo.BAD_MESSAGE_CHECK


def test_a_transaction_id_for_no_database(lab: Any, make_attribute: Callable[..., bytes]) -> None:
    for length, fine in ((256, True), (257, False), (100_000, False)):
        value = make_attribute(pkimessage.TRANSACTION_ID, asn1.printable_string("A" * length))
        data = lab.signed(b"x", without=[pkimessage.TRANSACTION_ID], more=[value])
        if fine:
            assert len(codec.parse_message(data).transaction_id) == length
        else:
            with pytest.raises(NotAPkiMessage, match="characters"):
                codec.parse_message(data)


# --------------------------------------------------------------------------- mutation, layer by layer

ROUNDS = 250


def mutants(der: bytes, seed: int) -> Iterator[bytes]:
    """The structure with one to three changes: bits, bytes, pieces moved, doubled, cut, blown up."""
    draw = random.Random(seed)
    for _ in range(ROUNDS):
        mutant = bytearray(der)
        for _ in range(draw.randint(1, 3)):
            at, size = draw.randrange(len(mutant) + 1), draw.randint(1, 40)
            match draw.randrange(6):
                case 0:
                    mutant[at : at + 1] = draw.randbytes(1)
                case 1:
                    mutant[at : at + 1] = draw.choice([b"\x80", b"\x84\xff\xff\xff\xff", b"\0", b"\x30\x80"])
                case 2:
                    del mutant[at : at + size]
                case 3:
                    mutant[at:at] = mutant[at : at + size]
                case 4:
                    other = draw.randrange(len(mutant) + 1)
                    mutant[at : at + size] = mutant[other : other + size]
                case 5:
                    del mutant[at + 1 :]
        yield bytes(mutant)


def enveloped(lab: Any, inside: bytes) -> bytes:
    return envelopes.seal_envelope(
        inside, lab.ra.certificate, Algorithms(Digest.SHA256, Cipher.DES3), lab.random_bytes
    )


@pytest.mark.parametrize("layer", ["message", "envelope", "request", "certificate"])
def test_mutated_pkcs_reqs(lab: Any, layer: str) -> None:
    """Each layer broken by itself, with the layers around it rightly made again."""
    inside, certificate = lab.csr.der, lab.client.certificate.der
    envelope = enveloped(lab, inside)
    der, rebuilt = {
        "message": (lab.signed(envelope), lambda mutant: mutant),
        "envelope": (envelope, lab.signed),
        "request": (inside, lambda mutant: lab.signed(enveloped(lab, mutant))),
        "certificate": (certificate, lambda mutant: lab.signed(envelope, certificates=[mutant])),
    }[layer]
    seen = [outcome(lab, rebuilt(mutant)) for mutant in mutants(der, seed=8894)]
    refusals = [each for each in seen if not isinstance(each, codec.Request)]
    assert len(refusals) > ROUNDS / 2  # the mutations do reach something
    for each in seen:
        if isinstance(each, codec.Request):
            assert each.message.csr.public_key_info == lab.csr.public_key_info  # type: ignore[union-attr]
    if layer == "request":
        allowed = {FailInfo.BAD_MESSAGE_CHECK, FailInfo.BAD_REQUEST, FailInfo.BAD_ALG}
        assert set(refusals) <= allowed
