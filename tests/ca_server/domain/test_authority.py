"""What the CA signs: its own certificates, clients', CRLs."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from ca_server.domain.authority import (
    AuthorityExpired,
    AuthorityKeys,
    Succession,
    found_authority,
    mark_of,
    new_serial_number,
)
from ca_server.domain.issuance import PURPOSES, Terms
from ca_server.domain.places import Places
from scep_core import asn1, certificates, names
from scep_core.certificates import CERTIFICATE_REQUEST_AGENT, OCSP_SIGNING, Extension

PLACES = Places("http://ca.lab:8080", "ldap://ldap.lab:3890")

START = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def issue(authority, csr, now, places=PLACES, **terms):
    return authority.issue(csr, Terms(YEAR, **terms), places=places, now=now, random_bytes=os.urandom)


def load(certificate):
    return x509.load_der_x509_certificate(certificate.der)


def usages(certificate):
    usage = load(certificate).extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
    possible = "digital_signature", "key_encipherment", "key_cert_sign", "crl_sign", "data_encipherment"
    return {name for name in possible if getattr(usage, name)}


def test_the_ca_says_that_it_is_a_lab(authority):
    assert "scep-lab (untrusted)" in names.rfc4514(authority.ca.certificate.subject)


def test_each_of_the_three_has_the_usages_that_clients_choose_by(authority):
    signing, encryption, ca = authority.certificates(ra_mode=True)
    assert usages(signing) == {"digital_signature"}
    assert usages(encryption) == {"key_encipherment"}
    assert usages(ca) == {"digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"}
    assert (signing.is_ca, encryption.is_ca, ca.is_ca) == (False, False, True)
    for each in (signing, encryption, ca):
        load(each).verify_directly_issued_by(load(ca))


def test_two_labs_have_cas_with_different_names(authority, authority_keys):
    other = found_authority(
        authority_keys(), places=PLACES, now=authority.ca.certificate.not_before, random_bytes=os.urandom
    )
    assert mark_of(other) != mark_of(authority)
    assert other.ca.certificate.subject != authority.ca.certificate.subject


def test_an_issued_certificate(authority, client, lab):
    asked = [
        certificates.ext_subject_alt_name([("DNS", b"r1.lab"), ("IP", bytes([192, 0, 2, 1]))]),
        certificates.ext_key_usage("digital_signature", critical=False),
        certificates.ext_extended_key_usage(ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string),
    ]
    now = lab.clock.now()
    issued = issue(authority, client.csr(extensions=asked, challenge="secret"), now)
    loaded = load(issued)
    loaded.verify_directly_issued_by(load(authority.ca.certificate))
    assert loaded.not_valid_before_utc == now.replace(microsecond=0)
    assert loaded.not_valid_after_utc == (now + YEAR).replace(microsecond=0)
    assert usages(issued) == {"digital_signature"}
    read = {each.oid: each.value for each in loaded.extensions}
    assert read[ExtensionOID.SUBJECT_ALTERNATIVE_NAME].get_values_for_type(x509.DNSName) == ["r1.lab"]
    assert list(read[ExtensionOID.EXTENDED_KEY_USAGE]) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert read[ExtensionOID.BASIC_CONSTRAINTS].ca is False
    ca_key_id = certificates.key_identifier(authority.ca.certificate.public_key_info)
    assert read[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].key_identifier == ca_key_id
    points = read[ExtensionOID.CRL_DISTRIBUTION_POINTS]
    [http, ldap] = [name.value for name in points[0].full_name]
    assert http == "http://ca.lab:8080/crl/ca-1.crl"
    assert ldap.startswith("ldap://ldap.lab:3890/CN=scep-lab%20Root%20CA%20")
    assert ldap.endswith("?certificateRevocationList;binary")
    [access] = read[ExtensionOID.AUTHORITY_INFORMATION_ACCESS]
    assert access.access_location.value == "http://ca.lab:8080/ca/ca-1.cer"
    assert len(read) == 8
    assert b"secret" not in issued.der


def test_the_subject_is_copied_byte_for_byte(authority, make_client, lab):
    # Cisco's: no CN, a multi-valued RDN; here out of DER's order and with an odd string type too.
    def attribute(oid, tag, text):
        return asn1.sequence_of(asn1.oid(oid), asn1.encode(tag, text))

    subject = asn1.sequence_of(
        asn1.encode(asn1.SET, attribute(names.ORGANIZATIONAL_UNIT, 0x14, b"caf\xe9")),
        asn1.encode(
            asn1.SET,
            attribute(names.UNSTRUCTURED_NAME, 0x16, b"r1.lab"),
            attribute(names.SERIAL_NUMBER, 0x13, b"131184645"),
        ),
    )
    client = make_client(subject=subject)
    assert issue(authority, client.csr(), lab.clock.now()).subject == subject


def test_nobody_becomes_a_ca_an_ra_or_an_ocsp_responder_by_asking(authority, client, lab):
    asked = [
        certificates.ext_basic_constraints(True),
        certificates.ext_key_usage("key_cert_sign", "crl_sign", "data_encipherment"),
        certificates.ext_extended_key_usage(
            CERTIFICATE_REQUEST_AGENT, OCSP_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
        ),
        Extension("1.3.6.1.4.1.55555.1", True, asn1.NULL),
        Extension(certificates.AUTHORITY_KEY_ID, False, asn1.sequence_of()),
    ]
    issued = issue(authority, client.csr(extensions=asked), lab.clock.now())
    assert not issued.is_ca
    assert usages(issued) == {"data_encipherment"}
    purposes = load(issued).extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert {each.oid for each in issued.extensions} == {
        certificates.BASIC_CONSTRAINTS,
        certificates.KEY_USAGE,
        certificates.EXTENDED_KEY_USAGE,
        certificates.SUBJECT_KEY_ID,
        certificates.AUTHORITY_KEY_ID,
        certificates.CRL_DISTRIBUTION_POINTS,
        certificates.AUTHORITY_INFO_ACCESS,
    }


def test_without_a_subject_the_alternative_name_is_critical(authority, make_client, lab):
    client = make_client(subject=names.build_name([]))
    names_asked = [certificates.ext_subject_alt_name([("DNS", b"r1.lab")])]
    issued = issue(authority, client.csr(extensions=names_asked), lab.clock.now())
    assert issued.extension(certificates.SUBJECT_ALT_NAME).critical


def test_no_certificate_outlives_the_ca(authority, client):
    end = authority.ca.certificate.not_after
    assert issue(authority, client.csr(), end - timedelta(days=1)).not_after == end
    with pytest.raises(AuthorityExpired):
        issue(authority, client.csr(), end)


def test_serial_numbers_are_positive_whatever_the_random_bytes():
    assert new_serial_number(bytes) == 1
    assert new_serial_number(lambda size: b"\xff" * size) == 2**128 - 1


def test_who_asks_for_no_purpose_gets_those_of_tls_and_ike(authority, client, lab):
    issued = issue(authority, client.csr(), lab.clock.now())
    purposes = load(issued).extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert tuple(each.dotted_string for each in purposes) == PURPOSES
    bare = issue(authority, client.csr(), lab.clock.now(), purposes=())
    assert bare.extension(certificates.EXTENDED_KEY_USAGE) is None


@pytest.mark.parametrize("usage", ["digital_signature", "key_encipherment"])
def test_special_usage_keys_get_their_own_usage(authority, client, lab, usage):
    asked = [certificates.ext_key_usage(usage)]
    assert usages(issue(authority, client.csr(extensions=asked), lab.clock.now())) == {usage}


# ---------------------------------------------------------------------------------- shapes, generations


@pytest.fixture(scope="module")
def shapes(keys):
    """``shapes(with_root, ec_keys)``: an authority of that shape."""

    def make(with_root, ec_keys):
        def ca_key(number):
            return ec.generate_private_key(ec.SECP256R1()) if ec_keys else keys(number, 2048)

        root = ca_key(3) if with_root else None
        made = AuthorityKeys(root, ca_key(0), keys(1, 2048), keys(2, 2048))
        return found_authority(made, places=PLACES, now=START, random_bytes=os.urandom)

    return make


@pytest.mark.parametrize("with_root", [False, True])
@pytest.mark.parametrize("ec_keys", [False, True])
def test_shapes(shapes, client, with_root, ec_keys):
    authority = shapes(with_root, ec_keys)
    told = authority.certificates(ra_mode=False)
    # An EC key opens no envelopes, so the RAs have to be told in every profile.
    assert len(told) == (2 if ec_keys else 0) + (2 if with_root else 1)
    assert len(authority.certificates(ra_mode=True)) == (4 if with_root else 3)
    signing, encryption, ca, *roots = authority.certificates(ra_mode=True)
    assert (signing.has_key_usage("key_encipherment"), encryption.has_key_usage("key_encipherment")) == (
        False,
        True,
    )
    assert ca.has_key_usage("key_encipherment") is not ec_keys
    root = roots[0] if roots else ca
    if roots:
        assert usages(root) == {"key_cert_sign", "crl_sign"}
    for below, above in ((signing, ca), (encryption, ca), (ca, root), (root, root)):
        certificates.verify_issued_by(below, above)
    issued = issue(authority, client.csr(), START)
    certificates.verify_issued_by(issued, ca)
    assert authority.has_issued(issued)
    signer = authority.reply_signer(ra_mode=False)
    assert signer is (authority.ra_signing if ec_keys else authority.ca.identity)
    assert all(isinstance(each.key, rsa.RSAPrivateKey) for each in authority.recipients)


def test_the_root_above_a_ca_has_a_crl_of_its_own(shapes):
    authority = shapes(with_root=True, ec_keys=False)
    assert [ca.name for ca in authority.cas] == ["ca-1", "root-1"]
    point = authority.ca.certificate.extension(certificates.CRL_DISTRIBUTION_POINTS)
    assert certificates.read_crl_distribution_points(point.value)[0] == "http://ca.lab:8080/crl/root-1.crl"
    assert authority.root.certificate.extension(certificates.CRL_DISTRIBUTION_POINTS) is None


def test_a_succession(authority, authority_keys):
    at = START + timedelta(days=7)
    coming = found_authority(
        authority_keys(2),
        places=PLACES,
        now=START,
        random_bytes=os.urandom,
        number=2,
        mark=mark_of(authority),
        active_from=at,
    )
    succession = Succession((authority, coming))
    assert (succession.current(START), succession.next(START)) == (authority, coming)
    assert (succession.current(at), succession.next(at)) == (coming, None)
    assert mark_of(coming) == mark_of(authority)
    assert succession.ca_named(coming.ca.certificate.subject).name == "ca-2"
    assert [succession.answering(each).number for each in succession.recipients] == [2, 2, 2, 1, 1, 1]
    assert succession.numbered(1) is authority
    with pytest.raises(LookupError):
        succession.numbered(3)


def test_the_issuers_name_is_known_in_other_string_types(authority):
    parsed = names.parse_name(authority.ca.certificate.subject)
    succession = Succession((authority,))
    assert succession.ca_named(names.build_name(parsed, string_type=asn1.UTF8_STRING)) is authority.ca
    assert succession.ca_named(names.build_name(parsed[:1])) is None
    assert succession.ca_named(b"\x05\x00") is None
