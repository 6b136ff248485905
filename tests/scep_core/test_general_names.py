"""Alternative names that may be certified, and those that may not."""

from __future__ import annotations

import pytest

from scep_core import asn1, names
from scep_core.general_names import check_general_names

LABEL = b"x" * 63
DIRECTORY_NAME = names.build_name([[(names.COMMON_NAME, "r1")]])
UPN = asn1.oid("1.3.6.1.4.1.311.20.2.3")
TEXT = asn1.encode(asn1.UTF8_STRING, b"r1@lab")


def other_name(*parts: bytes) -> bytes:
    return asn1.encode(0xA0, *parts)


def host(text: bytes) -> bytes:
    return asn1.encode(0x82, text)


@pytest.mark.parametrize(
    "name",
    [
        host(b"r1"),
        host(b"R1-2.lab_net.example"),
        host(b"*.lab.example"),
        host(LABEL + b"." + LABEL),
        host(b".".join([LABEL, LABEL, LABEL, b"x" * 61])),
        asn1.encode(0x81, b"op+r1@lab.example"),
        asn1.encode(0x86, b"ldap://lab.example/CN=r1?x"),
        asn1.encode(0x86, b"urn:uuid:1"),
        asn1.encode(0x87, bytes(4)),
        asn1.encode(0x87, bytes(16)),
        asn1.encode(0x88, b"\x2a\x03"),
        asn1.encode(0xA4, DIRECTORY_NAME),
        other_name(UPN, asn1.encode(0xA0, TEXT)),
    ],
)
def test_certified(name: bytes) -> None:
    check_general_names(asn1.sequence_of(host(b"r1.lab"), name))


@pytest.mark.parametrize(
    "name",
    [
        host(b""),
        host(b"a b"),
        host(b"a\0b"),
        host(b"r1.lab\n"),
        host("é".encode()),
        host(b"-r1.lab"),
        host(b"r1-.lab"),
        host(b"r1..lab"),
        host(b".lab"),
        host(b"r1.lab."),
        host(b"*"),
        host(b"r*.lab"),
        host(b"r1.*.lab"),
        host(b"*.*.lab"),
        host(LABEL + b"x"),
        host(b".".join([LABEL, LABEL, LABEL, b"x" * 62])),
        asn1.encode(0x81, b"nobody"),
        asn1.encode(0x81, b"a b@lab"),
        asn1.encode(0x81, b"a@b@lab"),
        asn1.encode(0x86, b""),
        asn1.encode(0x86, b"relative"),
        asn1.encode(0x86, b"http://a b"),
        asn1.encode(0x86, b"http://a\0"),
        *(asn1.encode(0x87, bytes(size)) for size in (0, 3, 5, 8, 15, 17, 32)),
        asn1.encode(0x88, b""),
        asn1.encode(0x88, b"\x80"),
        asn1.encode(0xA4, b"\x30\x00"),
        asn1.encode(0xA4, b"\x02\x01\x05"),
        other_name(b"\x02\x01\x05"),
        other_name(UPN),
        other_name(UPN, TEXT),
        other_name(UPN, asn1.encode(0xA0)),
        other_name(UPN, asn1.encode(0xA0, TEXT, TEXT)),
        other_name(TEXT, asn1.encode(0xA0, TEXT)),
        asn1.encode(0xA3, TEXT),  # x400Address
        asn1.encode(0xA5, asn1.encode(0xA1, TEXT)),  # ediPartyName
        asn1.encode(0x89, b"r1.lab"),
        asn1.encode(0xA2, b"r1.lab"),  # a host name that is constructed
        asn1.encode(asn1.UTF8_STRING, b"r1.lab"),
    ],
)
def test_not_certified_even_beside_a_good_one(name: bytes) -> None:
    with pytest.raises(ValueError):
        check_general_names(asn1.sequence_of(host(b"r1.lab"), name))


@pytest.mark.parametrize(
    "value",
    [
        asn1.sequence_of(),
        asn1.sequence_of(host(b"r1.lab")) + b"\0",
        b"\x30\x81\x03\x82\x01a",  # a length in more octets than it needs: BER
        b"\x30\x80\x82\x01a\0\0",  # indefinite length
        asn1.set_of([host(b"r1.lab")]),
        b"",
    ],
    ids=["empty", "trailing octet", "long length", "indefinite length", "a set", "nothing"],
)
def test_what_is_no_list_of_names(value: bytes) -> None:
    with pytest.raises(ValueError):
        check_general_names(value)
