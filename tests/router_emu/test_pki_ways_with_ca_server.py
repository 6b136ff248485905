"""Every way to a certificate, the router against our own CA: usage keys, chains, by hand, renewals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.keys import Purpose
from router_emu.pki.wire import WIRE_PROFILES
from scep_core import certificates
from scep_core.certificates import Certificate, read_certificate
from tests.router_emu.ca_server_stage import CaServer
from tests.router_emu.pki_lab import PASSWORD, Lab, awaited, pem_lines

MakeLab = Callable[..., Lab]
ENROLL = "crypto ca enroll myca"


@pytest.fixture
def make_lab(
    make_router: Callable[..., Router], make_screen: Callable[..., Any], tmp_path: Path
) -> Iterator[MakeLab]:
    servers = []

    def make(wire: str = "cisco", *, root: bool = False) -> Lab:
        router = make_router()
        router.pki.wire = WIRE_PROFILES[wire]
        screen = make_screen(router)
        servers.append(CaServer(tmp_path / "ca.sqlite3", lambda: screen.now, root=root))
        return Lab(screen, servers[-1])

    yield make
    for server in servers:
        server.store.close()


def approve_all(lab: Lab) -> None:
    server: Any = lab.wire
    for request in server.operate("")["requests"]:
        if request["state"] == "pending":
            server.operate(f"/{request['id']}/approve")


def requests(lab: Lab) -> list[Any]:
    server: Any = lab.wire
    found: list[Any] = server.operate("")["requests"]
    return found


def usages(certificate: Certificate) -> frozenset[str]:
    extension = certificate.extension(certificates.KEY_USAGE)
    assert extension is not None
    return certificates.read_key_usage(extension.value)


@pytest.mark.parametrize("path", ["/scep/cisco-legacy", "/certsrv/mscep/mscep.dll", "/scep"])
def test_usage_keys(make_lab: MakeLab, path: str) -> None:
    lab = make_lab().configure(url="http://ca" + path)
    lab.type("crypto key generate rsa usage-keys", "yes", "1024", "1024")
    lab.type("crypto ca authenticate myca", "yes", ENROLL, PASSWORD, PASSWORD)
    assert [each["state"] for each in requests(lab)] == ["pending"] * 2
    approve_all(lab)
    lab.wait(minutes=2)
    own = lab.pki.trustpoint("myca").own
    assert {purpose: usages(certificate) for purpose, certificate in own.items()} == {
        Purpose.SIGNATURE: {"digital_signature"},
        Purpose.ENCRYPTION: {"key_encipherment"},
    }


@pytest.mark.parametrize("path", ["/certsrv/mscep/mscep.dll", "/scep", "/scep/rfc8894"])
@pytest.mark.parametrize("wire", sorted(WIRE_PROFILES))
def test_a_ca_below_a_root(make_lab: MakeLab, wire: str, path: str) -> None:
    lab = make_lab(wire, root=True).configure(url="http://ca" + path)
    server: Any = lab.wire
    lab.type("crypto ca authenticate myca", "yes")
    held = lab.pki.trustpoint("myca")
    assert held.ca == server.authority.ca.certificate
    assert not held.ca.is_self_issued
    assert [each.is_self_issued for each in held.above] == [True]
    lab.type(ENROLL, "", "")
    approve_all(lab)
    lab.wait(minutes=2)
    assert lab.pki.trustpoint("myca").router is not None


def test_md5_where_it_is_taken(make_lab: MakeLab) -> None:
    lab = make_lab().configure("message-digest md5", url="http://ca/scep/cisco-legacy")
    lab.type("crypto ca authenticate myca", "yes", ENROLL, "", "")
    approve_all(lab)
    lab.wait(minutes=2)
    assert lab.pki.trustpoint("myca").router is not None
    lab.type("clear crypto ca certificates myca", "configure", "crypto ca trustpoint myca")
    lab.type("enrollment url http://ca/scep", "commit", "end", "crypto ca authenticate myca", "yes")
    lab.type(ENROLL, "", "")
    assert "was rejected by Certificate Authority for trustpoint myca: badAlg" in lab.log[-1]


def test_by_hand(make_lab: MakeLab) -> None:
    """The request from the router's screen into the CA, its answer back."""
    lab = make_lab()
    server: Any = lab.wire
    lab.configure("enrollment terminal", "subject-name O=Lab", "serial-number", "ip-address 192.0.2.1")
    lab.type("crypto ca authenticate myca", *pem_lines(server.authority.ca.certificate), "quit", "yes")
    start = len(lab.screen.text)
    lab.type(ENROLL, PASSWORD, PASSWORD, "yes", "no")
    printed = lab.screen.text[start:]
    block = re.search(r"Certificate Request follows:.*?this line", printed, re.DOTALL | re.IGNORECASE)
    assert block
    brought = server.operate("", csr=block[0])
    assert brought["fingerprints"]["md5"] in printed
    assert brought["subject"] == (
        f"serialNumber={lab.router.serial_number}+unstructuredAddress=192.0.2.1"
        "+unstructuredName=r1.lab.example,O=Lab"
    )
    server.operate(f"/{brought['id']}/approve")
    shown = server.store.certificate(int(requests(lab)[0]["serial_number"], 16))
    assert not lab.type(
        "crypto ca import myca certificate", *pem_lines(read_certificate(shown.der)), "quit"
    ).failed
    assert lab.pki.trustpoint("myca").router == read_certificate(shown.der)


@pytest.mark.parametrize("path", ["/certsrv/mscep/mscep.dll", "/scep"])
@pytest.mark.parametrize("wire", sorted(WIRE_PROFILES))
@pytest.mark.parametrize(("kind", "number"), [("pkcsreq", 19), ("renewalreq", 17)])
def test_renewal_after_most_of_a_year(
    make_lab: MakeLab, wire: str, path: str, kind: str, number: int
) -> None:
    lab = make_lab(wire).configure("auto-enroll 80", f"renewal-message-type {kind}", url="http://ca" + path)
    lab.type("crypto ca authenticate myca", "yes", ENROLL, PASSWORD, PASSWORD)
    approve_all(lab)
    lab.wait(minutes=2)
    old = lab.pki.trustpoint("myca").router
    assert old is not None
    [(due, _, _)] = awaited(lab.pki)
    assert due == old.not_before + (old.not_after - old.not_before) * 0.8
    lab.wait(days=300)
    renewal = requests(lab)[-1]
    assert (renewal["state"], renewal["message_type"]) == ("pending", number)
    assert renewal["renews"] == f"{old.serial_number:X}".zfill(len(renewal["renews"]))
    assert lab.pki.trustpoint("myca").router == old
    assert any(what in lab.log[-1] for what in ("CERTRENEWLATER", "CERTPENDING"))
    approve_all(lab)  # the tries went on from day to day
    lab.wait(days=2)
    new = lab.pki.trustpoint("myca").router
    assert new is not None
    assert new.serial_number != old.serial_number
    assert (new.public_key_info, new.subject) == (old.public_key_info, old.subject)
    assert awaited(lab.pki)[0][0] > lab.screen.now + timedelta(days=200)
