"""Ways to a CRL: by HTTP, by a proxy, in either encoding; and all the ways in which there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router_emu.pki.peers.crl_fetch import LARGEST_CRL, fetch_crls
from router_emu.pki.wire import RFC8894, ExchangeFailed, HttpRequest, HttpResponse, Limits, Work
from tests.router_emu.crl_stage import GETTER, POINT, Web, make_crl, pem
from tests.router_emu.pki_lab import make_ca

DER = make_crl(make_ca(), 5)


@pytest.mark.parametrize("body", [DER, pem(DER), pem(DER).replace(b"\n", b"\r\n")])
def test_der_and_pem(body: bytes) -> None:
    web = Web()
    web.pages[POINT] = body
    [crl] = web.carry(fetch_crls(GETTER, POINT))
    assert crl.der == DER
    assert web.requests == [HttpRequest("GET", POINT, "1.0", limits=Limits(body=LARGEST_CRL))]


def test_a_large_crl_is_read_while_others_work() -> None:
    large = make_crl(make_ca(), *range(1000, 5000))
    exchange = fetch_crls(GETTER, POINT)
    next(exchange)
    work = exchange.send(HttpResponse(200, "", large))
    assert isinstance(work, Work)
    with pytest.raises(StopIteration) as done:
        exchange.send(work.do())
    assert [each.der for each in done.value.value] == [large]
    web = Web()
    web.pages[POINT] = b"x" * 100_000
    with pytest.raises(ExchangeFailed, match="what came is not a CRL"):
        web.carry(fetch_crls(GETTER, POINT))


def test_by_the_proxy_and_the_profile() -> None:
    limits = Limits(connect=5, response=5)
    getter = replace(GETTER, wire=RFC8894, proxy="proxy.lab:3128", limits=limits)
    web = Web()
    web.pages[POINT] = DER
    web.carry(fetch_crls(getter, POINT))
    limits = replace(limits, body=LARGEST_CRL)
    assert web.requests == [HttpRequest("GET", POINT, "1.1", proxy="proxy.lab:3128", limits=limits)]


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("connection refused", "connection refused"),
        (404, "HTTP status 404"),
        (301, "HTTP status 301"),
        (b"", "not a CRL"),
        (b"<html>Not here</html>", "not a CRL"),
        (make_ca().certificate.der, "not a CRL"),
        (DER[:-1], "not a CRL"),
        (DER + b"\0", "not a CRL"),
        (pem(DER)[:200], "not a CRL"),
        (b"-----BEGIN X509 CRL-----\n!", "not a CRL"),
    ],
)
def test_no_crl_and_why(page: bytes | int | str, why: str) -> None:
    web = Web()
    web.pages[POINT] = page
    with pytest.raises(ExchangeFailed, match=why):
        web.carry(fetch_crls(GETTER, POINT))


@pytest.mark.parametrize(
    "url",
    [
        "ldaps://dir.lab/CN=CA?certificateRevocationList",
        "https://pub.lab/ca.crl",
        "file:///etc/passwd",
        "ftp://pub.lab/ca.crl",
        "",
    ],
)
def test_other_schemes_are_asked_nothing(url: str) -> None:
    web = Web()
    with pytest.raises(ExchangeFailed, match="CRLs are fetched by http and by ldap only"):
        web.carry(fetch_crls(GETTER, url))
    assert web.asked == []


def test_no_url_at_all() -> None:
    with pytest.raises(ExchangeFailed):
        Web().carry(fetch_crls(GETTER, "http://[::1/ca.crl"))
