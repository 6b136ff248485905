"""Certificates and CRLs: odd ones read, ours as asn1crypto and openssl read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import algorithms, asn1, certificates, names
from scep_core.certificates import (
    CRL_DISTRIBUTION_POINTS,
    Certificate,
    Extension,
    build_certificate,
    ext_authority_key_id,
    ext_basic_constraints,
    ext_crl_distribution_points,
    ext_extended_key_usage,
    ext_key_usage,
    ext_subject_alt_name,
    ext_subject_key_id,
    key_identifier,
    read_certificate,
    read_crl_distribution_points,
    verify_issued_by,
)
from scep_core.errors import LocalError
from scep_core.values import Digest

FIXED = settings.get_profile("scep_core")
PURPOSES = (
    certificates.SERVER_AUTH,
    certificates.CLIENT_AUTH,
    certificates.OCSP_SIGNING,
    certificates.IKE_INTERMEDIATE,
    certificates.IPSEC_IKE,
    certificates.CERTIFICATE_REQUEST_AGENT,
)
CRLS = ("http://ca.lab/ca.crl", "ldap://ca.lab/CN=CA,O=lab?certificateRevocationList")


@pytest.fixture(scope="module")
def full(lab: Any) -> Certificate:
    """With every extension that we write."""
    spki = lab.client.certificate.public_key_info
    san = [("DNS", b"r1.lab"), ("IP", bytes([192, 0, 2, 1])), ("IP", bytes(15) + b"\1"), ("email", b"a@b")]
    extensions = [
        ext_basic_constraints(True, 0),
        ext_key_usage("digital_signature", "key_encipherment", "crl_sign"),
        ext_extended_key_usage(*PURPOSES),
        ext_subject_alt_name([*san, ("URI", b"http://r1.lab/")]),
        ext_subject_key_id(spki),
        ext_authority_key_id(lab.ca.certificate.public_key_info),
        ext_crl_distribution_points(*CRLS),
        certificates.ext_authority_info_access(["http://ca.lab/ca.cer"], ["http://ocsp.lab/"]),
    ]
    return lab.identity("client", issuer=lab.ca, serial_number=2**100, extensions=extensions).certificate


def test_asn1crypto_reads_the_same(lab: Any, full: Certificate) -> None:
    seen = oracle.Certificate.load(full.der, strict=True)
    assert seen.serial_number == full.serial_number == 2**100
    assert seen["tbs_certificate"]["version"].native == "v3"
    assert (seen.issuer.dump(), seen.subject.dump()) == (full.issuer, full.subject)
    assert seen.issuer.dump() == lab.ca.certificate.subject
    assert seen.public_key.dump() == full.public_key_info
    assert (seen.not_valid_before, seen.not_valid_after) == (full.not_before, full.not_after)
    assert seen.hash_algo == "sha256"
    assert (seen.basic_constraints_value.native, seen.max_path_length) == (
        {"ca": True, "path_len_constraint": 0},
        0,
    )
    assert seen.key_usage_value.native == {"digital_signature", "key_encipherment", "crl_sign"}
    assert seen.extended_key_usage_value.native == [
        "server_auth",
        "client_auth",
        "ocsp_signing",
        "ike_intermediate",
        "ipsec_ike",
        certificates.CERTIFICATE_REQUEST_AGENT,
    ]
    assert [
        (each["access_method"].native, each["access_location"].native)
        for each in seen.authority_information_access_value
    ] == [("ca_issuers", "http://ca.lab/ca.cer"), ("ocsp", "http://ocsp.lab/")]
    assert seen.subject_alt_name_value.native == ["r1.lab", "192.0.2.1", "::1", "a@b", "http://r1.lab/"]
    assert seen.key_identifier == key_identifier(full.public_key_info) == seen.public_key.sha1
    assert seen.authority_key_identifier == key_identifier(lab.ca.certificate.public_key_info)
    assert seen.critical_extensions == {"basic_constraints", "key_usage"}
    assert [point["distribution_point"].native for point in seen.crl_distribution_points_value] == [
        [url] for url in CRLS
    ]
    assert seen.dump(force=True) == full.der


def test_what_is_read_of_it(full: Certificate) -> None:
    assert full.is_ca
    assert full.has_key_usage("crl_sign")
    assert not full.has_key_usage("key_cert_sign")
    san = full.extension(certificates.SUBJECT_ALT_NAME)
    assert san is not None
    assert certificates.read_subject_alt_name(san.value) == (
        "DNS:r1.lab",
        "IP:192.0.2.1",
        "IP:0000:0000:0000:0000:0000:0000:0000:0001",
        "email:a@b",
        "URI:http://r1.lab/",
    )
    assert full.extension("1.2.3") is None
    read = read_certificate(full.der)
    assert vars(read) == {name: vars(full)[name] for name in vars(read)}
    assert full.fingerprint(Digest.SHA1) == oracle.Certificate.load(full.der).sha1


def test_openssl_agrees(lab: Any, full: Certificate, openssl: Any) -> None:
    openssl.lay(ca=lab.ca)
    text = openssl("x509", "-inform", "DER", "-in", "der", "-noout", "-text", der=full.der).decode()
    assert "CA:TRUE, pathlen:0" in text
    assert "Digital Signature, Key Encipherment, CRL Sign" in text
    assert "DNS:r1.lab, IP Address:192.0.2.1" in text
    openssl("x509", "-inform", "DER", "-in", "der", "-out", "leaf.crt")
    openssl("verify", "-partial_chain", "-no_check_time", "-trusted", "ca.crt", "leaf.crt")


@pytest.mark.parametrize(
    "names_of", [(), *[(each,) for each in certificates._KEY_USAGES], ("key_agreement", "decipher_only")]
)
def test_key_usage(names_of: tuple[str, ...]) -> None:
    value = ext_key_usage(*names_of).value
    assert certificates.read_key_usage(value) == frozenset(names_of)
    assert set(oracle.KeyUsage.load(value, strict=True).native) == set(names_of)
    if names_of:
        assert oracle.KeyUsage(set(names_of)).dump() == value


def test_cisco_key_usage_bits() -> None:
    """scep.md section 3.2: ``03 02 05 A0``."""
    assert ext_key_usage("digital_signature", "key_encipherment").value == bytes.fromhex("030205a0")


ODD_SERIALS = [
    ("zero", b"\x02\x01\x00", 0),
    ("negative", b"\x02\x01\x80", -128),
    ("padded", b"\x02\x03\x00\x00\x05", 5),
    ("33 bytes, as sscep's", b"\x02\x21\x00" + b"\xff" * 32, 2**256 - 1),
]


@pytest.mark.parametrize(
    ("serial_number", "value"), [row[1:] for row in ODD_SERIALS], ids=[row[0] for row in ODD_SERIALS]
)
def test_odd_serial_numbers(
    make_certificate: Callable[..., Certificate], serial_number: bytes, value: int
) -> None:
    certificate = make_certificate(serial_number=serial_number)
    assert certificate.serial_number == value
    verify_issued_by(certificate, certificate)


def test_a_version_1_certificate(make_certificate: Callable[..., Certificate]) -> None:
    certificate = make_certificate(version=b"")
    assert certificate.extensions == ()
    assert not certificate.is_ca
    assert certificate.has_key_usage("key_encipherment")
    verify_issued_by(certificate, certificate)


def test_unique_identifiers_and_an_explicit_false(make_certificate: Callable[..., Certificate]) -> None:
    extension = asn1.sequence_of(asn1.oid("1.2.3"), b"\x01\x01\x00", asn1.octet_string(b"x"))
    tail = b"\x81\x02\x00\x01" + b"\x82\x02\x00\x02" + asn1.encode(0xA3, asn1.sequence_of(extension))
    certificate = make_certificate(tail=tail)
    assert certificate.extensions == (Extension("1.2.3", False, b"x"),)


@pytest.mark.parametrize("value", [b"", b"\x05\x00", b"\x30\x05"])
def test_malformed_extensions_promise_nothing(
    make_certificate: Callable[..., Certificate], value: bytes
) -> None:
    extensions = [
        Extension(certificates.BASIC_CONSTRAINTS, True, value),
        Extension(certificates.KEY_USAGE, True, value),
    ]
    certificate = make_certificate(tail=asn1.encode(0xA3, certificates.encode_extensions(extensions)))
    assert not certificate.is_ca
    assert not certificate.has_key_usage("key_encipherment")


@pytest.mark.parametrize("digest", Digest)
def test_every_digest_signs(lab: Any, digest: Digest) -> None:
    certificate = lab.identity("client", issuer=lab.ca, digest=digest).certificate
    verify_issued_by(certificate, lab.ca.certificate)
    assert oracle.Certificate.load(certificate.der).hash_algo == digest


def test_elliptic_curve_keys_sign(lab: Any) -> None:
    verify_issued_by(lab.elliptic.certificate, lab.elliptic.certificate)


def test_not_issued_by(lab: Any) -> None:
    leaf = lab.ra.certificate
    with pytest.raises(ValueError, match="name is another"):
        verify_issued_by(leaf, lab.stranger.certificate)
    namesake = lab.identity("namesake", subject=lab.ca.certificate.subject).certificate
    with pytest.raises(ValueError, match="does not match"):
        verify_issued_by(leaf, namesake)
    forged = read_certificate(leaf.der[:-1] + bytes([leaf.der[-1] ^ 1]))
    with pytest.raises(ValueError, match="does not match"):
        verify_issued_by(forged, lab.ca.certificate)
    rsa_by_ec = Certificate(**{**vars(leaf), "issuer": lab.elliptic.certificate.subject})
    with pytest.raises(ValueError):
        verify_issued_by(rsa_by_ec, lab.elliptic.certificate)


def test_reads_what_openssl_makes(openssl: Any) -> None:
    openssl(
        *[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key",
            "-outform",
            "DER",
            "-out",
            "der",
            "-days",
            "30",
            "-sha1",
            "-multivalue-rdn",
        ],
        *(
            "-subj",
            "/O=lab/CN=r1+serialNumber=7",
            "-addext",
            "subjectAltName=DNS:r1.lab,otherName:1.2.3;UTF8:x",
        ),
    )
    certificate = read_certificate((openssl.folder / "der").read_bytes())
    assert names.rfc4514(certificate.subject) == "serialNumber=7+CN=r1,O=lab"
    assert certificate.is_ca
    assert certificate.is_self_issued
    verify_issued_by(certificate, certificate)
    san = certificate.extension(certificates.SUBJECT_ALT_NAME)
    assert san is not None
    assert certificates.read_subject_alt_name(san.value)[0] == "DNS:r1.lab"
    assert certificates.read_subject_alt_name(san.value)[1].startswith("[0]:")
    skid = certificate.extension(certificates.SUBJECT_KEY_ID)
    assert skid == ext_subject_key_id(certificate.public_key_info)


@settings(FIXED, max_examples=150)
@given(data=st.data())
def test_mutants_raise_value_error_only(full: Certificate, data: st.DataObject, mutate: Any) -> None:
    mutant = mutate(full.der, data)
    try:
        certificate = read_certificate(mutant)
    except ValueError:
        return
    assert certificate.der == mutant
    assert certificate.is_ca in {True, False}
    assert certificate.has_key_usage("crl_sign") in {True, False}
    try:
        names.rfc4514(certificate.subject)
        verify_issued_by(certificate, certificate)
        key_identifier(certificate.public_key_info)
    except ValueError:
        pass


def test_crl_distribution_points(openssl: Any, full: Certificate, tmp_path: Path) -> None:
    ours = full.extension(CRL_DISTRIBUTION_POINTS)
    assert ours
    assert read_crl_distribution_points(ours.value) == CRLS
    config = tmp_path / "openssl.cnf"
    config.write_text(
        "[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\ncrlDistributionPoints=a,b,c\n"
        "[a]\nfullname=URI:http://ca.lab/1.crl,URI:ldap:///CN=x\nCRLissuer=dirName:n\n"
        "[b]\nfullname=dirName:n\nreasons=keyCompromise\n[c]\nrelativename=n\n[n]\nO=lab\n"
    )
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {tmp_path / 'key'} -subj /CN=x -outform DER"
    made = read_certificate(openssl(*words.split(), "-config", str(config)))
    theirs = made.extension(CRL_DISTRIBUTION_POINTS)
    assert theirs
    assert read_crl_distribution_points(theirs.value) == ("http://ca.lab/1.crl", "ldap:///CN=x", "O=lab")
    for broken in (b"", b"\x30\x03\x02\x01\x01", b"\x04\x00"):
        with pytest.raises(ValueError):
            read_crl_distribution_points(broken)


def test_points_of_several_names(lab: Any) -> None:
    """Active Directory's shape: one point, an ldap: and an http: name; and a point in a directory."""
    directory = lab.ca.certificate.subject
    written = ext_crl_distribution_points(CRLS, [directory], CRLS[0])
    assert read_crl_distribution_points(written.value) == (*CRLS, names.rfc4514(directory), CRLS[0])
    points = oracle.CRLDistributionPoints.load(written.value, strict=True)
    assert [[name.name for name in point["distribution_point"].chosen] for point in points] == [
        ["uniform_resource_identifier"] * 2,
        ["directory_name"],
        ["uniform_resource_identifier"],
    ]
    assert points[1]["distribution_point"].chosen[0].chosen.untag().dump() == directory


def test_authority_info_access_of_nothing() -> None:
    with pytest.raises(LocalError):
        certificates.ext_authority_info_access([])


def test_what_is_built_is_what_is_read(lab: Any) -> None:
    """Built certificates are not read again; times lose what DER has no room for."""
    ca, zone = lab.ca, timezone(timedelta(hours=2))
    for not_after in (datetime(2049, 12, 31, tzinfo=UTC), datetime(2050, 1, 1, 1, 59, 59, 999999, zone)):
        built = build_certificate(
            serial_number=2**127,
            issuer=ca.certificate.subject,
            subject=names.EMPTY_NAME,
            public_key_info=lab.client.certificate.public_key_info,
            not_before=datetime(1999, 1, 1, 0, 0, 0, 5, zone),
            not_after=not_after,
            extensions=[ext_basic_constraints(False), ext_key_usage("crl_sign", critical=False)],
            key=ca.key,
            digest=Digest.SHA256,
        )
        read = read_certificate(built.der)
        assert read == built
        assert [repr(each) for each in (read.not_before, read.not_after, read.extensions)] == [
            repr(each) for each in (built.not_before, built.not_after, built.extensions)
        ]


def test_public_key_is_cached_by_its_bytes(full: Certificate) -> None:
    assert full.public_key() is algorithms.load_public_key(bytes(full.public_key_info))


def test_what_a_client_writes_cannot_draw_on_a_screen() -> None:
    san = ext_subject_alt_name(
        [("DNS", b"\x1b]0;owned\x07"), ("URI", b"http://x/\r\n  State: issued"), ("DNS", b"a,b")]
    )
    assert certificates.read_subject_alt_name(san.value) == (
        r"DNS:\x1b]0;owned\x07",
        r"URI:http://x/\x0d\x0a  State: issued",
        r"DNS:a\x2cb",
    )
    crl = ext_crl_distribution_points("http://x/\x1b[2J")
    assert read_crl_distribution_points(crl.value) == (r"http://x/\x1b[2J",)
