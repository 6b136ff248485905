"""Extensions that are none, in certificates that a CA of ours has signed: a verdict, never an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_emu.pki.peers.path_rules import broken_rule
from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict
from scep_core import asn1, certificates
from scep_core.certificates import Extension
from scep_core.cms import Identity
from tests.router_emu.odd_certificates import UNREADABLE
from tests.router_emu.pki_lab import BORN, make_ca, make_identity

POLICIES, MAPPINGS, CONSTRAINTS, INHIBIT_ANY = "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"
NAME_CONSTRAINTS = "2.5.29.30"
READ = [
    *(POLICIES, MAPPINGS, CONSTRAINTS, INHIBIT_ANY, NAME_CONSTRAINTS),
    *(certificates.BASIC_CONSTRAINTS, certificates.KEY_USAGE, certificates.EXTENDED_KEY_USAGE),
    *(certificates.SUBJECT_ALT_NAME, certificates.SUBJECT_KEY_ID, certificates.AUTHORITY_KEY_ID),
    *(certificates.CRL_DISTRIBUTION_POINTS, certificates.AUTHORITY_INFO_ACCESS),
]
ROOT = make_ca("root", "CN=root")
NOON = BORN + timedelta(days=1)


def judged(leaf: Sequence[Extension], sub: Sequence[Extension] = ()) -> Verdict:
    """What we think of root, sub-CA and leaf, CRLs left out."""
    below = make_ca("sub", "CN=sub", issuer=ROOT)
    if sub:
        is_ca = certificates.ext_basic_constraints(True)
        below = make_identity("sub", "CN=sub", is_ca, *sub, issuer=ROOT)
    peer = make_identity("leaf", "CN=leaf", *leaf, issuer=below)
    chain = [peer.certificate, below.certificate]
    return check_chain(chain, PeerPurpose.SERVER, NOON, Trust("lab", (ROOT.certificate,)), None)


@pytest.mark.parametrize(
    "extension",
    [
        Extension(POLICIES, False, bytes.fromhex("30023000")),
        Extension(POLICIES, False, b""),
        Extension(INHIBIT_ANY, False, b""),
        Extension(INHIBIT_ANY, False, asn1.NULL),
        Extension(MAPPINGS, False, bytes.fromhex("30023000")),
        Extension(CONSTRAINTS, False, asn1.NULL),
    ],
)
def test_malformed_policies_are_malformed(extension: Extension) -> None:
    verdict = judged([], [extension])
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.MALFORMED
    if extension.oid == POLICIES:  # the others are about those below
        assert isinstance(judged([extension]), Bad)


@pytest.mark.parametrize("value", [b"", b"junk", bytes.fromhex("300230")])
@pytest.mark.parametrize(
    ("whose", "oid"),
    [
        ("root", certificates.BASIC_CONSTRAINTS),  # that of the other says that it is no CA's
        *product(
            ("root", "sub"),
            (
                *(NAME_CONSTRAINTS, certificates.EXTENDED_KEY_USAGE, certificates.SUBJECT_ALT_NAME),
                *(certificates.SUBJECT_KEY_ID, certificates.AUTHORITY_KEY_ID),
                certificates.CRL_DISTRIBUTION_POINTS,
            ),
        ),
    ],
)
def test_whose_extension_is_malformed_is_told(whose: str, oid: str, value: bytes) -> None:
    assert why_of_a_malformed(whose, oid, value) == f"the certificate of CN={whose} is malformed"


@pytest.mark.parametrize("oid", [POLICIES, MAPPINGS, CONSTRAINTS, INHIBIT_ANY])
def test_so_is_whose_policies_are(oid: str) -> None:
    why = "the certificate of CN=sub is malformed in what it says of policies"
    assert why_of_a_malformed("sub", oid, b"junk") == why


def why_of_a_malformed(whose: str, oid: str, value: bytes) -> str:
    """What is said of a chain in which one CA has this extension."""
    odd = {whose: [Extension(oid, False, value)]}
    is_ca = [] if oid == certificates.BASIC_CONSTRAINTS else [certificates.ext_basic_constraints(True)]
    good_ca = [certificates.ext_basic_constraints(True)]
    root, above = None, ROOT
    for name in ("root", "sub"):
        extensions = [*is_ca, *odd[name]] if name in odd else good_ca
        above = make_identity(name, f"CN={name}", *extensions, issuer=root)
        root = root or above
    leaf = make_identity("leaf", "CN=leaf", issuer=above).certificate
    assert root is not None
    trust = Trust("lab", (root.certificate,))
    verdict = check_chain([leaf, above.certificate], PeerPurpose.SERVER, NOON, trust, None)
    assert isinstance(verdict, Bad)
    return verdict.why


def test_a_name_that_one_library_does_not_know_is_well_formed() -> None:
    x400 = Extension(certificates.SUBJECT_ALT_NAME, False, bytes.fromhex("3004a3023000"))
    assert isinstance(judged([x400]), Good)
    forged = make_identity("leaf", "CN=leaf", x400, issuer=Identity(ROOT.certificate, make_ca("x").key))
    verdict = broken_rule((forged.certificate, ROOT.certificate), NOON)
    assert verdict is not None
    assert verdict.reason is Reason.SIGNATURE


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_nobody_can_read_is_malformed(what: str) -> None:
    odd = UNREADABLE[what].issued_by(ROOT, make_ca("leaf").certificate.public_key_info)
    verdict = check_chain([odd], PeerPurpose.SERVER, NOON, Trust("lab", (ROOT.certificate,)), None)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.MALFORMED


def _nested(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    tags = st.sampled_from(
        [0x30, 0x31, 0x04, 0x03, 0x05, 0x02, 0x01, 0x80, 0x81, 0x82, 0x86, 0xA0, 0xA1, 0xA3]
    )
    return st.builds(lambda tag, parts: asn1.encode(tag, *parts), tags, st.lists(inner, max_size=3))


VALUES = st.recursive(st.sampled_from([b"", b"\x00", b"\x01\x01\xff", asn1.oid("2.5.29.32.0")]), _nested)
EXTENSIONS = st.lists(
    st.builds(Extension, st.sampled_from(READ), st.booleans(), VALUES | st.binary(max_size=12)),
    max_size=3,
    unique_by=lambda each: each.oid,
)


@given(EXTENSIONS, EXTENSIONS)
@settings(max_examples=300, deadline=None)
def test_whatever_a_ca_signs_there_is_a_verdict(leaf: list[Extension], sub: list[Extension]) -> None:
    verdict = judged(leaf, [each for each in sub if each.oid != certificates.BASIC_CONSTRAINTS])
    assert isinstance(verdict, Good | Bad | CannotTell)
