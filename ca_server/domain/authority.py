"""One generation of the CA: its keys, the certificates of its own, and what it certifies for others.

Like NDES in front of its CA there are several identities: the CA that issues, perhaps a root above it, a
registration authority that signs replies ("Enrollment Agent") and one that requests are encrypted to ("CEP
Encryption").  Which of them a client sees is the profile's choice; a request is opened with whichever it
names, because clients choose the recipient in their own ways (``scep.md`` 6.1, 6.2).

A CA with an EC key cannot open envelopes, so there the RAs, whose keys are always RSA, speak for it in
every profile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.domain.issuance import Terms, certificate_extensions, found_at
from ca_server.domain.places import USUAL_POINTS, Places
from scep_core import certificates
from scep_core.algorithms import PrivateKey, RandomBytes
from scep_core.certificates import Certificate, Extension, build_certificate, verify_issued_by
from scep_core.cms import Identity
from scep_core.csr import Csr, public_key_info
from scep_core.names import COMMON_NAME, ORGANIZATION, build_name, parse_name
from scep_core.values import Digest

LIFETIME = timedelta(days=3650)  # of the CA's own certificates
LAB = "scep-lab (untrusted)"

# In both of NDES's RA certificates [I]: their templates are named in scep.md 2.2, the extensions are not.
CERTIFICATE_REQUEST_AGENT = certificates.CERTIFICATE_REQUEST_AGENT

# keyUsage is what clients choose certificates by (scep.md 2.5): an RA that only signs, one that only
# receives.  The CA that issues has both bits too, as in CA mode it signs and opens messages itself; one
# with an EC key signs GetNextCACert's answer; a root above it does neither, and nobody should send it any.
_CA_USAGE = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign")
_EC_CA_USAGE = ("digital_signature", "key_cert_sign", "crl_sign")
_ROOT_USAGE = ("key_cert_sign", "crl_sign")


class AuthorityExpired(Exception):
    """The CA's own certificate has ended, so it issues no more."""


class KeyKind(StrEnum):
    """The kinds of key that a CA can have.  IOS XR takes no RSA key of more than 2048 bits."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"


@dataclass(frozen=True)
class Shape:
    """What a CA is made of: the kind of its keys, and whether a root stands above the CA that issues.

    The RAs' keys are of the same kind, or RSA 2048 where that is EC.
    """

    key: KeyKind = KeyKind.RSA_2048
    with_root: bool = False

    @property
    def ra_key(self) -> KeyKind:
        """The kind of the RAs' keys."""
        return KeyKind.RSA_2048 if self.key is KeyKind.EC_P256 else self.key


@dataclass(frozen=True)
class AuthorityKeys:
    """The private keys of a new CA; ``root`` is None when the CA is its own root."""

    root: PrivateKey | None
    ca: PrivateKey
    ra_signing: rsa.RSAPrivateKey
    ra_encryption: rsa.RSAPrivateKey


@dataclass(frozen=True)
class Ca:
    """One CA certificate with its key; ``name`` stands for it in URLs and in the ledger: ``ca-1``."""

    name: str
    identity: Identity

    @property
    def certificate(self) -> Certificate:
        """The CA's own certificate."""
        return self.identity.certificate


@dataclass(frozen=True)
class Authority:
    """The identities of one generation; ``root`` is ``ca`` itself when there is none above it.

    ``number`` counts the generations from 1.  Clients are sent to this one from ``active_from`` on; None
    for the first.
    """

    number: int
    active_from: datetime | None
    root: Ca
    ca: Ca
    ra_signing: Identity
    ra_encryption: Identity

    @property
    def cas(self) -> tuple[Ca, ...]:
        """The CA that issues, then the root above it."""
        return (self.ca,) if self.ca is self.root else (self.ca, self.root)

    @property
    def recipients(self) -> tuple[Identity, ...]:
        """Everything that a request may be encrypted to."""
        own = () if self.ra_only else (self.ca.identity,)
        return (self.ra_encryption, *own, self.ra_signing)

    @property
    def ra_only(self) -> bool:
        """Whether the CA's key cannot open envelopes, so that the RAs have to be told in every profile."""
        return not isinstance(self.ca.identity.key, rsa.RSAPrivateKey)

    def certificates(self, *, ra_mode: bool) -> tuple[Certificate, ...]:
        """GetCACert's answer; in RA mode in NDES's order: RA signing, RA encryption, CA (scep.md 2.5).

        The CA that issues comes before its root (RFC 8894 section 4.2.1.2: "the leaf").
        """
        own = tuple(each.certificate for each in self.cas)
        if not ra_mode and not self.ra_only:
            return own
        return (self.ra_signing.certificate, self.ra_encryption.certificate, *own)

    def reply_signer(self, *, ra_mode: bool) -> Identity:
        """Who signs CertReps."""
        return self.ra_signing if ra_mode or self.ra_only else self.ca.identity

    def has_issued(self, certificate: Certificate) -> bool:
        """Whether the CA that issues has signed it."""
        try:
            verify_issued_by(certificate, self.ca.certificate)
        except ValueError:
            return False
        return True

    def check_lasts(self, now: datetime) -> None:
        """Raise AuthorityExpired when the CA's certificate has ended."""
        end = self.ca.certificate.not_after
        if now >= end:
            raise AuthorityExpired(f"the CA's certificate ended at {end:%Y-%m-%d %H:%M:%S} UTC")

    def issue(
        self, csr: Csr, terms: Terms, *, places: Places, now: datetime, random_bytes: RandomBytes
    ) -> Certificate:
        """A certificate for this request, valid from ``now`` but not beyond the CA's own end.

        The subject is the request's, byte for byte.  AuthorityExpired.
        """
        self.check_lasts(now)
        ca = self.ca.certificate
        return build_certificate(
            serial_number=new_serial_number(random_bytes),
            issuer=ca.subject,
            subject=csr.subject,
            public_key_info=csr.public_key_info,
            not_before=now,
            not_after=min(now + terms.lifetime, ca.not_after),
            extensions=(
                certificates.ext_basic_constraints(False),
                *certificate_extensions(csr, terms),
                certificates.ext_subject_key_id(csr.public_key_info),
                certificates.ext_authority_key_id(ca.public_key_info),
                *found_at(places, terms.distribution_points, self.ca.name, ca.subject),
            ),
            key=self.ca.identity.key,
            digest=Digest.SHA256,
        )


def same_name(one: bytes, other: bytes) -> bool:
    """Whether two DER names are the same, in whatever string types a client has re-encoded one."""
    try:
        return parse_name(one) == parse_name(other)
    except ValueError:
        return False


def found_authority(
    keys: AuthorityKeys,
    *,
    places: Places,
    now: datetime,
    random_bytes: RandomBytes,
    number: int = 1,
    mark: str | None = None,
    active_from: datetime | None = None,
) -> Authority:
    """A new CA with its two RA certificates; its name says that it is a lab's.

    ``mark`` tells two labs' CAs apart, and is the same in all generations of one.
    """
    mark = mark or random_bytes(3).hex().upper()
    generation = mark if number == 1 else f"{mark} G{number}"  # as public CAs number theirs

    def certify(name: bytes, key: PrivateKey, signer: Ca | None, *extensions: Extension) -> Certificate:
        spki = public_key_info(key.public_key())
        issuer = spki if signer is None else signer.certificate.public_key_info
        found = () if signer is None else _found_at(places, signer)
        return build_certificate(
            serial_number=new_serial_number(random_bytes),
            issuer=name if signer is None else signer.certificate.subject,
            subject=name,
            public_key_info=spki,
            not_before=now,
            not_after=now + LIFETIME,
            extensions=(
                *extensions,
                certificates.ext_subject_key_id(spki),
                certificates.ext_authority_key_id(issuer),
                *found,
            ),
            key=key if signer is None else signer.identity.key,
            digest=Digest.SHA256,
        )

    def ca(
        title: str, key: PrivateKey, signer: Ca | None, path_len: int | None, usage: Sequence[str]
    ) -> Certificate:
        return certify(
            _name(f"scep-lab {title} {generation}"),
            key,
            signer,
            certificates.ext_basic_constraints(True, path_len),
            certificates.ext_key_usage(*usage),
        )

    def ra(title: str, key: rsa.RSAPrivateKey, usage: str, signer: Ca) -> Identity:
        certificate = certify(
            _name(f"scep-lab RA {title} {generation}"),
            key,
            signer,
            certificates.ext_basic_constraints(False),
            certificates.ext_key_usage(usage),
            certificates.ext_extended_key_usage(CERTIFICATE_REQUEST_AGENT),
        )
        return Identity(certificate, key)

    usage = _CA_USAGE if isinstance(keys.ca, rsa.RSAPrivateKey) else _EC_CA_USAGE
    if keys.root is None:
        issuing = Ca(f"ca-{number}", Identity(ca("Root CA", keys.ca, None, None, usage), keys.ca))
        root = issuing
    else:
        root = Ca(f"root-{number}", Identity(ca("Root CA", keys.root, None, None, _ROOT_USAGE), keys.root))
        issuing = Ca(f"ca-{number}", Identity(ca("Issuing CA", keys.ca, root, 0, usage), keys.ca))
    return Authority(
        number=number,
        active_from=active_from,
        root=root,
        ca=issuing,
        ra_signing=ra("signing", keys.ra_signing, "digital_signature", issuing),
        ra_encryption=ra("encryption", keys.ra_encryption, "key_encipherment", issuing),
    )


def _found_at(places: Places, signer: Ca) -> Sequence[Extension]:
    return found_at(places, USUAL_POINTS, signer.name, signer.certificate.subject)


def _name(common_name: str) -> bytes:
    return build_name([[(ORGANIZATION, LAB)], [(COMMON_NAME, common_name)]])


def mark_of(authority: Authority) -> str:
    """What tells this lab's CA from another's: the hexadecimal in its names."""
    common_name = parse_name(authority.root.certificate.subject)[-1][0][1]
    return common_name.removeprefix("scep-lab Root CA ").partition(" ")[0]


def new_serial_number(random_bytes: RandomBytes) -> int:
    """A positive serial number of 128 random bits: unique without a counter (RFC 5280 4.1.2.2)."""
    return int.from_bytes(random_bytes(16), "big") or 1


@dataclass(frozen=True)
class Succession:
    """All generations of the CA, oldest first: those that were, the one that is, the one that will be.

    A request is answered by the generation whose certificate it is encrypted to (RFC 8894 section 4.7), be
    that an earlier one, which its clients go on trusting until it ends, or the next one.
    """

    authorities: tuple[Authority, ...]

    def current(self, now: datetime) -> Authority:
        """The generation that clients are sent to."""
        return [each for each in self.authorities if each.active_from is None or each.active_from <= now][-1]

    def next(self, now: datetime) -> Authority | None:
        """The generation that is announced by GetNextCACert."""
        coming = [
            each for each in self.authorities if each.active_from is not None and each.active_from > now
        ]
        return coming[0] if coming else None

    def numbered(self, number: int) -> Authority:
        """One generation; LookupError."""
        for each in self.authorities:
            if each.number == number:
                return each
        raise LookupError(f"the CA has no generation {number}")

    @property
    def recipients(self) -> tuple[Identity, ...]:
        """Everything that a request may be encrypted to."""
        return tuple(identity for each in reversed(self.authorities) for identity in each.recipients)

    def answering(self, recipient: Identity) -> Authority:
        """The generation that this recipient belongs to."""
        return next(each for each in self.authorities if recipient in each.recipients)

    @property
    def cas(self) -> tuple[Ca, ...]:
        """Every CA of every generation."""
        return tuple(ca for each in self.authorities for ca in each.cas)

    def ca_named(self, subject: bytes) -> Ca | None:
        """The CA that this DER name means."""
        return next((ca for ca in self.cas if same_name(ca.certificate.subject, subject)), None)

    def is_own_name(self, subject: bytes) -> bool:
        """Whether a DER name is that of a CA or an RA of ours."""
        ours = (own for each in self.authorities for own in each.certificates(ra_mode=True))
        return any(same_name(own.subject, subject) for own in ours)

    def issuer_of(self, certificate: Certificate) -> Authority | None:
        """The generation that has signed a client's certificate; None when it was none of ours."""
        return next((each for each in self.authorities if each.has_issued(certificate)), None)


# Asked anew for every message: another process may have made the next generation in the meantime.
Authorities = Callable[[], Succession]
