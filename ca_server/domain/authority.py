"""The CA's keys and what they sign: its own three certificates, clients' certificates, CRLs.

Like NDES in front of its CA there are three identities: the CA itself, a registration authority that
signs replies ("Enrollment Agent") and one that requests are encrypted to ("CEP Encryption").  Which of
them a client sees is the profile's choice; a request is opened with whichever of the three it names,
because clients choose the recipient in their own ways (``scep.md`` 6.1, 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from scep_core import asn1, certificates
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate, Extension, build_certificate, verify_issued_by
from scep_core.cms import Identity
from scep_core.csr import Csr, public_key_info
from scep_core.names import COMMON_NAME, ORGANIZATION, build_name, parse_name
from scep_core.values import Digest

LIFETIME = timedelta(days=3650)  # of the CA's own certificates
CRL_LIFETIME = timedelta(days=7)  # AD CS' default for a base CRL
LAB = "scep-lab (untrusted)"

CERTIFICATE_REQUEST_AGENT = "1.3.6.1.4.1.311.20.2.1"  # in both of NDES's RA certificates
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"

# keyUsage is what clients choose RA certificates by (scep.md 2.5): one that only signs, one that only
# receives.  The CA's has both bits too, as in CA mode it signs and opens messages itself.
_CA_USAGE = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign")
_USAGE_BY_DEFAULT = ("digital_signature", "key_encipherment")
_USAGES_WITHHELD = {"key_cert_sign", "crl_sign"}
_PURPOSES_WITHHELD = {CERTIFICATE_REQUEST_AGENT, OCSP_SIGNING}


class AuthorityExpired(Exception):
    """The CA's own certificate has ended, so it issues no more."""


@dataclass(frozen=True)
class AuthorityKeys:
    """The private keys of a new CA."""

    ca: rsa.RSAPrivateKey
    ra_signing: rsa.RSAPrivateKey
    ra_encryption: rsa.RSAPrivateKey


@dataclass(frozen=True)
class Authority:
    """The three identities, and what they do."""

    ca: Identity
    ra_signing: Identity
    ra_encryption: Identity

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Everything that a request may be encrypted to."""
        return (self.ra_encryption, self.ca, self.ra_signing)

    def certificates(self, *, ra_mode: bool) -> tuple[Certificate, ...]:
        """GetCACert's answer; in RA mode in NDES's order: RA signing, RA encryption, CA (scep.md 2.5)."""
        if not ra_mode:
            return (self.ca.certificate,)
        return (self.ra_signing.certificate, self.ra_encryption.certificate, self.ca.certificate)

    def reply_signer(self, *, ra_mode: bool) -> Identity:
        """Who signs CertReps."""
        return self.ra_signing if ra_mode else self.ca

    def is_issuer(self, name: bytes) -> bool:
        """Whether this DER name means our CA, in whatever string types a client has re-encoded it."""
        try:
            return parse_name(name) == parse_name(self.ca.certificate.subject)
        except ValueError:
            return False

    def has_issued(self, certificate: Certificate) -> bool:
        """Whether our CA signed it."""
        try:
            verify_issued_by(certificate, self.ca.certificate)
        except ValueError:
            return False
        return True

    def issue(
        self, csr: Csr, *, now: datetime, lifetime: timedelta, random_bytes: RandomBytes
    ) -> Certificate:
        """A certificate for this request, valid from ``now`` but not beyond the CA's own end."""
        ca = self.ca.certificate
        if now >= ca.not_after:
            raise AuthorityExpired(f"the CA's certificate ended at {ca.not_after:%Y-%m-%d %H:%M:%S} UTC")
        return build_certificate(
            serial_number=new_serial_number(random_bytes),
            issuer=ca.subject,
            subject=csr.subject,
            public_key_info=csr.public_key_info,
            not_before=now,
            not_after=min(now + lifetime, ca.not_after),
            extensions=(
                certificates.ext_basic_constraints(False),
                *carried_extensions(csr),
                certificates.ext_subject_key_id(csr.public_key_info),
                certificates.ext_authority_key_id(ca.public_key_info),
            ),
            key=self.ca.key,
            digest=Digest.SHA256,
        )

    def crl(self, now: datetime) -> bytes:
        """A fresh CRL.  Its number is lab time in seconds, which never goes back (RFC 5280 5.2.3)."""
        return certificates.build_crl(
            issuer=self.ca.certificate.subject,
            key=self.ca.key,
            digest=Digest.SHA256,
            this_update=now,
            next_update=now + CRL_LIFETIME,
            revoked=(),
            number=int(now.timestamp()),
            authority_key_id=certificates.key_identifier(self.ca.certificate.public_key_info),
        )


def found_authority(keys: AuthorityKeys, *, now: datetime, random_bytes: RandomBytes) -> Authority:
    """A new CA with its two RA certificates; its name says that it is a lab's."""
    mark = random_bytes(3).hex().upper()  # so that two labs' CAs can be told apart
    ca_name = _name(f"scep-lab Root CA {mark}")

    def certify(name: bytes, key: rsa.RSAPrivateKey, *extensions: Extension) -> Identity:
        spki = public_key_info(key.public_key())
        certificate = build_certificate(
            serial_number=new_serial_number(random_bytes),
            issuer=ca_name,
            subject=name,
            public_key_info=spki,
            not_before=now,
            not_after=now + LIFETIME,
            extensions=(
                *extensions,
                certificates.ext_subject_key_id(spki),
                certificates.ext_authority_key_id(public_key_info(keys.ca.public_key())),
            ),
            key=keys.ca,
            digest=Digest.SHA256,
        )
        return Identity(certificate, key)

    agent = certificates.ext_extended_key_usage(CERTIFICATE_REQUEST_AGENT)
    return Authority(
        ca=certify(
            ca_name,
            keys.ca,
            certificates.ext_basic_constraints(True),
            certificates.ext_key_usage(*_CA_USAGE),
        ),
        ra_signing=certify(
            _name(f"scep-lab RA signing {mark}"),
            keys.ra_signing,
            certificates.ext_key_usage("digital_signature"),
            agent,
        ),
        ra_encryption=certify(
            _name(f"scep-lab RA encryption {mark}"),
            keys.ra_encryption,
            certificates.ext_key_usage("key_encipherment"),
            agent,
        ),
    )


def _name(common_name: str) -> bytes:
    return build_name([[(ORGANIZATION, LAB)], [(COMMON_NAME, common_name)]])


def new_serial_number(random_bytes: RandomBytes) -> int:
    """A positive serial number of 128 random bits: unique without a counter (RFC 5280 4.1.2.2)."""
    return int.from_bytes(random_bytes(16), "big") or 1


def carried_extensions(csr: Csr) -> tuple[Extension, ...]:
    """What the certificate takes over from the request; ValueError when that cannot be read.

    Names and purposes are taken over; whatever would make the holder a CA, an RA or an OCSP responder
    of ours is not, and other extensions are left out, critical or not.
    """
    carried = []
    names = csr.extension(certificates.SUBJECT_ALT_NAME)
    if names is not None:
        if not certificates.read_subject_alt_name(names.value):
            raise ValueError("subjectAltName is empty")
        # RFC 5280 section 4.2.1.6: critical when it is the only name.
        carried.append(Extension(names.oid, not parse_name(csr.subject), names.value))
    asked = csr.extension(certificates.KEY_USAGE)
    usages = certificates.read_key_usage(asked.value) - _USAGES_WITHHELD if asked else None
    carried.append(certificates.ext_key_usage(*sorted(usages or _USAGE_BY_DEFAULT)))
    purposes = csr.extension(certificates.EXTENDED_KEY_USAGE)
    if purposes is not None:
        granted = [asn1.to_oid(each) for each in asn1.items(purposes.value)]
        granted = [each for each in granted if each not in _PURPOSES_WITHHELD]
        if granted:
            carried.append(certificates.ext_extended_key_usage(*granted))
    return tuple(carried)
