"""`enrollment self`: the router makes a CA of its own, and its certificate by that.

Cisco's models: "Enroll self create self signed CA cert and the router cert signed using the same", for the
trustpoint ``system-trustpoint`` alone.  They give the statements, their ranges and defaults; what stands in
the certificates besides is ours: names, extensions, and that a certificate ends no later than its CA's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from router_emu.pki import request
from router_emu.pki.keys import Algorithm, OwnKey, Purpose
from router_emu.pki.trustpoint import TrustpointSettings
from scep_core import certificates, names
from scep_core.algorithms import PrivateKey, RandomBytes
from scep_core.certificates import Certificate, Extension, build_certificate
from scep_core.errors import LocalError
from scep_core.values import Digest

SYSTEM_TRUSTPOINT = "system-trustpoint"
CA_LIFETIME, CA_LIFETIMES = 365, "30-5475"
LIFETIME, LIFETIMES = 200, "30-5474"

# The words of `keypair` and `ca-keypair`, and of the two `key-usage` [Y].
KEY_KINDS = {
    "dsa": Algorithm.DSA,
    "ecdsanistp256": Algorithm.NISTP256,
    "ecdsanistp384": Algorithm.NISTP384,
    "ecdsanistp521": Algorithm.NISTP521,
    "ed25519": Algorithm.ED25519,
    "rsa": Algorithm.RSA,
}
CA_USAGES = {
    "crlsign": "crl_sign",
    "digitalsignature": "digital_signature",
    "keycertsign": "key_cert_sign",
    "nonrepudiation": "non_repudiation",
}
USAGES = {
    "dataencipherment": "data_encipherment",
    "digitalsignature": "digital_signature",
    "keyagreement": "key_agreement",
    "keyencipherment": "key_encipherment",
    "nonrepudiation": "non_repudiation",
}
_SERIAL_OCTETS = 8


class KeyName(NamedTuple):
    """What a key pair goes by in the key ring."""

    algorithm: Algorithm
    label: str


@dataclass(frozen=True)
class SelfEnrolment:
    """What is configured for it.

    ``ca_subject`` is as typed, empty when not configured; usages are scep_core's names, empty for our own.
    """

    key: KeyName
    ca_key: KeyName
    ca_subject: str
    ca_lifetime: timedelta
    lifetime: timedelta
    ca_usages: tuple[str, ...]
    usages: tuple[str, ...]


def make_ca(
    settings: TrustpointSettings, wanted: SelfEnrolment, key: OwnKey, now: datetime, random_bytes: RandomBytes
) -> Certificate:
    """The CA's certificate, self-signed; ValueError says what stands in the way."""
    name = ca_name(settings, wanted)
    usages = wanted.ca_usages or ("digital_signature", "key_cert_sign", "crl_sign")
    extensions = (
        certificates.ext_basic_constraints(True),
        certificates.ext_key_usage(*usages),
        certificates.ext_subject_key_id(key.public_key_info),
    )
    life = (now, now + wanted.ca_lifetime)
    return _sign(settings, key, (name, name), key.public_key_info, life, extensions, random_bytes)


def make_certificate(
    settings: TrustpointSettings,
    wanted: SelfEnrolment,
    key: OwnKey,
    ca: tuple[Certificate, OwnKey],
    now: datetime,
    random_bytes: RandomBytes,
) -> Certificate:
    """The router's certificate for ``key``, by its own ``ca`` and that one's key; ValueError as above."""
    authority, ca_key = ca
    if not authority.has_key_usage("key_cert_sign"):
        raise ValueError("the key usage of the CA certificate does not allow signing certificates")
    subject = router_name(settings)
    if subject == authority.subject:
        raise ValueError("the router's subject name is that of its CA")
    extensions = (
        certificates.ext_basic_constraints(False),
        certificates.ext_key_usage(*(wanted.usages or _usages(key))),
        certificates.ext_subject_alt_name(request.alternative_names(settings)),
        certificates.ext_subject_key_id(key.public_key_info),
        certificates.ext_authority_key_id(authority.public_key_info),
    )
    life = (now, min(now + wanted.lifetime, authority.not_after))
    both = (authority.subject, subject)
    return _sign(settings, ca_key, both, key.public_key_info, life, extensions, random_bytes)


def ca_name(settings: TrustpointSettings, wanted: SelfEnrolment) -> bytes:
    """The DER of the CA's name: ``subject-name ca-certificate``, else one made of the FQDN; ValueError.

    It differs from the router's: a certificate whose issuer and subject are one looks self-signed.
    """
    if wanted.ca_subject:
        return names.build_name(names.parse_text(wanted.ca_subject))
    return names.build_name([[(names.COMMON_NAME, f"{settings.fqdn} CA")]])


def router_name(settings: TrustpointSettings) -> bytes:
    """The DER of the router's name: ``subject-name``, else the FQDN; ValueError when it is none."""
    if settings.subject_name:
        return names.build_name(names.parse_text(settings.subject_name))
    return names.build_name([[(names.COMMON_NAME, settings.fqdn)]])


def read_usages(words: str, known: dict[str, str]) -> tuple[str, ...]:
    """The key usages that were typed, in scep_core's names; ValueError names the word that is none."""
    for word in words.split():
        if word.lower() not in known:
            raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return tuple(known[word] for word in sorted(set(words.lower().split())))


def _usages(key: OwnKey) -> tuple[str, ...]:
    """What a key is good for: only RSA enciphers keys (RFC 5480 section 3, RFC 8410 section 5)."""
    if key.algorithm is not Algorithm.RSA or key.purpose is Purpose.SIGNATURE:
        return ("digital_signature",)
    if key.purpose is Purpose.ENCRYPTION:
        return ("key_encipherment",)
    return ("digital_signature", "key_encipherment")


def _sign(
    settings: TrustpointSettings,
    signer: OwnKey,
    issuer_and_subject: tuple[bytes, bytes],
    public_key_info: bytes,
    life: tuple[datetime, datetime],
    extensions: Sequence[Extension],
    random_bytes: RandomBytes,
) -> Certificate:
    issuer, subject = issuer_and_subject
    try:
        return build_certificate(
            # Positive, as RFC 5280 section 4.1.2.2 demands, and random: nothing is remembered to count on.
            serial_number=int.from_bytes(random_bytes(_SERIAL_OCTETS)) >> 1 | 1,
            issuer=issuer,
            subject=subject,
            public_key_info=public_key_info,
            not_before=life[0],
            not_after=life[1],
            extensions=extensions,
            key=_signing_key(signer),
            digest=settings.digest or Digest.SHA256,
        )
    except LocalError as error:  # a digest that goes with RSA alone
        raise ValueError(str(error)) from error


def _signing_key(key: OwnKey) -> PrivateKey:
    match key.key:
        case rsa.RSAPrivateKey() | ec.EllipticCurvePrivateKey():
            return key.key
    raise ValueError(f"the key pair {key.label} of the CA is neither RSA nor ECDSA, and no other signs here")
