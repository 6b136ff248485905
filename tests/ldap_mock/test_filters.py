"""Filters: true, false and Undefined, each as RFC 4511 has it; their text is read by ldap3."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ldap_mock import codec, filters, rootdse
from ldap_mock.directory import Entry
from ldap_mock.messages import And, Comparison, Not, Or, SearchRequest
from tests.ldap_mock import wire
from tests.ldap_mock.sample import CA, ROUTERS, TREE, entry

R1, R2, ODD = ROUTERS


def read(text: str):
    request = codec.decode(wire.search(1, "", asked=text)).request
    assert isinstance(request, SearchRequest)
    return request.filter


def values(entry: Entry, name: str):
    return entry.attributes.get(name) or rootdse.operational(entry, TREE).get(name, ())


def verdict(text: str, entry: Entry = R1):
    return filters.matcher(read(text), values)(entry)


TRUE = [
    "(objectClass=*)",
    "(OBJECTCLASS=Device)",
    "(objectClass=2.5.6.14)",
    "(objectClass=top)",
    "(2.5.4.3=R1)",
    "(commonName=r1)",
    "(name=r1)",
    "(name=*)",
    "(cn=r*)",
    "(cn=*1)",
    "(cn=*r*1*)",
    "(cn=r1*)",
    "(description=core router)",
    "(description=core*)",
    "(description=*re rou*)",
    "(description=*E  R*)",
    "(description~=CORE ROUTER)",
    "(serialNumber=7)",
    "(cn>=r1)",
    "(cn<=r1)",
    "(cn>=q)",
    "(&(cn=r1)(serialNumber=7))",
    "(|(cn=nobody)(cn=r1))",
    "(!(cn=r2))",
    "(cn:=R1)",
    "(cn:caseExactMatch:=r1)",
    "(cn:2.5.13.2:=R1)",
    "(ou:dn:=routers)",
    "(:dn:caseIgnoreMatch:=LAB)",
    "(:caseIgnoreMatch:=r1)",
    "(o:dn:caseIgnoreMatch:=lab)",
    "(entryDN=cn=R1,ou=Routers, o=Lab)",
    "(hasSubordinates=FALSE)",
    "(!(hasSubordinates=true))",
    "(|(nonsuch=*)(cn=r1))",
    "(cn:caseExactOrderingMatch:=r2)",
    "(cn:octetStringMatch:=r1)",
    "(objectClass:objectIdentifierMatch:=device)",
    "(:2.5.13.0:=device)",
]
FALSE = [
    "(objectClass=person)",
    "(cn=r2)",
    "(cn=)",
    "(cn=*x*)",
    "(cn=r1*1)",
    "(cn=r*r1)",
    "(userCertificate=*)",
    "(userCertificate;binary=*)",
    "(&(nonsuch=*)(cn=r2))",
    "(!(cn=r1))",
    "(cn:caseExactMatch:=R1)",
    "(ou:=routers)",
    "(cn>=s)",
    "(mail=a@b)",
    "(owner=cn=x)",
]
UNDEFINED = [
    "(nonsuch=*)",
    "(nonsuch=x)",
    "(!(nonsuch=x))",
    "(cn;lang-en=r1)",
    "(cn;binary=r1)",
    "(objectClass=nonsuch)",
    "(cn:nonsuchMatch:=r1)",
    "(cn:integerMatch:=1)",
    "(objectClass>=device)",
    "(owner=no name)",
    "(supportedLDAPVersion=x)",
    "(certificateRevocationList=x)",
    "(certificateRevocationList;binary=*x*)",
    "(userCertificate=x)",
    "(owner=*x*)",
    "(objectClass:objectIdentifierMatch:=nonsuch)",
    "(&(cn=r1)(nonsuch=x))",
    "(|(cn=r2)(nonsuch=x))",
    "(createTimestamp>=yesterday)",
]


@pytest.mark.parametrize(
    ("text", "expected"), [*((each, True) for each in TRUE), *((each, False) for each in FALSE)]
)
def test_a_filter_is_true_or_false_of_an_entry(text, expected) -> None:
    assert verdict(text) is expected


@pytest.mark.parametrize("text", UNDEFINED)
def test_what_makes_no_sense_is_undefined(text) -> None:
    assert verdict(text) is None


def test_true_and_false_filters() -> None:
    """RFC 4526: an `and` of nothing is true, an `or` of nothing false."""
    assert filters.matcher(And(()), values)(R1) is True
    assert filters.matcher(Or(()), values)(R1) is False


def test_binary_or_not_a_certificate_is_there() -> None:
    for name in ("cACertificate", "cACertificate;binary", "2.5.4.37;BINARY", "certificateRevocationList"):
        assert verdict(f"({name}=*)", CA) is True


def test_numbers_and_times_are_compared_as_such() -> None:
    lab = entry(
        "CN=x",
        "top",
        supportedLDAPVersion=(b"2", b"10"),
        createTimestamp=b"20300101120000Z",
    )
    for text in (
        "(supportedLDAPVersion=010)",
        "(supportedLDAPVersion>=9)",
        "(createTimestamp=203001011300+0100)",
        "(createTimestamp>=2030010112Z)",
        "(createTimestamp<=20300101120000.5Z)",
    ):
        assert verdict(text, lab) is True, text
    assert verdict("(supportedLDAPVersion<=1)", lab) is False


def test_the_schema_can_be_asked_for_one_of_its_definitions() -> None:
    held = rootdse.subschema_entry()
    for text in (
        "(attributeTypes=cn)",
        "(attributeTypes=2.5.4.39)",
        "(objectClasses=PKIca)",
        "(matchingRules=caseIgnoreMatch)",
        "(ldapSyntaxes=1.3.6.1.4.1.1466.115.121.1.15)",
    ):
        assert verdict(text, held) is True, text
    assert verdict("(attributeTypes=pkiCA)", held) is False
    assert verdict("(attributeTypes=nonsuch)", held) is None


def test_octets_that_are_no_text_match_themselves() -> None:
    odd = entry("CN=x", "top", cn=b"\xff\xfe")
    assert verdict("(cn=\\ff\\fe)", odd) is True
    assert verdict("(cn>=a)", odd) is False
    assert verdict("(cn=*a*)", odd) is False
    assert verdict("(cn=*\\ff*)", odd) is None


@pytest.fixture(scope="module")
def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=ca-1,OU=a\\, b,O=Lab")
    now = datetime(2030, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 300, now, now + timedelta(1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("asserted", "expected"),
    [
        ('{ serialNumber 300, issuer rdnSequence:"cn=CA-1,ou=a\\, b,o=lab" }', True),
        ('{serialNumber 300,issuer "CN=ca-1,OU=a\\, b,O=Lab"}', True),
        ("300$CN=ca-1,OU=a\\, b,O=Lab", True),
        ('{ serialNumber 301, issuer rdnSequence:"cn=CA-1,ou=a\\, b,o=lab" }', False),
        ('{ serialNumber 300, issuer rdnSequence:"cn=CA-2,ou=a\\, b,o=lab" }', False),
        ('{ serialNumber 300, issuer rdnSequence:"?" }', None),
        ("{ serialNumber 300 }", None),
        ("0\x02ab", None),
    ],
)
def test_a_certificate_is_found_by_serial_number_and_issuer(certificate, asserted, expected) -> None:
    holder = entry("CN=x", "top pkiUser", userCertificate=(b"damaged", certificate))
    for name in ("userCertificate", "userCertificate;binary"):
        asked = Comparison("=", name, asserted.encode())
        assert filters.matcher(asked, values)(holder) is expected


def test_a_certificate_is_found_by_itself(certificate) -> None:
    holder = entry("CN=x", "top pkiUser", userCertificate=certificate)
    assert filters.matcher(Comparison("=", "userCertificate", certificate), values)(holder) is True


@pytest.mark.parametrize(
    "text",
    [
        "(&(cn=r1)(|(a>=1)(b<=2)(c~=3))(!(d=*)))",
        "(cn=a*b*c)",
        "(cn=*b*)",
        "(cn:dn:caseIgnoreMatch:=x)",
        "(:2.5.13.2:=x)",
        "(cn=\\2a\\28\\29\\5c\\00)",
        "(userCertificate;binary=\\ff\\00)",
    ],
)
def test_a_filter_is_written_as_it_was_read(text) -> None:
    assert filters.write(read(text)) == text


@given(
    st.text(alphabet="ab *\u00df\u00e9", max_size=8),
    st.text(alphabet="ab \u00df\u00e9", min_size=1, max_size=3),
)
def test_a_part_of_a_value_is_found_in_it(around, part) -> None:
    held = entry("CN=x", "top", cn=f"x{around}{part}y".encode())
    asked = codec.Substrings("cn", None, (part.encode(),), None)
    assert filters.matcher(asked, values)(held) is True


def test_not_of_undefined_stays_undefined_however_deep() -> None:
    asked = Comparison("=", "nonsuch", b"x")
    deep = Not(Not(Not(asked)))
    assert filters.matcher(deep, values)(R1) is None


def test_an_entry_is_found_by_what_only_its_name_says() -> None:
    assert verdict("(serialNumber:dn:=9)", ODD) is True
    assert verdict("(cn:dn:caseIgnoreMatch:=A\\2c  B)", ODD) is True
    assert verdict("(cn=router*)", R2) is True
