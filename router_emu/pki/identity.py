"""An identity as a PKCS #12 file: a key, its certificate and the CAs above, for a program beside the lab."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from router_emu.pki.dsa import DsaPrivateKey
from router_emu.pki.keys import KeyRing, Purpose
from router_emu.pki.trustpoint import TrustpointState
from scep_core.certificates import Certificate


class NoIdentity(Exception):
    """There is nothing to export; ``str()`` says why, for people."""


@dataclass(frozen=True)
class Identity:
    """A certificate of the router's, its private key, and the CAs above it as far as they are held."""

    certificate: Certificate
    authorities: tuple[Certificate, ...]
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What a peer is shown: the certificate and the CAs below the root, which he has to have himself."""
        return (self.certificate, *(each for each in self.authorities if not each.is_self_issued))


def find_identity(held: TrustpointState, keys: KeyRing) -> Identity:
    """The certificate that a peer is shown, and its key: with usage keys those that sign.  NoIdentity."""
    certificate = held.own.get(Purpose.GENERAL) or held.own.get(Purpose.SIGNATURE)
    if certificate is None:
        raise NoIdentity("it holds no certificate of this router's to sign with")
    key = keys.having(certificate.public_key_info)
    if key is None:
        raise NoIdentity("the key of its certificate is gone")
    if isinstance(key.key, DsaPrivateKey):
        raise NoIdentity("nobody takes keys of its kind any more")
    above = (*([held.ca] if held.ca else ()), *held.above)
    return Identity(certificate, above, key.key)


def export_identity(name: str, held: TrustpointState, keys: KeyRing, password: bytes) -> bytes:
    """PKCS #12 (RFC 7292): PBES2 with AES-256, and a MAC with SHA-256, as OpenSSL 3 writes by itself.

    NoIdentity, too, when a certificate is one that others would not read.
    """
    identity = find_identity(held, keys)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
        .build(password)
    )
    try:
        own, *others = [
            x509.load_der_x509_certificate(each.der) for each in (identity.certificate, *identity.authorities)
        ]
    except (ValueError, x509.InvalidVersion) as error:  # the second is none of the first
        raise NoIdentity(f"a certificate is not well-formed: {error}") from error
    return pkcs12.serialize_key_and_certificates(name.encode(), identity.key, own, others, encryption)
