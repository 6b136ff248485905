"""strongSwan daemons are two emulated routers: they set an IKE_SA up by the certificates that a CA's operator
approved, and do not with one that is revoked, or of a foreign CA."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from sceplab.clock import ClockState
from sceplab.identity import export_identity
from tests.flows.conftest import Processes
from tests.interop.charon import Charon, Identity, charon
from tests.interop.netns import two_hosts

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PASSWORD = "Lab-Only-2"
# Behind the wall clock, by which charon judges: lab time is advanced by a poll, and must not be ahead then.
BEHIND = ClockState("offset", -300.0)


class Site:
    """A CA with its routers, which hold what its operator approved."""

    def __init__(self, folder: Path, *routers: str) -> None:
        folder.mkdir()
        self.lab = Processes(folder, BEHIND)
        self._routers = routers

    def enrol(self) -> None:
        self.lab.start_ca()
        self.lab.start_routers(",".join(self._routers))
        for router in self._routers:
            self.lab.enrol(router)
        with self.lab.operator as operator:
            for router in self._routers:
                name = f"{router}.lab.example"
                request = operator.wait_for_request(lambda each, name=name: name in each["subject"])
                assert request["state"] == "pending"
                operator.approve(request["id"])
        self.lab.advance(timedelta(minutes=1))

    def identity(self, router: str) -> Identity:
        with self.lab.router(router) as shell:
            return Identity(f"{router}.lab.example", export_identity(shell, "myca", PASSWORD), PASSWORD)

    def crls(self) -> tuple[str, ...]:
        with self.lab.operator as operator:
            return tuple(each["pem"] for each in operator.issue_crls()["crls"])

    def revoke(self, router: str) -> None:
        with self.lab.operator as operator:
            [serial_number] = [
                each["serial_number"]
                for each in operator.certificates()
                if f"{router}.lab.example" in each["subject"]
            ]
            operator.revoke(serial_number, "keyCompromise")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "site", "r1", "r2")
    try:
        site.enrol()
        yield site
    finally:
        site.lab.end()


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "foreign", "r2")
    try:
        site.enrol()
        yield site
    finally:
        site.lab.end()


class Pair:
    """Two hosts, on each the daemon with an identity; the first trusts by CRLs."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._one, self._other = stack.enter_context(two_hosts())
        self._runs = 0

    def run(self, one: Identity, other: Identity, crls: tuple[str, ...]) -> tuple[Charon, Charon]:
        self._runs += 1
        folder = self._folder / str(self._runs)
        enter = self._stack.enter_context
        return (
            enter(charon(folder / "1", self._one, one, self._other, other.name, crls=crls)),
            enter(charon(folder / "2", self._other, other, self._one, one.name)),
        )


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack, tmp_path / "daemons")


def test_two_approved_routers_authenticate_each_other_until_one_is_revoked(pair: Pair, site: Site) -> None:
    r1, r2 = pair.run(site.identity("r1"), site.identity("r2"), site.crls())
    said = r2.initiate()
    assert "initiate completed successfully" in said, said + r1.log
    for daemon, peer in ((r1, "r2"), (r2, "r1")):
        associations = daemon.associations()
        assert "ESTABLISHED" in associations
        assert f"'{peer}.lab.example'" in associations
        assert f"authentication of '{peer}.lab.example' with RSA_EMSA_PKCS1_SHA2_256 successful" in daemon.log
    assert "certificate status is good" in r1.log

    site.revoke("r2")
    for number, crl in enumerate(site.crls()):
        (r1.folder / "x509crl" / f"{number}.pem").write_text(crl)
    r1.load()
    r2.swanctl("--terminate", "--ike", "peer")
    said = r2.initiate()
    assert "received AUTHENTICATION_FAILED notify error" in said, r1.log
    assert "certificate was revoked on" in r1.log
    assert "reason: key compromise" in r1.log
    assert "ESTABLISHED" not in r1.associations()


def test_a_router_of_a_foreign_ca_is_refused(pair: Pair, site: Site, foreign: Site) -> None:
    r1, r2 = pair.run(site.identity("r1"), foreign.identity("r2"), site.crls())
    said = r2.initiate()
    assert "received AUTHENTICATION_FAILED notify error" in said
    assert "no trusted RSA public key found for 'r2.lab.example'" in r1.log
    assert "ESTABLISHED" not in r1.associations() + r2.associations()
