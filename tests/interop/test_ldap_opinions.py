"""OpenLDAP's server as the second opinion: the same entries, the same questions, the same answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import parse_dn
from tests.interop import slapd
from tests.interop.test_ldap_clients import issued  # noqa: F401  (a fixture)
from tests.ldap_mock import wire
from tests.ldap_mock.backend import TestBackend, serving
from tests.ldap_mock.sample import ROUTERS, entry
from tests.ldap_mock.wire import BASE, ONE, SUB, Client

pytestmark = pytest.mark.interop

CA = "cn=ca-1,ou=pki,o=lab"


def ldif(entry: Entry) -> str:
    lines = [f"dn: {entry.dn}"]
    for name, values in entry.attributes.items():
        option = ";binary" if name.endswith(("Certificate", "List")) else ""
        lines += [f"{name}{option}:: {base64.b64encode(value).decode()}" for value in values]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def both(issued, tmp_path_factory) -> Iterator[tuple[Client, Client]]:  # noqa: F811
    """A client at OpenLDAP's server and one at ours."""
    certificate, crl = issued
    entries = [
        entry("OU=PKI,O=Lab", "top organizationalUnit", ou=b"PKI"),
        entry("OU=routers,O=Lab", "top organizationalUnit", ou=b"routers", description=b"Two  words"),
        entry(
            "CN=ca-1,OU=PKI,O=Lab",
            "top organizationalRole pkiCA",
            cn=b"ca-1",
            cACertificate=certificate,
            certificateRevocationList=crl,
            telephoneNumber=b"+41 44-123 45 67",
        ),
        *ROUTERS,
    ]
    backend = TestBackend(held=Tree([entry("O=Lab", "organization", o=b"Lab"), *entries]))
    with ExitStack() as stack:
        theirs = stack.enter_context(slapd.serve(tmp_path_factory.mktemp("slapd"), *map(ldif, entries)))
        ours = stack.enter_context(serving(backend))
        ports = int(theirs.rpartition(":")[2]), ours.port
        yield tuple(stack.enter_context(Client(port)) for port in ports)


def opinion(client: Client, request: bytes) -> object:
    """The result, and the entries' names and attributes, in any order."""
    *entries, result = client.ask(request)
    found = {
        parse_dn(each.dn): {kind.lower(): sorted(values) for kind, values in each.attributes.items()}
        for each in entries
    }
    return result.tag, result.code, result.matched.lower(), found


FILTERS = [
    *("(objectClass=*)", "(objectClass=top)", "(objectClass=DEVICE)", "(objectClass=2.5.6.14)"),
    *("(objectClass=nonsuch)", "(!(objectClass=nonsuch))", "(2.5.4.3=R1)", "(commonName=r1)", "(name=r1)"),
    *("(name=*)", "(name=*outer*)", "(cn=r*)", "(cn=*r*1*)", "(cn=r1*1)", "(cn=*)", "(nonsuch=*)"),
    *("(!(nonsuch=*))", "(|(nonsuch=x)(cn=r1))", "(&(nonsuch=x)(cn=r1))", "(!(|(nonsuch=x)(cn=r1)))"),
    *(
        "(description=core router)",
        "(description=core*)",
        "(description=*e  r*)",
        "(description~=core router)",
    ),
    *("(description=two words)", "(serialNumber=7)", "(serialNumber=9)", "(!(serialNumber=*))"),
    *("(telephoneNumber=+41441234567)", "(telephoneNumber=*441-23*)", "(userCertificate=*)"),
    *("(cACertificate=*)", "(cACertificate;binary=*)", "(certificateRevocationList;binary=*)"),
    "(!(cACertificate=*))",
    *("(cn:=R1)", "(cn:caseExactMatch:=r1)", "(cn:caseExactMatch:=R1)", "(cn:2.5.13.2:=R1)"),
    *("(ou:dn:=routers)", "(:dn:caseIgnoreMatch:=ROUTERS)", "(:caseIgnoreMatch:=r1)", "(cn:nonsuchMatch:=x)"),
    *("(serialNumber:dn:=9)", "(cn=a\\2c b)", "(cn=\\ff)", "(owner=x)", "(owner=cn=x)", "(!(owner=x))"),
    '(cACertificate={ serialNumber 300, issuer rdnSequence:"cn=CA-1,ou=pki,o=lab" })',
    '(cACertificate={ serialNumber 301, issuer rdnSequence:"cn=CA-1,ou=pki,o=lab" })',
    '(cACertificate:certificateExactMatch:={ serialNumber 300, issuer rdnSequence:"cn=CA-1,ou=pki,o=lab" })',
    *("(hasSubordinates=TRUE)", "(entryDN=cn=R1, ou=routers,o=LAB)", "(cn=)", "(cn=  r1  )", "(cn=r 1)"),
]


@pytest.mark.parametrize("asked", FILTERS)
def test_both_find_the_same(both, asked) -> None:
    theirs, ours = (opinion(each, wire.search(1, "o=lab", SUB, asked)) for each in both)
    assert ours == theirs


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        ["*"],
        ["1.1"],
        ["1.1", "cn"],
        ["CN", "nonsuch", "objectCLASS"],
        ["cACertificate;binary"],
        ["name"],
        ["cn;lang-en"],
        ["hasSubordinates"],
    ],
)
def test_both_tell_the_same_attributes(both, attributes) -> None:
    theirs, ours = (opinion(each, wire.search(1, CA, BASE, attributes=attributes)) for each in both)
    assert ours == theirs


REQUESTS = {
    "one level": wire.search(1, "o=lab", ONE),
    "children": wire.search(1, "ou=routers,o=lab", 3, "(cn=*)"),
    "types only": wire.search(1, CA, BASE, types_only=True),
    "no such object": wire.search(1, "cn=x,ou=y,ou=pki,o=lab"),
    "no name": wire.search(1, "x"),
    "no scope": wire.search(1, "o=lab", 7),
    "a name with spaces": wire.search(1, "commonName = CA-1 ; 2.5.4.11=pki, o = lab", BASE, "(cn=*)"),
    "a name in any order": wire.search(1, "serialNumber=9+cn=A\\2C  b,ou=routers,o=lab", BASE),
    "a size that is enough": wire.search(1, "ou=routers,o=lab", ONE, size=3),
    "compare true": wire.compare(1, CA, "cn", "CA-1"),
    "compare false": wire.compare(1, CA, "cn", "x"),
    "compare by superclass": wire.compare(1, CA, "objectClass", "top"),
    "compare what is not there": wire.compare(1, CA, "serialNumber", "7"),
    "compare nonsense": wire.compare(1, CA, "nonsuch", "x"),
    "compare nowhere": wire.compare(1, "cn=x,o=lab", "cn", "x"),
    "who am I": wire.extended(1, "1.3.6.1.4.1.4203.1.11.3"),
    "an unknown extended operation": wire.extended(1, "1.2.3"),
    "an unknown critical control": wire.search(
        1, CA, BASE, "(cn=*)", (), wire.control("1.2.3", critical=True)
    ),
    "an unknown control": wire.search(1, CA, BASE, "(cn=*)", (), wire.control("1.2.3")),
    "a name without a password": wire.bind(1, CA),
    "a password without a name": wire.bind(1, "", "x"),
    "a wrong password": wire.bind(1, CA, "x"),
    "version 4": wire.bind(1, version=4),
    "anonymous": wire.bind(1),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_both_answer_the_same(both, name) -> None:
    theirs, ours = (opinion(each, REQUESTS[name]) for each in both)
    assert ours == theirs


def test_a_certificate_that_was_asked_for_without_binary_is_told_so_by_ours_alone(both) -> None:
    request = wire.search(1, CA, BASE, attributes=["cACertificate"])
    told = [list(client.ask(request)[0].attributes) for client in both]
    assert told == [["cACertificate;binary"], ["cACertificate"]]


def test_both_page_the_same(both) -> None:
    for client in both:
        sizes, cookie = [], b""
        while True:
            *entries, result = client.ask(
                wire.search(1, "o=lab", SUB, "(cn=*)", ["cn"], wire.page(3, cookie))
            )
            sizes.append(len(entries))
            if not (cookie := result.cookie):
                break
        assert sizes == [3, 1]
