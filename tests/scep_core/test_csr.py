"""Certification requests as real clients write them, which ``cryptography`` would refuse to load."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import csr as oracle
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import asn1, certificates, names
from scep_core.algorithms import NotAllowed
from scep_core.certificates import Extension, ext_key_usage, ext_subject_alt_name
from scep_core.csr import (
    CHALLENGE_PASSWORD,
    EXTENSION_REQUEST,
    Csr,
    build_csr,
    read_csr,
    slice_csr,
    transaction_id,
)
from scep_core.errors import PeerError
from scep_core.values import LEGACY, MODERN, Digest, FailInfo

FIXED = settings.get_profile("scep_core")
SAN = ext_subject_alt_name([("DNS", b"r1.lab")])
Build = Callable[..., bytes]


@pytest.fixture(scope="session")
def make_csr(lab: Any, signed_structure: Build) -> Build:
    """A request of the client's key from whole attributes, in the order given."""

    def build(
        *attributes: bytes, subject: bytes | None = None, digest: Digest = Digest.SHA256, bare: bool = False
    ) -> bytes:
        body = asn1.sequence_of(
            asn1.integer(0),
            lab.name("r1") if subject is None else subject,
            lab.client.certificate.public_key_info,
            b"" if bare else asn1.encode(0xA0, *attributes),
        )
        return signed_structure(body, lab.client.key, digest)

    return build


@pytest.fixture(scope="module")
def cisco(lab: Any) -> Csr:
    subject = names.build_name(
        [
            [(names.ORGANIZATIONAL_UNIT, "lab")],
            [(names.SERIAL_NUMBER, "7"), (names.UNSTRUCTURED_NAME, "r1.lab")],
        ]
    )
    return build_csr(
        subject=subject,
        key=lab.client.key,
        challenge_password="cisco",
        extensions=[SAN, ext_key_usage("digital_signature", "key_encipherment", critical=False)],
    )


def test_asn1crypto_reads_the_same(cisco: Csr) -> None:
    seen = oracle.CertificationRequest.load(cisco.der, strict=True)
    info = seen["certification_request_info"]
    assert info["version"].native == "v1"
    assert info["subject"].dump() == cisco.subject
    assert info["subject_pk_info"].dump() == cisco.public_key_info
    by_type = {each["type"].native: each["values"] for each in info["attributes"]}
    assert by_type["challenge_password"].native == ["cisco"]
    assert [
        (each["extn_id"].native, each["critical"].native) for each in by_type["extension_request"][0]
    ] == [
        ("subject_alt_name", False),
        ("key_usage", False),
    ]
    assert seen["signature_algorithm"].hash_algo == "sha256"
    assert info["attributes"].dump(force=True)[1:] == info["attributes"].dump()[1:]


def test_openssl_and_cryptography_agree(cisco: Csr, openssl: Any) -> None:
    text = openssl(
        "req", "-inform", "DER", "-in", "der", "-noout", "-verify", "-text", der=cisco.der
    ).decode()
    assert "challengePassword        :cisco" in text
    assert "DNS:r1.lab" in text
    assert x509.load_der_x509_csr(cisco.der).is_signature_valid


def test_reads_its_own(lab: Any, cisco: Csr) -> None:
    assert read_csr(cisco.der) == cisco
    assert cisco.challenge_password == "cisco"
    assert cisco.subject_alt_names == ("DNS:r1.lab",)
    assert cisco.extension(certificates.KEY_USAGE) == Extension(
        certificates.KEY_USAGE, False, bytes.fromhex("030205a0")
    )
    assert cisco.key_type == "RSA 2048"
    assert cisco.fingerprint(Digest.MD5) == hashlib.md5(cisco.der).digest()
    assert slice_csr(lab.csr.der).extensions == ()


def test_the_challenge_password_stays_out_of_repr(cisco: Csr) -> None:
    assert "cisco" not in repr(cisco)
    assert cisco.der.hex() not in repr(cisco)
    assert repr(cisco.der) not in repr(cisco)


def test_transaction_id_is_md5_of_the_key_in_upper_case(cisco: Csr) -> None:
    expected = hashlib.md5(cisco.public_key_info).hexdigest().upper()
    assert transaction_id(cisco.public_key_info) == expected


def test_reads_what_openssl_makes(openssl: Any) -> None:
    config = """[req]
prompt=no
distinguished_name=dn
attributes=at
req_extensions=ex
[dn]
O=Zürich
CN=r1*lab
[at]
challengePassword=pa ss
unstructuredName=r1
[ex]
subjectAltName=IP:192.0.2.1,DNS:r1.lab
"""
    command = "req -new -newkey rsa:2048 -nodes -keyout key -config config -utf8 -outform DER"
    csr = read_csr(openssl(*command.split(), config=config.encode()))
    assert names.rfc4514(csr.subject) == "CN=r1*lab,O=Zürich"
    assert csr.challenge_password == "pa ss"
    assert csr.subject_alt_names == ("IP:192.0.2.1", "DNS:r1.lab")


@pytest.mark.parametrize("name_type", ["UTF8", "PRINTABLE", "T61", "BMP", "UNIVERSAL", "IA5"])
def test_reads_what_cryptography_makes(lab: Any, name_type: str) -> None:
    kind = {"PRINTABLE": "PrintableString", "UNIVERSAL": "UniversalString"}.get(
        name_type, name_type + "String"
    )
    tag = x509.name._ASN1Type[kind]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "r1", _type=tag)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"s3cret")
    der = builder.sign(lab.client.key, hashes.SHA384()).public_bytes(Encoding.DER)
    csr = read_csr(der)
    assert (csr.subject, csr.challenge_password, csr.digest) == (
        subject.public_bytes(),
        "s3cret",
        Digest.SHA384,
    )


# ------------------------------------------------------------------------------------- leniency


def test_attributes_in_any_order(make_csr: Build, make_attribute: Build) -> None:
    """strongSwan's order; ``cryptography`` says InvalidSetOrdering."""
    challenge = make_attribute(CHALLENGE_PASSWORD, asn1.printable_string("pw"))
    requested = make_attribute(EXTENSION_REQUEST, certificates.encode_extensions([SAN]))
    for attributes in ((challenge, requested), (requested, challenge)):
        csr = read_csr(make_csr(*attributes))
        assert (csr.challenge_password, csr.subject_alt_names) == ("pw", ("DNS:r1.lab",))
    with pytest.raises(ValueError):
        x509.load_der_x509_csr(make_csr(*sorted((challenge, requested), reverse=True))).attributes  # noqa: B018


@pytest.mark.parametrize("oid", [EXTENSION_REQUEST, "2.16.840.1.113733.1.9.8", "1.3.6.1.4.1.311.2.1.14"])
def test_extension_requests_by_every_name(make_csr: Build, make_attribute: Build, oid: str) -> None:
    csr = read_csr(make_csr(make_attribute(oid, certificates.encode_extensions([SAN]))))
    assert csr.extensions == (SAN,)


def test_no_attributes_at_all(make_csr: Build) -> None:
    for der in (make_csr(bare=True), make_csr()):
        csr = read_csr(der)
        assert (csr.challenge_password, csr.extensions, csr.subject_alt_names) == (None, (), ())


def test_attributes_with_no_value_and_with_two(make_csr: Build, make_attribute: Build) -> None:
    first, second = asn1.printable_string("first"), asn1.printable_string("second")
    assert read_csr(make_csr(make_attribute(CHALLENGE_PASSWORD, first, second))).challenge_password == "first"
    assert read_csr(make_csr(make_attribute(CHALLENGE_PASSWORD))).challenge_password is None
    assert (
        read_csr(make_csr(make_attribute("1.2.3"), make_attribute("1.2.4", second, first))).extensions == ()
    )


@pytest.mark.parametrize(
    ("tag", "encoding"),
    [
        (0x0C, "utf-8"),
        (0x13, "ascii"),
        (0x14, "latin-1"),
        (0x16, "ascii"),
        (0x1A, "ascii"),
        (0x1C, "utf-32-be"),
        (0x1E, "utf-16-be"),
        (0x04, "utf-8"),
    ],
)
def test_a_challenge_password_of_every_type(
    make_csr: Build, make_attribute: Build, tag: int, encoding: str
) -> None:
    value = asn1.encode(tag, "pa$$ 1".encode(encoding))
    assert read_csr(make_csr(make_attribute(CHALLENGE_PASSWORD, value))).challenge_password == "pa$$ 1"


@pytest.mark.parametrize("challenge", ["A1B2C3D4E5F60718", "pässword", "a@b_*"])
def test_a_challenge_password_is_written_as_it_can_be(lab: Any, challenge: str) -> None:
    csr = build_csr(subject=names.EMPTY_NAME, key=lab.client.key, challenge_password=challenge)
    (seen,) = oracle.CertificationRequest.load(csr.der)["certification_request_info"]["attributes"]
    assert seen["values"].native == [challenge]
    assert read_csr(csr.der).challenge_password == challenge


def element(kind: str, tag: int, octets: bytes) -> bytes:
    return asn1.sequence_of(asn1.oid(kind), asn1.encode(tag, octets))


ODD_SUBJECTS = {
    "empty": names.EMPTY_NAME,
    "no CN": asn1.sequence_of(asn1.encode(0x31, element("2.5.4.11", 0x13, b"lab"))),
    "multi-valued, out of order": asn1.sequence_of(
        asn1.encode(0x31, element("2.5.4.5", 0x13, b"77"), element("2.5.4.3", 0x13, b"r"))
    ),
    "multi-valued, in order": asn1.sequence_of(
        asn1.encode(0x31, element("2.5.4.3", 0x13, b"r"), element("2.5.4.5", 0x13, b"77"))
    ),
    "PrintableString with @ * _": asn1.sequence_of(asn1.encode(0x31, element("2.5.4.3", 0x13, b"r1@lab*_"))),
    "T61 latin-1": asn1.sequence_of(asn1.encode(0x31, element("2.5.4.3", 0x14, b"Z\xfcrich"))),
    "BMP": asn1.sequence_of(asn1.encode(0x31, element("2.5.4.3", 0x1E, "r1".encode("utf-16-be")))),
    "not a string": asn1.sequence_of(asn1.encode(0x31, element("2.5.4.3", 0x02, b"\x05"))),
    "an unknown attribute": asn1.sequence_of(asn1.encode(0x31, element("1.2.3.4", 0x0C, b"x"))),
}


@pytest.mark.parametrize("subject", ODD_SUBJECTS.values(), ids=ODD_SUBJECTS)
def test_subjects_are_carried_verbatim(make_csr: Build, subject: bytes) -> None:
    csr = read_csr(make_csr(subject=subject))
    assert csr.subject == subject
    names.rfc4514(csr.subject)


# ----------------------------------------------------------------------------------- strictness


@pytest.mark.parametrize("digest", Digest)
def test_the_digest_has_to_be_allowed(make_csr: Build, digest: Digest) -> None:
    der = make_csr(digest=digest)
    assert read_csr(der, LEGACY).digest is digest
    if digest in MODERN.digests:
        assert read_csr(der).digest is digest
    else:
        with pytest.raises(PeerError, match="md5") as caught:
            read_csr(der)
        assert caught.value.fail_info is FailInfo.BAD_ALG


@pytest.mark.parametrize("at", [-1, 40, 300])
def test_a_changed_request_is_refused(cisco: Csr, at: int) -> None:
    changed = bytearray(cisco.der)
    changed[at] ^= 1
    with pytest.raises(PeerError) as caught:
        read_csr(bytes(changed))
    assert caught.value.fail_info is FailInfo.BAD_REQUEST


def test_a_request_signed_by_another_key(lab: Any, signed_structure: Build) -> None:
    body = asn1.sequence_of(
        asn1.integer(0), lab.name("r1"), lab.client.certificate.public_key_info, b"\xa0\x00"
    )
    with pytest.raises(PeerError, match="bad signature") as caught:
        read_csr(signed_structure(body, lab.stranger.key))
    assert caught.value.fail_info is FailInfo.BAD_REQUEST


def test_keys_of_another_kind_and_broken_ones(lab: Any, signed_structure: Build) -> None:
    ed25519 = asn1.sequence_of(asn1.sequence_of(asn1.oid("1.3.101.112")), asn1.bit_string(bytes(32)))
    for public_key_info, fail_info in (
        (ed25519, FailInfo.BAD_ALG),
        (asn1.sequence_of(), FailInfo.BAD_REQUEST),
    ):
        body = asn1.sequence_of(asn1.integer(0), lab.name("r1"), public_key_info, b"\xa0\x00")
        with pytest.raises(PeerError) as caught:
            read_csr(signed_structure(body, lab.client.key))
        assert caught.value.fail_info is fail_info


def test_an_unknown_signature_algorithm(cisco: Csr) -> None:
    der = cisco.der.replace(asn1.oid("1.2.840.113549.1.1.11"), asn1.oid("1.2.840.113549.1.1.10"))
    assert slice_csr(der).digest is None
    with pytest.raises(PeerError) as caught:
        read_csr(der)
    assert caught.value.fail_info is FailInfo.BAD_ALG
    assert isinstance(caught.value.__cause__, NotAllowed)


def test_elliptic_curve_requests(lab: Any) -> None:
    csr = build_csr(subject=lab.name("ec"), key=lab.elliptic.key, challenge_password=None)
    assert read_csr(csr.der).key_type == "EC secp256r1"
    assert x509.load_der_x509_csr(csr.der).is_signature_valid


@settings(FIXED, max_examples=150)
@given(data=st.data())
def test_mutants_raise_peer_error_only(cisco: Csr, data: st.DataObject, mutate: Any) -> None:
    mutant = mutate(cisco.der, data)
    try:
        csr = read_csr(mutant, LEGACY)
    except PeerError:
        return
    assert csr.der == mutant
    assert isinstance(csr.subject_alt_names, tuple)
