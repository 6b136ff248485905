"""Which certificates are for which host: RFC 6125."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from router_emu.pki.peers.host_names import is_address, is_for, names_of
from scep_core.certificates import SUBJECT_ALT_NAME, Certificate, Extension, ext_subject_alt_name
from tests.router_emu.pki_lab import make_identity


def certificate(subject: str = "O=nobody", *names: str) -> Certificate:
    pairs = [name.partition(":") for name in names]
    octets = [
        (kind, ip_address(text).packed if kind == "IP" else text.encode("latin-1")) for kind, _, text in pairs
    ]
    extensions = [ext_subject_alt_name(octets)] if names else []
    return make_identity("peer", subject, *extensions).certificate


@pytest.mark.parametrize(
    ("names", "host", "wanted"),
    [
        ("DNS:r1.lab", "r1.lab", True),
        ("DNS:r1.lab", "R1.LAB", True),
        ("DNS:R1.lab.", "r1.lab", True),
        ("DNS:r1.lab", "r1.lab.", True),
        ("DNS:r2.lab DNS:r1.lab", "r1.lab", True),
        ("DNS:r1.lab", "r11.lab", False),
        ("DNS:r1.lab", "x.r1.lab", False),
        ("DNS:r1.lab", "lab", False),
        ("DNS:r1.lab", "r1", False),
        ("DNS:*.lab.example", "r1.lab.example", True),
        ("DNS:*.lab.example", "R1.LAB.example", True),
        ("DNS:*.lab.example", "lab.example", False),
        ("DNS:*.lab.example", "a.r1.lab.example", False),
        ("DNS:*.lab", "r1.lab", False),
        ("DNS:*", "r1", False),
        ("DNS:r*.lab.example", "r1.lab.example", False),
        ("DNS:*r1.lab.example", "r1.lab.example", False),
        ("DNS:r1.*.example", "r1.lab.example", False),
        ("DNS:*.*.example", "r1.lab.example", False),
        ("DNS:r1.lab\0.evil.example", "r1.lab", False),
        ("DNS:.lab.example", "r1.lab.example", False),
        ("DNS:r1..lab", "r1..lab", False),
        ("DNS:xn--bcher-kva.lab", "bücher.lab", True),
        ("DNS:bücher.lab", "bücher.lab", False),
        ("IP:192.0.2.1", "192.0.2.1", True),
        ("IP:192.0.2.1", "192.0.2.2", False),
        ("DNS:192.0.2.1", "192.0.2.1", False),
        ("DNS:*.0.2.1", "192.0.2.1", False),
        ("IP:192.0.2.1", "r1.lab", False),
        ("IP:2001:db8::1", "2001:db8:0::1", True),
        ("IP:2001:db8::1", "2001:db8::2", False),
        ("IP:2001:db8::1", "r1.lab", False),
        ("email:r1.lab", "r1.lab", False),
        ("URI:http://r1.lab", "r1.lab", False),
    ],
)
def test_by_alternative_names(names: str, host: str, wanted: bool) -> None:
    assert is_for(certificate("CN=cn.lab", *names.split(" ")), host) is wanted


@pytest.mark.parametrize(
    ("subject", "names", "host", "wanted"),
    [
        ("CN=r1.lab,O=lab", (), "r1.lab", True),
        ("CN=*.lab.example", (), "r1.lab.example", True),
        ("CN=first.lab,CN=last.lab", (), "last.lab", True),
        ("CN=first.lab,CN=last.lab", (), "first.lab", False),
        ("CN=ｒ1.lab", (), "r1.lab", False),
        ("O=r1.lab", (), "r1.lab", False),
        ("CN=192.0.2.1", (), "192.0.2.1", False),
        ("CN=r1.lab", ("DNS:r2.lab",), "r1.lab", False),
        ("CN=r1.lab", ("IP:192.0.2.1",), "r1.lab", False),
        ("CN=r1.lab", ("email:ca@lab",), "r1.lab", True),
    ],
)
def test_by_common_name_only_where_there_is_no_other(
    subject: str, names: tuple[str, ...], host: str, wanted: bool
) -> None:
    assert is_for(certificate(subject, *names), host) is wanted


def test_a_malformed_alternative_name_is_nobodys() -> None:
    broken = Extension(SUBJECT_ALT_NAME, False, b"\x30\x05\x82")
    peer = make_identity("peer", "CN=r1.lab", broken).certificate
    assert names_of(peer) == ()
    assert not is_for(peer, "r1.lab")


@pytest.mark.parametrize("host", ["", ".", "r1..lab", "a" * 300, "r1 .lab", "::", "[::1]", "é" * 70])
def test_a_host_that_is_none_is_not_matched(host: str) -> None:
    assert not is_for(certificate("CN=r1.lab", "DNS:r1.lab", "DNS:*.lab.example"), host)


def test_addresses() -> None:
    assert is_address("192.0.2.1")
    assert is_address("2001:db8::1")
    assert not is_address("r1.lab")
