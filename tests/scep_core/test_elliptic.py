"""A CA whose own key is EC: it signs certificates, CRLs and its successor; the RA does the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from scep_core import cms, codec, envelopes
from scep_core.certificates import (
    Extension,
    build_certificate,
    ext_authority_key_id,
    ext_basic_constraints,
    ext_key_usage,
    ext_subject_key_id,
    key_identifier,
    verify_issued_by,
)
from scep_core.cms import Identity
from scep_core.codec import ReplyShape
from scep_core.crls import RevokedEntry, build_crl, read_crl, verify_crl
from scep_core.csr import build_csr, public_key_info
from scep_core.errors import LocalError, PeerError
from scep_core.messages import Failure, Pending, Success
from scep_core.next_ca import open_next_ca, seal_next_ca
from scep_core.values import MODERN, Algorithms, Digest, FailInfo


@pytest.fixture(scope="module")
def certify(lab: Any) -> Callable[..., Identity]:
    """``certify(serial, subject, key, *extensions)`` by the CA, whose identity is ``certify(1, ...)``."""
    ca_key = ec.generate_private_key(ec.SECP256R1())

    def build(serial_number: int, name: str, key: Any, *extensions: Extension) -> Identity:
        key = key or ca_key
        certificate = build_certificate(
            serial_number=serial_number,
            issuer=lab.name("EC CA"),
            subject=lab.name(name),
            public_key_info=public_key_info(key.public_key()),
            not_before=lab.born,
            not_after=lab.born + timedelta(days=3650),
            extensions=extensions,
            key=ca_key,
            digest=Digest.SHA256,
        )
        return Identity(certificate, key)

    return build


@pytest.fixture(scope="module")
def ca(certify: Callable[..., Identity]) -> Identity:
    spki = certify(1, "EC CA", None).certificate.public_key_info
    usage = ext_key_usage("key_cert_sign", "crl_sign", "digital_signature")
    return certify(1, "EC CA", None, ext_basic_constraints(True), usage, ext_subject_key_id(spki))


@pytest.fixture(scope="module")
def ra(lab: Any, ca: Identity, certify: Callable[..., Identity]) -> Identity:
    usage = ext_key_usage("digital_signature", "key_encipherment")
    from_ca = ext_authority_key_id(ca.certificate.public_key_info)
    return certify(2, "RA", lab.ra.key, ext_basic_constraints(False), usage, from_ca)


def test_openssl_verifies_what_it_signs(lab: Any, openssl: Any, ca: Identity, ra: Identity) -> None:
    """A chain, a CRL, and a GetNextCACert answer that checks both the chain and the signature."""
    openssl.lay(ca=ca, ra=ra)
    openssl("verify", "-no_check_time", "-x509_strict", "-CAfile", "ca.crt", "ra.crt")
    verify_issued_by(ra.certificate, ca.certificate)
    crl = build_crl(
        issuer=ca.certificate.subject,
        key=ca.key,
        digest=Digest.SHA256,
        this_update=lab.born,
        next_update=lab.born + timedelta(days=7),
        revoked=[RevokedEntry(ra.certificate.serial_number, lab.born)],
        number=1,
        authority_key_id=key_identifier(ca.certificate.public_key_info),
    )
    openssl("crl", "-inform", "DER", "-in", "crl", "-CAfile", "ca.crt", "-noout", crl=crl)
    verify_crl(read_crl(crl), ca.certificate)
    answer = seal_next_ca([lab.ca.certificate], ca, Digest.SHA256)
    verify = "cms -verify -inform DER -in answer -binary -CAfile ca.crt -purpose any -no_check_time"
    assert openssl(*verify.split(), answer=answer) == cms.degenerate([lab.ca.certificate])
    assert open_next_ca(answer, ca.certificate) == (lab.ca.certificate,)


def test_an_enrolment_by_its_ra(
    lab: Any, ca: Identity, ra: Identity, certify: Callable[..., Identity]
) -> None:
    request = lab.open(lab.request(recipient=ra.certificate), recipients=[ra])
    issued = certify(3, "r1", lab.client.key).certificate
    reply = lab.reply(Success((issued, ca.certificate)), request, signer=ra)
    assert lab.open_reply(reply, trusted=[ra.certificate]) == Success((issued, ca.certificate))


def test_it_opens_nothing_and_answers_nothing(lab: Any, ca: Identity) -> None:
    """Our own mistake, and always found, not only when a client names the EC key."""
    for recipients in ([ca], [lab.ra, ca]):
        with pytest.raises(LocalError, match="RSA"):
            lab.open(lab.request(), recipients=recipients)
    request = lab.open(lab.request())
    for reply in (Success((ca.certificate,)), Pending(), Failure(FailInfo.BAD_ALG)):
        with pytest.raises(LocalError, match="RSA"):
            lab.reply(reply, request, signer=ca)
    with pytest.raises(LocalError, match="RSA"):
        envelopes.seal_envelope(b"x", ca.certificate, Algorithms(), lab.random_bytes)


def test_a_client_with_an_ec_key_is_told_so(lab: Any) -> None:
    """Nothing could be sealed for it (RFC 8894 section 3.1)."""
    with pytest.raises(PeerError) as caught:
        lab.open(lab.request(signer=lab.elliptic))
    assert caught.value.fail_info is FailInfo.BAD_ALG
    head = codec.parse_message(lab.request(signer=lab.elliptic)).head(MODERN)
    arguments = {"head": head, "signer": lab.ra, "shape": ReplyShape.COMPAT, "random_bytes": lab.random_bytes}
    refusal = codec.seal_reply(Failure(FailInfo.BAD_ALG), **arguments)
    assert lab.open_reply(refusal, identity=lab.elliptic) == Failure(FailInfo.BAD_ALG)
    with pytest.raises(LocalError, match="RSA"):
        codec.seal_reply(Success((lab.ca.certificate,)), **arguments)


def test_md5_is_not_for_ec(lab: Any, ca: Identity) -> None:
    with pytest.raises(LocalError, match="md5"):
        build_csr(subject=lab.name("r1"), key=ca.key, challenge_password=None, digest=Digest.MD5)
    with pytest.raises(LocalError, match="md5"):
        seal_next_ca([lab.ca.certificate], ca, Digest.MD5)
