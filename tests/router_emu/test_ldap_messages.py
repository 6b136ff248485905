"""A search's talk, byte by byte, and all that a hostile directory may say in it."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.pki.peers.ldap_messages import (
    MOST_MESSAGES,
    MOST_VALUES,
    UNBIND,
    SearchSession,
    result_text,
    search_request,
)
from router_emu.pki.wire import LdapEntries, LdapEntry, LdapScope, LdapSearch, Limits, NoResponse
from scep_core import asn1
from tests.router_emu.ldap_stage import bound, done, entry, hangs_up, message, reference, result

CRL = "certificateRevocationList;binary"
SEARCH = LdapSearch("dir.lab", 389, "O=Lab", (CRL,), limits=Limits(body=100_000))
NOT_LDAP = NoResponse("the answer is not LDAP")
TOO_LARGE = NoResponse("the answer is larger than is taken here")


def talk(*pieces: bytes) -> LdapEntries | NoResponse | None:
    session = SearchSession(SEARCH)
    for each in pieces:
        session.receive(each)
    return session.answer


def test_an_anonymous_bind_then_the_search_then_the_end() -> None:
    session = SearchSession(SEARCH)
    assert session.start().hex() == "300c020101" + "6007020103" + "0400" + "8000"
    asked = session.receive(bound())
    assert asked == search_request(SEARCH)
    body = "04054f3d4c6162 0a0100 0a0103 020100 02010a 010100 870b6f626a656374436c617373"
    wanted = "3022 0420" + CRL.encode().hex()
    operation = bytes.fromhex(body + wanted)
    assert asked == asn1.sequence_of(b"\x02\x01\x02", asn1.encode(0x63, operation))
    assert session.receive(entry("O=Lab", {CRL: [b"one", b"two"]}) + done()) == b""
    assert session.answer == LdapEntries((LdapEntry("O=Lab", ((CRL, (b"one", b"two")),)),))
    assert UNBIND.hex() == "3005020103" + "4200"


def test_the_scope_the_filter_and_the_time_go_along() -> None:
    search = LdapSearch("x", 1, "", ("a", "b"), LdapScope.SUB, "(cn=a)", Limits(response=300))
    asked = bytes.fromhex("0400 0a0102 0a0103 020100 0202012c 010100 a3070402636e040161 3006 040161 040162")
    assert asked in search_request(search)


def test_octet_by_octet_it_is_the_same() -> None:
    said = bound() + entry("O=Lab", {CRL: [b"x" * 300]}) + reference("ldap://b/") + done()
    whole = talk(said)
    assert whole == talk(*(bytes([each]) for each in said))
    assert isinstance(whole, LdapEntries)
    assert whole.referrals == ("ldap://b/",)


def test_lengths_as_active_directory_writes_them() -> None:
    def long(tag: int, body: bytes) -> bytes:
        return bytes([tag, 0x84]) + len(body).to_bytes(4, "big") + body

    value = long(0x31, long(0x04, b"crl"))
    attribute = long(0x30, long(0x04, b"a") + value)
    found = long(0x64, long(0x04, b"O=Lab") + long(0x30, attribute))
    message_of = long(0x30, b"\x02\x01\x02" + found)
    assert talk(bound(), message_of, done()) == LdapEntries((LdapEntry("O=Lab", (("a", (b"crl",)),)),))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (done(), LdapEntries()),
        (done(32, "nothing\nhere"), LdapEntries(result=32, text="nothing?here")),
        (done(10, "", ["ldap://b/O=Lab"]), LdapEntries((), ("ldap://b/O=Lab",), 10)),
        (reference("ldap://b/") + done(), LdapEntries((), ("ldap://b/",))),
        (hangs_up(52, "tired"), NoResponse("the directory hangs up: unavailable: tired")),
        (message(0, 0x78, result(0, "", asn1.encode(0x8A, b"1.2.3"))) + done(), LdapEntries()),
        (message(0, 0x78, result(0)) + done(), LdapEntries()),
        (message(0, 0x78, b"\x0a\x01"), NOT_LDAP),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NOT_LDAP),
        (message(7, 0x65, result(0)), NOT_LDAP),
        (message(2, 0x42), NOT_LDAP),
        (message(2, 0x64), NOT_LDAP),
        (message(2, 0x65, b"\x0a\x01"), NOT_LDAP),
        (b"\x30\x00", NOT_LDAP),
        (b"\x30\x80" + b"\x02\x01\x02" + b"\0\0", NOT_LDAP),
        (b"\x30\x85\0\0\0\0\1" + b"x", NOT_LDAP),
        (b"\x30\x84\x7f\xff\xff\xff", TOO_LARGE),
        (b"\x30\x83\x10\0\0", TOO_LARGE),
        (entry("O=Lab", {CRL: [b""] * (MOST_VALUES + 1)}), TOO_LARGE),
        (entry("O=Lab", {f"a{number}": [] for number in range(1000)}), TOO_LARGE),
        (reference("ldap://b/") * MOST_MESSAGES, TOO_LARGE),
        (entry("O=Lab", {CRL: [b"x" * 60_000]}) * 3, TOO_LARGE),
        (b"\x30\x0c\x02\x01", None),
    ],
)
def test_what_comes_to_the_search(said: bytes, answer: object) -> None:
    assert talk(bound(), said) == answer


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (bound(48, "who?"), "the directory refuses an anonymous bind: inappropriateAuthentication: who?"),
        (bound(2), "the directory refuses an anonymous bind: protocolError"),
        (bound(77), "the directory refuses an anonymous bind: resultCode 77"),
        (done(), "the answer is not LDAP"),
        (entry("O=Lab", {}), "the answer is not LDAP"),
    ],
)
def test_what_comes_to_the_bind(said: bytes, why: str) -> None:
    assert talk(said) == NoResponse(why)


@pytest.mark.parametrize("said", [b"", bound(), bound() + entry("O=Lab", {CRL: [b"x" * 99]})[:50]])
def test_a_connection_that_ends_early(said: bytes) -> None:
    session = SearchSession(SEARCH)
    session.receive(said)
    session.end()
    assert session.answer == NoResponse("the answer was cut off")


@given(st.binary(max_size=200), st.booleans())
def test_nothing_that_comes_raises(said: bytes, wrapped: bool) -> None:
    said = asn1.sequence_of(b"\x02\x01\x02", asn1.encode(0x64, said)) if wrapped else said
    assert isinstance(talk(bound(), said), LdapEntries | NoResponse | None)


def test_megabytes_in_small_pieces_cost_little() -> None:
    search = LdapSearch("x", 1, "", (CRL,), limits=Limits(body=8_000_000))
    session = SearchSession(search)
    session.receive(bound())
    said = entry("O=Lab", {CRL: [b"x" * 7_900_000]}) + done()
    began = process_time()
    for at in range(0, len(said), 4096):
        session.receive(said[at : at + 4096])
    assert process_time() - began < 1
    assert isinstance(session.answer, LdapEntries)


def test_results_are_told_by_name() -> None:
    assert result_text(51) == "busy"
    assert result_text(32, "no") == "noSuchObject: no"
