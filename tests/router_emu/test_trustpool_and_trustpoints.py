"""Whose word counts for a server: the trustpoints' first, then the trust pool's; each combination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.config import text
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Verdict
from router_emu.pki.pool.bundle import Bundle
from router_emu.pki.pool.store import TrustPool
from router_emu.pki.trustpoint import TrustpointState
from scep_core.certificates import Certificate, ext_crl_distribution_points
from scep_core.cms import Identity
from tests.router_emu.crl_stage import NOW, POINT, Web, make_crl
from tests.router_emu.pki_lab import Lab, make_ca, make_identity

ROOT_POINT = "http://pub.lab/root.crl"
ROOT = make_ca("root", "CN=Root")
_SUB = make_ca("sub", "CN=Sub", issuer=ROOT, serial_number=7)
# The same, saying where the CRL of its issuer is.
SUB = make_identity(
    "sub", "CN=Sub", *_SUB.certificate.extensions, ext_crl_distribution_points(ROOT_POINT),
    issuer=ROOT, serial_number=7,
)  # fmt: skip
REISSUED = make_ca("root", "CN=Root", serial_number=99)
NAMESAKE = make_ca("another root", "CN=Root", serial_number=98)
POLICY = "crypto ca trustpool policy\n crl optional\n"


def server_of(issuer: Identity) -> Certificate:
    point = ext_crl_distribution_points(POINT)
    return make_identity("peer", "CN=files.lab", point, issuer=issuer, serial_number=5).certificate


@dataclass
class Desk:
    """A router whose judge's CRLs come from a web."""

    router: Router
    web: Web

    def holding(self, ca: Certificate | None = None, *pool: Certificate, policy: str = "") -> Desk:
        """The trustpoint myca with a CA, a pool, and what is configured."""
        pki, config = self.router.pki, self.router.config
        lines = "crypto ca trustpoint myca\n crl optional\n!\n" if "myca optional" in policy else ""
        lines = lines or "crypto ca trustpoint myca\n!\n"
        lines += POLICY if "pool optional" in policy else ""
        config.running = text.read(config.schema, lines)
        if ca is not None:
            pki.trustpoints["myca"] = TrustpointState(ca)
        pki.pool.pool = TrustPool(()).with_bundle(Bundle(pool, None), "", NOW)
        self.router.follow_configuration(NOW)
        return self

    def __call__(
        self, *chain: Certificate, purpose: PeerPurpose = PeerPurpose.SERVER, **more: Any
    ) -> Verdict:
        return self.web.carry(self.router.judge(purpose, NOW, **more)(chain))


@pytest.fixture
def desk(router: Router) -> Desk:
    return Desk(router, Web())


def outcome(verdict: Verdict) -> object:
    """Who vouches, or why nobody does."""
    match verdict:
        case Good(trust=name):
            return name
        case Bad(reason) | CannotTell(reason):
            return reason


LISTED, EMPTY, NOT_THERE = make_crl(ROOT, 5), make_crl(ROOT), 404
REVOKED, UNKNOWN = Reason.REVOKED, Reason.NO_CRL

# Who has the CA, what its CRL says, what is optional: who vouches, or why nobody does.
COMBINATIONS: Sequence[tuple[str, bytes | int, str, object]] = [
    ("pool", EMPTY, "", "Trustpool"),
    ("pool", LISTED, "", REVOKED),
    ("pool", NOT_THERE, "", UNKNOWN),
    ("pool", LISTED, "myca optional", REVOKED),
    ("pool", NOT_THERE, "myca optional", UNKNOWN),
    # The chapter: the pool's statement disables revocation checking.
    ("pool", LISTED, "pool optional", "Trustpool"),
    ("pool", NOT_THERE, "pool optional", "Trustpool"),
    ("trustpoint", EMPTY, "", "myca"),
    ("trustpoint", NOT_THERE, "pool optional", UNKNOWN),
    ("trustpoint", LISTED, "pool optional", REVOKED),
    # In both, the trustpoint's policy alone counts.
    ("both", EMPTY, "", "myca"),
    ("both", LISTED, "", REVOKED),
    ("both", NOT_THERE, "", UNKNOWN),
    ("both", EMPTY, "pool optional", "myca"),
    ("both", LISTED, "pool optional", REVOKED),
    ("both", NOT_THERE, "pool optional", UNKNOWN),
    ("both", NOT_THERE, "myca optional", "myca"),
    ("both", LISTED, "myca optional", REVOKED),
    ("both", NOT_THERE, "myca optional, pool optional", "myca"),
    ("both", LISTED, "myca optional, pool optional", REVOKED),
    ("nobody", EMPTY, "pool optional", Reason.SIGNATURE),  # the pool has a namesake of its CA
]


@pytest.mark.parametrize(("holder", "crl", "policy", "expected"), COMBINATIONS)
def test_who_vouches_for_a_server(
    desk: Desk, holder: str, crl: bytes | int, policy: str, expected: object
) -> None:
    desk.web.pages[POINT] = crl
    ca = ROOT.certificate
    pool = [ca] if holder in ("pool", "both") else [NAMESAKE.certificate]
    desk.holding(ca if holder in ("trustpoint", "both") else None, *pool, policy=policy)
    assert outcome(desk(server_of(ROOT))) == expected
    if expected == "Trustpool" and "pool optional" in policy:
        assert desk.web.asked == []


@pytest.mark.parametrize("held", [ROOT, REISSUED])
def test_a_reissued_ca_is_the_same_ca(desk: Desk, held: Identity) -> None:
    """The bundle brings another certificate of a key that the trustpoint trusts: still the trustpoint's."""
    other = REISSUED if held is ROOT else ROOT
    desk.holding(held.certificate, other.certificate, policy="pool optional")
    desk.web.pages[POINT] = LISTED
    assert outcome(desk(server_of(ROOT))) is REVOKED


def test_a_namesake_with_another_key_is_another_ca(desk: Desk) -> None:
    desk.holding(NAMESAKE.certificate, ROOT.certificate)
    desk.web.pages[POINT] = EMPTY
    assert outcome(desk(server_of(ROOT))) == "Trustpool"
    desk.holding(ROOT.certificate, NAMESAKE.certificate)
    assert outcome(desk(server_of(ROOT))) == "myca"


class TestALadder:
    """The server's CA is in the trustpoint; the root above it in the pool."""

    chain = (server_of(SUB), SUB.certificate)

    @pytest.mark.parametrize("policy", ["", "pool optional"])
    def test_the_pool_does_not_go_round_the_trustpoints_ca(self, desk: Desk, policy: str) -> None:
        desk.holding(SUB.certificate, ROOT.certificate, policy=policy)
        desk.web.pages |= {POINT: make_crl(SUB, 5), ROOT_POINT: make_crl(ROOT)}
        assert outcome(desk(*self.chain)) is REVOKED
        desk.router.pki.crls.clear()
        desk.web.pages[POINT] = 404
        assert outcome(desk(*self.chain)) is UNKNOWN

    def test_without_the_trustpoint_it_is_the_pools(self, desk: Desk) -> None:
        desk.holding(None, ROOT.certificate)
        desk.web.pages |= {POINT: make_crl(SUB), ROOT_POINT: make_crl(ROOT)}
        assert outcome(desk(*self.chain)) == "Trustpool"
        desk.router.pki.crls.clear()
        desk.web.pages[ROOT_POINT] = make_crl(ROOT, 7)
        assert outcome(desk(*self.chain)) is REVOKED


class TestWhatThePoolIsNotFor:
    """Its CAs are the world's: they vouch for servers that the router calls, and let nobody in."""

    @pytest.mark.parametrize("purpose", [PeerPurpose.CLIENT, PeerPurpose.IKE])
    def test_peers_that_call_the_router(self, desk: Desk, purpose: PeerPurpose) -> None:
        desk.holding(None, ROOT.certificate, policy="pool optional")
        assert outcome(desk(server_of(ROOT), purpose=purpose)) is Reason.NO_PATH

    def test_trustpoints_that_are_named(self, desk: Desk) -> None:
        desk.holding(None, ROOT.certificate, policy="pool optional")
        assert outcome(desk(server_of(ROOT), trustpoints=["myca"])) is Reason.NO_PATH


def test_an_inactive_built_in_vouches_for_nobody(desk: Desk) -> None:
    desk.holding(policy="pool optional")
    pool = TrustPool((ROOT.certificate,))
    desk.router.pki.pool.pool = pool
    assert outcome(desk(server_of(ROOT))) == "Trustpool"
    replaced = pool.with_bundle(Bundle((NAMESAKE.certificate,), None), "", NOW)
    desk.router.pki.pool.pool = replaced
    assert isinstance(desk(server_of(ROOT)), Bad)
    assert outcome(desk(server_of(NAMESAKE))) == "Trustpool"
    desk.router.pki.pool.pool = replaced.cleaned()
    assert outcome(desk(server_of(ROOT))) == "Trustpool"


def test_the_crl_of_a_pools_ca_can_be_requested(desk: Desk, make_screen: Callable[..., Any]) -> None:
    desk.holding(None, ROOT.certificate)
    desk.web.pages[POINT] = EMPTY
    lab = Lab(make_screen(desk.router), desk.web)
    lab.type(f"crypto ca crl request {POINT}")
    assert not lab.screen.output.failed
    assert "Issuer : CN=Root" in lab.screen.text


def test_a_trustpoint_called_trustpool_speaks_for_the_pool(desk: Desk) -> None:
    """As people's scripts configure it (iosxr.md 1.2)."""
    desk.holding(None, ROOT.certificate)
    config = desk.router.config
    config.running = text.read(config.schema, "crypto ca trustpoint Trustpool\n crl optional\n!\n")
    desk.router.follow_configuration(NOW)
    assert outcome(desk(server_of(ROOT))) == "Trustpool"
    assert desk.web.asked == []
