"""A CRL's entries, read quickly where they have the usual shape, and as the declared shapes read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scep_core import asn1, crls
from scep_core.certificates import Extension, encode_extensions
from scep_core.crls import REMOVE_FROM_CRL, Crl, RevokedEntry

BORN = datetime(2026, 1, 1, tzinfo=UTC)
REASON = Extension(crls.REASON_CODE, False, asn1.encode(asn1.ENUMERATED, b"\x01"))
CRITICAL = Extension("1.2.3.4", True, asn1.NULL)


def entry(
    serial_number: bytes = b"\x02\x01\x05",
    time: bytes = asn1.time(BORN),
    *extensions: Extension,
    more: bytes = b"",
) -> bytes:
    listed = encode_extensions(list(extensions)) if extensions else b""
    return asn1.sequence_of(serial_number, time, listed, more)


def read_any(contents: bytes) -> Any:
    """What comes of the declared shapes: the entries, or that it is refused."""
    [tlv] = asn1.items(asn1.sequence_of(asn1.sequence_of(contents)))
    try:
        return crls._read_any_entries(tlv)
    except ValueError:
        return ValueError


def read_usual(contents: bytes) -> Any:
    try:
        return crls._read_usual_entries(contents)
    except ValueError:
        return ValueError


USUAL = [
    b"",
    entry(),
    entry() * 3,
    entry(b"\x02\x02\x00\x05"),  # padded
    entry(b"\x02\x01\xff"),
    entry(b"\x02\x50" + b"\x7f" * 80),
    entry(b"\x02\x01\x05", asn1.time(BORN), REASON),
    entry(b"\x02\x01\x05", asn1.time(BORN), REASON, CRITICAL) + entry(),
]
OTHER = [
    entry(time=asn1.generalized_time(BORN)),
    entry() + entry(b"\x02\x7f" + b"\x7f" * 127),
    entry(b"\x02\x01\x05", asn1.time(BORN), Extension("1.2.3", False, asn1.octet_string(b"x" * 200))),
]
BROKEN = [
    entry(b"\x02\x00"),
    entry(b"\x04\x01\x05"),
    entry(time=b""),
    entry(time=asn1.encode(0x17, b"2601010000Z")),
    entry(time=asn1.encode(0x17, b"260231000000Z")),
    entry(time=asn1.encode(0x17, b"26010100000xZ")),
    entry(more=asn1.NULL),
    entry(b"\x02\x01\x05", asn1.time(BORN), REASON, more=asn1.NULL),
    entry(b"\x02\x01\x05", asn1.time(BORN), Extension(crls.REASON_CODE, False, asn1.NULL)),
    asn1.NULL,
    entry() + asn1.NULL,
    asn1.encode(0x31, b"\x02\x01\x05", asn1.time(BORN)),
]


@pytest.mark.parametrize("contents", USUAL)
def test_the_usual_shape_is_read_quickly_and_the_same(contents: bytes) -> None:
    found = read_usual(contents)
    assert found is not ValueError
    assert found == read_any(contents)


@pytest.mark.parametrize("contents", OTHER)
def test_other_shapes_are_left_to_the_declared_ones(contents: bytes) -> None:
    assert read_usual(contents) is None
    assert read_any(contents) is not ValueError


@pytest.mark.parametrize("contents", BROKEN)
def test_what_is_broken_is_refused_by_both(contents: bytes) -> None:
    assert read_usual(contents) in (None, ValueError)
    assert read_any(contents) is ValueError


@given(st.data())
def test_whatever_an_octet_becomes_both_say_the_same(data: st.DataObject) -> None:
    contents = bytearray(b"".join(data.draw(st.lists(st.sampled_from(USUAL + OTHER + BROKEN), max_size=4))))
    for _ in range(data.draw(st.integers(0, 3)) if contents else 0):
        contents[data.draw(st.integers(0, len(contents) - 1))] = data.draw(st.integers(0, 255))
    usual = read_usual(bytes(contents))
    if usual is None:
        return
    try:
        thorough = read_any(bytes(contents))
    except ValueError:  # not even a SEQUENCE
        thorough = ValueError
    assert usual == thorough


def test_one_who_is_to_leave_the_list_is_not_on_it() -> None:
    entries = (
        RevokedEntry(5, BORN, REMOVE_FROM_CRL),
        RevokedEntry(6, BORN, 1),
        RevokedEntry(7, BORN, 6),
        RevokedEntry(7, BORN + timedelta(days=1), REMOVE_FROM_CRL),
        RevokedEntry(6, BORN + timedelta(days=1), 4),
    )
    crl = Crl(b"", b"", BORN, None, None, entries, ())
    assert crl.revoked_by_serial_number == {6: entries[1], 7: entries[2]}
