"""Peers' certificates of our own CA: its CRLs over HTTP and by GetCRL, revocations, and a CA that is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Verdict
from router_emu.pki.wire import WIRE_PROFILES, HttpRequest, HttpResponse, NoResponse
from scep_core.certificates import Certificate
from tests.router_emu.ca_server_stage import OPERATOR, CaServer
from tests.router_emu.crl_stage import carry
from tests.router_emu.pki_lab import Lab

# A CRL's life, and that it overlaps the next one by (``ca_server.domain.crl_desk.CrlSettings``).
UNTIL_THE_NEXT_IS_DUE = timedelta(days=7, hours=12)


class Stage:
    """A router with a certificate of the CA; a peer shows one just like it.  ``down`` is what is cut off."""

    def __init__(self, lab: Lab, server: CaServer) -> None:
        self.lab, self.server = lab, server
        self.down: Callable[[str], bool] = lambda _url: False
        self.asked: list[str] = []
        lab.wire = self.wire
        lab.enrol()
        [request] = server.operate("")["requests"]
        server.operate(f"/{request['id']}/approve")
        lab.wait(minutes=2)
        own = lab.pki.trustpoint("myca").router
        assert own is not None
        self.peer: Certificate = own
        self.asked.clear()

    def wire(self, request: HttpRequest) -> HttpResponse | NoResponse:
        self.asked.append(request.url.partition("?")[0])
        if self.down(request.url):
            return NoResponse("connection refused")
        return self.server(request)

    def check(self) -> Verdict:
        state = self.lab.pki.trustpoint("myca")
        assert state.ca is not None
        judge = self.lab.router.judge(PeerPurpose.CLIENT, self.lab.screen.now, "r1.lab.example")
        return carry(judge([self.peer, state.ca]), self.wire)

    def revoke(self) -> None:
        [request] = self.server.operate("")["requests"]
        answer = self.server.apps.console.test_client().post(
            f"/api/certificates/{request['serial_number']}/revoke",
            auth=(OPERATOR.username, OPERATOR.password),
            json={"reason": "keyCompromise"},
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture(params=[(wire, root) for wire in sorted(WIRE_PROFILES) for root in (False, True)], ids=str)
def stage(
    make_router: Callable[..., Router],
    make_screen: Callable[..., Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Stage]:
    wire, root = request.param
    router = make_router()
    router.pki.wire = WIRE_PROFILES[wire]
    screen = make_screen(router)
    server = CaServer(tmp_path / "ca.sqlite3", lambda: screen.now, root=root)
    yield Stage(Lab(screen, server), server)
    server.store.close()


def test_good_until_the_next_crl_lists_it(stage: Stage) -> None:
    assert isinstance(stage.check(), Good)
    cas = 1 + len(stage.lab.pki.trustpoint("myca").above)
    assert [url.partition("/crl/")[0] for url in stage.asked] == ["http://ca.lab"] * cas
    stage.revoke()
    assert isinstance(stage.check(), Good)  # the CRL that is held says nothing of it
    stage.lab.screen.now += UNTIL_THE_NEXT_IS_DUE
    verdict = stage.check()
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED
    assert len(stage.asked) == 2 * cas


def test_an_operator_does_not_wait_for_the_next_crl(stage: Stage) -> None:
    assert isinstance(stage.check(), Good)
    stage.revoke()
    stage.lab.screen.now += timedelta(seconds=1)
    shown = stage.lab.type(f"crypto ca crl request {stage.asked[0]}").text
    assert f"\n{stage.asked[0]}\n" in shown.replace("\r", "")
    assert isinstance(stage.check(), Bad)
    stage.lab.type("clear crypto ca crl")
    assert stage.lab.pki.crls.all() == []
    assert isinstance(stage.check(), Bad)


def test_a_ca_that_is_down_leaves_it_open_unless_crls_are_optional(stage: Stage) -> None:
    stage.down = lambda _url: True
    verdict = stage.check()
    assert isinstance(verdict, CannotTell)
    assert f"could not be had from {stage.asked[0]}: connection refused" in verdict.why
    stage.lab.type("configure", "crypto ca trustpoint myca", "crl optional", "commit", "end")
    assert isinstance(stage.check(), Good)
    stage.down = lambda _url: False
    stage.revoke()
    verdict = stage.check()
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED


def test_getcrl_where_no_point_answers(stage: Stage) -> None:
    point = f"/crl/{stage.server.authority.ca.name}.crl"
    stage.down = lambda url: url.endswith(point)
    assert isinstance(stage.check(), Good)
    assert "http://ca.lab/certsrv/mscep/mscep.dll" in {
        url.removesuffix("/pkiclient.exe") for url in stage.asked
    }
    stage.revoke()
    stage.lab.screen.now += UNTIL_THE_NEXT_IS_DUE
    verdict = stage.check()
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED


def test_the_certificate_of_another_host(stage: Stage) -> None:
    judge = stage.lab.router.judge(PeerPurpose.SERVER, stage.lab.screen.now, "r2.lab.example")
    verdict = carry(judge([stage.peer]), stage.wire)
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.NAME
    assert "for DNS:r1.lab.example, not for r2.lab.example" in verdict.why


def test_an_address_in_a_url_is_checked_unless_it_is_allowed(stage: Stage) -> None:
    def check() -> Verdict:
        judge = stage.lab.router.judge(PeerPurpose.SERVER, stage.lab.screen.now, "192.0.2.9")
        return carry(judge([stage.peer]), stage.wire)

    assert isinstance(check(), Bad)
    stage.lab.type("configure", "crypto ca fqdn-check ip-address allow", "commit", "end")
    assert isinstance(check(), Good)
    assert "crypto ca fqdn-check ip-address allow" in stage.lab.type("show running-config").text


def test_only_the_trustpoints_named_vouch(stage: Stage) -> None:
    for names, wanted in (({"myca"}, Good), (set[str](), Bad), ({"other"}, Bad)):
        judge = stage.lab.router.judge(PeerPurpose.CLIENT, stage.lab.screen.now, trustpoints=names)
        assert isinstance(carry(judge([stage.peer]), stage.wire), wanted)
