"""Global `crypto ca` statements: kept, shown, and what they change in the fetch of a CRL."""

from __future__ import annotations

import pytest

from router_emu.commands import peer_checks
from router_emu.texts import MODERN
from tests.router_emu.pki_lab import Lab

STATEMENTS = [
    "crypto ca crl curl-timeout 7",
    "crypto ca http-proxy proxy.lab.example port 3128",
    "crypto ca source-interface ipv4 MgmtEth0/RP0/CPU0/0",
]


def shown(lab: Lab) -> list[str]:
    lines = lab.type("show running-config").text.splitlines()
    return [line for line in lines if line.startswith("crypto ca ")]


def test_each_is_kept_shown_and_taken_back(lab: Lab) -> None:
    lab.type("configure", *STATEMENTS, "commit", "end")
    assert shown(lab) == STATEMENTS
    lab.type("configure", "no crypto ca crl curl-timeout", "no crypto ca http-proxy")
    lab.type(f"no {STATEMENTS[2]}", "commit", "end")
    assert shown(lab) == []


def test_one_family_of_the_source_interface(lab: Lab) -> None:
    lab.type(
        "configure", "crypto ca source-interface ipv4 Lo0", "crypto ca source-interface ipv6 Lo1", "commit"
    )
    assert shown(lab) == ["crypto ca source-interface ipv6 Lo1"]


def test_the_proxy_and_the_timeout_are_for_crls(lab: Lab) -> None:
    lab.type("configure", *STATEMENTS, "commit", "end")
    getter = peer_checks.crl_getter(lab.router.config.running, lab.pki)
    assert getter.proxy == "proxy.lab.example:3128"
    assert (getter.limits.connect, getter.limits.response) == (7, 7)


@pytest.mark.parametrize(
    "line",
    [
        "crypto ca crl curl-timeout 4",
        "crypto ca crl curl-timeout 301",
        "crypto ca http-proxy proxy.lab.example port 0",
        "crypto ca http-proxy -x- port 80",
        "ssh server certificate username uid",
    ],
)
def test_what_is_out_of_range_is_refused_as_it_is_typed(lab: Lab, line: str) -> None:
    lab.type("configure")
    assert MODERN.invalid in lab.type(line).text


def test_a_proxy_needs_its_port(lab: Lab) -> None:
    lab.type("configure")
    assert MODERN.incomplete in lab.type("crypto ca http-proxy proxy.lab.example").text
