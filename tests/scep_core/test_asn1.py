"""DER both ways, with asn1crypto as the second opinion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import asn1

FIXED = settings.get_profile("scep_core")


def tlv(der: bytes) -> asn1.TLV:
    (element,) = asn1.items(asn1.sequence_of(der))
    return element


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536, 70000])
def test_lengths(size: int) -> None:
    assert asn1.octet_string(bytes(size)) == core.OctetString(bytes(size)).dump()


@settings(FIXED)
@given(st.integers(-(2**300), 2**300) | st.integers(0, 40).map(lambda bits: -(1 << bits)))
def test_integers(value: int) -> None:
    der = asn1.integer(value)
    assert der == core.Integer(value).dump()
    assert asn1.to_integer(tlv(der)) == value


@pytest.mark.parametrize("value", [-32769, -32768, -129, -128, -127, -1, 0, 127, 128, 255, 256, 32768])
def test_integers_where_the_length_changes(value: int) -> None:
    assert asn1.integer(value) == core.Integer(value).dump()


@pytest.mark.parametrize(
    ("der", "value"),
    [
        (b"\x02\x02\x00\x05", 5),
        (b"\x02\x02\xff\x80", -128),
        (b"\x02\x05\x00\x00\x00\x00\x00", 0),
        (b"\x02\x21" + bytes([0x80]) + bytes(32), -(1 << 263)),
    ],
)
def test_integers_that_der_would_not_have(der: bytes, value: int) -> None:
    assert asn1.to_integer(tlv(der)) == value


@pytest.mark.parametrize("der", [b"\x02\x00", b"\x0a\x01\x01", asn1.encode(2, b"\x01" * 2000)])
def test_not_integers(der: bytes) -> None:
    """The last would be one, but Python refuses to print it."""
    with pytest.raises(ValueError, match="not an INTEGER"):
        asn1.to_integer(tlv(der))


@settings(FIXED)
@given(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.lists(st.integers(0, 2**64), max_size=5))
def test_object_identifiers(first: tuple[int, int], rest: list[int]) -> None:
    dotted = ".".join(map(str, (*first, *rest)))
    der = asn1.oid(dotted)
    assert der == core.ObjectIdentifier(dotted).dump()
    assert asn1.to_oid(tlv(der)) == dotted


def test_object_identifiers_below_joint() -> None:
    assert asn1.oid("2.999.3") == bytes.fromhex("0603883703")


@settings(FIXED)
@given(st.integers(0, int(timedelta(days=365 * 8049) / timedelta(seconds=1))))
def test_times(seconds: int) -> None:
    instant = datetime(1950, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    der = asn1.time(instant)
    assert asn1.to_time(tlv(der)) == instant
    kind = core.UTCTime if instant.year < 2050 else core.GeneralizedTime
    assert kind.load(der, strict=True).native == instant


def test_time_of_another_zone() -> None:
    there = datetime(2050, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert asn1.time(there) == b"\x17\x0d491231233000Z"


@pytest.mark.parametrize("text", [b"991301000000Z", b"9912312359Z", b"", b"+11231235959Z", b"\xff" * 13])
def test_not_times(text: bytes) -> None:
    for tag in (0x17, 0x18, 0x04):
        with pytest.raises(ValueError, match="not a time"):
            asn1.to_time(tlv(asn1.encode(tag, text)))


STRINGS = [
    (0x0C, "Zürich €".encode(), "Zürich €"),
    (0x12, b"12 34", "12 34"),
    (0x13, b"r1@lab*_", "r1@lab*_"),
    (0x14, b"Z\xfcrich", "Zürich"),
    (0x16, b"r1.lab", "r1.lab"),
    (0x1A, b"r1 lab", "r1 lab"),
    (0x1C, "Z€".encode("utf-32-be"), "Z€"),
    (0x1E, "Z€".encode("utf-16-be"), "Z€"),
    (0x04, b"in octets", "in octets"),
    (0x0C, b"\xff\xfe", "\ufffd\ufffd"),
]


@pytest.mark.parametrize(("tag", "octets", "text"), STRINGS)
def test_strings(tag: int, octets: bytes, text: str) -> None:
    assert asn1.to_text(tlv(asn1.encode(tag, octets))) == text


@pytest.mark.parametrize("der", [b"\x05\x00", b"\x30\x00", b"\x03\x01\x00", b"\xbf\x1f\x00"])
def test_not_strings(der: bytes) -> None:
    with pytest.raises(ValueError, match="not a character string"):
        asn1.to_text(tlv(der))


@settings(FIXED)
@given(st.binary(max_size=300), st.integers(0, 30) | st.sampled_from([0x80, 0xA0, 0xA3, 0x30, 0x31]))
def test_an_element_keeps_its_bytes(content: bytes, tag: int) -> None:
    der = asn1.encode(tag or 1, content)
    assert asn1.raw(tlv(der)) == der


def test_sets_in_any_order() -> None:
    parts = [asn1.integer(3), asn1.integer(1), asn1.integer(2)]
    unsorted = tlv(asn1.encode(asn1.SET, *parts))
    assert [asn1.raw(each) for each in asn1.set_items(unsorted)] == parts
    assert asn1.set_of(parts) == asn1.encode(asn1.SET, *sorted(parts))
    with pytest.raises(ValueError, match="not the SET"):
        asn1.set_items(tlv(asn1.sequence_of(*parts)))


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x00\x00", b"\x30\x81\x00", b"\x30\x80\x00\x00", b"\x31\x00"]
)
def test_not_a_sequence(der: bytes) -> None:
    with pytest.raises(ValueError):
        asn1.items(der)


@pytest.mark.parametrize(
    ("text", "tag"),
    [("Az 09'()+,-./:=?", 0x13), ("a@b", 0x0C), ("a*", 0x0C), ("a_b", 0x0C), ("ü", 0x0C), ("", 0x13)],
)
def test_printable_or_utf8(text: str, tag: int) -> None:
    assert asn1.printable_or_utf8(text) == asn1.encode(tag, text.encode())
