"""What the pool vouches for beside the trustpoints: they come first, with their policy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, pool_trust, trusts
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from scep_core import certificates
from scep_core.cms import Identity
from scep_core.values import Digest
from tests.router_emu.pki_lab import make_ca, make_identity
from tests.router_emu.pool_stage import EPOCH

LIFE = (EPOCH - timedelta(days=1), EPOCH + timedelta(days=900))
ROOT = make_ca("pool root", "O=lab,CN=Root", life=LIFE)
LOWER = make_ca("lower", "O=lab,CN=Lower", issuer=ROOT, serial_number=2, life=LIFE)
STRANGER = make_ca("stranger", "O=elsewhere,CN=Root", life=LIFE)


def server(issuer: Identity) -> tuple[certificates.Certificate, ...]:
    usage = certificates.ext_key_usage("digital_signature")
    return (
        make_identity("server", "CN=server", usage, issuer=issuer, serial_number=9, life=LIFE).certificate,
    )


def verdict(trust: Trust, issuer: Identity, *sent: Identity, crls=None):
    chain = (*server(issuer), *(each.certificate for each in sent))
    return check_chain(chain, PeerPurpose.SERVER, EPOCH, trust, crls)


def pool(*first: Trust, crl_optional: bool = False, also: tuple[Identity, ...] = ()) -> Trust:
    active = tuple(each.certificate for each in (ROOT, *also))
    return pool_trust(active, crl_optional, first)


def trustpoint(*cas: Identity, **policy: object) -> Trust:
    """A trustpoint whose CA is the first one, below the others."""
    ladder = tuple(each.certificate for each in cas)
    return Trust("myca", ladder[-1:], ladder[:-1], **policy)


def test_without_trustpoints_it_vouches_for_all_that_is_active():
    assert verdict(pool(), ROOT) == Good((*server(ROOT), ROOT.certificate), "Trustpool")
    assert isinstance(verdict(pool(), LOWER, LOWER), Good)
    refused = verdict(pool(), STRANGER, STRANGER)
    assert isinstance(refused, Bad)
    assert refused.reason is Reason.NO_PATH
    assert refused.why.endswith("to a CA of Trustpool")


@pytest.mark.parametrize("crl_optional", [False, True])
def test_its_own_policy_says_whether_anybody_asks_for_crls(crl_optional):
    assert (
        pool(trustpoint(LOWER, crl_optional=True), crl_optional=crl_optional).revocation is not crl_optional
    )
    assert isinstance(verdict(pool(), ROOT, crls=[]), CannotTell)


def test_a_ca_that_is_in_a_trustpoint_too_is_left_to_the_trustpoint():
    """Else the CRL that the trustpoint insists on would be optional by way of the pool."""
    strict = trustpoint(ROOT)
    both = pool(strict, crl_optional=True)
    assert both.anchors == ()
    assert isinstance(verdict(strict, ROOT, crls=[]), CannotTell)
    assert isinstance(verdict(both, ROOT), Bad)


def test_so_is_the_same_ca_with_another_certificate():
    again = make_ca("pool root", "O=lab,CN=Root", serial_number=77, life=LIFE)
    assert pool(trustpoint(again)).anchors == ()


def test_one_with_the_same_name_and_another_key_is_another_ca():
    other = make_ca("another key", "O=lab,CN=Root", life=LIFE)
    both = pool(trustpoint(other), also=(STRANGER,))
    assert both.anchors == (ROOT.certificate, STRANGER.certificate)
    assert isinstance(verdict(both, ROOT), Good)


@pytest.mark.parametrize("sent", [(), (LOWER,)])
def test_no_path_of_the_pool_leads_through_a_trustpoints_ca_to_a_root_above_it(sent):
    strict = trustpoint(LOWER)
    both = pool(strict, crl_optional=True)
    assert isinstance(verdict(strict, LOWER, *sent, crls=[]), CannotTell)
    assert isinstance(verdict(both, LOWER, LOWER), Bad)
    assert isinstance(verdict(both, ROOT), Good)  # what the root itself issued is the pool's


def test_other_cas_below_the_same_root_are_the_pools():
    other = make_ca("other lower", "O=lab,CN=Other", issuer=ROOT, serial_number=3, life=LIFE)
    assert isinstance(verdict(pool(trustpoint(LOWER)), other, other), Good)


def test_all_of_a_trustpoints_ladder_is_the_trustpoints():
    both = pool(trustpoint(LOWER, ROOT), also=(LOWER, STRANGER))
    assert both.anchors == (STRANGER.certificate,)


def test_a_trustpoints_next_ca_is_the_trustpoints():
    settings = TrustpointSettings("myca", "", "http://ca.lab", timedelta(minutes=1), 10, "")
    state = TrustpointState(ca=STRANGER.certificate, next=TrustpointState(ca=ROOT.certificate))
    assert pool(*trusts({"myca": settings}, {"myca": state})).anchors == ()


def test_a_trustpoints_ca_is_the_same_however_its_name_is_encoded():
    """Reissued, CAs often change from PrintableString to UTF8String."""
    utf8 = certificates.build_certificate(
        serial_number=3,
        issuer=_in_utf8(ROOT.certificate.issuer),
        subject=_in_utf8(ROOT.certificate.subject),
        public_key_info=ROOT.certificate.public_key_info,
        not_before=LIFE[0],
        not_after=LIFE[1],
        extensions=ROOT.certificate.extensions,
        key=ROOT.key,
        digest=Digest.SHA256,
    )
    assert utf8.subject != ROOT.certificate.subject
    assert pool_trust((utf8,), True, (trustpoint(ROOT),)).anchors == ()


def _in_utf8(name: bytes) -> bytes:
    return name.replace(b"\x13\x03lab", b"\x0c\x03lab")
