"""CRLs: ours as asn1crypto, cryptography and openssl read them, theirs as we do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import crl as oracle
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import algorithms, asn1, certificates, crls
from scep_core.certificates import Certificate, key_identifier
from scep_core.cms import Identity
from scep_core.crls import Crl, RevokedEntry, build_crl, read_crl, verify_crl
from scep_core.values import Digest

FIXED = settings.get_profile("scep_core")
DAY = timedelta(days=1)
BORN = datetime(2026, 1, 1, tzinfo=UTC)
REVOKED = (
    RevokedEntry(5, BORN, reason=1),
    RevokedEntry(2**130, BORN + DAY),
    RevokedEntry(-128, BORN + 2 * DAY, reason=6, invalidity_date=BORN - DAY),
    RevokedEntry(7, datetime(2051, 2, 3, 4, 5, 6, tzinfo=UTC), invalidity_date=BORN),
)


def make(
    issuer: Identity, revoked: Sequence[RevokedEntry] = REVOKED, digest: Digest = Digest.SHA256
) -> bytes:
    return build_crl(
        issuer=issuer.certificate.subject,
        key=issuer.key,
        digest=digest,
        this_update=BORN,
        next_update=BORN + 7 * DAY,
        revoked=revoked,
        number=2**65,
        authority_key_id=key_identifier(issuer.certificate.public_key_info),
    )


@pytest.mark.parametrize("revoked", [REVOKED, ()], ids=["four", "none"])
def test_asn1crypto_reads_the_same(lab: Any, revoked: Sequence[RevokedEntry]) -> None:
    der = make(lab.ca, revoked)
    seen = oracle.CertificateList.load(der, strict=True)
    body = seen["tbs_cert_list"]
    assert body["version"].native == "v2"
    assert seen.issuer.dump() == lab.ca.certificate.subject
    assert (body["this_update"].native, body["next_update"].native) == (BORN, BORN + 7 * DAY)
    assert seen.crl_number_value.native == 2**65
    assert seen.authority_key_identifier == key_identifier(lab.ca.certificate.public_key_info)
    reasons = {None: None, 1: "key_compromise", 6: "certificate_hold"}
    assert [
        (
            each["user_certificate"].native,
            each["revocation_date"].native,
            each.crl_reason_value and each.crl_reason_value.native,
            each.invalidity_date_value and each.invalidity_date_value.native,
        )
        for each in body["revoked_certificates"]
    ] == [
        (each.serial_number, each.revoked_at, reasons[each.reason], each.invalidity_date) for each in revoked
    ]
    assert seen.dump(force=True) == der


@pytest.mark.parametrize("revoked", [REVOKED, ()], ids=["four", "none"])
def test_read_as_it_was_written(lab: Any, revoked: Sequence[RevokedEntry]) -> None:
    der = make(lab.ca, revoked)
    crl = read_crl(der)
    assert crl == Crl(
        der=der,
        issuer=lab.ca.certificate.subject,
        this_update=BORN,
        next_update=BORN + 7 * DAY,
        number=2**65,
        revoked=tuple(revoked),
        extensions=crl.extensions,
    )
    assert {each.oid for each in crl.extensions} == {crls.CRL_NUMBER, certificates.AUTHORITY_KEY_ID}
    verify_crl(crl, lab.ca.certificate)


@pytest.mark.parametrize("which", ["ca", "elliptic"])
def test_openssl_verifies_ours(lab: Any, openssl: Any, which: str) -> None:
    issuer = getattr(lab, which)
    openssl.lay(ca=issuer)
    for revoked in (REVOKED, ()):
        der = make(issuer, revoked)
        openssl("crl", "-inform", "DER", "-in", "der", "-CAfile", "ca.crt", "-noout", der=der)
        verify_crl(read_crl(der), issuer.certificate)
    text = openssl("crl", "-inform", "DER", "-in", "der", "-noout", "-text", der=make(issuer)).decode()
    assert "Certificate Hold" in text
    assert "Dec 31 00:00:00 2025 GMT" in text


def test_unspecified_is_left_out(lab: Any) -> None:
    (entry,) = read_crl(make(lab.ca, [RevokedEntry(5, BORN, reason=0)])).revoked
    assert entry == RevokedEntry(5, BORN)
    for reason in (7, 11, -1, 256):
        with pytest.raises(ValueError, match="no reason"):
            make(lab.ca, [RevokedEntry(5, BORN, reason=reason)])


def test_reads_what_cryptography_makes(lab: Any) -> None:
    name = x509.load_der_x509_certificate(lab.ca.certificate.der).subject
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(2**100)
        .revocation_date(BORN)
        .add_extension(x509.CRLReason(x509.ReasonFlags.unspecified), critical=False)
        .add_extension(x509.InvalidityDate(BORN - DAY), critical=False)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder(name, BORN, BORN + DAY).add_revoked_certificate(entry)
    made = builder.sign(lab.ca.key, hashes.SHA384()).public_bytes(Encoding.DER)
    crl = read_crl(made)
    verify_crl(crl, lab.ca.certificate)
    assert crl.revoked == (RevokedEntry(2**100, BORN, reason=0, invalidity_date=BORN - DAY),)
    assert (crl.number, crl.extensions) == (None, ())


def test_a_version_1_crl_without_next_update(lab: Any, signed_structure: Callable[..., bytes]) -> None:
    body = asn1.sequence_of(
        algorithms.signature_algorithm(lab.ca.key, Digest.SHA1), lab.ca.certificate.subject, asn1.time(BORN)
    )
    crl = read_crl(signed_structure(body, lab.ca.key, Digest.SHA1))
    verify_crl(crl, lab.ca.certificate)
    assert (crl.this_update, crl.next_update, crl.number, crl.revoked) == (BORN, None, None, ())


def test_what_does_not_verify(lab: Any) -> None:
    crl = read_crl(make(lab.ca))
    namesake: Certificate = lab.identity("namesake", subject=lab.ca.certificate.subject).certificate
    with pytest.raises(ValueError, match="does not match"):
        verify_crl(crl, namesake)
    with pytest.raises(ValueError, match="another issuer"):
        verify_crl(crl, lab.stranger.certificate)
    forged = read_crl(crl.der.replace(asn1.time(BORN + 7 * DAY), asn1.time(BORN + 8 * DAY)))
    with pytest.raises(ValueError, match="does not match"):
        verify_crl(forged, lab.ca.certificate)
    with pytest.raises(ValueError, match="key usage"):
        verify_crl(read_crl(make(lab.ra)), lab.ra.certificate)


@settings(FIXED, max_examples=150)
@given(data=st.data())
def test_mutants_raise_value_error_only(lab: Any, data: st.DataObject, mutate: Any) -> None:
    mutant = mutate(make(lab.ca), data)
    try:
        crl = read_crl(mutant)
        verify_crl(crl, lab.ca.certificate)
    except ValueError:
        return
    assert crl.revoked == REVOKED
