"""Whatever comes, the directory answers in LDAP's own terms, and serves the next client."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldap_mock import ber
from ldap_mock.messages import NOTICE_OF_DISCONNECTION, ResultCode
from tests.ldap_mock import wire
from tests.ldap_mock.backend import MANAGER, PASSWORD, TestBackend, serving
from tests.ldap_mock.talk import Talk
from tests.ldap_mock.wire import Client

REQUESTS = [
    wire.bind(1, MANAGER, PASSWORD),
    wire.search(2, "cn=ca-1,o=lab", 0, attributes=["certificateRevocationList;binary", "+", "*"]),
    wire.search(
        3,
        "o=lab",
        2,
        "(&(cn=r*)(|(serialNumber>=7)(entryDN=cn=x)(createTimestamp<=20300101000000Z))(!(ou:dn:2.5.13.2:=x)))",
        ["cn"],
        wire.page(2),
        size=3,
    ),
    wire.search(4, "", 0, '(userCertificate={ serialNumber 7, issuer rdnSequence:"cn=x" })', ["+"]),
    wire.compare(5, "cn=ca-1,o=lab", "objectClass", "pkiCA"),
    wire.extended(6, "1.3.6.1.4.1.4203.1.11.3"),
    wire.abandon(7, 3),
    wire.message(8, ber.encode(0x68, wire.string("cn=x"), ber.encode(0x30))),
]
TAGS = {0x61, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78}


def check(octets: bytes) -> None:
    """Every answer is a response of LDAP's with a known code; after a notice nothing comes."""
    answers = Talk().say(octets)
    assert {each.tag for each in answers} <= TAGS
    for each in answers:
        assert ResultCode(each.code) is not ResultCode.OTHER
    notices = [each for each in answers if each.name == NOTICE_OF_DISCONNECTION]
    assert notices in ([], answers[-1:])


@given(st.binary(max_size=200))
def test_any_octets(octets) -> None:
    check(octets)
    check(b"\x30" + bytes([min(len(octets), 127)]) + octets)


@given(st.data())
def test_a_request_with_some_octets_changed(data) -> None:
    request = bytearray(data.draw(st.sampled_from(REQUESTS)))
    for _ in range(data.draw(st.integers(1, 4))):
        request[data.draw(st.integers(0, len(request) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(request) + wire.bind(99))


# Trees of elements: what is BER all through, and LDAP only by luck.
elements = st.recursive(
    st.builds(
        ber.encode,
        st.sampled_from([1, 2, 4, 10, 0x80, 0x81, 0x82, 0x83, 0x84, 0x87, 0x8A]),
        st.binary(max_size=6) | st.sampled_from([b"cn", b"objectClass", b"o=lab", b"\x00", b"\x03"]),
    ),
    lambda inner: st.builds(
        lambda tag, parts: ber.encode(tag, *parts),
        st.sampled_from([0x30, 0x31, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA9]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


@given(st.sampled_from([0x60, 0x63, 0x6E, 0x77, 0x66, 0x50]), st.lists(elements, max_size=9))
def test_any_inside_of_a_known_operation(tag, parts) -> None:
    check(wire.message(1, ber.encode(tag, *parts)))


@given(elements)
def test_any_filter(asked) -> None:
    check(wire.search(1, "o=lab", 2, asked))


@given(st.binary(max_size=30), st.sampled_from(["=", ">=", "<=", "~="]), st.data())
def test_any_value_for_any_type(value, sign, data) -> None:
    types = ["cn", "objectClass", "entryDN", "hasSubordinates", "userCertificate", "telephoneNumber"]
    types += [
        "createTimestamp",
        "supportedLDAPVersion",
        "attributeTypes",
        "userPassword",
        "certificateRevocationList",
    ]
    name = data.draw(st.sampled_from(types))
    tag = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}[sign]
    check(wire.search(1, "", 2, ber.encode(tag, wire.string(name), wire.string(value))))
    check(wire.compare(2, "cn=ca-1,o=lab", name, value))
    check(wire.search(3, "cn=subschema", 0, ber.encode(tag, wire.string(name), wire.string(value))))


@pytest.mark.parametrize("end", [lambda client: None, lambda client: client.send(wire.unbind(77))])
def test_a_server_that_was_sent_rubbish_serves_the_next(end: Callable[[Client], None]) -> None:
    chance, backend = random.Random(7), TestBackend()
    with serving(backend) as server:
        for _ in range(100):
            request = bytearray(b"".join(chance.sample(REQUESTS, 3)))
            for _ in range(chance.randrange(4)):
                request[chance.randrange(len(request))] = chance.randrange(256)
            with Client(server.port) as client:
                client.send(bytes(request[: chance.randrange(1, len(request))]))
                end(client)
        with Client(server.port) as client:
            assert client.ask(wire.search(1, "o=lab", 0))[-1].code == 0
    assert [facts for event, facts in backend.events if event == "error"] == []
