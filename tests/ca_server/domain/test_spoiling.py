"""Certificates that a CA shows on demand: of a CA that has changed, of an RA that has ended."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ca_server.domain.authority import AuthorityKeys, found_authority
from ca_server.domain.spoiling import changed_certificates, expired_ra
from scep_core import certificates
from tests.ca_server.conftest import PLACES, START


@pytest.fixture(params=["rsa", "rsa under a root", "ec", "ec under a root"])
def authority(request, keys):
    """A CA of each shape."""

    def ca_key(number):
        is_ec = request.param.startswith("ec")
        return ec.generate_private_key(ec.SECP256R1()) if is_ec else keys(number, 2048)

    root = ca_key(3) if "root" in request.param else None
    made = AuthorityKeys(root, ca_key(0), keys(1, 2048), keys(2, 2048))
    return found_authority(made, places=PLACES, now=START, random_bytes=os.urandom)


def test_an_ended_ra_differs_from_the_true_one_in_its_life_alone(authority):
    true, ended = authority.ra_signing, expired_ra(authority)
    assert ended.key is true.key
    assert ended.certificate.subject == true.certificate.subject
    assert ended.certificate.serial_number != true.certificate.serial_number
    assert ended.certificate.not_after < START
    assert ended.certificate.extensions == true.certificate.extensions
    certificates.verify_issued_by(ended.certificate, authority.ca.certificate)


@pytest.mark.parametrize("ra_mode", [False, True])
def test_a_changed_ca_is_whole_and_another(authority, ra_mode):
    *ras, ca = changed_certificates(authority, ra_mode=ra_mode)
    assert len(ras) == (2 if ra_mode or authority.ra_only else 0)
    assert ca.subject == authority.root.certificate.subject
    assert ca.public_key_info != authority.root.certificate.public_key_info
    for each in (*ras, ca):
        certificates.verify_issued_by(each, ca)
        assert each.not_before <= START < each.not_after
    assert [each.public_key_info for each in ras] == [
        each.certificate.public_key_info
        for each in (authority.ra_signing, authority.ra_encryption)[: len(ras)]
    ]
    assert changed_certificates(authority, ra_mode=ra_mode) == (*ras, ca)  # in every process the same
