"""What a certificate takes over from its request, and what it does not."""

import pytest

from ca_server.domain.authority import Shape, Succession
from ca_server.domain.issuance import PURPOSES, Terms, certificate_extensions
from scep_core import asn1, certificates, names
from scep_core.certificates import Extension
from scep_core.messages import Failure, Success
from scep_core.values import FailInfo
from tests.ca_server.enrolment_stage import ask_for
from tests.ca_server.revocation_stage import authority as authority_of

UNREADABLE = Failure(FailInfo.BAD_REQUEST, "certification request: a name or an extension cannot be read")
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


def general_names(*encoded):
    return Extension(certificates.SUBJECT_ALT_NAME, False, asn1.sequence_of(*encoded))


def carried(client, *asked, terms=None):
    """The extensions that a request for these would get, by OID."""
    made = certificate_extensions(client.csr(extensions=asked), terms or Terms())
    return {each.oid: each for each in made}


# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    "name",
    [
        asn1.encode(0x82, b"www.bank.example\0.lab"),
        asn1.encode(0x82, b"www.bank.example\r\n.lab"),
        asn1.encode(0x87, b"abc"),
        asn1.encode(0xA3, b""),
    ],
    ids=["NUL", "line", "half an address", "x400Address"],
)
def test_a_name_that_is_none_is_certified_for_nobody(automatic, client, name):
    good = asn1.encode(0x82, b"r1.lab")
    assert isinstance(automatic.send(client, ask_for(client, general_names(good))), Success)
    assert automatic.send(client, ask_for(client, general_names(good, name))) == UNREADABLE


def test_names_are_taken_over_byte_for_byte(client):
    asked = general_names(asn1.encode(0x82, b"R1.lab"), asn1.encode(0x87, bytes([192, 0, 2, 1])))
    assert carried(client, asked)[certificates.SUBJECT_ALT_NAME] == asked


@pytest.mark.parametrize("whose", ["ca", "ra_signing", "ra_encryption"])
def test_nobody_gets_the_cas_own_names(automatic, make_client, whose):
    own = getattr(automatic.authority, whose).certificate.subject
    texts = names.parse_name(own)
    for subject in (own, names.build_name(texts, string_type=asn1.UTF8_STRING)):
        client = make_client(subject=subject)
        reply = automatic.send(client, client.pkcs_req())
        assert reply == Failure(FailInfo.BAD_REQUEST, "the CA's own name")
    assert automatic.requests == []


def test_the_roots_name_is_one_of_them():
    rooted = authority_of(Shape(with_root=True))
    assert Succession((rooted,)).is_own_name(rooted.root.certificate.subject)
    assert not Succession((rooted,)).is_own_name(names.build_name([[(names.COMMON_NAME, "r1.lab")]]))


# ------------------------------------------------------------------------------------------ usages


@pytest.mark.parametrize(
    ("value", "usages"),
    [
        (b"\x03\x02\x05\xa0", {"digital_signature", "key_encipherment"}),
        (b"\x03\x02\x04\xb0", {"digital_signature", "key_encipherment", "data_encipherment"}),
        (b"\x03\x02\x03\x88", {"digital_signature"}),  # with keyAgreement, which no RSA key can do
        (b"\x03\x02\x02\x44", {"non_repudiation"}),  # with keyCertSign
        (b"\x03\x02\x03\x08", {"digital_signature", "key_encipherment"}),  # keyAgreement alone: the usual
        (b"\x03\x02\x00\x01", {"digital_signature", "key_encipherment"}),  # encipherOnly
        (b"\x03\x03\x07\x00\x80", {"digital_signature", "key_encipherment"}),  # decipherOnly
        (b"\x03\x01\x00", {"digital_signature", "key_encipherment"}),  # none
    ],
)
def test_key_usage(client, value, usages):
    made = carried(client, Extension(certificates.KEY_USAGE, False, value))[certificates.KEY_USAGE]
    assert certificates.read_key_usage(made.value) == usages
    assert made.critical


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((CODE_SIGNING, "1.2.3.4"), (CODE_SIGNING, "1.2.3.4")),
        (("2.5.29.37.0", CODE_SIGNING), (CODE_SIGNING,)),  # anyExtendedKeyUsage
        (("1.3.6.1.5.5.7.3.27", CODE_SIGNING), (CODE_SIGNING,)),  # CMC's CAs
        (("1.3.6.1.5.5.7.3.28", CODE_SIGNING), (CODE_SIGNING,)),  # and RAs
        ((certificates.CERTIFICATE_REQUEST_AGENT, CODE_SIGNING), (CODE_SIGNING,)),
        ((certificates.OCSP_SIGNING,), PURPOSES),  # nothing is left, which would be for everything
        ((), PURPOSES),
    ],
)
def test_purposes(client, asked, expected):
    made = carried(client, certificates.ext_extended_key_usage(*asked))
    assert made[certificates.EXTENDED_KEY_USAGE] == certificates.ext_extended_key_usage(*expected)


def test_other_extensions_are_left_out(client):
    unknown = Extension("1.2.3.4.5", True, asn1.NULL)
    made = carried(client, unknown, certificates.ext_basic_constraints(True), terms=Terms(purposes=()))
    assert set(made) == {certificates.KEY_USAGE}


@pytest.mark.parametrize(
    "extension",
    [
        Extension(certificates.KEY_USAGE, True, b"\x05\x00"),
        Extension(certificates.EXTENDED_KEY_USAGE, False, b"\x30\x03\x02\x01\x05"),
        Extension(certificates.EXTENDED_KEY_USAGE, False, b"\x30\x03\x06\x01\x80"),
    ],
    ids=["usage", "purpose that is none", "broken OID"],
)
def test_what_cannot_be_read_is_no_certificates(automatic, client, extension):
    assert automatic.send(client, ask_for(client, extension)) == UNREADABLE


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (names.build_name([]), "it names nobody"),
        (names.build_name([[(names.COMMON_NAME, "")]]), "it names nobody"),
        (names.build_name([[(names.COMMON_NAME, "  ")]]), "it names nobody"),
        (b"\x30\x02\x31\x00", "a part of the subject is empty"),
    ],
)
def test_nobody_gets_no_certificate(automatic, make_client, subject, why):
    client = make_client(subject=subject)
    assert automatic.send(client, client.pkcs_req()) == Failure(
        FailInfo.BAD_REQUEST, f"certification request: {why}"
    )
