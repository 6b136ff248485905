"""A connection's protocol: binds, refusals, order, abandoning, and how it ends."""

import pytest

from ldap_mock import ber
from ldap_mock.messages import NOTICE_OF_DISCONNECTION, Result, ResultCode
from ldap_mock.session import MAX_REQUEST, MAX_WAITING
from tests.ldap_mock import wire
from tests.ldap_mock.talk import MANAGER, PASSWORD, Talk
from tests.ldap_mock.wire import BASE

WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


def code(response: wire.Response) -> ResultCode:
    return ResultCode(response.code)


# -------------------------------------------------------------------------------------------- binds


@pytest.mark.parametrize(
    ("name", "password", "version", "expected"),
    [
        ("", "", 3, ResultCode.SUCCESS),
        ("", "", 2, ResultCode.SUCCESS),
        (MANAGER, PASSWORD, 3, ResultCode.SUCCESS),
        ("O=lab + 2.5.4.10=x, cn=admin", PASSWORD, 3, ResultCode.INVALID_CREDENTIALS),
        ("CN=Admin, O=LAB", PASSWORD, 3, ResultCode.SUCCESS),
        (MANAGER, "wrong", 3, ResultCode.INVALID_CREDENTIALS),
        ("cn=other", PASSWORD, 3, ResultCode.INVALID_CREDENTIALS),
        ("", PASSWORD, 3, ResultCode.INVALID_CREDENTIALS),
        (MANAGER, "", 3, ResultCode.UNWILLING_TO_PERFORM),
        ("no name", "x", 3, ResultCode.INVALID_DN_SYNTAX),
        ("", "", 4, ResultCode.PROTOCOL_ERROR),
        ("", "", 1, ResultCode.PROTOCOL_ERROR),
    ],
)
def test_who_may_bind(name, password, version, expected) -> None:
    answer = Talk().last(wire.bind(1, name, password, version))
    assert (answer.number, answer.tag, code(answer)) == (1, 0x61, expected)
    assert PASSWORD not in answer.text


def test_sasl_is_not_spoken() -> None:
    sasl = ber.encode(0xA3, wire.string("PLAIN"), wire.string("x"))
    request = wire.message(1, ber.encode(0x60, ber.integer(3), wire.string(""), sasl))
    assert code(Talk().last(request)) is ResultCode.AUTH_METHOD_NOT_SUPPORTED


def test_a_bind_that_fails_leaves_the_client_anonymous() -> None:
    talk = Talk()
    talk.say(wire.bind(1, MANAGER, PASSWORD))
    assert talk.last(wire.extended(2, WHO_AM_I)).value == b"dn:CN=admin,O=lab"
    talk.say(wire.bind(3, MANAGER, "wrong"))
    assert talk.last(wire.extended(4, WHO_AM_I)).value == b""


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("tag", "response"), [(0x66, 0x67), (0x68, 0x69), (0x4A, 0x6B), (0x6C, 0x6D)])
def test_the_directory_is_read_only(tag, response) -> None:
    answer = Talk().last(wire.message(9, ber.encode(tag, b"")))
    assert (answer.tag, code(answer)) == (response, ResultCode.UNWILLING_TO_PERFORM)


@pytest.mark.parametrize("name", ["1.3.6.1.4.1.1466.20037", "1.2.3"])
def test_unknown_extended_operations_and_tls_are_refused(name) -> None:
    answer = Talk().last(wire.extended(3, name))
    assert (answer.tag, code(answer)) == (0x78, ResultCode.PROTOCOL_ERROR)


def test_a_critical_control_must_be_known() -> None:
    critical, other = wire.control("1.2.3", critical=True), wire.control("1.2.3")
    manage = wire.control("2.16.840.1.113730.3.4.2", critical=True)
    talk = Talk()
    refused = talk.last(wire.search(1, "o=lab", BASE, "(a=b)", (), critical))
    assert code(refused) is ResultCode.UNAVAILABLE_CRITICAL_EXTENSION
    assert talk.last(wire.search(2, "o=lab", BASE, "(o=*)", (), other, manage)).code == 0
    paged = wire.control(wire.PAGED, critical=True, value=b"")
    refused = talk.last(wire.message(3, ber.encode(0x77, ber.encode(0x80, WHO_AM_I.encode())), paged))
    assert code(refused) is ResultCode.UNAVAILABLE_CRITICAL_EXTENSION


@pytest.mark.parametrize(
    "operation",
    [
        ber.encode(0x63),
        ber.encode(0x63, wire.string("o=lab"), ber.integer(0)),  # a scope that is no ENUMERATED
        ber.encode(0x6E, wire.string("o=lab")),
        ber.encode(0x77),
        ber.encode(0x60, ber.integer(3)),
        ber.encode(0x60, ber.integer(-1), wire.string(""), ber.encode(0x80)),
    ],
)
def test_a_known_operation_with_a_wrong_inside_is_a_protocol_error(operation) -> None:
    talk = Talk()
    assert code(talk.last(wire.message(1, operation))) is ResultCode.PROTOCOL_ERROR
    assert talk.last(wire.bind(2)).code == 0


def deep_filter(depth: int) -> bytes:
    asked = ber.encode(0x87, b"cn")
    for _ in range(depth - 1):
        asked = ber.encode(0xA2, asked)
    return asked


def test_a_filter_has_a_greatest_depth_and_size() -> None:
    talk = Talk()
    assert talk.last(wire.search(1, "o=lab", BASE, deep_filter(64))).code == 0
    for asked in (deep_filter(65), deep_filter(5000), ber.encode(0xA0, *[deep_filter(1)] * 1024)):
        assert code(talk.last(wire.search(2, "o=lab", BASE, asked))) is ResultCode.PROTOCOL_ERROR


# ---------------------------------------------------------------------------------- how it all ends


@pytest.mark.parametrize(
    "octets",
    [
        wire.message(0, ber.encode(0x77, ber.encode(0x80, b"1.2.3"))),
        wire.message(2**31, b"\x42\x00"),
        wire.message(1, b"\x7f\x01\x00"),
        wire.message(1, ber.encode(0x65)),  # a response
        wire.message(1, b""),
        wire.message(1, ber.encode(0x63, b"\x04\x05x")),  # ends outside
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x30\x80\x02\x01\x01\x42\x00\x00\x00",
        b"\x30\x84" + (MAX_REQUEST + 1).to_bytes(4, "big"),
        b"\x31\x05\x02\x01\x01\x42\x00",
        b"\x30\x00",
        b"\x16\x03\x01\x00\x05hello",  # TLS
    ],
)
def test_what_is_no_message_ends_the_connection_with_a_notice(octets) -> None:
    talk = Talk()
    first, *rest = talk.say(wire.bind(1), octets, wire.bind(2))
    assert first.code == 0  # what came before is answered
    (notice,) = rest
    assert (notice.number, notice.tag, code(notice)) == (0, 0x78, ResultCode.PROTOCOL_ERROR)
    assert notice.name == NOTICE_OF_DISCONNECTION
    assert talk.session.ended


def test_a_number_that_is_in_use_ends_the_connection() -> None:
    first, notice = Talk().say(wire.bind(1), wire.bind(1))
    assert (first.number, notice.name) == (1, NOTICE_OF_DISCONNECTION)


def test_a_number_may_be_used_again_after_its_answer() -> None:
    talk = Talk()
    assert [talk.last(wire.bind(1)).code for _ in range(3)] == [0, 0, 0]


def test_unbind_ends_without_a_word() -> None:
    talk = Talk()
    assert talk.say(wire.search(1, "o=lab"), wire.unbind(2)) == []
    assert talk.session.ended


# --------------------------------------------------------------------------------- several at once


def test_answers_come_in_the_order_of_the_requests() -> None:
    heard = Talk().say(wire.bind(5), wire.search(4, "o=lab", BASE), wire.extended(9, WHO_AM_I), wire.bind(2))
    assert [each.number for each in heard] == [5, 4, 4, 9, 2]


def test_octets_may_come_one_by_one() -> None:
    talk, heard = Talk(), []
    for octet in wire.bind(1) + wire.search(2, "o=lab", BASE):
        heard += talk.say(bytes([octet]))
    assert [each.number for each in heard] == [1, 2, 2]
    assert not talk.session.is_unfinished


def test_an_abandoned_request_that_waits_is_not_answered() -> None:
    heard = Talk().say(wire.bind(1), wire.search(2, "o=lab"), wire.abandon(3, 2), wire.bind(4))
    assert [each.number for each in heard] == [1, 4]


def test_an_abandoned_search_stops_where_it_is() -> None:
    talk = Talk()
    talk.session.receive(wire.search(1, "o=lab"))
    message = talk.session.next()
    assert message
    answer = talk.session.answer(message, talk.tree, rename={}, overdue=lambda: False)
    assert next(answer)
    talk.session.receive(wire.abandon(2, 1))
    assert list(answer) == []
    assert talk.last(wire.bind(1)).code == 0


def test_to_abandon_what_is_not_there_is_no_error() -> None:
    assert [each.number for each in Talk().say(wire.abandon(1, 77), wire.abandon(2, -1), wire.bind(3))] == [3]


def test_many_requests_wait_unread_and_all_are_answered() -> None:
    talk = Talk()
    talk.session.receive(b"".join(wire.bind(number) for number in range(1, 3 * MAX_WAITING)))
    assert talk.session.is_full
    assert not talk.session.is_unfinished
    assert [each.number for each in talk.say()] == list(range(1, 3 * MAX_WAITING))


# ---------------------------------------------------------------------------------------- referrals


def test_a_referral_is_told_to_both_versions() -> None:
    result = Result(ResultCode.REFERRAL, referrals=("ldap://other/o=lab", "ldap://third/"))
    (three,) = Talk().say(wire.search(1, "o=lab"), instead=result)
    assert (code(three), three.referrals) == (ResultCode.REFERRAL, result.referrals)
    two = Talk().say(wire.bind(1, version=2), wire.search(2, "o=lab"), instead=result)[-1]
    assert code(two) is ResultCode.PARTIAL_RESULTS
    assert (two.text, two.referrals) == ("Referral:\nldap://other/o=lab\nldap://third/", ())
