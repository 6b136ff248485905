"""What others wrote, and what operators typed, as it is shown: short, printable, without passwords."""

from __future__ import annotations

from time import process_time

import pytest

from router_emu.pki.peers.crl_fetch import fetch_crls
from router_emu.pki.wire import (
    LONGEST_REASON,
    NOT_SENT,
    ExchangeFailed,
    NoResponse,
    shortened,
    without_password,
    without_passwords,
)
from tests.router_emu.crl_stage import GETTER, carry


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/x", "http://h/x"),
        ("http://h:80/a:b@c", "http://h:80/a:b@c"),
        ("http://[2001:db8::8]/a@b", "http://[2001:db8::8]/a@b"),
        ("http://[2001:db8::8]:80/a@b", "http://[2001:db8::8]:80/a@b"),
        ("http://me:sesame@h:80/x", "http://h:80/x"),
        ("http://me@h", "http://h"),
        ("http://me:ses@me@h/x", "http://h/x"),
        ("http://me:ses/ame@h/x", "http://h/x"),
        ("http://me:ses?a/me@h/x", "http://h/x"),
        ("http://me:ses#ame@h/x", "http://h/x"),
        ("http://me:/sesame@h/x", "http://h/x"),
        ("ldap://cn=me:sesame@h/o=x", "ldap://h/o=x"),
        ("ldap://CN=ca,O=lab", "ldap://CN=ca,O=lab"),
        ("disk0:/me:a@b", "disk0:/me:a@b"),
    ],
)
def test_a_url_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("copy http://me:sesame@h/x  disk0:/a@b", "copy http://h/x  disk0:/a@b"),
        ("copy http://me:a@h/x https://me:b@h/", "copy http://h/x https://h/"),
        ("authenticate x http:me:sesame@h", "authenticate x http:h"),
        ("proxy-server me:sesame@h", "proxy-server me:h"),
        ("subject-name CN=a:1,E=me@h", "subject-name CN=a:1,E=me@h"),
        ("subject-alternative-name DNS:h,email:me@h", "subject-alternative-name DNS:h,email:me@h"),
        ("description me@h", "description me@h"),
    ],
)
def test_a_line_without_its_passwords(line: str, shown: str) -> None:
    assert without_passwords(line) == shown


@pytest.mark.parametrize("line", [":" * 200_000, "a@" * 100_000, "http://" * 30_000, "x:@" * 70_000])
def test_long_lines_cost_little(line: str) -> None:
    began = process_time()
    without_passwords(line)
    assert process_time() - began < 1


def test_what_others_wrote_is_cut_and_printable() -> None:
    assert shortened("a\nb") == "a?b"
    assert shortened("a" * 200) == "a" * 200
    assert shortened("a" * 201) == "a" * 200 + "..."
    assert str(ExchangeFailed("\x1b" * 10**7, NOT_SENT)) == "?" * LONGEST_REASON + "..."


@pytest.mark.parametrize("url", ["http://me:Sesame\u2105x@h/", "http://[me:Sesame@h", "http://me:Sesame/x@h"])
def test_a_wrong_url_is_not_repeated(url: str) -> None:
    def wire(_request: object) -> NoResponse:
        return NoResponse("not sent")

    with pytest.raises(ExchangeFailed) as failed:
        carry(fetch_crls(GETTER, url), wire)
    assert "esame" not in str(failed.value)
