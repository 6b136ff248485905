"""LDAP URLs by RFC 4516, the shapes of them that Cisco and AD CS write, and filters by RFC 4515."""

from __future__ import annotations

import pytest

from router_emu.pki.peers.ldap_filter import encode_filter
from router_emu.pki.peers.ldap_url import LdapUrl, read_place, read_server
from router_emu.pki.wire import LdapScope

AD_CS = (
    "ldap:///CN=ca-1,CN=scep-lab,CN=CDP,CN=Public%20Key%20Services,CN=Services,CN=Configuration,DC=scep-lab,"
    "DC=example?certificateRevocationList?base?objectClass=cRLDistributionPoint"
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ldap://dir.lab/CN=ca-1,O=Lab", LdapUrl("dir.lab", 389, "CN=ca-1,O=Lab")),
        ("LDAP://dir.lab:3890/cn=x", LdapUrl("dir.lab", 3890, "cn=x")),
        ("ldap://[2001:DB8:0::8]:390/cn=x", LdapUrl("2001:db8::8", 390, "cn=x")),
        ("ldap://[::1]/cn=x", LdapUrl("::1", 389, "cn=x")),
        ("ldap:///CN=M%C3%BCller%2C%20%3F,O=Lab", LdapUrl(dn="CN=Müller, ?,O=Lab")),
        ("ldap:///cn=a/b,O=Lab", LdapUrl(dn="cn=a/b,O=Lab")),
        ("ldap://dir.lab", LdapUrl("dir.lab")),
        ("ldap://dir.lab:/??one", LdapUrl("dir.lab", scope=LdapScope.ONE)),
        ("ldap://CN=myca,O=cisco", LdapUrl(dn="CN=myca,O=cisco")),
        ("ldap://CN=myca/7,O=cisco?x", LdapUrl(dn="CN=myca/7,O=cisco", attributes=("x",))),
        ("ldap://10.10.10.10:3899/CN=myca, O=cisco", LdapUrl("10.10.10.10", 3899, "CN=myca, O=cisco")),
        ("CN=myca, O=cisco", LdapUrl(dn="CN=myca, O=cisco")),
        (
            "ldap:///CN=c?certificateRevocationList;binary,%20authorityRevocationList;binary?SUB",
            LdapUrl(
                dn="CN=c",
                attributes=("certificateRevocationList;binary", "authorityRevocationList;binary"),
                scope=LdapScope.SUB,
            ),
        ),
        ("ldap://d/CN=c?*", LdapUrl("d", dn="CN=c")),
        ("ldap://d/CN=c????bindname=cn%3dme", LdapUrl("d", dn="CN=c")),
        (
            AD_CS,
            LdapUrl(
                dn="CN=ca-1,CN=scep-lab,CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,"
                "DC=scep-lab,DC=example",
                attributes=("certificateRevocationList",),
                filter="objectClass=cRLDistributionPoint",
            ),
        ),
    ],
)
def test_places(text: str, place: LdapUrl) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ldap://dir.lab:0/cn=x", "port"),
        ("ldap://dir.lab:65536/cn=x", "port"),
        ("ldap://dir.lab:x/cn=x", "port"),
        ("ldap://me@dir.lab/cn=x", "user"),
        ("ldap://cn=me:sesame@dir.lab/cn=x", "user"),
        ("ldap://[::1/cn=x", "address"),
        ("ldap://[::g]/cn=x", "address"),
        ("ldap://d/cn=%FF", "UTF-8"),
        ("ldap://d/cn=x??tree", "scope"),
        ("ldap://d/cn=x?a b", "attributes"),
        ("ldap://d/cn=x?" + ",".join(["a"] * 17), "attributes"),
        ("ldap://d/cn=x???(cn=", "filter"),
        ("ldap://d/cn=x????!secret=1", "critical"),
        ("ldap://d/cn=x?????", "parts"),
    ],
)
def test_what_is_no_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_place(text)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("ldap://my-ldap.domain.com", "my-ldap.domain.com:389"),
        ("ldap://my-ldap.domain.com:3890/O=Lab", "my-ldap.domain.com:3890"),
        ("192.0.2.8:3890", "192.0.2.8:3890"),
        ("ldap://[2001:db8::8]", "[2001:db8::8]:389"),
    ],
)
def test_a_query_url_names_a_server(text: str, server: str) -> None:
    assert read_server(text).server == server


@pytest.mark.parametrize("text", ["ldap:///O=Lab", "CN=ca,O=Lab", "ldaps://dir.lab", "http://dir.lab", "a b"])
def test_one_that_names_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_server(text)


# The BER by hand, after RFC 4511's ASN.1.
@pytest.mark.parametrize(
    ("text", "ber"),
    [
        ("(objectClass=*)", "870b 6f626a656374436c617373"),
        ("cn=a", "a307 0402636e 040161"),
        ("(cn=)", "a306 0402636e 0400"),
        ("(cn>=a)", "a507 0402636e 040161"),
        ("(cn<=a)", "a607 0402636e 040161"),
        ("(cn~=a)", "a807 0402636e 040161"),
        (r"(cn=\2a\28\c3\bc)", "a30a 0402636e 0404 2a28c3bc"),
        ("(cn=ü)", "a308 0402636e 0402 c3bc"),
        ("(cn=a*b*c)", "a40f 0402636e 3009 800161 810162 820163"),
        ("(cn=*b*)", "a409 0402636e 3003 810162"),
        ("(&(cn=*)(!(o=a)))", "a00e 8702636e a208 a306 04016f 040161"),
        ("(|(cn=*))", "a104 8702636e"),
        ("(&)", "a000"),
    ],
)
def test_filters(text: str, ber: str) -> None:
    assert encode_filter(text).hex() == ber.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "()",
        "(cn)",
        "(cn=a",
        "(cn=a))",
        "(cn=a)x",
        r"(cn=\2)",
        r"(cn=\zz)",
        "(cn=a(b)",
        "(!)",
        "(cn:=a)",
        "(!" * 100 + "(cn=a)" + ")" * 100,
    ],
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(ValueError, match="search filter"):
        encode_filter(text)
