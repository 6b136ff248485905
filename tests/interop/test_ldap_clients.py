"""Other people's LDAP clients at the directory: OpenLDAP's, ldap3, python-ldap, curl and Java's."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import ldap3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from ldap_mock.directory import Tree
from ldap_mock.messages import ResultCode
from ldap_mock.server import Injection, LdapServer
from tests.ldap_mock.backend import MANAGER, PASSWORD, TestBackend, serving
from tests.ldap_mock.sample import ROUTERS, entry
from tests.programs import program, run, without

pytestmark = pytest.mark.interop

CA = "CN=ca-1,OU=PKI,O=Lab"
CDP = "CN=ca-1,CN=scep-lab,CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
CRL = "certificateRevocationList"
BINARY = f"{CRL};binary"


@pytest.fixture(scope="module")
def issued() -> tuple[bytes, bytes]:
    """A CA's certificate and its CRL, in DER."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(CA)
    now, later = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=7)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 300, now, later)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ca-1")]), critical=False)
        .sign(key, SHA256())
    )
    crl = x509.CertificateRevocationListBuilder(name, now, later).sign(key, SHA256())
    return certificate.public_bytes(Encoding.DER), crl.public_bytes(Encoding.DER)


@pytest.fixture
def backend(issued) -> TestBackend:
    certificate, crl = issued
    authority = entry(
        CA,
        "top organizationalRole pkiCA",
        cn=b"ca-1",
        cACertificate=certificate,
        certificateRevocationList=crl,
        authorityRevocationList=crl,
    )
    cdp = entry(CDP, "top cRLDistributionPoint", cn=b"ca-1", certificateRevocationList=crl)
    return TestBackend(held=Tree([authority, cdp, *ROUTERS]))


@pytest.fixture
def server(backend) -> Iterator[LdapServer]:
    with serving(backend) as server:
        yield server
    assert [facts for event, facts in backend.events if event in {"error", "disconnection"}] == []


# ------------------------------------------------------------------------------- OpenLDAP's programs


def ldapsearch(server: LdapServer, *words: str, status: int = 0) -> list[str]:
    """The lines that ldapsearch prints, none folded, without those that are empty."""
    command = [program("ldapsearch"), "-x", "-LLL", "-o", "ldif-wrap=no", "-H", server.url, *words]
    done = run(command, status=status)
    return [line for line in (done.stdout + done.stderr).decode().splitlines() if line.strip()]


def names(lines: list[str]) -> list[str]:
    return [line.removeprefix("dn: ") for line in lines if line.startswith("dn:")]


@pytest.mark.parametrize("version", ["-P3", "-P2"])
@pytest.mark.parametrize("asked", [CRL, BINARY, "2.5.4.39", "CertificateREVOCATIONlist;Binary"])
def test_ldapsearch_gets_a_crl_however_it_asks(server, issued, version, asked) -> None:
    lines = ldapsearch(server, version, "-s", "base", "-b", CA.lower(), asked)
    assert lines == [f"dn: {CA}", f"{asked}:: {base64.b64encode(issued[1]).decode()}"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("(objectClass=cRLDistributionPoint)", [CDP]),
        ("(2.5.4.0=2.5.6.19)", [CDP]),
        ("(&(certificateRevocationList;binary=*)(!(cACertificate=*)))", [CDP]),
        (f'(cACertificate={{ serialNumber 300, issuer rdnSequence:"{CA.lower()}" }})', [CA]),
        ("(ou:dn:=PKI)", ["OU=PKI,O=Lab", CA]),
        ("(:dn:2.5.13.2:=pki)", ["OU=PKI,O=Lab", CA]),
        ("(|(cn=R*2)(cn~=r1)(nonsuch=x))", [f"CN={name},OU=routers,O=Lab" for name in ("r1", "r2")]),
        ("(&(cn>=r1)(cn<=r1))", ["CN=r1,OU=routers,O=Lab"]),
        ("(cn=a\\2c b)", ["CN=a\\, b+serialNumber=9,OU=routers,O=Lab"]),
        ("(!(nonsuch=x))", []),
        ("(&(objectClass=device)(&))", [str(each.dn) for each in ROUTERS]),
        ("(|)", []),
    ],
)
def test_ldapsearch_s_filters(server, asked, found) -> None:
    assert names(ldapsearch(server, "-b", "", asked, "1.1")) == found


def test_ldapsearch_s_options(server) -> None:
    routers = [str(each.dn) for each in ROUTERS]
    base = ("-b", "ou=Routers, o=LAB")
    assert names(ldapsearch(server, *base, "-s", "one", "(cn=*)", "cn")) == routers
    assert names(ldapsearch(server, *base, "-s", "children", "1.1")) == routers
    assert ldapsearch(server, *base, "-s", "one", "-A", "(cn=r1)", "cn")[1:] == ["cn:"]
    assert len(names(ldapsearch(server, *base, "-z", "2", status=4))) == 2
    assert len(names(ldapsearch(server, *base, "-l", "5", "-a", "always", "-M", "-MM"))) == 4
    for size in ("1", "2", "100"):
        lines = ldapsearch(server, *base, "-E", f"pr={size}/noprompt", "(cn=*)", "1.1")
        assert names(lines) == routers
    assert names(ldapsearch(server, *base, "-E", "1.2.3", "(cn=r1)", "1.1")) == routers[:1]
    refused = ldapsearch(server, *base, "-E", "!1.2.3", "(cn=r1)", "1.1", status=12)
    assert "Critical extension is unavailable (12)" in refused


def test_ldapsearch_is_told_what_is_wrong(server, backend) -> None:
    lines = ldapsearch(server, "-b", "cn=x,ou=y,o=lab", status=32)
    assert lines == ["No such object (32)", "Matched DN: O=Lab"]
    assert "Invalid DN syntax (34)" in ldapsearch(server, "-b", "x", status=34)
    assert any("StartTLS" in line or "ldap_start_tls" in line for line in ldapsearch(server, "-ZZ", status=1))
    backend.faults = [
        Injection("referral", result=ResultCode.REFERRAL, referrals=("ldap://other/",)),
        Injection("referral", result=ResultCode.REFERRAL, referrals=("ldap://other/",)),
    ]
    assert ldapsearch(server, "-b", CA, status=10)[0] == "Referral (10)"
    assert any("ldap://other/" in line for line in ldapsearch(server, "-P2", "-b", CA, status=9))


def test_openldap_s_other_programs(server) -> None:
    at = ["-x", "-H", server.url]
    manager = [*at, "-D", MANAGER, "-w", PASSWORD]
    assert run([program("ldapwhoami"), *manager]).stdout == b"dn:CN=admin,O=lab\n"
    assert run([program("ldapwhoami"), *at]).stdout == b"anonymous\n"
    run([program("ldapwhoami"), *at, "-D", MANAGER, "-w", "wrong"], status=49)
    assert run([program("ldapcompare"), *at, CA, "cn:CA-1"], status=6).stdout == b"TRUE\n"
    run([program("ldapcompare"), *at, CA, "cn:x"], status=5)
    run([program("ldapdelete"), *manager, CA], status=53)


# -------------------------------------------------------------------------------------------- ldap3


@contextmanager
def ldap3_at(server: LdapServer, **options: object) -> Iterator[ldap3.Connection]:
    at = ldap3.Server(server.url, get_info=ldap3.ALL)
    connection = ldap3.Connection(at, auto_bind=True, **options)
    try:
        yield connection
    finally:
        connection.unbind()  # a `with` of its own leaves open what was bound before it


def test_ldap3_learns_the_schema_and_finds_a_crl(server, issued) -> None:
    with ldap3_at(server, user=MANAGER, password=PASSWORD) as connection:
        info, schema = connection.server.info, connection.server.schema
        assert set(info.naming_contexts) == {"O=Lab", "DC=example"}
        assert info.supported_ldap_versions == ["2", "3"]
        assert schema.attribute_types[CRL].oid == "2.5.4.39"
        assert schema.object_classes["cRLDistributionPoint"]
        assert connection.search("o=lab", "(objectClass=pkiCA)", attributes=[BINARY, "cn"])
        (found,) = connection.response
        assert found["raw_attributes"][BINARY] == [issued[1]]
        assert not connection.add("cn=x,o=lab", "device", {"cn": "x"})
        assert connection.result["description"] == "unwillingToPerform"
        assert connection.extend.standard.who_am_i() == "dn:CN=admin,O=lab"


def test_ldap3_pages(server) -> None:
    with ldap3_at(server) as connection:
        found = connection.extend.standard.paged_search(
            "ou=routers,o=lab", "(cn=*)", attributes=["cn"], paged_size=1, generator=False
        )
        assert [each["dn"] for each in found] == [str(each.dn) for each in ROUTERS]


def test_ldap3_asks_several_things_at_once(server) -> None:
    with ldap3_at(server, client_strategy=ldap3.ASYNC) as connection:
        numbers = [connection.search("o=lab", f"(cn=r{number})") for number in (1, 2, 3)]
        found = [connection.get_response(number)[0] for number in numbers]
        assert [len(each) for each in found] == [1, 1, 0]


# --------------------------------------------------------------------------------- curl, python-ldap


def test_curl_gets_a_crl(server, issued, tmp_path) -> None:
    url = f"{server.url}/{quote(CDP)}?{quote(BINARY)}?base?(objectClass=cRLDistributionPoint)"
    said = run([program("curl"), "-sS", url]).stdout.decode()
    assert base64.b64encode(issued[1]).decode() in said
    run([program("curl"), "-sS", f"{server.url}/cn=x,o=lab?cn?base"], status=39)


PYTHON_LDAP = """
import sys, ldap
from ldap.controls import SimplePagedResultsControl
from ldap.schema import SubSchema
url, ca = sys.argv[1:]
connection = ldap.initialize(url)
connection.simple_bind_s()
wanted = ["certificateRevocationList;binary"]
((dn, found),) = connection.search_s(ca, ldap.SCOPE_BASE, "(objectClass=*)", wanted)
print(dn, found["certificateRevocationList;binary"][0].hex())
schema = SubSchema(connection.read_subschemasubentry_s(connection.search_subschemasubentry_s()), 1)
print(schema.get_obj(ldap.schema.AttributeType, "cACertificate").oid)
page = SimplePagedResultsControl(True, size=2, cookie="")
number = connection.search_ext("ou=routers,o=lab", ldap.SCOPE_ONELEVEL, serverctrls=[page])
_, data, _, (told,) = connection.result3(number)
print(len(data), bool(told.cookie))
waiting = connection.search("o=lab", ldap.SCOPE_SUBTREE)
connection.abandon(waiting)
print(connection.compare_s(ca, "cn", b"CA-1"))
try:
    connection.modify_s(ca, [(ldap.MOD_REPLACE, "cn", b"x")])
except ldap.UNWILLING_TO_PERFORM as error:
    print("refused")
connection.unbind_s()
"""


def test_python_ldap(server, issued) -> None:
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import ldap"], capture_output=True, check=False).returncode:
        without("python-ldap is not installed (Debian: python3-ldap)")
    said = run([python, "-I", "-c", PYTHON_LDAP, server.url, CA.lower()]).stdout.decode().splitlines()
    assert said == [f"{CA} {issued[1].hex()}", "2.5.4.37", "2 True", "True", "refused"]


# --------------------------------------------------------------------------------------------- Java


def test_java_finds_crls_by_jndi_and_by_its_certificate_store(server) -> None:
    source = Path(__file__).with_name("LdapClient.java")
    said = run([program("java"), str(source), "127.0.0.1", str(server.port), CA]).stdout.decode().splitlines()
    expected = ["jndi true", f"search {CA}", "schema 2.5.4.37", "crls 1", "certificates 1"]
    assert said == expected
