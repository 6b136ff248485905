"""The trust pool and a bundle server in a process of its own: real sockets, real TLS, fault after fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from router_emu.adapters import http
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.wire import HttpRequest, HttpResponse, NoResponse
from sceplab.clock import ClockState
from tests.bundles.stage import running
from tests.router_emu.pki_lab import Lab
from tests.router_emu.pool_stage import EPOCH, built_in
from tests.router_emu.trustpool_stage import a_lab, a_router

FULL = "/security/pki/trs/ios.p7b"
CORE = "/security/pki/trs/ios_core.p7b"
IMPORT = "crypto ca trustpool import url {url}{path}"
REFUSED = "% The CA certificate bundle is refused: "
Places = dict[str, Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Where a bundle server is, that began at EPOCH."""
    clock = json.dumps(ClockState("frozen", frozen_at=EPOCH).to_json())
    options = ("--recipes", "lab", "--recipes", "faults")
    folder = tmp_path_factory.mktemp("bundles")
    with running(folder, *options, environment={"SCEPLAB_CLOCK": clock}) as places:
        yield places


class Wire:
    """The network itself; ``asked`` are the URLs that were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: HttpRequest) -> HttpResponse | NoResponse:
        self.asked.append(request.url)
        return asyncio.run(http.send(request))


@pytest.fixture
def lab(make_screen: Callable[..., Any]) -> Lab:
    return a_lab(make_screen, a_router(), Wire())


def told(lab: Lab, *lines: str) -> str:
    """What the last of these lines prints last."""
    start = len(lab.screen.text)
    lab.type(*lines)
    return str(lab.screen.text[start:].splitlines()[-2])


GOOD = {
    FULL: 11,
    CORE: 3,
    "/security/pki/trs/ios.pem": 11,
    "/security/pki/trs/ios_unsigned.p7b": 11,
    "/security/pki/trs/ios_successor.p7b": 11,
    "/security/pki/trs/ios_expiring.p7b": 3,
    "/security/pki/trs/ios_repeated.p7b": 2,
    "/builtin.pem": 4,
    "/odd/ber.p7b": 11,
    "/odd/ber-unsigned.p7b": 11,
    "/odd/pkcs7.pem": 11,
    "/odd/pkcs7-unsigned.pem": 11,
    "/odd/comments.pem": 11,
    "/odd/single.cer": 1,
    "/odd/hundreds.p7b": 300,
    "/odd/wrong-type.p7b": 3,
}


@pytest.mark.parametrize("path", GOOD)
def test_every_good_bundle_is_taken(lab: Lab, server: Places, path: str) -> None:
    line = told(lab, IMPORT.format(url=server["http"], path=path))
    several = "s" if GOOD[path] > 1 else ""
    assert line == f"% CA certificate bundle import succeeded: {GOOD[path]} certificate{several}"
    assert len(lab.pki.pool.pool.downloaded) == GOOD[path]


# A piece of each one's sentence, by which an operator knows what is wrong.
FAULTS = {
    "/faults/expired.p7b": "CN=Lab Expired CA,O=scep-lab in it was valid until",
    "/faults/expired-signer.p7b": "CN=Lab Expired Signer,O=scep-lab",
    "/faults/broken-signature.p7b": "signature",
    "/faults/stranger.p7b": "is certified by no built-in CA",
    "/faults/truncated.p7b": "",
    "/faults/truncated.pem": "",
    "/faults/empty.p7b": "empty",
    "/faults/no-certificates.p7b": "no certificate",
    "/faults/not-a-bundle.p7b": "",
    "/faults/non-ca.p7b": "CN=server.lab.example,O=scep-lab",
    "/faults/duplicate.p7b": "CN=Lab Root CA 2048,O=scep-lab",
}


@pytest.mark.parametrize("path", FAULTS)
@pytest.mark.parametrize("held", [None, CORE])
def test_fault_after_fault_leaves_the_pool_as_it_was(
    lab: Lab, server: Places, held: str | None, path: str
) -> None:
    if held:
        lab.type(IMPORT.format(url=server["http"], path=held))
    before = lab.pki.pool.dump()
    screen = told(lab, "show crypto ca trustpool | include Fingerprint|[0-9A-F]{40}|Trustpool")
    lines = len(lab.log)
    line = told(lab, IMPORT.format(url=server["http"], path=path))
    assert line.startswith(REFUSED)
    assert line.endswith(". The trustpool is as it was.")
    assert FAULTS[path] in line
    assert lab.pki.pool.dump() == before
    assert told(lab, "show crypto ca trustpool | include Fingerprint|[0-9A-F]{40}|Trustpool") == screen
    [said] = lab.log[lines:]
    assert said.startswith("SECURITY-CEPKI-4-TRUSTPOOL_NOTIMPORTED : ")
    assert FAULTS[path] in said


def test_all_faults_have_sentences_of_their_own(lab: Lab, server: Places) -> None:
    told_by = {path: told(lab, IMPORT.format(url=server["http"], path=path)) for path in FAULTS}
    alike = {"/faults/truncated.p7b", "/faults/truncated.pem", "/faults/not-a-bundle.p7b"}  # nobody knows
    assert len({line for path, line in told_by.items() if path not in alike}) == len(FAULTS) - len(alike)


class TestHttps:
    def test_a_fresh_router_verifies_the_server_by_what_is_built_in(self, lab: Lab, server: Places) -> None:
        """Its CRL is asked first, of the server's plain port."""
        line = told(lab, IMPORT.format(url=server["https"], path=FULL))
        assert line == "% CA certificate bundle import succeeded: 11 certificates"
        [crl] = lab.pki.crls.all()
        assert crl.source == f"{server['http']}/crl/lab-root-m1.crl"

    def test_the_pool_verifies_servers_for_copy_too(self, lab: Lab, server: Places) -> None:
        lab.type(f"copy {server['https']}{CORE} disk0:", "")
        assert not lab.screen.output.failed
        assert "succeeded: 3" in told(lab, "crypto ca trustpool import url /disk0:/ios_core.p7b")

    def refused(self, lab: Lab, server: Places) -> str:
        line = told(lab, IMPORT.format(url=server["https"], path=FULL))
        assert line.startswith(f"% Failed to get the CA certificate bundle from {server['https']}{FULL}: ")
        assert lab.pki.pool.pool.downloaded == ()
        return line

    def test_dates_are_judged_by_the_labs_clock(self, lab: Lab, server: Places) -> None:
        lab.screen.now = EPOCH.replace(year=2059)
        assert "was valid until 21:59:46 UTC Mon Nov 18 2058" in self.refused(lab, server)

    def test_when_its_crl_cannot_be_had_nobody_can_tell(self, lab: Lab, server: Places) -> None:
        # A proxy where nobody listens is asked for CRLs alone.
        lab.type("configure", "crypto ca http-proxy 127.0.0.1 port 9", "end", "yes")
        assert "the CRL of CN=Lab Root CA M1,O=scep-lab could not be had" in self.refused(lab, server)
        lab.type("configure", "crypto ca trustpool policy", "crl optional", "end", "yes")
        assert "succeeded: 11" in told(lab, IMPORT.format(url=server["https"], path=FULL))
        assert lab.pki.crls.all() == []

    def test_without_the_ca_that_certified_it(self, lab: Lab, server: Places) -> None:
        lab.pki.pool = keeper = PoolKeeper(built_in()[:1])
        keeper.fetch = lab.router.fetch_bundle
        keeper.recover(lab.screen.now)
        assert "the server's certificate is not accepted" in self.refused(lab, server)
        lab.type("configure", "http client secure-verify-peer disable", "end", "yes")
        line = told(lab, IMPORT.format(url=server["https"], path=FULL))
        assert line.startswith(REFUSED)  # the bundle's signer is verified all the same
        assert "succeeded: 4" in told(lab, IMPORT.format(url=server["https"], path="/builtin.pem"))

    def test_the_name_of_the_server(self, lab: Lab, server: Places) -> None:
        url = server["https"].replace("127.0.0.1", "127.1")  # resolves, and is none of its names
        assert "not for 127.1" in self.refused(lab, {**server, "https": url})
        lab.type("configure", "http client secure-verify-host disable", "end", "yes")
        assert "succeeded" in told(lab, IMPORT.format(url=url, path=FULL))

    def test_a_pool_that_was_broken_is_refreshed_by_itself(self, lab: Lab, server: Places) -> None:
        url = f"cabundle url {server['https']}{FULL}"
        lab.type("configure", "crypto ca trustpool policy", url, "end", "yes")
        lab.pki.pool.lost("garbage")
        lab.pki.recover(lab.screen.now)
        lab.wait(seconds=1)
        assert [line.split()[0].rpartition("-")[2] for line in lab.log] == [
            "TRUSTPOOL_BROKEN",
            "TRUSTPOOL_REFRESHED",
        ]
        assert len(lab.pki.pool.pool.downloaded) == 11


def test_a_server_that_is_gone(lab: Lab) -> None:
    line = told(lab, IMPORT.format(url="http://127.0.0.1:9", path=FULL))
    assert (
        line == f"% Failed to get the CA certificate bundle from http://127.0.0.1:9{FULL}: connection refused"
    )
