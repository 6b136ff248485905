"""The router at the lab's own directory, over sockets: names, faults, a large CRL, an https import."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import parse_dn
from ldap_mock.messages import ResultCode
from ldap_mock.server import DirectoryUnavailable, Injection
from router_emu.adapters import http
from router_emu.commands.context import Router
from router_emu.config import text
from router_emu.pki.peers.checking import Checker, check_peer
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.peers.crl_fetch import Getter
from router_emu.pki.peers.ldap_url import read_place
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Trust, Verdict
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import CISCO, ExchangeFailed, Limits
from scep_core import names
from scep_core.certificates import ext_crl_distribution_points, ext_subject_alt_name
from tests.ldap_mock.backend import TestBackend, serving
from tests.router_emu import tls_stage
from tests.router_emu.crl_stage import NOW, make_crl
from tests.router_emu.pki_lab import make_ca, make_identity
from tests.router_emu.pki_stage import Stage
from tests.router_emu.test_ldap_url import AD_CS

CA = make_ca("ca", "O=Lab,CN=ca-1")
DN = names.rfc4514(CA.certificate.subject)
CDP_DN = read_place(AD_CS).dn
TRUE, OTHER = make_crl(CA, 5), make_crl(CA)


def a_tree(crl: bytes = TRUE) -> Tree:
    point = {"objectClass": (b"top", b"cRLDistributionPoint"), "cn": (b"ca-1",)}
    authority = {"objectClass": (b"top", b"organizationalRole", b"pkiCA"), "cn": (b"ca-1",)}
    held = {"certificateRevocationList": (crl,)}
    return Tree([Entry(parse_dn(CDP_DN), point | held), Entry(parse_dn(DN), authority | held)])


class Directory:
    """A running directory, and routers that check a certificate by it."""

    def __init__(self, backend: TestBackend, url: str) -> None:
        self.backend, self.url = backend, url

    def check(self, *points: str | bytes, query: bool = False, seconds: float = 10) -> Verdict:
        """What a router thinks that has no CRL yet; with ``query`` it has a `query url`."""
        point = ext_crl_distribution_points(*points)
        peer = make_identity("peer", "CN=r2", point, issuer=CA, serial_number=5).certificate
        trust = Trust("myca", (CA.certificate,), query_url=self.url if query else "")
        getter = Getter(CISCO, bytes, limits=Limits(connect=seconds, response=seconds))
        checker = Checker((trust,), CrlCache(), getter)
        return asyncio.run(http.carry(check_peer(checker, [peer], PeerPurpose.ANY, NOW), as_one=True))


@pytest.fixture
def directory() -> Iterator[Directory]:
    backend = TestBackend(a_tree())
    with serving(backend) as server:
        yield Directory(backend, server.url)


@pytest.mark.parametrize(
    "point",
    [
        "{url}/" + DN,
        "{url}/" + DN + "?certificateRevocationList",
        "{url}/" + DN + "?certificateRevocationList;binary,authorityRevocationList;binary",
        "{url}/O=Lab?certificateRevocationList?sub?(&(objectClass=pkiCA)(cn=ca*))",
    ],
)
def test_points_that_name_the_server(directory: Directory, point: str) -> None:
    assert isinstance(directory.check(point.format(url=directory.url)), Bad)
    assert directory.backend.asked == 1


@pytest.mark.parametrize(
    "point",
    [f"ldap:///{DN}", f"ldap://{DN}", AD_CS, CA.certificate.subject],
    ids=["URL", "Cisco's", "AD CS", "name"],
)
def test_points_that_leave_it_to_the_query_url(directory: Directory, point: str | bytes) -> None:
    assert isinstance(directory.check(point), CannotTell)
    assert directory.backend.asked == 0
    assert isinstance(directory.check(point, query=True), Bad)
    assert directory.backend.asked == 1


@pytest.mark.parametrize(
    ("injection", "why"),
    [
        (Injection("busy", ResultCode.BUSY), "the directory answers busy"),
        (Injection("no-such-object", ResultCode.NO_SUCH_OBJECT), "there is no such entry (noSuchObject)"),
        (
            Injection("referral", ResultCode.REFERRAL, referrals=("ldap://elsewhere.lab/",)),
            "the directory refers to ldap://elsewhere.lab/, which is not followed",
        ),
        (Injection("truncated", truncate=True), "the answer was cut off"),
        (Injection("reset", reset=True), "connection reset by peer"),
        (Injection("slow", delay=60), "timed out"),
        (
            Injection("attribute", rename={"certificateRevocationList": "userCertificate"}),
            "the entry has no certificateRevocationList",
        ),
        (Injection("forged", tree=a_tree(make_crl(CA, key=make_ca("forger")))), "cannot be verified"),
        (Injection("gone", tree=Tree([Entry(parse_dn("O=Lab"), {})])), "there is no such entry"),
    ],
    ids=lambda each: each.name if isinstance(each, Injection) else "",
)
def test_faults(directory: Directory, injection: Injection, why: str) -> None:
    directory.backend.faults = [injection]
    verdict = directory.check(f"{directory.url}/{DN}", seconds=0.3 if injection.delay else 10)
    assert isinstance(verdict, CannotTell)
    assert why in verdict.why
    assert isinstance(directory.check(f"{directory.url}/{DN}"), Bad)


def test_a_directory_that_has_lost_its_ca(directory: Directory) -> None:
    directory.backend.failure = DirectoryUnavailable("the CA does not answer")
    verdict = directory.check(f"{directory.url}/{DN}")
    assert isinstance(verdict, CannotTell)
    assert "the directory answers unavailable" in verdict.why


def test_a_hundred_thousand_entries_within_a_second(directory: Directory) -> None:
    directory.backend.held = a_tree(make_crl(CA, *range(1000, 101_000)))
    took = []
    for _ in range(3):  # other programs share the machine
        began = perf_counter()
        assert isinstance(directory.check(f"{directory.url}/{DN}"), Good)
        took.append(perf_counter() - began)
    assert min(took) < 1


@pytest.mark.parametrize("revoked", [False, True])
def test_an_https_import_checks_its_server_by_the_directory(
    directory: Directory, make_router: Callable[..., Router], tmp_path: Path, revoked: bool
) -> None:
    names_of_server = ext_subject_alt_name([("IP", bytes([127, 0, 0, 1]))])
    point = ext_crl_distribution_points(f"{directory.url}/{DN}")
    server = make_identity("tls peer", "CN=bundles", names_of_server, point, issuer=CA, serial_number=5)
    directory.backend.held = a_tree(TRUE if revoked else OTHER)
    router = make_router()
    router.pki.trustpoints["myca"] = TrustpointState(CA.certificate)
    configure(router)

    async def run() -> bytes:
        context = tls_stage.python_context(tmp_path, server)
        async with tls_stage.serving(tls_stage.answer_hello, context) as port:
            return await http.carry(router.fetch_bundle(f"https://127.0.0.1:{port}/x.p7b", NOW))

    if revoked:
        with pytest.raises(ExchangeFailed, match="certificate of CN=bundles is revoked"):
            asyncio.run(run())
    else:
        assert asyncio.run(run()) == b"hello"
    assert directory.backend.asked == 1


def configure(router: Router) -> None:
    """The trustpoint myca."""
    router.config.running = text.read(router.config.schema, "crypto ca trustpoint myca\n!\n")
    router.follow_configuration(NOW)


def test_an_operator_fetches_from_the_query_url(
    directory: Directory, make_router: Callable[..., Router], make_screen: Any, tmp_path: Path
) -> None:
    stage = Stage(make_router, make_screen, tmp_path)
    crl = make_crl(stage.ca.identity)
    directory.backend.held = a_tree(crl)
    lines = ("configure", "crypto ca trustpoint myca", f"query url {directory.url}", "commit", "end")

    async def run() -> list[bytes]:
        async with stage.open():
            session, host = stage.session(), stage.host
            for line in (*lines, f"crypto ca crl request ldap:///{DN}"):
                output = session.feed(line, host.now())
                while output.job is not None:
                    output = session.resume(await host.perform(output.job), host.now())
                assert not output.failed, output.text
                host.after_command()
            return [each.crl.der for each in host.router.pki.crls.all()]

    assert asyncio.run(run()) == [crl]
