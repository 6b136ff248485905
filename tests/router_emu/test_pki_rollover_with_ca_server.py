"""The router follows our own CA from one generation to the next, on the lab clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.keys import Purpose
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import WIRE_PROFILES
from scep_core.certificates import Certificate
from tests.router_emu.ca_server_stage import CaServer
from tests.router_emu.pki_lab import Lab, awaited

MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(
    make_router: Callable[..., Router], make_screen: Callable[..., Any], tmp_path: Path
) -> Iterator[MakeLab]:
    servers = []

    def make(wire: str, path: str, *statements: str, root: bool = False, keys: str = "general-keys") -> Lab:
        """A router that has enrolled 300 days before its CA ends."""
        router = make_router()
        router.pki.wire = WIRE_PROFILES[wire]
        screen = make_screen(router)
        servers.append(CaServer(tmp_path / "ca.sqlite3", lambda: screen.now, root=root))
        lab = Lab(screen, servers[-1])
        lab.configure("auto-enroll 80", *statements, url="http://ca" + path)
        lab.type(
            f"crypto key generate rsa {keys}", "yes", "1024", *(["1024"] if keys == "usage-keys" else [])
        )
        screen.now = servers[-1].authority.ca.certificate.not_after - timedelta(days=300)
        lab.type("crypto ca authenticate myca", "yes", "crypto ca enroll myca", "", "")
        approve_all(lab)
        lab.wait(minutes=2)
        assert held(lab).own
        return lab

    yield make
    for server in servers:
        server.store.close()


def approve_all(lab: Lab) -> None:
    server: Any = lab.wire
    for request in server.operate("")["requests"]:
        if request["state"] == "pending":
            server.operate(f"/{request['id']}/approve")


def held(lab: Lab) -> TrustpointState:
    return lab.pki.trustpoint("myca")


def roll_over(lab: Lab, **after: float) -> Certificate:
    server: Any = lab.wire
    server.call("/api/ca/rollover", active_from=f"{lab.screen.now + timedelta(**after):%Y-%m-%dT%H:%M:%SZ}")
    authorities = server.keeper.succession().authorities
    certificate: Certificate = authorities[-1].ca.certificate
    return certificate


@pytest.mark.parametrize(
    ("wire", "path", "root"),
    [
        ("cisco", "/scep", False),
        ("cisco", "/scep/cisco-legacy", True),
        ("rfc8894", "/scep/rfc8894", False),
        ("rfc8894", "/scep", True),
    ],
)
def test_a_router_follows_its_ca(make_lab: MakeLab, wire: str, path: str, root: bool) -> None:
    lab = make_lab(wire, path, root=root)
    first = held(lab)
    assert first.router is not None
    assert first.ca is not None
    assert first.router.not_after == first.ca.not_after
    lab.wait(days=241)
    assert "NONEXTCA" in lab.log[-1]
    coming = roll_over(lab, days=50)
    lab.wait(days=1)
    during = held(lab)
    assert during.next is not None
    assert during.next.ca == coming
    assert len(during.next.above) == root
    assert (during.ca, during.router) == (first.ca, first.router)
    assert "CERTPENDING" in lab.log[-1]
    lab.restart()
    approve_all(lab)
    lab.wait(days=1)
    assert held(lab).shadows.keys() == {Purpose.GENERAL}
    lab.wait(seconds=(first.ca.not_after - lab.screen.now).total_seconds() - 1)
    assert held(lab).router == first.router
    lab.restart()
    lab.wait(seconds=2)
    after = held(lab)
    assert after.ca == coming
    assert after.router is not None
    assert after.router.public_key_info == first.router.public_key_info
    assert awaited(lab.pki)[0][2] == "renewal myca"
    lab.wait(days=300)
    approve_all(lab)
    lab.wait(days=2)
    renewed = held(lab).router
    assert renewed is not None
    assert renewed.serial_number != after.router.serial_number
    assert renewed.issuer == coming.subject


def test_usage_keys_follow_their_ca(make_lab: MakeLab) -> None:
    lab = make_lab("cisco", "/scep", "renewal-message-type renewalreq", keys="usage-keys")
    coming = roll_over(lab, days=299)
    lab.wait(days=241)
    approve_all(lab)
    lab.wait(days=80)
    assert held(lab).ca == coming
    assert held(lab).own.keys() == {Purpose.SIGNATURE, Purpose.ENCRYPTION}


def test_who_was_not_approved_in_time_enrolls_at_the_next_ca(make_lab: MakeLab) -> None:
    lab = make_lab("cisco", "/scep")
    coming = roll_over(lab, days=299)
    lab.wait(days=301)
    assert (held(lab).ca, held(lab).own) == (coming, {})
    assert "CAROLLOVER" in lab.log[-2]  # the last request was still pending then
    assert "CERTTIMEOUT" in lab.log[-1]
    lab.type("crypto ca enroll myca", "", "")
    approve_all(lab)
    lab.wait(minutes=3)
    assert held(lab).router is not None
    assert held(lab).router.issuer == coming.subject  # type: ignore[union-attr]


def test_a_profile_that_never_tells_leaves_the_router_with_its_ca(make_lab: MakeLab) -> None:
    """Microsoft's NDES knows no GetNextCACert."""
    lab = make_lab("cisco", "/certsrv/mscep/mscep.dll")
    first = held(lab)
    roll_over(lab, days=299)
    lab.wait(days=301)
    assert held(lab) == first
    assert len([line for line in lab.log if "NONEXTCA" in line]) == 1
    assert awaited(lab.pki) == []
