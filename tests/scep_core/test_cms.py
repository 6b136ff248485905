"""SignedData: asn1crypto and openssl read ours, we read theirs, and what must not verify does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import cms as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import algorithms, asn1, cms, structures
from scep_core.certificates import (
    SUBJECT_KEY_ID,
    Certificate,
    Extension,
    ext_subject_key_id,
    key_identifier,
)
from scep_core.crls import build_crl
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.values import LEGACY, MODERN, AlgorithmPolicy, Digest, FailInfo

FIXED = settings.get_profile("scep_core")


def verified(data: bytes, policy: AlgorithmPolicy = MODERN) -> cms.SignedData:
    signed = cms.parse_signed(data)
    cms.verify(signed, cms.signer_of(signed), policy)
    return signed


def in_ber(der: bytes) -> bytes:
    """A ContentInfo with its outer three layers of indefinite length and its content in two pieces."""
    info = asn1.decode_content_info(der)
    version, digests, encapsulated, *rest = asn1.items(asn1.raw(info.content))
    content_type, content = asn1.items(asn1.raw(encapsulated))
    (octets,) = asn1.items(asn1.sequence_of(bytes(content.data)))
    half = len(octets.data) // 2
    pieces = [asn1.octet_string(bytes(octets.data[:half])), asn1.octet_string(bytes(octets.data[half:]))]
    inner = b"\x30\x80" + asn1.raw(content_type) + b"\xa0\x80\x24\x80" + b"".join(pieces) + bytes(6)
    outer = b"".join([asn1.raw(version), asn1.raw(digests), inner, *map(asn1.raw, rest)])
    return b"\x30\x80" + asn1.oid(cms.SIGNED_DATA) + b"\xa0\x80\x30\x80" + outer + bytes(6)


# ------------------------------------------------------------------------------------ ours, theirs


@pytest.mark.parametrize("digest", Digest)
def test_asn1crypto_reads_the_same(lab: Any, digest: Digest) -> None:
    value = asn1.printable_string("value")
    data = cms.sign(b"content", [("1.2.3", value)], lab.ra, digest, [lab.ra.certificate, lab.ca.certificate])
    info = oracle.ContentInfo.load(data, strict=True)
    signed = info["content"]
    assert info["content_type"].native == "signed_data"
    assert signed["version"].native == "v1"
    assert [each["algorithm"].native for each in signed["digest_algorithms"]] == [digest]
    assert signed["encap_content_info"]["content_type"].native == "data"
    assert signed["encap_content_info"]["content"].native == b"content"
    assert [each.dump() for each in signed["certificates"]] == [
        lab.ra.certificate.der,
        lab.ca.certificate.der,
    ]
    (signer,) = signed["signer_infos"]
    assert signer["sid"].chosen["issuer"].dump() == lab.ca.certificate.subject
    assert signer["sid"].chosen["serial_number"].native == 8
    assert signer["digest_algorithm"]["algorithm"].native == digest
    assert signer["signature_algorithm"]["algorithm"].native == "rsassa_pkcs1v15"
    attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
    assert attributes.keys() == {"content_type", "message_digest", "1.2.3"}
    assert attributes["content_type"].native == ["data"]
    assert attributes["message_digest"].native == [algorithms.hash_bytes(digest, b"content")]
    assert attributes["1.2.3"][0].dump() == value
    assert signer["signed_attrs"].dump(force=True) == signer["signed_attrs"].dump()  # sorted: DER
    assert verified(data, LEGACY).content == b"content"


@pytest.mark.parametrize("digest", [Digest.SHA1, Digest.SHA256, Digest.SHA384, Digest.SHA512])
def test_openssl_verifies_ours(lab: Any, openssl: Any, digest: Digest) -> None:
    data = cms.sign(b"content", [("1.2.3", asn1.NULL)], lab.ra, digest, [lab.ra.certificate])
    openssl.lay(ca=lab.ca)
    verify = "cms -verify -inform DER -in der -binary -CAfile ca.crt -purpose any -no_check_time"
    assert openssl(*verify.split(), der=data) == b"content"


@pytest.mark.parametrize("options", ["", "-stream", "-keyid", "-md sha512 -stream", "-nosmimecap -nocerts"])
def test_reads_what_openssl_signs(lab: Any, openssl: Any, options: str) -> None:
    signer = lab.identity("client", extensions=[ext_subject_key_id(lab.client.certificate.public_key_info)])
    openssl.lay(me=signer)
    sign = f"cms -sign -binary -nodetach -in content -signer me.crt -inkey me.key -outform DER {options}"
    content = bytes(range(256)) * 40
    signed = cms.parse_signed(openssl(*sign.split(), content=content))
    assert signed.content == content
    assert signed.certificates == (() if "-nocerts" in options else (signer.certificate,))
    cms.verify(signed, cms.signer_of(signed, [lab.ca.certificate, signer.certificate]))


def test_bags(lab: Any, openssl: Any) -> None:
    crl = make_crl(lab)
    bag = cms.degenerate([lab.ra.certificate, lab.ca.certificate], [crl])
    assert cms.read_degenerate(bag) == ((lab.ra.certificate, lab.ca.certificate), (crl,))
    seen = oracle.ContentInfo.load(bag, strict=True)["content"]
    assert seen["encap_content_info"]["content_type"].native == "data"
    assert seen["encap_content_info"]["content"].native is None
    assert len(seen["signer_infos"]) == len(seen["digest_algorithms"]) == 0
    assert [each.dump() for each in seen["certificates"]] == [lab.ra.certificate.der, lab.ca.certificate.der]
    assert [each.dump() for each in seen["crls"]] == [crl]
    printed = openssl("pkcs7", "-inform", "DER", "-in", "der", "-print_certs", "-noout", der=bag)
    assert printed.count(b"subject=") == 2
    openssl.lay(ca=lab.ca, ra=lab.ra)
    openssl("crl", "-inform", "DER", "-in", "crl", "-out", "crl.pem", crl=crl)
    made = openssl(
        *["crl2pkcs7", "-in", "crl.pem", "-certfile", "ra.crt", "-certfile", "ca.crt", "-outform", "DER"]
    )
    assert made == bag


def make_crl(lab: Any) -> bytes:
    return build_crl(
        issuer=lab.ca.certificate.subject,
        key=lab.ca.key,
        digest=Digest.SHA256,
        this_update=lab.born,
        next_update=lab.born,
        revoked=[],
        number=1,
        authority_key_id=b"id",
    )


def test_bags_of_one_kind(lab: Any) -> None:
    assert cms.read_degenerate(cms.degenerate([], [make_crl(lab)])) == ((), (make_crl(lab),))
    assert cms.read_degenerate(cms.degenerate([])) == ((), ())
    with pytest.raises(ValueError):
        cms.read_degenerate(lab.ca.certificate.der)


def test_a_bag_has_no_signers(lab: Any) -> None:
    assert cms.has_signers(lab.signed(b"x"))
    assert not cms.has_signers(cms.degenerate([lab.ca.certificate]))
    with pytest.raises(ValueError):
        cms.has_signers(lab.ca.certificate.der)


# ------------------------------------------------------------------------------------- leniency


def test_unsorted_signed_attributes(lab: Any) -> None:
    """NDES's order, scep.md section 2.6: verified over the bytes as they came."""
    for order in (lambda each: sorted(each, reverse=True), list):
        assert verified(lab.signed(b"x", order=order)).content == b"x"


def test_unsorted_signed_attributes_in_ber(lab: Any) -> None:
    data = in_ber(lab.signed(b"content", order=lambda each: sorted(each, reverse=True)))
    with pytest.raises(ValueError):
        asn1.decode(structures.ContentInfo, data)
    assert verified(data).content == b"content"


def test_ber_keeps_certificates_as_they_are(lab: Any, make_certificate: Callable[..., Certificate]) -> None:
    """Order, an unsorted RDN, a padded serial, an explicit FALSE: asn1crypto would tidy all four."""
    elements = [
        asn1.sequence_of(asn1.oid(oid), asn1.printable_string("v")) for oid in ("2.5.4.11", "2.5.4.3")
    ]
    false = asn1.sequence_of(asn1.oid("1.2.3"), b"\x01\x01\x00", asn1.octet_string(b""))
    odd = make_certificate(
        serial_number=b"\x02\x02\x00\x05",
        name=asn1.sequence_of(asn1.encode(asn1.SET, *elements)),
        tail=asn1.encode(0xA3, asn1.sequence_of(false)),
    )
    signer = cms.Identity(odd, lab.client.key)
    data = in_ber(
        lab.signed(
            b"c", signer=signer, certificates=[odd.der, lab.ca.certificate.der, lab.ra.certificate.der]
        )
    )
    assert verified(data).certificates == (odd, lab.ca.certificate, lab.ra.certificate)


def test_other_kinds_in_the_certificate_set_are_passed_over(lab: Any) -> None:
    attribute_certificate = asn1.encode(0xA2, asn1.NULL)
    data = lab.signed(b"x", certificates=[attribute_certificate, lab.client.certificate.der])
    assert verified(data).certificates == (lab.client.certificate,)


def test_plain_and_combined_signature_algorithms(lab: Any) -> None:
    """rsaEncryption beside a digest, or sha256WithRSAEncryption: RFC 3370 allows both."""
    plain = lab.signed(b"x")
    rsa = asn1.sequence_of(asn1.oid(algorithms.RSA_ENCRYPTION), asn1.NULL)
    combined = algorithms.signature_algorithm(lab.client.key, Digest.SHA256)
    assert len(rsa) == len(combined)
    at = plain.rindex(rsa)
    verified(plain)
    verified(plain[:at] + combined + plain[at + len(rsa) :])


def test_a_signer_by_its_key_identifier(lab: Any) -> None:
    """The certificate's own identifier, which need not be a hash of the key; else the usual hash."""
    own = Extension(SUBJECT_KEY_ID, False, asn1.octet_string(b"own"))
    usual = key_identifier(lab.client.certificate.public_key_info)
    with_own, without = lab.identity("client", extensions=[own]), lab.client
    for identifier, meant in ((b"own", with_own), (usual, without)):
        (tlv,) = asn1.items(asn1.sequence_of(asn1.encode(0x80, identifier)))
        everybody = (with_own, without, lab.stranger)
        assert [each for each in everybody if cms.is_meant(tlv, each.certificate)] == [meant]


# ----------------------------------------------------------------------------------- strictness


def broken(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert data.count(old) == 1
    return data.replace(old, new)


def test_what_does_not_verify(lab: Any, make_attribute: Callable[..., bytes]) -> None:
    good = lab.signed(b"the content")
    verified(good)
    digest = asn1.octet_string(algorithms.hash_bytes(Digest.SHA256, b"the c0ntent"))
    wrong_digest = make_attribute(cms.MESSAGE_DIGEST, digest)
    wrong_type = make_attribute(cms.CONTENT_TYPE, asn1.oid(cms.SIGNED_DATA))
    cases = {
        "content": (broken(good, b"the content", b"the c0ntent"), "message digest"),
        "signed attributes": (broken(good, lab.nonce, bytes(16)), "signature"),
        "signature": (good[:-1] + bytes([good[-1] ^ 1]), "signature"),
        "digest": (
            lab.signed(b"the content", without=[cms.MESSAGE_DIGEST], more=[wrong_digest]),
            "message digest",
        ),
        "no digest": (lab.signed(b"the content", without=[cms.MESSAGE_DIGEST]), "message digest"),
        "empty digest": (
            lab.signed(b"x", without=[cms.MESSAGE_DIGEST], more=[make_attribute(cms.MESSAGE_DIGEST)]),
            "message digest",
        ),
        "content type": (lab.signed(b"x", without=[cms.CONTENT_TYPE], more=[wrong_type]), "content type"),
        "no content type": (lab.signed(b"x", without=[cms.CONTENT_TYPE]), "content type"),
        "another content type": (lab.signed(b"x", content_type=cms.SIGNED_DATA), "content type"),
        "no certificate": (lab.signed(b"x", certificates=[]), "missing"),
        "another's certificate": (lab.signed(b"x", certificates=[lab.ca.certificate.der]), "missing"),
    }
    for case, (data, why) in cases.items():
        with pytest.raises(PeerError, match=why) as caught:
            verified(data)
        assert caught.value.fail_info is FailInfo.BAD_MESSAGE_CHECK, case


def test_the_signer_is_found_by_issuer_and_serial_together(lab: Any) -> None:
    """The same serial number of another issuer comes first, and a namesake with another serial."""
    assert lab.stranger.certificate.serial_number == lab.client.certificate.serial_number
    namesake = lab.identity("stranger", subject=lab.client.certificate.subject, serial_number=99)
    others = [lab.stranger.certificate.der, namesake.certificate.der]
    data = lab.signed(b"x", certificates=[*others, lab.client.certificate.der])
    assert cms.signer_of(verified(data)) == lab.client.certificate
    with pytest.raises(PeerError, match="missing"):
        verified(lab.signed(b"x", certificates=others))


def test_a_planted_certificate_of_the_same_name_does_not_verify(lab: Any) -> None:
    planted = lab.identity("stranger", subject=lab.client.certificate.subject, serial_number=3)
    data = lab.signed(b"x", certificates=[planted.certificate.der, lab.client.certificate.der])
    with pytest.raises(PeerError, match="does not match"):
        verified(data)


@pytest.mark.parametrize("digest", Digest)
def test_digests_by_policy(lab: Any, digest: Digest) -> None:
    data = lab.signed(b"x", digest=digest)
    verified(data, LEGACY)
    if digest in MODERN.digests:
        verified(data)
    else:
        with pytest.raises(PeerError) as caught:
            verified(data)
        assert caught.value.fail_info is FailInfo.BAD_ALG


def test_a_weak_digest_hidden_in_the_signature_algorithm(lab: Any) -> None:
    data = lab.signed(b"x")
    rsa = asn1.sequence_of(asn1.oid(algorithms.RSA_ENCRYPTION), asn1.NULL)
    at = data.rindex(rsa)
    weak = algorithms.signature_algorithm(lab.client.key, Digest.MD5)
    with pytest.raises(PeerError, match="md5") as caught:
        verified(data[:at] + weak + data[at + len(rsa) :])
    assert caught.value.fail_info is FailInfo.BAD_ALG


def test_what_is_no_signed_message(lab: Any, make_attribute: Callable[..., bytes]) -> None:
    nonce = make_attribute("2.16.840.1.113733.1.9.5", asn1.octet_string(bytes(16)))
    unsigned = lab.signed(b"x", order=lambda _: [])
    cases = {
        "two signers": lab.signed(b"x", signers=2),
        "no signer": lab.signed(b"x", signers=0),
        "an attribute twice": lab.signed(b"x", more=[nonce]),
        "a bag": cms.degenerate([lab.ca.certificate]),
        "no signed attributes": unsigned.replace(b"\xa0\x00", b""),
        "a broken certificate": lab.signed(b"x", certificates=[asn1.sequence_of(asn1.NULL)]),
        "a certificate": lab.ca.certificate.der,
        "nothing": b"",
        "text": b"<html></html>",
        "an envelope": cms.parse_signed(lab.request()).content,
        "more behind it": lab.signed(b"x") + b"\0",
    }
    for case, data in cases.items():
        with pytest.raises(NotAPkiMessage):
            pytest.fail(f"{case}: {cms.parse_signed(data)}")


@settings(FIXED, max_examples=150)
@given(data=st.data())
def test_mutants_never_verify(lab: Any, data: st.DataObject, mutate: Any) -> None:
    """Nor do they raise anything else; what still verifies is not covered by the signature."""
    good = lab.signed(b"the content")
    mutant = mutate(good, data)
    try:
        signed = verified(mutant)
    except (NotAPkiMessage, PeerError):
        return
    original = cms.parse_signed(good)
    assert (signed.content, signed.signed_bytes) == (original.content, original.signed_bytes)
