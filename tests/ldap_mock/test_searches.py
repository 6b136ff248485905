"""Searches in a session: scopes, what is told and how it is called, limits, pages, compare."""

import pytest

from ldap_mock.directory import Tree
from ldap_mock.messages import ResultCode
from tests.ldap_mock import wire
from tests.ldap_mock.sample import CDP, CRL, TREE, entry
from tests.ldap_mock.talk import Talk
from tests.ldap_mock.wire import BASE, ONE, SUB

CA = "cn=ca-1,o=lab"


def told(*attributes: str, base: str = CA) -> dict[str, list[bytes]]:
    """What a search for one entry tells, by description."""
    ((_, found),) = Talk().found(wire.search(1, base, BASE, "(objectClass=*)", attributes)).items()
    return found


# ------------------------------------------------------------------------------------- descriptions


@pytest.mark.parametrize(
    "asked",
    [
        "certificateRevocationList;binary",
        "certificateRevocationList",
        "CERTIFICATEREVOCATIONLIST;BINARY",
        "2.5.4.39",
        "2.5.4.39;binary",
        "oid.2.5.4.39",
    ],
)
def test_a_crl_is_told_by_the_name_by_which_it_was_asked_for(asked) -> None:
    assert told(asked) == {asked: [CRL]}


def test_who_asks_for_all_gets_certificates_and_crls_as_binary() -> None:
    everything = [
        *("objectClass", "cn", "cACertificate;binary", "certificateRevocationList;binary"),
        "authorityRevocationList;binary",
    ]
    assert list(told()) == everything
    assert list(told("*")) == everything


def test_who_asks_twice_gets_it_once_as_binary() -> None:
    crl = "certificateRevocationList"
    assert list(told(crl, f"{crl};binary")) == [f"{crl};binary"]
    assert list(told(f"{crl};binary", crl)) == [f"{crl};binary"]
    assert list(told("*", "CN", crl)) == [
        *("objectClass", "CN", "cACertificate;binary", crl, "authorityRevocationList;binary")
    ]


def test_unknown_attributes_are_passed_over() -> None:
    assert told("1.1") == {}
    assert told("nonsuch", "cn;lang-en", "cn;binary", "") == {}
    assert told("1.1", "cn") == {"cn": [b"ca-1"]}
    assert told("name") == {"cn": [b"ca-1"]}  # the types that are derived from it


def test_operational_attributes_come_only_when_asked_for() -> None:
    operational = {"entryDN", "hasSubordinates", "subschemaSubentry"}
    assert set(told("+")) == operational
    assert told("hassubordinates", base="o=lab") == {"hassubordinates": [b"TRUE"]}
    assert operational < set(told("*", "+"))


def test_types_only() -> None:
    found = Talk().found(wire.search(1, CA, BASE, attributes=["cn", "2.5.4.37"], types_only=True))
    assert found == {"CN=ca-1,O=Lab": {"cn": [], "2.5.4.37": []}}


def test_a_fault_may_tell_a_type_under_another_name() -> None:
    rename = {"certificateRevocationList": "deltaRevocationList"}
    request = wire.search(1, CA, BASE, attributes=["certificateRevocationList;binary", "2.5.4.38"])
    (found, _) = Talk().say(request, rename=rename)
    assert found.attributes == {"deltaRevocationList;binary": [CRL], "2.5.4.38": [CRL]}


# -------------------------------------------------------------------------------------- the root DSE


def test_the_root_dse_tells_of_itself_when_asked() -> None:
    talk = Talk()
    assert talk.found(wire.search(1, "", BASE)) == {"": {"objectClass": [b"top", b"extensibleObject"]}}
    (root,) = talk.found(wire.search(2, "", BASE, attributes=["+"])).values()
    assert root["namingContexts"] == [b"O=Lab", b"DC=example"]
    assert root["supportedLDAPVersion"] == [b"2", b"3"]
    (root,) = talk.found(wire.search(3, "", BASE, "(objectclass=*)", ["subschemasubentry"])).values()
    assert root == {"subschemasubentry": [b"CN=Subschema"]}
    (root,) = Talk(Tree(())).found(wire.search(1, "", BASE, attributes=["namingContexts"])).values()
    assert root == {}


def test_a_flat_directory_has_one_naming_context() -> None:
    flat = Tree(entry(f"CN=r{number}", "top device") for number in range(101))
    (root,) = Talk(flat).found(wire.search(1, "", BASE, attributes=["namingContexts"])).values()
    assert root == {"namingContexts": [b""]}


def test_the_schema_is_an_entry() -> None:
    request = wire.search(1, "CN=subschema", BASE, "(objectClass=subschema)", ["attributeTypes"])
    (found,) = Talk().found(request).values()
    assert any(b"NAME 'certificateRevocationList'" in each for each in found["attributeTypes"])
    (plain,) = Talk().found(wire.search(1, "cn=subschema", BASE)).values()
    assert set(plain) == {"objectClass", "cn"}


# ----------------------------------------------------------------------------------- scopes and ends


def test_a_search_finds_what_is_in_its_scope() -> None:
    talk = Talk()
    assert list(talk.found(wire.search(1, "O=LAB", SUB, "(cn=r1)"))) == ["CN=r1,OU=routers,O=Lab"]
    assert list(talk.found(wire.search(2, "O=LAB", ONE, "(cn=r1)"))) == []
    assert list(talk.found(wire.search(3, "", SUB, "(objectClass=cRLDistributionPoint)"))) == [CDP]
    assert len(talk.found(wire.search(4, "ou=routers,o=lab", 3))) == 3
    assert talk.last(wire.search(5, "o=lab", 4)).code == ResultCode.PROTOCOL_ERROR


def test_what_is_not_there_is_told_with_what_is() -> None:
    answer = Talk().last(wire.search(1, "cn=x,ou=y,o=lab"))
    assert (answer.tag, answer.code, answer.matched) == (0x65, ResultCode.NO_SUCH_OBJECT, "O=Lab")
    assert Talk().last(wire.search(1, "no name")).code == ResultCode.INVALID_DN_SYNTAX


def test_a_size_limit_gives_the_entries_up_to_it() -> None:
    heard = Talk().say(wire.search(1, "o=lab", size=2))
    assert [each.tag for each in heard] == [0x64, 0x64, 0x65]
    assert heard[-1].code == ResultCode.SIZE_LIMIT_EXCEEDED
    assert Talk().last(wire.search(1, "ou=routers,o=lab", size=4)).code == 0
    heard = Talk(size_limit=3).say(wire.search(1, "o=lab", size=100))
    assert (len(heard), heard[-1].code) == (4, ResultCode.SIZE_LIMIT_EXCEEDED)


def test_a_search_ends_when_its_time_is_over() -> None:
    times = iter([False, True])
    heard = Talk().say(wire.search(1, "o=lab", seconds=1), overdue=lambda: next(times))
    assert [each.tag for each in heard] == [0x64, 0x64, 0x65]
    assert heard[-1].code == ResultCode.TIME_LIMIT_EXCEEDED


def test_a_search_that_finds_nothing_lets_others_work() -> None:
    large = Tree(entry(f"CN=r{number},O=Lab", "top device") for number in range(1000))
    talk = Talk(large)
    talk.session.receive(wire.search(1, "o=lab", SUB, "(|(cn=*x*)(cn=*y*))"))
    message = talk.session.next()
    assert message
    steps = list(talk.session.answer(message, large, rename={}, overdue=lambda: False))
    assert steps[:-1] == [[]] * 2


# -------------------------------------------------------------------------------------------- pages


def pages(talk: Talk, of: int, **limits: int) -> list[list[str]]:
    found, cookie = [], b""
    while True:
        request = wire.search(1, "o=lab", SUB, "(cn=*)", ["cn"], wire.page(of, cookie), **limits)
        *entries, result = talk.say(request)
        found.append([each.dn for each in entries])
        cookie = result.cookie
        if not cookie:
            assert result.code == (ResultCode.SIZE_LIMIT_EXCEEDED if limits else 0)
            return found


def test_pages_are_all_that_there_is_cut_into_pieces() -> None:
    whole = [str(each.dn) for each in TREE.search(TREE.roots[0].dn, 2) if "cn" in each.attributes]
    assert [len(page) for page in pages(Talk(), 3)] == [3, 1]
    assert [len(page) for page in pages(Talk(), 2)] == [2, 2]
    assert [
        dn for page in pages(Talk(size_limit=3), 1000) for dn in page
    ] == whole  # no own limit across pages
    assert [len(page) for page in pages(Talk(), 2, size=3)] == [2, 1]


def test_a_page_goes_on_with_what_was_found_at_first() -> None:
    talk = Talk()
    *_, first = talk.say(wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.page(3)))
    talk.tree = Tree(())
    *entries, last = talk.say(wire.search(2, "o=lab", SUB, "(cn=*)", (), wire.page(3, first.cookie)))
    assert (len(entries), last.cookie) == (1, b"")


def test_a_cookie_is_good_once_and_for_its_own_search() -> None:
    talk = Talk()
    *_, first = talk.say(wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.page(1)))
    other = talk.last(wire.search(2, "o=lab", SUB, "(cn=a*)", (), wire.page(1, first.cookie)))
    again = talk.last(wire.search(3, "o=lab", SUB, "(cn=*)", (), wire.page(1, first.cookie)))
    assert other.code == again.code == ResultCode.UNWILLING_TO_PERFORM


def test_a_page_of_nought_ends_a_search() -> None:
    talk = Talk()
    *_, first = talk.say(wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.page(1)))
    ended = talk.say(wire.search(2, "o=lab", SUB, "(cn=*)", (), wire.page(0, first.cookie)))
    assert [(each.code, each.cookie) for each in ended] == [(0, b"")]


def test_the_oldest_of_too_many_paged_searches_is_forgotten() -> None:
    talk = Talk()
    cookies = [talk.last(wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.page(1))).cookie for _ in range(9)]
    codes = [
        talk.last(wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.page(9, each))).code for each in cookies
    ]
    assert codes == [ResultCode.UNWILLING_TO_PERFORM] + [0] * 8


def test_a_broken_control_of_pages_is_a_protocol_error() -> None:
    for value in (b"", b"\x30\x00", b"\x02\x01\x01", None):
        request = wire.search(1, "o=lab", SUB, "(cn=*)", (), wire.control(wire.PAGED, value=value))
        assert Talk().last(request).code == ResultCode.PROTOCOL_ERROR


# ------------------------------------------------------------------------------------------ compare


@pytest.mark.parametrize(
    ("base", "attribute", "value", "expected"),
    [
        (CA, "cn", "CA-1", ResultCode.COMPARE_TRUE),
        (CA, "2.5.4.3", "x", ResultCode.COMPARE_FALSE),
        (CA, "objectClass", "pkica", ResultCode.COMPARE_TRUE),
        (CA, "mail", "x", ResultCode.NO_SUCH_ATTRIBUTE),
        (CA, "nonsuch", "x", ResultCode.UNDEFINED_ATTRIBUTE_TYPE),
        (CA, "cACertificate;binary", "x", ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        ("cn=x,o=lab", "cn", "x", ResultCode.NO_SUCH_OBJECT),
        ("x", "cn", "x", ResultCode.INVALID_DN_SYNTAX),
    ],
)
def test_compare(base, attribute, value, expected) -> None:
    answer = Talk().last(wire.compare(1, base, attribute, value))
    assert (answer.tag, answer.code) == (0x6F, expected)
