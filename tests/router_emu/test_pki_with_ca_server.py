"""The router and our own CA, joined without sockets: both ends of the wire as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.wire import WIRE_PROFILES
from tests.router_emu.ca_server_stage import CaServer
from tests.router_emu.pki_lab import PASSWORD, Lab


@pytest.fixture(params=sorted(WIRE_PROFILES))
def lab(
    make_router: Callable[..., Router],
    make_screen: Callable[..., Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Lab]:
    router = make_router()
    router.pki.wire = WIRE_PROFILES[request.param]
    screen = make_screen(router)
    server = CaServer(tmp_path / "ca.sqlite3", lambda: screen.now)
    yield Lab(screen, server)
    server.store.close()


def the_request(server: Any) -> Any:
    [shown] = server.operate("")["requests"]
    return shown


@pytest.mark.parametrize(
    "url",
    [
        "http://ca/certsrv/mscep/mscep.dll",
        "http://ca/scep",
        "http://ca",
        "http://ca/CertSrv/MSCEP/mscep.dll/",
    ],
)
def test_pending_then_approved(lab: Lab, url: str) -> None:
    server: Any = lab.wire
    lab.configure("subject-name OU=cml.lab", url=url)
    lab.type("crypto ca authenticate myca", "yes")
    held = lab.pki.trustpoint("myca")
    assert held.ca == server.authority.ca.certificate
    assert len(held.ra) == (2 if "dll" in url else 0)
    printed = lab.type("crypto ca enroll myca", PASSWORD, PASSWORD).text
    shown = the_request(server)
    assert (shown["state"], shown["polls"], shown["challenge"]) == ("pending", 0, "not-checked")
    assert shown["fingerprints"]["md5"] in printed
    assert shown["subject"] == "unstructuredName=r1.lab.example,OU=cml.lab"
    assert shown["subject_alt_names"] == ["DNS:r1.lab.example"]
    lab.wait(minutes=2)
    assert the_request(server)["polls"] == 1
    lab.restart()
    server.operate(f"/{shown['id']}/approve")
    lab.wait(minutes=2)
    router = lab.pki.trustpoint("myca").router
    assert router is not None
    assert f"{router.serial_number:x}" == the_request(server)["serial_number"].lower().lstrip("0")
    assert [line.split(" ")[0] for line in lab.log] == [
        "SECURITY-CEPKI-6-CERTPENDING",
        "SECURITY-CEPKI-6-CERTRET",
    ]
    assert lab.type("show crypto ca certificates").text.count("Available") == 1


def test_denied_with_a_reason(lab: Lab) -> None:
    server: Any = lab.wire
    lab.enrol()
    server.operate(f"/{the_request(server)['id']}/deny", reason="not on my network")
    lab.wait(minutes=2)
    assert lab.log[-1].endswith("for trustpoint myca: badRequest: not on my network")
    assert lab.pki.attempts == {}


def test_a_lost_answer_does_not_queue_twice(lab: Lab) -> None:
    """The CA has the request, the router has no answer: the same request again is a poll."""
    server: Any = lab.wire
    lab.authenticate()
    lab.hold = True
    lab.type("crypto ca enroll myca", "", "")
    lab.carry(lab.held[0])  # and the answer is lost
    lab.hold = False
    lab.restart()
    lab.wait(minutes=2)
    assert the_request(server)["polls"] == 1
    assert lab.log[-1].startswith("SECURITY-CEPKI-6-CERTPENDING")
