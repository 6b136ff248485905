"""The shipped bundles, read by others' libraries: each is what its recipe says, and each fault is one."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import load_pem_x509_certificates

from bundles.domain import forms
from bundles.domain.builder import Bundle
from scep_core import ber
from scep_core.certificates import read_certificate, verify_issued_by
from scep_core.errors import PeerError
from scep_core.next_ca import open_next_ca
from tests.bundles.stage import START

GOOD = (
    "full",
    "core",
    "successor",
    "expiring",
    "repeated",
    "hundreds",
    "certifi",
    "non-ca",
    "duplicate",
    "expired",
)
EPOCH = START.replace(microsecond=0)
# One of certifi's has the serial number 0.
ODD_ROOTS = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def ders(bundle: Bundle) -> list[bytes]:
    return [each.der for each in bundle.certificates]


def loaded(certificates) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in certificates]


def content_of(signed: bytes) -> bytes:
    """What a SignedData is about, by asn1crypto."""
    data = cms.ContentInfo.load(signed)["content"]
    assert data["encap_content_info"]["content_type"].native == "data"
    return data["encap_content_info"]["content"].native


@ODD_ROOTS
@pytest.mark.parametrize("name", GOOD)
def test_a_signed_bundle_holds_a_bag_and_its_signers_certificate(built, name):
    bundle = built[name]
    bag = content_of(bundle.content)
    assert sorted(loaded(pkcs7.load_der_pkcs7_certificates(bag))) == sorted(ders(bundle))
    assert [each.dump() for each in cms.ContentInfo.load(bag)["content"]["certificates"]] == sorted(
        ders(bundle)
    )
    assert loaded(pkcs7.load_der_pkcs7_certificates(bundle.content)) == [bundle.signer.der]
    assert sorted(each.der for each in open_next_ca(bundle.content, bundle.signer)) == sorted(ders(bundle))


def test_the_signer_is_certified_by_a_builtin_ca(built):
    builtin = {each.subject: each for each in built["builtin"].certificates}
    signer = built["full"].signer
    verify_issued_by(signer, builtin[signer.issuer])
    assert not signer.is_ca
    assert signer.has_key_usage("digital_signature")


def test_unsigned_bundles_are_bags(built):
    assert loaded(pkcs7.load_der_pkcs7_certificates(built["full-unsigned"].content))
    assert cms.ContentInfo.load(built["full-unsigned"].content)["content"]["signer_infos"].native == []
    armoured = built["armoured-unsigned"]
    assert sorted(loaded(pkcs7.load_pem_pkcs7_certificates(armoured.content))) == sorted(ders(armoured))


def test_armour_is_pem_around_the_same_octets(built):
    assert built["armoured"].content.startswith(b"-----BEGIN PKCS7-----\n")
    der = ssl.PEM_cert_to_DER_cert(built["armoured"].content.decode().replace("PKCS7", "CERTIFICATE"))
    assert der == built["full"].content


@ODD_ROOTS
@pytest.mark.parametrize("name", ["builtin", "full-pem", "comments", "certifi-pem"])
def test_concatenated_pem_is_read_in_its_order(built, name):
    assert loaded(load_pem_x509_certificates(built[name].content)) == ders(built[name])


def test_the_annotated_one_has_comments_and_windows_ends_of_lines(built):
    content = built["comments"].content
    assert content.startswith(b"# Exported by a tool on Windows.\r\n#\r\n")
    assert content.count(b"\r\n") == content.count(b"\n")
    assert b"subject=CN=Lab Root CA 2048,O=scep-lab\r\n" in content


def test_ber_is_the_same_signed_data_otherwise_written(built):
    streamed, der = built["ber"].content, built["full"].content
    assert streamed[:2] == b"\x30\x80"
    assert streamed.endswith(b"\0\0")
    read, plain = (cms.ContentInfo.load(each, strict=True)["content"] for each in (streamed, der))
    assert read["encap_content_info"]["content"].native == plain["encap_content_info"]["content"].native
    assert read["certificates"].native == plain["certificates"].native
    assert read["signer_infos"].dump() == plain["signer_infos"].dump()
    assert b"\x24\x80\x04\x82\x03\xe8" in streamed  # a constructed OCTET STRING, and its first piece of 1000
    assert open_next_ca(streamed, built["ber"].signer) == open_next_ca(der, built["full"].signer)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("ber", "full"), ("ber-unsigned", "full-unsigned"), ("no-certificates", "no-certificates")],
)
def test_ber_made_der_again_is_what_it_was_made_of(built, name, plain):
    der = built[plain].content
    assert ber.to_der(built[name].content) == der
    assert ber.to_der(forms.ber(der)) == der


def test_ber_that_nobody_has_signed_is_a_bag(built):
    read = cms.ContentInfo.load(built["ber-unsigned"].content, strict=True)["content"]
    assert [each.dump() for each in read["certificates"]] == sorted(ders(built["full"]))


def test_the_single_one_is_a_certificate(built):
    assert built["single"].content == x509.Certificate.load(built["single"].content, strict=True).dump()


def test_there_are_keys_of_all_kinds(built):
    keys = [each.public_key() for each in built["full"].certificates]
    sizes = {key.key_size for key in keys if isinstance(key, rsa.RSAPublicKey)}
    curves = {key.curve.name for key in keys if isinstance(key, ec.EllipticCurvePublicKey)}
    assert (sizes, curves) == ({2048, 4096}, {"secp256r1", "secp384r1"})


def test_every_certificate_of_ours_is_signed_by_whom_it_names(built):
    known = {each.subject: each for bundle in built.values() for each in bundle.certificates}
    for each in built["full"].certificates + built["hundreds"].certificates:
        verify_issued_by(each, known[each.issuer])
        assert each.is_ca


def test_the_successor_has_a_ca_reissued(built):
    before, after = (set(built[name].certificates) for name in ("full", "successor"))
    (old,), (new,) = before - after, after - before
    assert (new.subject, new.public_key_info) == (old.subject, old.public_key_info)
    assert new.serial_number != old.serial_number
    assert new.not_after > old.not_after


def test_one_ca_is_about_to_expire(built):
    assert min(each.not_after for each in built["expiring"].certificates) == EPOCH + timedelta(days=30)


def test_one_bundle_repeats_the_subject_of_a_builtin_ca_with_another_key(built):
    builtin = {each.subject: each for each in built["builtin"].certificates}
    (repeated,) = [each for each in built["repeated"].certificates if each.subject in builtin]
    assert repeated.public_key_info != builtin[repeated.subject].public_key_info


@ODD_ROOTS
def test_the_public_roots_are_certifis(built):
    roots = Path(certifi.where()).read_bytes()
    assert loaded(load_pem_x509_certificates(roots)) == ders(built["certifi"])


def test_hundreds_are_of_different_names(built):
    assert len({each.subject for each in built["hundreds"].certificates}) == 300


# ---------------------------------------------------------------------------------- the faults


def test_the_broken_signature_is_all_that_is_wrong(built):
    broken, core_bundle = built["broken-signature"], built["core"]
    assert [at for at, octet in enumerate(broken.content) if octet != core_bundle.content[at]] == [
        len(broken.content) - 1
    ]
    with pytest.raises(PeerError, match="signature does not match"):
        open_next_ca(broken.content, broken.signer)


def test_a_stranger_has_signed_and_no_builtin_ca_knows_him(built):
    stranger = built["stranger"]
    assert set(open_next_ca(stranger.content, stranger.signer)) == set(built["core"].certificates)
    for builtin in built["builtin"].certificates:
        with pytest.raises(ValueError, match="the issuer's name is another"):
            verify_issued_by(stranger.signer, builtin)


def test_the_expired_ones_have_expired(built):
    assert [each.not_after < EPOCH for each in built["expired"].certificates] == [False, False, True]
    signer = built["expired-signer"].signer
    assert signer.not_after < EPOCH
    assert open_next_ca(built["expired-signer"].content, signer)


def test_the_others_are_what_their_names_say(built):
    assert built["empty"].content == b""
    assert built["full-pem"].content.startswith(built["truncated-pem"].content)
    assert len(built["truncated"].content) == len(built["core"].content) * 2 // 3
    with pytest.raises(ValueError, match="Insufficient data"):
        cms.ContentInfo.load(built["truncated"].content).native  # noqa: B018
    assert b"<html" in built["not-a-bundle"].content
    assert built["not-a-bundle"].content_type == "text/html; charset=utf-8"
    assert [each.is_ca for each in built["non-ca"].certificates] == [True, True, False]
    assert ders(built["duplicate"])[0] == ders(built["duplicate"])[2]
    assert (
        cms.ContentInfo.load(content_of(built["no-certificates"].content))["content"]["signer_infos"].native
        == []
    )
    assert built["no-certificates"].certificates == ()
    assert built["wrong-type"].content == built["core"].content
    assert built["wrong-type"].content_type == "text/html; charset=utf-8"


def test_others_say_what_was_said_of_a_certificate(built):
    for bundle in built.values():
        for each in bundle.certificates:
            assert read_certificate(each.der) == each
