"""LDAP's messages in octets: what is read, and which of two ways a wrong one is wrong."""

import pytest

from ldap_mock import ber, codec, filters
from ldap_mock.messages import (
    BindRequest,
    Comparison,
    Control,
    Extensible,
    Message,
    SearchRequest,
    Substrings,
    UnbindRequest,
    Unknown,
    Unreadable,
)
from tests.ldap_mock import wire


def test_a_request_is_read_with_its_controls() -> None:
    controls = wire.control("1.2.3", critical=True, value=b"x"), wire.control("1.2.4")
    assert codec.decode(wire.message(7, b"\x42\x00", *controls)) == Message(
        7, UnbindRequest(), (Control("1.2.3", True, b"x"), Control("1.2.4", False, None)), 0
    )
    assert codec.decode(wire.bind(8, "cn=x", "y", 2)).request == BindRequest(2, "cn=x", b"y")


def test_what_a_newer_ldap_adds_at_the_end_is_passed_over() -> None:
    """RFC 4511 section 4: unknown elements at the end of a SEQUENCE are ignored."""
    known = ber.whole(wire.bind(1)).content
    assert codec.decode(ber.encode(ber.SEQUENCE, known, ber.encode(0x8F, b"new"))) == codec.decode(
        wire.bind(1)
    )


def read(asked: bytes) -> object:
    request = codec.decode(wire.search(1, "", asked=asked)).request
    return request.filter if isinstance(request, SearchRequest) else request


def test_filters_are_read() -> None:
    assert read(wire.filter_of("(cn=a*b*c*d)")) == Substrings("cn", b"a", (b"b", b"c"), b"d")
    assert read(wire.filter_of("(cn=*b*)")) == Substrings("cn", None, (b"b",), None)
    assert read(wire.filter_of("(cn:dn:2.5.13.2:=x)")) == Extensible("2.5.13.2", "cn", b"x", True)
    assert read(wire.filter_of("(cn~=x)")) == Comparison("~=", "cn", b"x")


def test_a_filter_of_a_kind_that_nobody_knows_is_undefined() -> None:
    assert read(ber.encode(0xAA, b"")) == Unknown(0xAA)
    assert filters.matcher(Unknown(0xAA), lambda entry, name: ())(None) is None  # type: ignore[arg-type]
    assert filters.write(Unknown(0xAA)) == "(?0xaa)"


string = wire.string


@pytest.mark.parametrize(
    "asked",
    [
        ber.encode(0x30, string("cn"), string("x")),
        ber.encode(0xA2),
        ber.encode(0xA3, string("cn")),
        ber.encode(0xA4, string("cn"), ber.encode(0x30)),
        ber.encode(0xA4, string("cn"), ber.encode(0x30, ber.encode(0x83, b"x"))),
        ber.encode(0xA9, ber.encode(0x83, b"x")),
        ber.encode(0xA9, ber.encode(0x82, b"cn")),
    ],
)
def test_a_filter_that_is_wrong_inside_is_unreadable(asked) -> None:
    assert isinstance(read(asked), Unreadable)


def search_of(*, aliases: int = 0, attributes: bytes = b"") -> bytes:
    parts = [string(""), ber.integer(0, ber.ENUMERATED), ber.integer(aliases, ber.ENUMERATED)]
    parts += [ber.integer(0), ber.integer(0), ber.encode(ber.BOOLEAN, b"\0"), ber.encode(0x87, b"cn")]
    return wire.message(1, ber.encode(0x63, *parts, ber.encode(ber.SEQUENCE, attributes)))


def test_a_search_that_is_wrong_inside_is_unreadable() -> None:
    assert isinstance(codec.decode(search_of()).request, SearchRequest)
    for wrong in (search_of(aliases=4), search_of(attributes=ber.integer(1))):
        assert isinstance(codec.decode(wrong).request, Unreadable)


def test_a_response_is_written_in_pieces_that_hold_the_values_themselves() -> None:
    value = b"\x30" * 100_000
    pieces = codec.encode_entry(5, codec.ResultEntry("CN=x", [("crl;binary", [value]), ("cn", [])]))
    assert any(piece is value for piece in pieces)
    told = wire.response(b"".join(pieces))
    assert (told.number, told.dn, told.attributes) == (5, "CN=x", {"crl;binary": [value], "cn": []})
