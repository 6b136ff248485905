"""Queries as clients really write them, GetCACaps and GetCACert."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import cms, http
from scep_core.errors import NotAPkiMessage
from scep_core.values import Capability

FIXED = settings.get_profile("scep_core")
# Its base64 holds + and / and needs padding.
MESSAGE = bytes.fromhex("fbffbefb") * 40
TEXT = base64.b64encode(MESSAGE).decode()


def message_of(query: str) -> bytes:
    message = http.parse_query(query.encode()).message
    assert message is not None
    return http.decode_get_message(message)


def test_the_test_message_is_awkward() -> None:
    assert "+" in TEXT
    assert "/" in TEXT
    assert TEXT.endswith("=")


WRITTEN = {
    "escaped": TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    "escaped in lower case": TEXT.replace("+", "%2b").replace("/", "%2f").replace("=", "%3d"),
    "raw": TEXT,
    "slashes raw, as older IOS": TEXT.replace("+", "%2B").replace("=", "%3D"),
    "plus made a space": TEXT.replace("+", " "),
    "plus made %20": TEXT.replace("+", "%20"),
    "without padding": TEXT.rstrip("="),
    "base64url, as micromdm": base64.urlsafe_b64encode(MESSAGE).decode(),
    "lines ended by %0A": "%0A".join([TEXT[at : at + 64] for at in range(0, len(TEXT), 64)]) + "%0A",
    "lines ended by %0D%0A": "%0D%0A".join([TEXT[at : at + 64] for at in range(0, len(TEXT), 64)]),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_messages_by_get(text: str) -> None:
    assert message_of(f"operation=PKIOperation&message={text}") == MESSAGE


@settings(FIXED)
@given(st.binary(max_size=400), st.sampled_from([0, 64]))
def test_messages_both_ways(message: bytes, line_length: int) -> None:
    query = http.pki_operation_query(message, line_length=line_length)
    assert message_of(query) == message
    assert http.parse_query(query.encode()).operation == "PKIOperation"
    assert base64.b64decode(dict(parse_qsl(query, keep_blank_values=True))["message"]) == message


def test_lines_as_cisco_writes_them() -> None:
    """64 characters and %0A, also after the last; scep.md section 3.1."""
    query = http.pki_operation_query(bytes(50), line_length=64)
    first, second = "A" * 64, "AAA%3D"
    assert query == f"operation=PKIOperation&message={first}%0A{second}%0A"
    whole = http.pki_operation_query(bytes(48), line_length=64)
    assert whole == f"operation=PKIOperation&message={first}%0A"


def test_padding_may_be_short_or_too_long() -> None:
    for text in (b"AA", b"AA=", b"AA==", b"AA==="):
        assert http.decode_get_message(text) == b"\0"
    assert http.decode_get_message(b"AAAA=") == bytes(3)


@pytest.mark.parametrize("text", [b"A", b"AAAAA", b"AA=A", b"AA\x00A", b"\xff\xfe", b"AA*A", b"ca:default"])
def test_what_is_no_base64(text: bytes) -> None:
    with pytest.raises(NotAPkiMessage):
        http.decode_get_message(text)


@pytest.mark.parametrize(
    ("query", "operation", "message"),
    [
        ("operation=GetCACert&message=ca", "GetCACert", b"ca"),
        ("Operation=GetCACaps", "GetCACaps", None),
        ("message=a&operation=X", "X", b"a"),
        ("operation=X&operation=Y&message=", "X", b""),
        ("operation=Get%43ACaps&message=a%26b", "GetCACaps", b"a&b"),
        ("operation", "", None),
        ("", None, None),
        ("&&=&", None, None),
        ("operation=%FF%zz", "\xff%zz", None),
        ("operation=a=b", "a=b", None),
    ],
)
def test_queries(query: str, operation: str | None, message: bytes | None) -> None:
    assert http.parse_query(query.encode()) == http.Query(operation, message)


def test_queries_of_the_other_operations() -> None:
    assert http.get_query(http.GET_CA_CAPS) == "operation=GetCACaps"
    query = http.get_query(http.GET_CA_CERT, "my ca&x=+")
    assert http.parse_query(query.encode()) == http.Query("GetCACert", b"my ca&x=+")


@settings(FIXED, max_examples=150)
@given(st.binary(max_size=60))
def test_any_query_is_read(query: bytes) -> None:
    parsed = http.parse_query(query)
    if parsed.message is not None:
        with suppress(NotAPkiMessage):
            http.decode_get_message(parsed.message)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_capabilities(end: str) -> None:
    """Case ignored, unknown words kept for nobody, CRLF or LF, blank lines: RFC 8894 section 3.5.2."""
    text = f"aes{end} SHA-256 {end}{end}Example.com-New{end}POSTPKIOperation"
    assert http.parse_capabilities(text) == {"aes", "sha-256", "example.com-new", "postpkioperation"}
    assert http.parse_capabilities("") == frozenset()


def test_capabilities_are_written_in_the_rfc_s_case() -> None:
    text = http.format_capabilities([Capability.AES, Capability.POST_PKI_OPERATION, Capability.SCEP_STANDARD])
    assert text == "AES\nPOSTPKIOperation\nSCEPStandard\n"
    assert http.parse_capabilities(text) == {"aes", "postpkioperation", "scepstandard"}


def test_ca_certificates(lab: Any) -> None:
    ca, ra = lab.ca.certificate, lab.ra.certificate
    assert http.format_ca_certificates((ca,)) == ("application/x-x509-ca-cert", ca.der)
    kind, body = http.format_ca_certificates((ra, lab.client.certificate, ca))
    assert kind == "application/x-x509-ca-ra-cert"
    assert http.parse_ca_certificates(body) == (ra, lab.client.certificate, ca)
    assert http.parse_ca_certificates(ca.der) == (ca,)
    assert http.parse_ca_certificates(cms.degenerate([ca])) == (ca,)


@pytest.mark.parametrize("body", [b"", b"<html>", cms.degenerate([])])
def test_what_are_no_ca_certificates(body: bytes) -> None:
    with pytest.raises(NotAPkiMessage):
        http.parse_ca_certificates(body)
