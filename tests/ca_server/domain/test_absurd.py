"""Requests that nobody means: each gets SCEP's answer, and none harms the CA."""

import os
from datetime import timedelta

import pytest

from router_emu.pki.keys import generate_rsa
from scep_core import asn1, certificates, csr, names
from scep_core.certificates import Extension
from scep_core.cms import Identity
from scep_core.messages import Failure, Pending, PkcsReq, Success
from scep_core.values import Digest, FailInfo

SCRIPT = "<script>alert('é\x1b[31m\n')</script>"
UNKNOWN = "1.3.6.1.4.1.55555.9"


def small_request(subject, info, sign=lambda body: bytes(256)):
    """A certification request that is put together by hand."""
    body = asn1.sequence_of(asn1.integer(0), subject, info, asn1.encode(0xA0))
    algorithm = asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.11"), asn1.NULL)
    return csr.slice_csr(asn1.sequence_of(body, algorithm, asn1.bit_string(sign(body))))


def key_info(modulus, exponent):
    key = asn1.sequence_of(asn1.integer(modulus), asn1.integer(exponent))
    algorithm = asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.1"), asn1.NULL)
    return asn1.sequence_of(algorithm, asn1.bit_string(key))


@pytest.mark.parametrize("bits", [512, 1023])
def test_a_tiny_key(automatic, client, bits):
    reply = automatic.send(client, client.seal(PkcsReq(client.csr(key=generate_rsa(bits, os.urandom)))))
    assert (reply.fail_info, str(bits) in reply.text) == (FailInfo.BAD_REQUEST, True)
    assert automatic.requests == []


@pytest.mark.parametrize(
    ("modulus_bits", "exponent"),
    [(16384, 3), (100_000, 65537), (2048, 2**2047 + 1), (2048, 1), (2048, 2), (8, 3)],
)
def test_a_key_that_is_none_or_costs_much(automatic, client, modulus_bits, exponent):
    info = key_info((1 << modulus_bits - 1) | 1, exponent)
    message = client.seal(PkcsReq(small_request(client.subject, info)))
    reply = automatic.send(client, message)
    assert reply.fail_info in (FailInfo.BAD_MESSAGE_CHECK, FailInfo.BAD_REQUEST, FailInfo.BAD_ALG)
    assert automatic.requests == []


def test_a_subject_of_a_thousand_attributes(automatic, client):
    client.subject = names.build_name([[(UNKNOWN, str(number))] for number in range(700)])
    [issued] = automatic.send(client, client.pkcs_req()).certificates
    assert issued.subject == client.subject
    assert automatic.only_request.subject.startswith(f"{UNKNOWN}=699,{UNKNOWN}=698,")
    client.subject = names.build_name([[(UNKNOWN, str(number)) for number in range(1000)]])
    reply = automatic.send(client, client.pkcs_req())
    assert reply == Failure(FailInfo.BAD_REQUEST, "certification request: larger than 16384 bytes")


def test_script_tags_and_terminal_escapes_in_every_field(automatic, client):
    kinds = [*dict.fromkeys(names.OIDS.values()), UNKNOWN]
    client.subject = names.build_name([[(kind, SCRIPT)] for kind in kinds], string_type=0x0C)
    asked = [
        certificates.ext_subject_alt_name([("URI", b"http://x/<script>alert('1')</script>")]),
        Extension(certificates.KEY_USAGE, True, asn1.bit_string(b"\xff\xff")),
        Extension(UNKNOWN, True, SCRIPT.encode()),
    ]
    reply = automatic.send(client, client.seal(PkcsReq(client.csr(challenge=SCRIPT, extensions=asked))))
    assert isinstance(reply, Success)
    request = automatic.only_request
    for text in (request.subject, *request.subject_alt_names):
        assert text.isprintable()
    assert len(request.subject) > len(kinds) * 30
    usages = certificates.read_key_usage(reply.certificates[0].extension(certificates.KEY_USAGE).value)
    assert not usages & {"key_cert_sign", "crl_sign"}


def test_names_in_string_types_of_every_age(automatic, make_client):
    texts = {0x13: b"a@b*c_", 0x14: b"caf\xe9", 0x1E: "é".encode("utf-16-be"), 0x1C: "é".encode("utf-32-be")}
    texts |= {0x0C: b"\xff\xfe", 0x16: b"\x80", 0x1A: b"~", 0x12: b"12 3", 0x05: b"", 0x30: b"\x02\x01\x05"}
    rdns = (
        asn1.encode(asn1.SET, asn1.sequence_of(asn1.oid(names.COMMON_NAME), asn1.encode(tag, text)))
        for tag, text in texts.items()
    )
    client = make_client(subject=asn1.sequence_of(*rdns))
    [issued] = automatic.send(client, client.pkcs_req()).certificates
    assert issued.subject == client.subject


def test_a_replayed_message_gets_what_stands(lab, client):
    message = client.pkcs_req()
    for _ in range(3):
        assert lab.send(client, message) == Pending()
        lab.clock.advance(timedelta(days=1))
    lab.approve(1)
    first = lab.send(client, message)
    lab.clock.advance(timedelta(days=300))
    assert lab.send(client, message) == first
    assert len(lab.certificates) == 1


def test_the_dates_of_a_temporary_certificate_are_no_matter(lab, client):
    """It vouches for nothing (RFC 8894 section 2.3), and a router's clock is wrong at first."""
    own = client.identity.certificate
    lab.clock.instant = own.not_before - timedelta(days=1)
    assert lab.send(client, client.pkcs_req()) == Pending()
    ended = certificates.build_certificate(
        serial_number=1,
        issuer=client.subject,
        subject=client.subject,
        public_key_info=client.public_key_info,
        not_before=own.not_before - timedelta(days=9),
        not_after=own.not_before - timedelta(days=8),
        extensions=[],
        key=client.key,
        digest=Digest.SHA256,
    )
    client.identity = Identity(ended, client.key)
    assert lab.send(client, client.pkcs_req()) == Pending()
