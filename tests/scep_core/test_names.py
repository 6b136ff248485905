"""Distinguished names: lenient in, for people out, and built as routers build them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from asn1crypto import x509 as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import asn1, names
from scep_core.names import (
    COMMON_NAME,
    ORGANIZATIONAL_UNIT,
    SERIAL_NUMBER,
    UNSTRUCTURED_ADDRESS,
    UNSTRUCTURED_NAME,
)

FIXED = settings.get_profile("scep_core")
CISCO = [
    [(ORGANIZATIONAL_UNIT, "lab")],
    [(SERIAL_NUMBER, "131184645"), (UNSTRUCTURED_ADDRESS, "192.0.2.1"), (UNSTRUCTURED_NAME, "r1.lab")],
]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
kinds = st.sampled_from([*names.SHORT_NAMES, "1.3.6.1.4.1.9.9.9"])
rdn_lists = st.lists(st.lists(st.tuples(kinds, texts), min_size=1, max_size=3), max_size=4)


def element(kind: str, tag: int, octets: bytes) -> bytes:
    return asn1.sequence_of(asn1.oid(kind), asn1.encode(tag, octets))


def one(*elements: bytes) -> bytes:
    """A Name of one RDN with these elements in this order."""
    return asn1.sequence_of(asn1.encode(asn1.SET, *elements))


@settings(FIXED)
@given(rdn_lists)
def test_built_names_read_back(rdns: list[list[tuple[str, str]]]) -> None:
    der = names.build_name(rdns)
    assert [sorted(rdn) for rdn in names.parse_name(der)] == [sorted(rdn) for rdn in rdns]
    shown = [
        [(each["type"].dotted, each["value"].contents) for each in rdn]
        for rdn in oracle.Name.load(der).chosen
    ]
    assert [sorted(rdn) for rdn in shown] == [
        sorted((kind, text.encode()) for kind, text in rdn) for rdn in rdns
    ]


@settings(FIXED, max_examples=150)
@given(rdn_lists.filter(bool))
def test_what_is_shown_can_be_typed_back(rdns: list[list[tuple[str, str]]]) -> None:
    der = names.build_name(rdns)
    typed = names.parse_text(names.rfc4514(der))
    assert names.build_name(typed[::-1]) == der


def test_cisco_subject_as_cisco_encodes_it() -> None:
    """scep.md section 3.2: OU, then one RDN of three, its serialNumber and address PrintableString."""
    printable, ia5 = 0x13, 0x16
    assert names.build_name(CISCO) == asn1.sequence_of(
        asn1.encode(asn1.SET, element(ORGANIZATIONAL_UNIT, printable, b"lab")),
        asn1.encode(
            asn1.SET,
            element(SERIAL_NUMBER, printable, b"131184645"),
            element(UNSTRUCTURED_NAME, ia5, b"r1.lab"),
            element(UNSTRUCTURED_ADDRESS, printable, b"192.0.2.1"),
        ),
    )
    temporary = names.build_name([[(UNSTRUCTURED_NAME, "r1.lab")]], string_type=0x0C)
    assert temporary == one(element(UNSTRUCTURED_NAME, 0x0C, b"r1.lab"))


def test_an_rdn_keeps_the_order_it_is_written_in() -> None:
    elements = [element(SERIAL_NUMBER, 0x13, b"7"), element(COMMON_NAME, 0x13, b"r1")]
    assert names.rfc4514(one(*elements)) == "serialNumber=7+CN=r1"
    assert names.rfc4514(one(*reversed(elements))) == "CN=r1+serialNumber=7"


@pytest.mark.parametrize(
    ("tag", "octets", "shown"),
    [
        (0x0C, "Zürich".encode(), "CN=Zürich"),
        (0x13, b"r1@lab*_", "CN=r1@lab*_"),
        (0x16, b"r1", "CN=r1"),
        (0x14, b"Z\xfcrich", "CN=Zürich"),
        (0x1E, "Zürich".encode("utf-16-be"), "CN=Zürich"),
        (0x1C, "Zürich".encode("utf-32-be"), "CN=Zürich"),
        (0x02, b"\x05", "CN=#020105"),
    ],
)
def test_every_string_type(tag: int, octets: bytes, shown: str) -> None:
    assert names.rfc4514(one(element(COMMON_NAME, tag, octets))) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a,b", "a\\,b"),
        (' "x" ', '\\ \\"x\\"\\ '),
        (" ", "\\ "),
        ("#1", "\\#1"),
        ("a\\b", "a\\\\b"),
        ("line\nend", "line\\0Aend"),
        ("tab\u0085", "tab\\C2\\85"),
        ("a=b", "a=b"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    der = names.build_name([[(COMMON_NAME, text)]])
    assert names.rfc4514(der) == f"CN={shown}"
    assert names.parse_text(f"CN={shown}") == [[(COMMON_NAME, text)]]


@pytest.mark.parametrize(
    ("typed", "rdns"),
    [
        ("ou=lab", [[(ORGANIZATIONAL_UNIT, "lab")]]),
        (" CN = r1 , OU=a b ", [[(COMMON_NAME, "r1")], [(ORGANIZATIONAL_UNIT, "a b")]]),
        ("CN=r1+serialNumber=7", [[(COMMON_NAME, "r1"), (SERIAL_NUMBER, "7")]]),
        ("E=a@b", [[("1.2.840.113549.1.9.1", "a@b")]]),
        ("2.5.4.3=r1", [[(COMMON_NAME, "r1")]]),
        ("CN=Z\\C3\\BCrich", [[(COMMON_NAME, "Zürich")]]),
    ],
)
def test_typed_names(typed: str, rdns: list[list[tuple[str, str]]]) -> None:
    assert names.parse_text(typed) == rdns


@pytest.mark.parametrize(
    "typed", ["", "r1", "CN=", "CN=  ", "XY=1", "CN=a,", "CN=a++OU=b", "=x", "CN=a\\", "3.1=x"]
)
def test_typing_errors(typed: str) -> None:
    with pytest.raises(ValueError, match="not an attribute"):
        names.parse_text(typed)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x05\x00",
        b"\x31\x00",
        asn1.sequence_of(b"\x30\x00"),
        one(b"\x30\x00"),
        one(asn1.sequence_of(b"\x05\x00")),
    ],
)
def test_not_names(der: bytes) -> None:
    with pytest.raises(ValueError):
        names.parse_name(der)


def test_an_empty_name_is_a_name() -> None:
    assert names.parse_name(names.EMPTY_NAME) == ()
    assert names.rfc4514(names.EMPTY_NAME) == ""
    assert names.build_name([]) == names.EMPTY_NAME


@settings(FIXED, max_examples=200)
@given(st.binary(max_size=40))
def test_garbage_is_a_value_error(data: bytes) -> None:
    for inside in (data, asn1.sequence_of(data), one(data)):
        with suppress(ValueError):
            assert isinstance(names.rfc4514(inside), str)
