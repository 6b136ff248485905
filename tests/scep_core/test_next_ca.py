"""GetNextCACert's answer: openssl verifies ours; nobody but the current CA vouches for the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import cms as oracle

from scep_core import asn1, cms
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.next_ca import open_next_ca, seal_next_ca
from scep_core.values import LEGACY, Digest, FailInfo


@pytest.fixture(scope="module")
def following(lab: Any) -> Any:
    return lab.identity("next ca").certificate


@pytest.mark.parametrize("which", ["ca", "elliptic"])
@pytest.mark.parametrize("digest", [Digest.SHA256, Digest.SHA512])
def test_openssl_verifies_ours(lab: Any, following: Any, openssl: Any, which: str, digest: Digest) -> None:
    """The outer layer as CMS and as PKCS #7, and what is inside as a bag."""
    current = getattr(lab, which)
    answer = seal_next_ca([following, lab.ra.certificate], current, digest)
    assert open_next_ca(answer, current.certificate) == (following, lab.ra.certificate)
    openssl.lay(ca=current)
    usual = "-inform DER -in der -binary -CAfile ca.crt -purpose any -no_check_time"
    bag = openssl("cms", "-verify", *usual.split(), der=answer)
    assert bag == openssl("smime", "-verify", *usual.split())
    printed = openssl("pkcs7", "-inform", "DER", "-in", "bag", "-print_certs", "-noout", bag=bag)
    assert printed.count(b"subject=") == 2
    assert cms.read_degenerate(bag)[0] == (following, lab.ra.certificate)


def test_the_shape_of_section_4_7_1(lab: Any, following: Any) -> None:
    outer = oracle.ContentInfo.load(seal_next_ca([following], lab.elliptic, Digest.SHA384), strict=True)
    (signer,) = outer["content"]["signer_infos"]
    assert signer["sid"].chosen["serial_number"].native == lab.elliptic.certificate.serial_number
    assert signer["signature_algorithm"]["algorithm"].native == "sha384_ecdsa"
    assert signer["signature_algorithm"]["parameters"].native is None
    inner = oracle.ContentInfo.load(outer["content"]["encap_content_info"]["content"].native, strict=True)
    assert inner["content_type"].native == "signed_data"
    assert [each.dump() for each in inner["content"]["certificates"]] == [following.der]
    assert len(inner["content"]["signer_infos"]) == 0
    assert inner["content"]["encap_content_info"]["content"].native is None


def test_xipki_s_content_type_is_read(lab: Any, following: Any, make_attribute: Callable[..., bytes]) -> None:
    theirs = lab.signed(
        cms.degenerate([following]),
        signer=lab.ca,
        content_type=cms.SIGNED_DATA,
        without=[cms.CONTENT_TYPE],
        more=[make_attribute(cms.CONTENT_TYPE, asn1.oid(cms.SIGNED_DATA))],
    )
    assert open_next_ca(theirs, lab.ca.certificate) == (following,)


def test_what_is_not_believed(lab: Any, following: Any) -> None:
    bag = cms.degenerate([following])
    good = seal_next_ca([following], lab.ca, Digest.SHA256)
    namesake = lab.identity("namesake", subject=lab.ca.certificate.subject, serial_number=7)
    cases = {
        "stranger": (seal_next_ca([following], lab.stranger, Digest.SHA256), FailInfo.BAD_MESSAGE_CHECK),
        "stranger ": (seal_next_ca([following], namesake, Digest.SHA256), FailInfo.BAD_MESSAGE_CHECK),
        "digest does not": (
            good.replace(
                bag, cms.degenerate([lab.identity("other ca").certificate])[: len(bag)].ljust(len(bag))
            ),
            FailInfo.BAD_MESSAGE_CHECK,
        ),
        "md5": (seal_next_ca([following], lab.ca, Digest.MD5), FailInfo.BAD_ALG),
        "inside": (seal_next_ca([], lab.ca, Digest.SHA256), FailInfo.BAD_REQUEST),
        "no certificates": (
            cms.sign(b"no bag", [], lab.ca, Digest.SHA256, [lab.ca.certificate]),
            FailInfo.BAD_REQUEST,
        ),
        # jscep's servlet signs nothing and sends the next certificates beside the signer's.
        "certificates inside": (
            cms.sign(None, [], lab.ca, Digest.SHA256, [lab.ca.certificate, following]),
            FailInfo.BAD_REQUEST,
        ),
    }
    for why, (answer, fail_info) in cases.items():
        with pytest.raises(PeerError, match=why.strip()) as caught:
            open_next_ca(answer, lab.ca.certificate)
        assert caught.value.fail_info is fail_info, why
    with pytest.raises(NotAPkiMessage):
        open_next_ca(bag, lab.ca.certificate)
    assert open_next_ca(cases["md5"][0], lab.ca.certificate, LEGACY) == (following,)
