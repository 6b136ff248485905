"""BER: what LDAP's subset of it takes and refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldap_mock import ber


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (b"\x04\x01a", b"a"),
        (b"\x04\x81\x01a", b"a"),
        (b"\x04\x84\x00\x00\x00\x01a", b"a"),
        (b"\x04\x88\x00\x00\x00\x00\x00\x00\x00\x01a", b"a"),
        (b"\x04\x00", b""),
    ],
)
def test_a_length_may_come_in_any_definite_form(octets, content) -> None:
    assert ber.whole(octets) == ber.Element(4, content)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x04\x80a\0\0",  # indefinite
        b"\x04\xff" + b"\0" * 130,  # reserved
        b"\x1f\x81\x01\x00",  # a tag of several octets
        b"\x04\x85\x01\x00\x00\x00\x00",  # 2^32
        b"\x04\x84\xff\xff\xff\xff",
        b"\x04\x02a",  # ends outside
        b"\x04",
        b"",
        b"\x04\x00\x04\x00",
    ],
)
def test_what_ldap_does_not_have_is_refused(octets) -> None:
    with pytest.raises(ber.BerError):
        ber.whole(octets)


def test_a_header_tells_the_end_before_the_content_has_come() -> None:
    assert ber.header(b"\x30") is None
    assert ber.header(b"\x30\x82\x01") is None
    assert ber.header(b"\x30\x82\x01\x00") == (0x30, 4, 260)
    with pytest.raises(ber.BerError):
        ber.header(b"\x30\x86\x01\x00")  # refused as soon as its size shows


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_come_back(value) -> None:
    assert ber.to_integer(ber.whole(ber.integer(value)).content) == value


@given(st.integers(0, 255), st.integers(0, 70000))
def test_elements_come_back_with_the_shortest_length(tag, size) -> None:
    if tag & 0x1F == 0x1F:
        return
    octets = ber.encode(tag, b"x" * size)
    assert ber.whole(octets) == ber.Element(tag, b"x" * size)
    assert len(octets) - size == 2 + (size > 127) + (size > 255) + (size > 65535)


def test_a_large_value_is_wrapped_without_being_copied() -> None:
    value = b"x" * 100
    pieces = ber.wrap(ber.SEQUENCE, ber.wrap(ber.OCTET_STRING, [value]))
    assert pieces[-1] is value


@pytest.mark.parametrize("content", [b"", b"\0" * 6])
def test_an_integer_has_one_to_five_octets(content) -> None:
    with pytest.raises(ber.BerError):
        ber.to_integer(content)


def test_any_octet_but_nought_is_true() -> None:
    assert ber.to_boolean(b"\x01")
    assert not ber.to_boolean(b"\0")
    with pytest.raises(ber.BerError):
        ber.to_boolean(b"\0\0")
