"""Certificates from recipes.

Everything but the keys follows from recipes and epoch: serial numbers are hashes, signatures are the same
each time (RSA by nature, ECDSA by RFC 6979).  So keys and epoch are all that has to be kept for a restart to
bring the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512

from cryptography.hazmat.primitives.asymmetric import ec

from bundles.domain.reader import RecipeError, When
from bundles.domain.recipes import CertificateRecipe, Derived, KeyKind, SameAs
from scep_core import certificates
from scep_core.algorithms import PrivateKey
from scep_core.certificates import Certificate, Extension, build_certificate, key_identifier
from scep_core.cms import Identity
from scep_core.crls import build_crl
from scep_core.csr import public_key_info
from scep_core.values import Digest

# Returns the key that is kept under this name, of this kind.
KeySource = Callable[[str, KeyKind], PrivateKey]

CRL_LIFETIME = timedelta(days=7)
CRL_PERIOD = timedelta(hours=1)
_YEAR_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)  # RFC 5280 has no earlier dates that all read alike
# n of FIPS 186-4 D.1.2.3: private keys are from 1 to n - 1.
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def derived_key(seed: str, name: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 key that the text and the name make; whoever knows these has the key."""
    number = int.from_bytes(sha512(f"{seed}\0{name}".encode()).digest(), "big")
    return ec.derive_private_key(number % (_ORDER_P256 - 1) + 1, ec.SECP256R1())


def instant_of(when: When, epoch: datetime) -> datetime:
    """An instant of a recipe; ValueError when it is out of the calendar."""
    try:
        instant = when if isinstance(when, datetime) else epoch + when
    except OverflowError:
        instant = datetime.min.replace(tzinfo=UTC)
    if instant < _EARLIEST:
        raise ValueError("out of the calendar, which begins in 1950 and ends with 9999")
    return instant


class Issuer:
    """Issues what the recipes say, each when it is asked for first."""

    def __init__(self, recipes: Mapping[str, CertificateRecipe], keys: KeySource, epoch: datetime) -> None:
        self._recipes = recipes
        self._keys = keys
        self._epoch = epoch
        self._issued: dict[str, tuple[Identity, ...]] = {}

    def identities(self, name: str) -> tuple[Identity, ...]:
        """The certificates of a recipe with their key: one, or as many as its ``count`` says."""
        if name not in self._issued:
            recipe = self._recipes[name]
            key = self._key(recipe)
            self._issued[name] = tuple(
                Identity(self._issue(recipe, key, number), key) for number in range(1, recipe.count + 1)
            )
        return self._issued[name]

    def identity(self, name: str) -> Identity:
        """The same where there is but one."""
        (found,) = self.identities(name)
        return found

    def _key(self, recipe: CertificateRecipe) -> PrivateKey:
        match recipe.key:
            case Derived(seed):
                return derived_key(seed, recipe.name)
            case SameAs(name):
                return self._key(self._recipes[name])
            case kind:
                return self._keys(recipe.name, kind)

    def _issue(self, recipe: CertificateRecipe, key: PrivateKey, number: int) -> Certificate:
        try:
            dates = [instant_of(when, self._epoch) for when in (recipe.not_before, recipe.not_after)]
        except ValueError as error:
            raise RecipeError(f"{recipe.where}: a date is {error}") from error
        if dates[0] > dates[1]:
            raise RecipeError(f"{recipe.where}.until: is before from, with an epoch of {self._epoch}")
        subject, info = recipe.subject_der(number), public_key_info(key.public_key())
        issuer = self.identity(recipe.issuer) if recipe.issuer else None
        return _sign(
            Draft(subject, info, dates[0], dates[1], _extensions(recipe.ca), recipe.serial_number),
            issuer,
            key,
            recipe.digest,
        )


@dataclass(frozen=True)
class Draft:
    """A certificate but for its issuer; without a serial number it gets one that is a hash of the rest."""

    subject: bytes
    public_key_info: bytes
    not_before: datetime
    not_after: datetime
    extensions: Sequence[Extension]
    serial_number: int | None = None


def issue(draft: Draft, issuer: Identity) -> Certificate:
    """The certificate, signed by ``issuer``."""
    return _sign(draft, issuer, issuer.key, Digest.SHA256)


def _sign(draft: Draft, issuer: Identity | None, own_key: PrivateKey, digest: Digest) -> Certificate:
    issuer_name = issuer.certificate.subject if issuer else draft.subject
    issuer_key = issuer.certificate.public_key_info if issuer else draft.public_key_info
    extensions = [
        *draft.extensions,
        certificates.ext_subject_key_id(draft.public_key_info),
        certificates.ext_authority_key_id(issuer_key),  # in roots too, as browsers' rules recommend
    ]
    return build_certificate(
        serial_number=draft.serial_number or _serial_number(draft, issuer_name, extensions),
        issuer=issuer_name,
        subject=draft.subject,
        public_key_info=draft.public_key_info,
        not_before=draft.not_before,
        not_after=draft.not_after,
        extensions=extensions,
        key=issuer.key if issuer else own_key,
        digest=digest,
    )


def _serial_number(draft: Draft, issuer: bytes, extensions: Sequence[Extension]) -> int:
    """Another one for every other certificate: 127 bits of a hash."""
    dates = f"{draft.not_before.isoformat()} {draft.not_after.isoformat()}".encode()
    parts = [issuer, draft.subject, draft.public_key_info, dates, *(each.der for each in extensions)]
    hashed = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    return int.from_bytes(hashed[:16], "big") >> 1 | 1 << 126


def _extensions(ca: bool) -> tuple[Extension, ...]:
    usages = ("key_cert_sign", "crl_sign") if ca else ("digital_signature",)
    return (certificates.ext_basic_constraints(ca), certificates.ext_key_usage(*usages))


def empty_crl(issuer: Identity, now: datetime) -> bytes:
    """The CRL of a CA that has revoked nothing; the same for a whole hour of the lab clock."""
    hours = (now - _YEAR_ZERO) // CRL_PERIOD
    this_update = _YEAR_ZERO + hours * CRL_PERIOD
    return build_crl(
        issuer=issuer.certificate.subject,
        key=issuer.key,
        digest=Digest.SHA256,
        this_update=this_update,
        next_update=this_update + CRL_LIFETIME,
        revoked=(),
        number=hours,
        authority_key_id=key_identifier(issuer.certificate.public_key_info),
    )
