"""`crypto ca crl request`, `show crypto ca crls` and `clear crypto ca crl`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import HttpRequest, HttpResponse, NoResponse
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

    def carry(request: HttpRequest) -> HttpResponse | NoResponse:
        return (ca if request.url.startswith("http://ca.lab/") else web)(request)

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
            "% The CRL is refused: the signature does not match.",
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
    assert "LDAP is not there yet" in said(lab, "crypto ca crl request ldap://dir.lab/CN=CA")


def test_one_that_ran_out_is_shown_until_another_comes(lab: Lab, ca: ScriptedCa, web: Web) -> None:
    web.pages[POINT] = make_crl(ca.identity, due=None)
    assert " Next Update : not said\n" in said(lab, REQUEST)
    lab.screen.now += timedelta(days=30)
    assert said(lab, "show crypto ca crls").count("CRL Entry") == 1
