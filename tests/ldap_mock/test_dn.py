"""Distinguished names: read as RFC 4514 and RFC 1779 write them, and compared by what they say."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldap_mock import dn as dn_module
from ldap_mock.dn import MAX_RDNS, ROOT, Dn, DnError, parse_dn, prepared

SAME = [
    ("CN=ca-1,O=Lab", "cn = CA-1 , o=lab"),
    ("CN=ca-1,O=Lab", "commonName=ca-1;2.5.4.10=Lab"),
    ("CN=ca-1,O=Lab", 'OID.2.5.4.3="ca-1", organizationName="Lab"'),
    ("CN=a+serialNumber=7,O=Lab", "2.5.4.5=7 + CN=A, O=Lab"),
    ("CN=two  words", "CN=Two words"),
    ("CN=a\\,b", 'CN="a,b"'),
    ("CN=a\\2Cb", "CN=a\\,b"),
    ("CN=Stra\u00dfe", "CN=STRASSE"),
    ("CN=\\C3\\A9", "CN=\u00c9"),
    ("CN=ca", "CN=#0c026361"),
    ("CN=ca", "CN=#13026361"),
    ("E=a@b", "emailAddress=A@B"),
    ("DC=scep-lab,DC=example", "domainComponent=scep-lab,0.9.2342.19200300.100.1.25=example"),
    ("UID=x", "userid=X"),
    ("1.2.3.4=x", "oid.1.2.3.4=X"),
    ("nonsuch=x", "NonSuch=X"),
    ("unstructuredName=r1.lab", "1.2.840.113549.1.9.2=r1.lab"),
    ("", "  "),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_say_the_same_are_one(one, other) -> None:
    assert parse_dn(one) == parse_dn(other)
    assert hash(parse_dn(one)) == hash(parse_dn(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=a,O=b", "O=b,CN=a"),
        ("CN=a,CN=b", "CN=a+CN=b"),
        ("CN=a", "OU=a"),
        ("CN=a b", "CN=ab"),
        ("CN=\\FF", "CN=\\FE"),
        ("CN=a", ""),
        ("CN=#020101", "CN=1"),
    ],
)
def test_names_that_say_something_else_are_two(one, other) -> None:
    assert parse_dn(one) != parse_dn(other)


@pytest.mark.parametrize(
    "text",
    ["CN", "=a", "CN=a,", ",CN=a", "CN=a,,O=b", "CN=a+", "CN=#", "CN=#1", "CN=a<b", 'CN="a', "CN=a\\", "1=x"],
)
def test_what_is_no_name_is_refused(text) -> None:
    with pytest.raises(DnError):
        parse_dn(text)


def test_a_name_may_not_be_endless() -> None:
    with pytest.raises(DnError):
        parse_dn(",".join(["CN=a"] * (MAX_RDNS + 1)))
    with pytest.raises(DnError):
        parse_dn("CN=" + "a" * 10_000)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("cn=ca-1, o=Lab", "CN=ca-1,O=Lab"),
        ("cn=\\20a\\ ,c=CH", "CN=\\ a\\ ,C=CH"),
        ("cn=\\#a+e=x", "CN=\\#a+emailAddress=x"),
        ("cn=\\00", "CN=\\00"),
        ('cn="a=b;c"', "CN=a=b\\;c"),
        ("cn=\\FF\\FE", "CN=\\FF\\FE"),
        ("cn=\\ ", "CN=\\ "),
    ],
)
def test_names_are_written_as_rfc_4514_has_it(text, written) -> None:
    assert str(parse_dn(text)) == written
    assert parse_dn(written).rdns == parse_dn(text).rdns


@given(st.lists(st.lists(st.binary(max_size=12), min_size=1, max_size=2), max_size=4))
def test_any_value_can_be_written_and_read(values) -> None:
    dn = Dn(tuple(tuple(("cn", value) for value in rdn) for rdn in values))
    assert parse_dn(str(dn)).rdns == dn.rdns


@given(st.text(alphabet='CN=,+;"\\#ab0 \u00e9', max_size=40))
def test_any_text_is_a_name_or_is_refused(text) -> None:
    try:
        dn = parse_dn(text)
    except DnError:
        return
    assert parse_dn(str(dn)) == dn


def test_a_name_has_a_parent_up_to_the_root() -> None:
    assert parse_dn("CN=r1,OU=routers,O=Lab").parent == parse_dn("ou=ROUTERS,o=lab")
    assert parse_dn("O=Lab").parent == ROOT
    assert ROOT.parent == ROOT


def test_a_name_of_many_combining_characters_is_compared_at_once() -> None:
    began = time.process_time()
    long = prepared(b"a" + "\u0315\u0300".encode() * 50_000, fold=True)
    assert time.process_time() - began < 2  # in one piece it takes a minute
    assert isinstance(long, str)


def test_no_key_of_a_large_name_is_kept() -> None:
    before = dn_module._kept_key.cache_info().currsize
    for number in range(3):
        assert parse_dn(f"CN={number}{'x' * 300}") == parse_dn(f"cn={number}{'X' * 300}")
        assert parse_dn(f"x{'y' * 300}{number}=a").key
    assert dn_module._kept_key.cache_info().currsize == before
