"""`crypto ca crl request`, `show crypto ca crls` and `clear crypto ca crl`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import HttpRequest, LdapSearch
from router_emu.texts import MODERN
from scep_core import asn1
from scep_core.cms import Identity
from tests.router_emu.crl_stage import DAY, NOW, POINT, Web, make_crl, pem, scope
from tests.router_emu.pki_lab import Lab, ScriptedCa, make_ca

REQUEST = f"crypto ca crl request {POINT}"
# Its name is a SEQUENCE of a number.
NAMELESS = Identity(
    replace(make_ca().certificate, subject=asn1.sequence_of(asn1.integer(1))), make_ca("nameless").key
)
OTHER_POINT = "http://pub.lab/other.crl"
SHOWN = """\
CRL Entry
===================================================
Issuer : CN=Root coax-u10 Certificate Manager,OU=HFR,O=Cisco Systems,L=San Jose,ST=CA,C=US
 Last Update : [UTC] Wed Sep 17 17:33:23 2003
 Next Update : [UTC] Wed Sep 24 17:33:23 2003
 CRL Distribution Point :
http://pub.lab/ca.crl
"""


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def lab(lab: Lab, ca: ScriptedCa, web: Web) -> Lab:
    """The CA on its own host, whose router has authenticated it, and the CRLs on another."""

    def carry(request: HttpRequest | LdapSearch) -> object:
        of_ca = isinstance(request, HttpRequest) and request.url.startswith("http://ca.lab/")
        return ca(request) if of_ca else web(request)

    lab.wire = carry
    return lab.authenticate()


def held(lab: Lab) -> list[bytes]:
    return [each.crl.der for each in lab.pki.crls.all()]


def said(lab: Lab, line: str) -> str:
    """What a command prints, without the line of date and time."""
    before = len(lab.screen.text)
    output = lab.type(line)
    shown: str = lab.screen.text[before:].removesuffix(output.prompt)
    return shown.partition("UTC\n")[2].lstrip("\n")


@pytest.mark.parametrize("encode", [bytes, pem])
def test_a_crl_is_fetched_shown_and_kept(lab: Lab, ca: ScriptedCa, web: Web, encode: Any) -> None:
    crl = make_crl(ca.identity, 5)
    web.pages[POINT] = encode(crl)
    assert said(lab, REQUEST) == SHOWN
    assert not lab.screen.output.failed
    assert held(lab) == [crl]
    assert said(lab, "show crypto ca crls") == SHOWN


def test_a_newer_one_takes_the_place_and_is_forgotten_by_clear(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    for number in (1, 2):
        web.pages[POINT] = crl = make_crl(ca.identity, number=number)
        lab.type(REQUEST)
        assert held(lab) == [crl]
    assert said(lab, "clear crypto ca crl") == ""
    assert held(lab) == []
    assert said(lab, "show crypto ca crls") == ""


def test_several_are_shown_one_below_the_other(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    for point in (POINT, OTHER_POINT):
        web.pages[point] = make_crl(ca.identity, extensions=[scope(point)])
        lab.type(f"crypto ca crl request {point}")
    shown = said(lab, "show crypto ca crls")
    assert shown.count("CRL Entry\n") == 2
    assert {POINT, OTHER_POINT} <= set(shown.splitlines())


def test_of_two_cas_of_one_name_the_one_whose_key_fits_counts(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    namesake = make_ca("namesake")
    lab.type("configure", "crypto ca trustpoint other", "commit", "end")
    lab.pki.trustpoints["other"] = TrustpointState(ca=namesake.certificate)
    web.pages[POINT] = crl = make_crl(namesake)
    lab.type(REQUEST)
    assert held(lab) == [crl]


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("connection refused", f"% Failed to get the CRL from {POINT}: connection refused"),
        (404, f"% Failed to get the CRL from {POINT}: HTTP status 404"),
        (b"<html>", f"% Failed to get the CRL from {POINT}: what came is not a CRL"),
        (
            make_crl(make_ca("x", "CN=Not\x1b[2J mine")),
            "% The CRL is refused: no trustpoint holds the CA certificate of CN=Not?[2J mine.",
        ),
        (
            make_crl(NAMELESS),
            "% The CRL is refused: no trustpoint holds the CA certificate of a name that cannot be read.",
        ),
        (
            make_crl(make_ca(), key=make_ca("forger")),
            "% The CRL is refused: it cannot be verified with its issuer's key.",
        ),
        (make_crl(make_ca(), due=NOW), "% The CRL is refused: it is stale: the next one was due."),
        (make_crl(make_ca(), made=NOW + 9 * DAY), "% The CRL is refused: it is not valid yet."),
    ],
    ids=["silence", "status", "no-crl", "stranger", "no-name", "forged", "stale", "early"],
)
def test_what_is_refused_is_said_and_not_kept(
    lab: Lab, ca: ScriptedCa, web: Web, page: bytes | int | str, why: str
) -> None:
    web.pages[POINT] = good = make_crl(ca.identity)
    lab.type(REQUEST)
    web.pages[POINT] = page
    assert said(lab, REQUEST) == f"{why}\n"
    assert lab.screen.output.failed
    assert held(lab) == [good]


@pytest.mark.parametrize(
    ("statements", "proxy", "seconds"),
    [
        ((), "", 10),
        (("crypto ca http-proxy proxy.lab port 3128",), "proxy.lab:3128", 10),
        (("crypto ca http-proxy 192.0.2.8 port 80", "crypto ca crl curl-timeout 30"), "192.0.2.8:80", 30),
        (("crypto ca http-proxy 2001:db8::8 port 80",), "[2001:db8::8]:80", 10),
    ],
)
def test_the_way_that_is_configured(
    lab: Lab, ca: ScriptedCa, web: Web, statements: tuple[str, ...], proxy: str, seconds: float
) -> None:
    lab.type("configure", *statements, "commit", "end")
    web.pages[POINT] = make_crl(ca.identity)
    lab.type(REQUEST)
    [request] = web.requests
    assert (request.method, request.url, request.version, request.headers) == ("GET", POINT, "1.0", ())
    assert (request.proxy, request.limits.connect, request.limits.response) == (proxy, seconds, seconds)
    assert len(held(lab)) == 1


def test_without_trustpoints(make_router: Callable[..., Router], make_screen: Any, web: Web) -> None:
    lab = Lab(make_screen(make_router()), web)
    web.pages[POINT] = make_crl(make_ca("x", "CN=any"))
    assert "no trustpoint holds the CA certificate of CN=any." in said(lab, REQUEST)
    assert "connection refused" in said(lab, "crypto ca crl request ldap://dir.lab/CN=CA")


def test_one_that_ran_out_is_shown_until_another_comes(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    web.pages[POINT] = make_crl(ca.identity, made=lab.screen.now, due=None)
    assert " Next Update : not said\n" in said(lab, REQUEST)
    lab.screen.now += timedelta(days=30)
    assert said(lab, "show crypto ca crls").count("CRL Entry") == 1


# ------------------------------------------------------------------------------------- from directories

DN = "O=Lab,CN=ca"
CRL = "certificateRevocationList;binary"


@pytest.mark.parametrize("place", [f"ldap://dir.lab/{DN}", f"ldap://dir.lab:389/{DN}?{CRL}?base"])
def test_a_crl_from_a_directory(lab: Lab, ca: ScriptedCa, web: Web, place: str) -> None:
    crl = make_crl(ca.identity, 5)
    web.entries["dir.lab:389"] = {DN: {CRL: [crl]}}
    assert said(lab, f"crypto ca crl request {place}") == SHOWN.replace(POINT, place)
    assert held(lab) == [crl]


def test_of_an_entrys_crls_those_of_our_cas_are_kept(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    crl = make_crl(ca.identity)
    stranger = make_crl(make_ca("x", "CN=stranger"))
    web.entries["dir.lab:389"] = {DN: {CRL: [stranger, crl]}}
    assert said(lab, f"crypto ca crl request ldap://dir.lab/{DN}").count("CRL Entry") == 1
    assert not lab.screen.output.failed
    assert held(lab) == [crl]
    web.entries["dir.lab:389"] = {DN: {CRL: [stranger]}}
    assert "holds the CA certificate of CN=stranger." in said(
        lab, f"crypto ca crl request ldap://dir.lab/{DN}"
    )
    assert lab.screen.output.failed


@pytest.mark.parametrize("place", [f"ldap:///{DN}", f"ldap://{DN}", DN])
def test_a_place_without_a_server_is_asked_of_every_query_url(
    lab: Lab, ca: ScriptedCa, web: Web, place: str
) -> None:
    refused = said(lab, f"crypto ca crl request {place}")
    why = "it names no directory server, and there is no query url"
    assert refused == f"% Failed to get the CRL from {place}: {why}\n"
    for name, directory in (
        ("one", "ldap://q1.lab"),
        ("two", "ldap://q2.lab:3890"),
        ("three", "ldap://q1.lab"),
    ):
        lab.type("configure", f"crypto ca trustpoint {name}", f"query url {directory}", "commit", "end")
    web.entries["q2.lab:3890"] = {DN: {CRL: [make_crl(ca.identity)]}}
    assert said(lab, f"crypto ca crl request {place}") == SHOWN.replace(POINT, place)
    assert [each.host for each in web.searches] == ["q1.lab", "q2.lab"]
    web.entries.clear()
    refused = said(lab, f"crypto ca crl request {place}")
    assert refused.endswith("q1.lab:389: connection refused; q2.lab:3890: connection refused\n")


def test_the_time_that_is_configured_counts_for_directories_too(lab: Lab, web: Web) -> None:
    lab.type(
        "configure", "crypto ca crl curl-timeout 30", "crypto ca http-proxy p.lab port 1", "commit", "end"
    )
    lab.type(f"crypto ca crl request ldap://dir.lab/{DN}")
    [search] = web.searches
    assert (search.host, search.limits.connect, search.limits.response) == ("dir.lab", 30, 30)


# ------------------------------------------------------------------------------------------- as typed

SPACED = "CN=scep-lab Root CA B22AD1,O=scep-lab (untrusted)"


@pytest.mark.parametrize(
    ("typed", "host", "base"),
    [
        (f"ldap://dir.lab/{SPACED}", "dir.lab", SPACED),
        (f"LDAP://dir.lab/{SPACED}?{CRL}?base", "dir.lab", SPACED),
        ("ldap://dir.lab/CN=scep-lab%20Root  CA,O=Lab", "dir.lab", "CN=scep-lab Root  CA,O=Lab"),
        (SPACED, "q.lab", SPACED),
        ("CN=ca|1?,  O=a%20b ", "q.lab", "CN=ca|1?,  O=a%20b"),
        ("cn = myca, o = cisco", "q.lab", "cn = myca, o = cisco"),
        ("ldap://CN=myca, O=cisco", "q.lab", "CN=myca, O=cisco"),  # labs.md 6.2
        (f"ldap:///{SPACED}", "q.lab", SPACED),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_name_may_have_spaces(
    lab: Lab, ca: ScriptedCa, web: Web, typed: str, host: str, base: str, quote: str
) -> None:
    lab.type("configure", "crypto ca trustpoint myca", "query url ldap://q.lab", "commit", "end")
    web.entries[f"{host}:389"] = {base: {CRL: [make_crl(ca.identity)]}}
    expected = SHOWN.replace(POINT, typed.rstrip())
    assert said(lab, f"crypto ca crl request {quote}{typed}{quote}") == expected
    assert said(lab, "show crypto ca crls") == expected
    [search] = web.searches
    assert (search.host, search.base) == (host, base)


@pytest.mark.parametrize(
    "place",
    [
        "http://pub.lab/a b.crl",
        "http://pub.lab/?a=b c",
        "junk more",
        "CN=a\tb",
        "CN=" + 400 * "a ",
        801 * "a",
    ],
)
def test_nothing_else_has_spaces_and_nothing_is_endless(lab: Lab, web: Web, place: str) -> None:
    assert MODERN.invalid in lab.type(f"crypto ca crl request {place}").text
    assert (web.requests, web.searches) == ([], [])


def test_quotes_that_are_not_around_it_all_are_the_names(lab: Lab, web: Web) -> None:
    for place in ('"CN=a', 'CN="a b"', '""'):
        assert f"the CRL from {place}: " in said(lab, f"crypto ca crl request {place}")


def test_help_says_that_the_line_is_taken(lab: Lab) -> None:
    rows = [
        "  LINE  URL of the certificate revocation list, or a name in a directory\n",
        "  LINE  URL of the certificate revocation list, or a name in a directory\n  <cr>\n",
    ]
    assert lab.screen.session.help("crypto ca crl request ") == rows[0]
    assert lab.screen.session.help("crypto ca crl request CN=scep-lab Root ") == rows[1]


def test_a_password_in_a_url_is_not_shown(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    url = POINT.replace("//", "//user:sEcReT@")
    assert said(lab, f"crypto ca crl request {url}").startswith(f"% Failed to get the CRL from {POINT}: ")
    web.pages[url] = make_crl(ca.identity)
    assert said(lab, f"crypto ca crl request {url}") == SHOWN
    assert said(lab, "show crypto ca crls") == SHOWN
    assert {each.url for each in web.requests} == {url}
