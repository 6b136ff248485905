"""What the CA signs: its own certificates, clients', CRLs."""

import os
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from ca_server.domain.authority import (
    CERTIFICATE_REQUEST_AGENT,
    OCSP_SIGNING,
    AuthorityExpired,
    AuthorityKeys,
    found_authority,
    new_serial_number,
)
from scep_core import asn1, certificates, names
from scep_core.certificates import Extension

YEAR = timedelta(days=365)


def issue(authority, csr, now, lifetime=YEAR):
    return authority.issue(csr, now=now, lifetime=lifetime, random_bytes=os.urandom)


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


def test_two_labs_have_cas_with_different_names(authority, keys):
    other = found_authority(
        AuthorityKeys(*(keys(n, 2048) for n in range(3))),
        now=authority.ca.certificate.not_before,
        random_bytes=os.urandom,
    )
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
    assert len(read) == 6
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


def test_the_crl_is_fresh_and_the_cas(authority, lab):
    now = lab.clock.now()
    crl = x509.load_der_x509_crl(authority.crl(now))
    assert crl.is_signature_valid(load(authority.ca.certificate).public_key())
    assert crl.last_update_utc == now.replace(microsecond=0)
    assert crl.next_update_utc > crl.last_update_utc
    later = x509.load_der_x509_crl(authority.crl(now + timedelta(minutes=1)))
    number = ExtensionOID.CRL_NUMBER
    first, second = (each.extensions.get_extension_for_oid(number).value.crl_number for each in (crl, later))
    assert first < second


def test_the_issuers_name_is_known_in_other_string_types(authority):
    parsed = names.parse_name(authority.ca.certificate.subject)
    assert authority.is_issuer(names.build_name(parsed, string_type=asn1.UTF8_STRING))
    assert not authority.is_issuer(names.build_name(parsed[:1]))
    assert not authority.is_issuer(b"\x05\x00")
