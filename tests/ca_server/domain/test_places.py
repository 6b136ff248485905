"""Where certificates say that the CRL and the CA's certificate are: each kind of point, in each profile."""

import os

import pytest
from cryptography import x509
from cryptography.x509 import ExtensionNotFound
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from ca_server.domain.issuance import Terms
from ca_server.domain.places import Places, PointKind, aia_dn, cdp_dn
from ca_server.domain.profiles import BUILT_IN
from scep_core import names

HTTP = "http://ca.lab/crl/ca-1.crl"
OWN_ENTRY = "CN=scep-lab%20Root%20CA%20{mark},O=scep-lab%20(untrusted)?certificateRevocationList;binary"
SERVICES = "CN=Public%20Key%20Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
AD_CS = (
    f"ldap:///CN=ca-1,CN=scep-lab,CN=CDP,{SERVICES}"
    "?certificateRevocationList?base?objectClass=cRLDistributionPoint"
)
AD_CS_CERTIFICATE = f"ldap:///CN=ca-1,CN=AIA,{SERVICES}?cACertificate?base?objectClass=certificationAuthority"


@pytest.fixture
def issue(authority, client, lab):
    """``issue(points, ldap_url)``: the extensions of a certificate with such points."""

    def issue(points, ldap_url="ldap://dir.lab:389"):
        issued = authority.issue(
            client.csr(),
            Terms(distribution_points=points),
            places=Places("http://ca.lab", ldap_url),
            now=lab.clock.now(),
            random_bytes=os.urandom,
        )
        return x509.load_der_x509_certificate(issued.der).extensions

    return issue


def crl_points(extensions):
    found = extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value
    return [[name.value for name in point.full_name] for point in found]


def ca_issuers(extensions):
    found = extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value
    assert {each.access_method for each in found} == {AuthorityInformationAccessOID.CA_ISSUERS}
    return [each.access_location.value for each in found]


def test_what_stands_in_each_profiles_certificates(authority, issue):
    own_name = names.rfc4514(authority.ca.certificate.subject)
    entry = OWN_ENTRY.format(mark=own_name.split(",")[0].split()[-1])
    own_subject = x509.load_der_x509_certificate(authority.ca.certificate.der).subject
    usual = [[HTTP, f"ldap://dir.lab:389/{entry}"]]
    expected = {
        "compat": usual,
        "ndes": [[AD_CS, HTTP]],
        "rfc8894": usual,
        "cisco-legacy": usual,
        "ldap": [[f"ldap://dir.lab:389/{entry}"]],
        "ldap-no-host": [[f"ldap:///{entry}"]],
        "directory-name": [[own_subject]],
    }
    found = {each.name: issue(each.policy.terms.distribution_points) for each in BUILT_IN}
    assert {name: crl_points(each) for name, each in found.items()} == expected
    certificate = "http://ca.lab/ca/ca-1.cer"
    assert ca_issuers(found.pop("ndes")) == [AD_CS_CERTIFICATE, certificate]
    assert {name: ca_issuers(each) for name, each in found.items()} == {each: [certificate] for each in found}


def test_the_order_is_kept_and_a_bare_name_is_a_point_of_its_own(issue):
    shown = crl_points(issue((PointKind.LDAP_NO_HOST, PointKind.DIRECTORY_NAME, PointKind.HTTP)))
    [[first], [_name], [last]] = shown
    assert (first[:8], last) == ("ldap:///", HTTP)


def test_without_a_directory_its_url_is_left_out(issue):
    assert crl_points(issue((PointKind.HTTP, PointKind.LDAP), None)) == [[HTTP]]
    with pytest.raises(ExtensionNotFound):  # an extension without points would be none
        crl_points(issue((PointKind.LDAP,), None))


def test_the_entries_of_ad_cs():
    assert cdp_dn("ca-2").startswith("CN=ca-2,CN=scep-lab,CN=CDP,CN=Public Key Services,CN=Services,")
    assert aia_dn("ca-2") == (
        "CN=ca-2,CN=AIA,CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
    )
