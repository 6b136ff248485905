"""A router at a CA that does something wrong: what its log says, and how it gets its certificate after all.

The CA is a process of its own, and the router's requests go over real sockets.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ca_server.faults import CATALOGUE
from router_emu.adapters import http
from router_emu.commands.context import Router
from router_emu.pki.wire import WIRE_PROFILES, HttpRequest, HttpResponse, Limits, NoResponse
from sceplab.clock import ClockState, parse_instant
from tests.ca_server.processes import fetch, running
from tests.router_emu.pki_lab import Lab

NOON = parse_instant("2026-11-23T12:00:00Z")
SHORT = Limits(connect=10, response=1)  # of real time


class FaultyCa:
    """The CA, and the network to it."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.url, self.ndes = ready["scep"], ready["ndes"]
        self._management, self._operator = ready["management"], ready["operator"]
        self._console = ready["console"]
        self._waiting: list[str] = []

    def __call__(self, request: HttpRequest) -> HttpResponse | NoResponse:
        if "PKIOperation" in request.url and self._waiting:
            self.fault(self._waiting.pop())
        return asyncio.run(http.send(replace(request, limits=SHORT)))

    def fault(self, name: str) -> None:
        """Have the next request that can meet this fault, once."""
        body = json.dumps({"name": name, "count": 1}).encode()
        fetch(f"{self._management}/_lab/faults", body=body)

    def fault_at_the_message(self, name: str) -> None:
        """Have the next PKIOperation meet it."""
        self._waiting.append(name)

    @property
    def faults_left(self) -> list[str]:
        found = json.loads(fetch(f"{self._management}/_lab/faults"))
        return [each["name"] for each in found["active"]]

    def clear(self) -> None:
        self._waiting.clear()
        request = urllib.request.Request(f"{self._management}/_lab/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=10).close()

    def requests(self, router: str) -> list[Any]:
        """The requests that the CA has kept of a router."""
        found = json.loads(fetch(f"{self._console}/api/requests", self._operator))["requests"]
        return [each for each in found if f"CN={router}" in each["subject"]]


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyCa]:
    clock = json.dumps(ClockState("frozen", frozen_at=NOON).to_json())
    state = tmp_path_factory.mktemp("ca")
    with running(state, "--decide", "automatic", SCEPLAB_CLOCK=clock) as (ready, _):
        yield FaultyCa(ready)


@pytest.fixture
def ca(process: FaultyCa) -> Iterator[FaultyCa]:
    yield process
    process.clear()


@pytest.fixture
def name(tmp_path: Path) -> str:
    """What the router calls itself: another name in each test, so that each request is another one."""
    return tmp_path.name


@pytest.fixture
def lab(
    ca: FaultyCa,
    make_router: Callable[..., Router],
    make_screen: Callable[..., Any],
    request: pytest.FixtureRequest,
    name: str,
) -> Lab:
    router = make_router()
    router.pki.wire = WIRE_PROFILES[getattr(request, "param", "cisco")]
    lab = Lab(make_screen(router), ca)
    lab.screen.now = NOON
    return lab.configure(f"subject-name CN={name}", url=ca.ndes)


def authenticate(lab: Lab) -> None:
    assert lab.type("crypto ca authenticate myca").question
    lab.type("yes")


def enrol(lab: Lab) -> None:
    lab.type("crypto ca enroll myca", "", "")


RECEIVED = "SECURITY-CEPKI-6-CERTRET : Certificate received from Certificate Authority for trustpoint myca"
UNREACHABLE = "SECURITY-CEPKI-4-CAUNREACHABLE : No answer from Certificate Authority for trustpoint myca: "
HTTP_ERROR = (
    "SECURITY-CEPKI-4-HTTPERROR : Certificate Authority answered with an HTTP error for trustpoint myca: "
)
NOT_BELIEVED = "SECURITY-CEPKI-3-NOTBELIEVED : An answer that cannot be believed came for trustpoint myca: "
CUT_OFF = "the answer is not HTTP, or was cut off"
# By fault: whether the CA has the request all the same, and what is logged.
TRIED_AGAIN = {
    "http-error": (False, HTTP_ERROR + "HTTP status 503"),
    "reset": (False, UNREACHABLE + "connection reset by peer"),
    "lost-answer": (True, UNREACHABLE + CUT_OFF),
    "delay": (True, UNREACHABLE + "timed out"),
    "drip": (True, UNREACHABLE + "timed out"),
    "truncated": (True, UNREACHABLE + CUT_OFF),
    "iis-query-limit": (False, HTTP_ERROR + "HTTP status 404"),
    "bad-signature": (True, NOT_BELIEVED + "the signature does not match"),
    "wrong-nonce": (True, NOT_BELIEVED + "the reply does not echo the nonce"),
    "wrong-transaction-id": (True, NOT_BELIEVED + "the reply belongs to another transaction"),
    "wrong-recipient": (True, NOT_BELIEVED + "the message could not be opened"),
    "expired-ra": (True, NOT_BELIEVED + "the reply is signed by a stranger"),
    "pending": (
        True,
        "SECURITY-CEPKI-6-CERTPENDING : Certificate enrollment request is pending at Certificate Authority"
        " for trustpoint myca",
    ),
}
REFUSED = {"fail-badAlg", "fail-badMessageCheck", "fail-badRequest", "fail-badTime", "fail-badCertId"}
TAKEN_ALL_THE_SAME = {"wrong-content-type", "des-only", "empty-capabilities"}
SHOWN = {"changed-certificate"}


@pytest.mark.parametrize("fault", TRIED_AGAIN)
def test_the_log_says_what_is_wrong_and_the_next_try_succeeds(
    lab: Lab, ca: FaultyCa, name: str, fault: str
) -> None:
    kept, line = TRIED_AGAIN[fault]
    authenticate(lab)
    ca.fault_at_the_message(fault)
    enrol(lab)
    assert lab.log == [line]
    assert len(ca.requests(name)) == kept
    lab.wait(minutes=2)
    assert lab.log == [line, RECEIVED]
    (request,) = ca.requests(name)
    router = lab.pki.trustpoint("myca").router
    assert router is not None
    assert f"{router.serial_number:032X}" == request["serial_number"].rjust(32, "0")
    assert ca.faults_left == []


@pytest.mark.parametrize("fault", sorted(REFUSED))
def test_a_refusal_ends_the_enrolment_and_a_new_one_succeeds(
    lab: Lab, ca: FaultyCa, name: str, fault: str
) -> None:
    authenticate(lab)
    ca.fault(fault)
    enrol(lab)
    (line,) = lab.log
    assert line.endswith(f"for trustpoint myca: {fault.removeprefix('fail-')}: a fault of this lab")
    assert ca.requests(name) == []
    lab.wait(hours=1)
    assert lab.log == [line]
    enrol(lab)
    assert lab.log == [line, RECEIVED]


@pytest.mark.parametrize("lab", ["cisco", "rfc8894"], indirect=True)
@pytest.mark.parametrize("fault", sorted(TAKEN_ALL_THE_SAME - {"des-only"}))
def test_what_a_router_does_not_mind(lab: Lab, ca: FaultyCa, fault: str) -> None:
    authenticate(lab)
    ca.fault(fault)
    enrol(lab)
    assert lab.log == [RECEIVED]
    assert ca.faults_left == []


@pytest.mark.parametrize(
    ("lab", "logged"),
    [
        ("cisco", [RECEIVED]),
        ("rfc8894", [NOT_BELIEVED + "cipher des-cbc is not allowed here"]),
    ],
    indirect=["lab"],
)
def test_single_des_is_what_old_routers_expect(lab: Lab, ca: FaultyCa, logged: list[str]) -> None:
    authenticate(lab)
    ca.fault("des-only")
    enrol(lab)
    assert lab.log == logged


def test_a_changed_certificate_shows_another_fingerprint(lab: Lab, ca: FaultyCa) -> None:
    ca.fault("changed-certificate")
    changed = lab.type("crypto ca authenticate myca").text
    lab.type("no")
    true = lab.type("crypto ca authenticate myca").text
    lab.type("no")
    (subject, fingerprint), (same, other) = map(_shown, (changed, true))
    assert subject == same
    assert fingerprint != other


def _shown(text: str) -> list[str]:
    """The lines below "Subject:" and "SHA1 Fingerprint:"."""
    lines = text.splitlines()
    return [
        below.strip()
        for above, below in pairwise(lines)
        if above.strip() in ("Subject:", "SHA1 Fingerprint:")
    ]


def test_every_fault_of_the_ca_is_met_by_a_router() -> None:
    assert {*TRIED_AGAIN, *REFUSED, *TAKEN_ALL_THE_SAME, *SHOWN} == {each.name for each in CATALOGUE}
