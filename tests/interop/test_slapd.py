"""The router asks a real OpenLDAP for CRLs that openssl's CA has made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from router_emu.adapters import http
from router_emu.pki.peers.checking import Checker, check_peer
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Trust, Verdict
from scep_core import names
from scep_core.certificates import Certificate, Extension, ext_crl_distribution_points
from sceplab.clock import wall_time
from tests.interop import slapd
from tests.interop.slapd import entry
from tests.interop.test_foreign_crls import CA, LIFE, PEER, OpensslCa
from tests.programs import run
from tests.router_emu.crl_stage import DAY, GETTER, make_crl
from tests.router_emu.pki_lab import make_ca, make_identity

pytestmark = pytest.mark.interop

SERIAL_NUMBER = PEER.certificate.serial_number
CRL = "certificateRevocationList"
NOW = wall_time()


def dates(made: int, due: int) -> list[str]:
    """openssl's arguments for a CRL of some days ago."""
    form = "%Y%m%d%H%M%SZ"
    return ["-crl_lastupdate", f"{NOW + made * DAY:{form}}", "-crl_nextupdate", f"{NOW + due * DAY:{form}}"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """slapd, with an entry for each thing that may be wrong."""
    ca = OpensslCa(tmp_path_factory.mktemp("ca"), "plain")
    ca("-gencrl", "-out", str(ca.folder / "stale.crl"), *dates(-9, -2))
    good, stale = ca.crl("DER"), der(ca, "stale.crl")
    ca("-revoke", str(ca.folder / "peer.pem"))
    revoked = ca.crl("DER")
    forged = make_crl(CA, key=make_ca("forger"), made=NOW - DAY, due=NOW + DAY)
    before = make_crl(make_ca("before", "CN=openssl's CA"), made=NOW - DAY, due=NOW + DAY)
    entries = (
        entry("good", good),
        entry("revoked", revoked),
        entry("stale", stale),
        entry("forged", forged),
        entry("two keys", before, revoked),
        entry("bare"),
        entry("cas", revoked, attribute="authorityRevocationList;binary"),
        entry("Müller, Söhne", good).replace("CN=Müller, Söhne", "CN=Müller\\, Söhne"),
        entry("large", make_crl(CA, *range(0x2000, 0x2000 + 100_000), made=NOW - DAY, due=NOW + DAY)),
    )
    with slapd.serve(tmp_path_factory.mktemp("slapd"), *entries) as where:
        yield where


def der(ca: OpensslCa, name: str) -> bytes:
    return run([ca.openssl, "crl", "-in", str(ca.folder / name), "-outform", "DER"]).stdout


def peer(point: str | bytes) -> Certificate:
    extensions: list[Extension] = [ext_crl_distribution_points(point)]
    return make_identity(
        "peer", "CN=r2", *extensions, issuer=CA, serial_number=SERIAL_NUMBER, life=LIFE
    ).certificate


def check(point: str | bytes, query_url: str = "") -> Verdict:
    trust = Trust("openssl", (CA.certificate,), query_url=query_url)
    checker = Checker((trust,), CrlCache(), GETTER)
    return asyncio.run(http.carry(check_peer(checker, [peer(point)], PeerPurpose.ANY, wall_time())))


@pytest.mark.parametrize(
    ("place", "verdict", "why"),
    [
        ("CN=good,O=Lab", Good, ""),
        (f"CN=good,O=Lab?{CRL}", Good, ""),
        (f"CN=good,O=Lab?{CRL};binary,authorityRevocationList;binary,deltaRevocationList;binary", Good, ""),
        ("cn=GOOD, o=lab?2.5.4.39", Good, ""),
        (f"O=Lab?{CRL}?sub?(&(objectClass=pkiCA)(cn=go*))", Good, ""),
        (f"O=Lab?{CRL}?one?cn=good", Good, ""),
        ("CN=M%C3%BCller%5C%2C%20S%C3%B6hne,O=Lab", Good, ""),
        ("CN=revoked,O=Lab", Bad, "the certificate of CN=r2 is revoked since"),
        ("CN=two%20keys,O=Lab", Bad, "the certificate of CN=r2 is revoked since"),
        ("CN=stale,O=Lab", CannotTell, "its issuer's CRL was valid until"),
        ("CN=forged,O=Lab", CannotTell, "cannot be verified with its issuer's key"),
        ("CN=bare,O=Lab", CannotTell, "the entry has no certificateRevocationList"),
        ("CN=cas,O=Lab", CannotTell, "the entry has no certificateRevocationList"),
        ("CN=nobody,O=Lab", CannotTell, "there is no such entry (noSuchObject)"),
        ("CN=x,O=Elsewhere", CannotTell, "the directory refers to ldap://elsewhere.lab/cn=x,o=Elsewhere"),
        ("no name", CannotTell, "the directory answers invalidDNSyntax"),
        (f"O=Lab?{CRL}?sub?cn=nobody", CannotTell, "no entry is found"),
    ],
)
def test_what_an_entry_holds(directory: str, place: str, verdict: type[Verdict], why: str) -> None:
    found = check(f"ldap://{directory}/{place}")
    assert isinstance(found, verdict), found
    assert isinstance(found, Good) or why in found.why


@pytest.mark.parametrize(
    "point",
    [
        "ldap:///CN=revoked,O=Lab",
        "ldap://CN=revoked,O=Lab",
        names.build_name(names.parse_text("O=Lab,CN=revoked")),
        f"ldap:///CN=revoked,O=Lab?{CRL}?base?objectClass=pkiCA",
    ],
    ids=["host-less", "Cisco's", "directory name", "as AD CS writes"],
)
def test_the_query_url_names_the_server(directory: str, point: str | bytes) -> None:
    assert isinstance(check(point, f"ldap://{directory}"), Bad)
    assert isinstance(check(point), CannotTell)


def test_a_hundred_thousand_entries_within_a_second(directory: str) -> None:
    took = []
    for _ in range(3):  # other programs share the machine
        began = perf_counter()
        assert isinstance(check(f"ldap://{directory}/CN=large,O=Lab"), Good)
        took.append(perf_counter() - began)
    assert min(took) < 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("disallow bind_anon", "the directory refuses an anonymous bind: inappropriateAuthentication"),
        ("access to * by * none", "there is no such entry"),
    ],
)
def test_a_directory_that_is_closed_to_strangers(tmp_path: Path, more: str, why: str) -> None:
    with slapd.serve(tmp_path, entry("ca"), more=more) as where:
        found = check(f"ldap://{where}/CN=ca,O=Lab")
    assert isinstance(found, CannotTell)
    assert why in found.why
