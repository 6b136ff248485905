"""Requests made to cost much: no step of a search takes long, nothing that is told or kept is large."""

from __future__ import annotations

import time

import pytest

from ldap_mock import ber, codec, searches
from ldap_mock.directory import Entry, Tree
from ldap_mock.filters import matcher
from ldap_mock.messages import Comparison, Extensible, Filter, Result, ResultCode, SearchRequest, Substrings
from ldap_mock.rules import MAX_ASSERTION
from tests.ldap_mock import wire
from tests.ldap_mock.published_ca import certificate
from tests.ldap_mock.sample import ROUTERS, entry
from tests.ldap_mock.talk import Talk
from tests.ldap_mock.test_filters import values

COMBINING = "\u0315\u0300".encode()


def verdict(asked: Filter):
    return matcher(asked, values)(ROUTERS[0])


def longest_step(entries: list[Entry], asked: bytes) -> float:
    """The most seconds of this process's time that a search takes without letting others work."""
    message = codec.decode(wire.search(1, "", wire.SUB, asked, ["1.1"]))
    assert isinstance(message.request, SearchRequest), message
    search = searches.Searches(5000).begin(message, message.request, Tree(entries), {})
    longest, found = 0.0, None
    while not isinstance(found, Result):
        began = time.process_time()
        found = search.step()
        longest = max(longest, time.process_time() - began)
    return longest


@pytest.mark.parametrize(
    "value",
    [
        b"{ serialNumber 7, issuer" + b" " * 200_000 + b"x }",
        b"{ serialNumber 7, issuer" + b" " * 8000 + b"x }",
        b'{ serialNumber 7, issuer "' + b'""' * 4000 + b"x }",
        b"7" * 8000 + b"$CN=x",
    ],
)
def test_an_assertion_about_a_certificate_is_read_at_once(value: bytes) -> None:
    began = time.process_time()
    assert verdict(Comparison("=", "userCertificate", value)) is None
    assert time.process_time() - began < 0.3


def test_too_long_an_assertion_is_undefined() -> None:
    longest, longer = b"x" * MAX_ASSERTION, b"x" * (MAX_ASSERTION + 1)
    assert verdict(Comparison("=", "cn", longest)) is False
    assert verdict(Comparison("=", "cn", longer)) is None
    assert verdict(Extensible("caseIgnoreMatch", None, longer, False)) is None
    assert verdict(Substrings("cn", None, (longest,), None)) is False
    assert verdict(Substrings("cn", b"x", (longest,), None)) is None


def test_a_filter_of_many_parts_takes_no_long_step() -> None:
    certificates = tuple(certificate(f"CN=r{number},OU={'x' * 500}", number) for number in range(50))
    holder = entry("CN=r1", "top device pkiUser", cn=b"r1", userCertificate=certificates)
    parts = [
        ber.encode(0xA3, wire.string("userCertificate"), wire.string(f"{number + 99}$CN=q{number}"))
        for number in range(1000)
    ]
    assert longest_step([holder], ber.encode(0xA1, *parts)) < 0.4


def test_combining_characters_asserted_of_all_types_take_no_long_step() -> None:
    value = ber.encode(0x83, COMBINING * 2000)
    part = ber.encode(0xA9, ber.encode(0x81, b"caseIgnoreMatch"), value)
    assert longest_step(ROUTERS, ber.encode(0xA1, *[part] * 30)) < 0.4


def test_others_may_work_between_entries_of_many_values_and_between_those_that_are_told() -> None:
    many = tuple(b"v%d" % number for number in range(1000))
    held = [entry(f"CN=r{number}", "top", description=many) for number in range(5)]
    for text, told in (("(description=x)", 0), ("(|(description=x)(objectClass=top))", 5)):
        message = codec.decode(wire.search(1, "", wire.SUB, text, ["1.1"]))
        assert isinstance(message.request, SearchRequest)
        search = searches.Searches(9).begin(message, message.request, Tree(held), {})
        found = [search.step() for _ in range(10 if told else 5)]
        assert found.count(None) == 5


def test_a_list_of_attributes_and_one_of_substrings_have_an_end() -> None:
    talk = Talk()
    answer = talk.last(wire.search(1, "o=lab", wire.BASE, attributes=["cn"] * 1025))
    assert answer.code == ResultCode.PROTOCOL_ERROR
    parts = ber.encode(0x30, *[ber.encode(0x81, b"")] * 1025)
    answer = talk.last(wire.search(2, "o=lab", wire.BASE, ber.encode(0xA4, wire.string("cn"), parts)))
    assert answer.code == ResultCode.PROTOCOL_ERROR


def test_what_a_client_has_sent_comes_back_short_and_as_text() -> None:
    control = wire.control("?" * 60_000, critical=True).replace(b"?", b"\xff")
    answer = Talk().last(wire.search(1, "", wire.BASE, "(a=b)", (), control))
    assert answer.code == ResultCode.UNAVAILABLE_CRITICAL_EXTENSION
    assert answer.text.startswith("control \\udcff")
    assert len(answer.text) == 500
