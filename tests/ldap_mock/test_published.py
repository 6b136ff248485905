"""What the CA publishes, as entries: which, of what classes, with which values, in which order."""

from __future__ import annotations

import pytest

from ldap_mock import schema
from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import parse_dn
from ldap_mock.messages import Scope
from ldap_mock.published import IssuedEntries, PublishedCa, ca_entries, merged
from tests.ldap_mock.published_ca import ABOVE, CA, certificate

LISTS = ("certificateRevocationList", "authorityRevocationList")


def ca(name: str, *, dn: str = CA, current: bool = True, crl: bytes | None = b"crl") -> PublishedCa:
    return PublishedCa(
        name=name,
        dn=parse_dn(dn),
        cdp_dn=parse_dn(f"CN={name},CN=scep-lab,CN=CDP,{ABOVE}"),
        aia_dn=parse_dn(f"CN={name},CN=AIA,{ABOVE}"),
        certificate=b"certificate of " + name.encode(),
        crl=None if crl is None else crl + b" of " + name.encode(),
        current=current,
    )


def by_name(entries: list[Entry]) -> dict[str, Entry]:
    return {str(each.dn): each for each in entries}


def issued(*certificates: bytes) -> dict[str, Entry]:
    all_of_them = IssuedEntries()
    for each in certificates:
        all_of_them.add(each)
    return by_name(all_of_them.entries())


def classes(entry: Entry) -> list[str]:
    return [each.decode() for each in entry.attributes["objectClass"]]


def assert_fits_the_schema(entry: Entry) -> None:
    """One structural class, what its classes demand, nothing that they do not allow."""
    rows = [row for name in classes(entry) if (row := schema.object_class(name))]
    assert len(rows) == len(entry.attributes["objectClass"])
    kinds = [row.kind for row in rows]
    assert kinds.count(schema.ClassKind.STRUCTURAL) == 1
    must = {kind for row in rows for kind in row.must}
    assert must <= entry.attributes.keys()
    if "extensibleObject" not in classes(entry):
        assert entry.attributes.keys() <= must.union(*(row.may for row in rows))
    for kind, value in entry.dn.rdns[0]:
        assert value in entry.attributes[kind]


def test_a_ca_stands_under_its_name_and_where_ad_cs_has_it() -> None:
    found = by_name(ca_entries([ca("ca-1")]))
    assert set(found) == {CA, f"CN=ca-1,CN=scep-lab,CN=CDP,{ABOVE}", f"CN=ca-1,CN=AIA,{ABOVE}"}
    own, cdp, aia = found.values()
    for each in (own, aia):
        assert each.attributes["cACertificate"] == (b"certificate of ca-1",)
        assert {"pkiCA", "certificationAuthority", "cRLDistributionPoint"} <= set(classes(each))
    assert "cACertificate" not in cdp.attributes
    for each in found.values():
        assert [each.attributes[kind] for kind in LISTS] == [(b"crl of ca-1",)] * 2
        assert "deltaRevocationList" not in each.attributes
        assert_fits_the_schema(each)


def test_generations_of_one_name_share_an_entry_the_current_one_first() -> None:
    generations = [ca("ca-1", current=False), ca("ca-2"), ca("ca-3", current=False)]
    found = by_name(ca_entries(generations))
    assert len(found) == 1 + 2 * 3
    order = ("ca-2", "ca-3", "ca-1")
    assert found[CA].attributes["cACertificate"] == tuple(f"certificate of {each}".encode() for each in order)
    assert found[CA].attributes[LISTS[0]] == tuple(f"crl of {each}".encode() for each in order)
    assert found[f"CN=ca-3,CN=AIA,{ABOVE}"].attributes[LISTS[0]] == (b"crl of ca-3",)


def test_a_ca_without_a_crl_is_there_all_the_same() -> None:
    for entry in ca_entries([ca("ca-1", crl=None)]):
        assert not set(LISTS) & entry.attributes.keys()
        assert_fits_the_schema(entry)


def test_a_ca_that_no_common_name_names_gets_one() -> None:
    entry = by_name(ca_entries([ca("ca-1", dn="OU=Lab CA,O=Lab")]))["OU=Lab CA,O=Lab"]
    assert entry.attributes["cn"] == entry.attributes["ou"] == (b"Lab CA",)
    assert_fits_the_schema(entry)


@pytest.mark.parametrize(
    ("subject", "structural"),
    [
        ("CN=r1,O=Lab", "device"),
        ("CN=r1+serialNumber=F1,O=Lab", "device"),
        ("OU=routers,O=Lab", "organizationalUnit"),
        ("DC=r1", "domain"),
        ("UID=admin,DC=lab", "account"),
        ("C=CH", "country"),
        ("unstructuredName=r1.lab", "device"),
        ("CN=r1+unstructuredName=r1.lab", "device"),
        ("1.2.3.4=x,O=Lab", "device"),
        ("CN=a\\,b \\+ c,O=Lab", "device"),
    ],
)
def test_a_certificate_stands_under_its_subject(subject: str, structural: str) -> None:
    der = certificate(subject)
    [(dn, entry)] = issued(der).items()
    assert parse_dn(dn) == parse_dn(subject)
    assert entry.attributes["userCertificate"] == (der,)
    assert {structural, "pkiUser"} <= set(classes(entry))
    if "unstructuredName" not in subject and "1.2.3.4" not in subject:
        assert_fits_the_schema(entry)
    else:
        assert "extensibleObject" in classes(entry)


def test_certificates_of_one_subject_share_an_entry_the_last_one_first() -> None:
    old, new = certificate("CN=r1,O=Lab", 1), certificate("cn=R1,o=lab", 2)
    [entry] = issued(old, new).values()
    assert entry.attributes["userCertificate"] == (new, old)


@pytest.mark.parametrize("der", [certificate(""), b"no certificate", certificate("CN=" + "x" * 9000)])
def test_what_has_no_name_for_ldap_is_passed_over(der: bytes) -> None:
    all_of_them = IssuedEntries()
    assert not all_of_them.add(der)
    assert all_of_them.entries() == []


@pytest.mark.parametrize(
    "subject",
    [
        "2.5.4.0=pkiCA,O=Lab",
        "CN=x+2.5.4.39=EVIL,O=Lab",
        "CN=x,2.5.4.37=EVIL,O=Lab",
        "2.5.18.10=cn\\=x,O=Lab",
        "CN=x,1.3.6.1.1.20=cn\\=x",
    ],
)
def test_a_requester_does_not_set_what_is_not_his_by_his_name(subject: str) -> None:
    all_of_them = IssuedEntries()
    assert not all_of_them.add(certificate(subject))
    assert all_of_them.entries() == []


def test_an_entry_whose_certificates_are_the_same_is_the_same() -> None:
    all_of_them = IssuedEntries()
    for subject in ("CN=r1", "CN=r2"):
        all_of_them.add(certificate(subject))
    before = all_of_them.entries()
    all_of_them.add(certificate("CN=r2", 2))
    after = all_of_them.entries()
    assert after[0] is before[0]
    assert len(after[1].attributes["userCertificate"]) == 2


def test_a_subject_that_is_the_cas_own_name_joins_its_entry() -> None:
    der = certificate(CA)
    entry = by_name(merged([*ca_entries([ca("ca-1")]), *issued(der).values()]))[CA]
    assert entry.attributes["userCertificate"] == (der,)
    assert entry.attributes["cACertificate"] == (b"certificate of ca-1",)
    assert entry.attributes["cn"] == (b"Lab CA",)
    assert "pkiUser" in classes(entry)
    assert_fits_the_schema(entry)


def test_everything_hangs_in_one_tree() -> None:
    entries = merged([*ca_entries([ca("ca-1")]), *issued(certificate("CN=r1,OU=x,O=Lab")).values()])
    tree = Tree(entries)
    found = [str(each.dn) for each in tree.search(parse_dn("O=Lab"), Scope.SUBTREE)]
    assert found == ["O=Lab", "CN=Lab CA,O=Lab", "OU=x,O=Lab", "CN=r1,OU=x,O=Lab"]
