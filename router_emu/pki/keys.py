"""The router's own key pairs: their kinds, how one is made, and the ring that holds them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import gcd

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from router_emu.pki.dsa import DsaPrivateKey, generate_dsa
from router_emu.pki.primes import find_prime, random_bits
from scep_core.algorithms import RandomBytes

# XR names a key pair so when it is given no label; IOS would take the FQDN.  iosxr.md 1.4 [T].
DEFAULT_LABEL = "the_default"

_EXPONENT = 65537
# OpenSSL 3 and later make no RSA key below this; XR does, from 512 bits on (classic: 360).
_SMALLEST_OF_OPENSSL = 1024


class Algorithm(StrEnum):
    """What a key pair is for; each has labels of its own, and each curve counts as one (iosxr.md 1.3 [Y])."""

    RSA = "rsa"
    DSA = "dsa"
    NISTP256 = "nistp256"
    NISTP384 = "nistp384"
    NISTP521 = "nistp521"
    ED25519 = "ed25519"


CURVES: dict[Algorithm, ec.EllipticCurve] = {
    Algorithm.NISTP256: ec.SECP256R1(),
    Algorithm.NISTP384: ec.SECP384R1(),
    Algorithm.NISTP521: ec.SECP521R1(),
}


class Purpose(StrEnum):
    """What an RSA key is made for: ``usage-keys`` makes two, which share a label."""

    GENERAL = "general"
    SIGNATURE = "signature"
    ENCRYPTION = "encryption"


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | DsaPrivateKey


@dataclass(frozen=True)
class OwnKey:
    """A key pair of any kind, with its label and the lab's time of its making."""

    label: str
    key: PrivateKey = field(repr=False)
    created: datetime
    purpose: Purpose = Purpose.GENERAL

    @property
    def algorithm(self) -> Algorithm:
        """Its kind."""
        match self.key:
            case rsa.RSAPrivateKey():
                return Algorithm.RSA
            case DsaPrivateKey():
                return Algorithm.DSA
            case ed25519.Ed25519PrivateKey():
                return Algorithm.ED25519
            case ec.EllipticCurvePrivateKey(curve=curve):
                return next(each for each in CURVES if CURVES[each].name == curve.name)

    @property
    def size(self) -> int:
        """The length in bits, by which people know a key."""
        return 256 if isinstance(self.key, ed25519.Ed25519PrivateKey) else self.key.key_size

    @property
    def public_key_info(self) -> bytes:
        """The DER SubjectPublicKeyInfo, which ``show crypto key mypubkey`` prints."""
        if isinstance(self.key, DsaPrivateKey):
            return self.key.public_key_info
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class KeyPair(OwnKey):
    """An RSA key pair: what trustpoints work with."""

    key: rsa.RSAPrivateKey = field(repr=False)


class KeyRing:
    """All key pairs of the router, by kind and label."""

    def __init__(self) -> None:
        self._held: dict[tuple[Algorithm, str], tuple[OwnKey, ...]] = {}

    def for_enrolment(self, label: str) -> tuple[KeyPair, ...]:
        """The RSA keys named ``label``, each to be certified: one GENERAL, or SIGNATURE and ENCRYPTION.

        The purpose stands in each.  KeyError when there are none.
        """
        return tuple(key for key in self._held[Algorithm.RSA, label] if isinstance(key, KeyPair))

    def find(self, algorithm: Algorithm, label: str) -> tuple[OwnKey, ...]:
        """What goes by this label: nothing, one key, or two of RSA's usage keys."""
        return self._held.get((algorithm, label), ())

    def having(self, public_key_info: bytes) -> OwnKey | None:
        """The key that belongs to a certificate."""
        return next((key for key in self if key.public_key_info == public_key_info), None)

    def put(self, *keys: OwnKey) -> None:
        """Take the keys of one kind and label, in the place of what went by it."""
        self._held[keys[0].algorithm, keys[0].label] = keys

    def remove(self, algorithm: Algorithm, label: str) -> None:
        """Forget what goes by this label."""
        del self._held[algorithm, label]

    def labels(self, algorithm: Algorithm) -> list[str]:
        """The labels of a kind, in order."""
        return sorted(label for kind, label in self._held if kind is algorithm)

    def __iter__(self) -> Iterator[OwnKey]:
        """Every key, in the order of the kinds, the labels, and signature before encryption."""
        return (key for kind in Algorithm for label in self.labels(kind) for key in self.find(kind, label))


@dataclass(frozen=True)
class GenerateKey:
    """A job for whoever may spend time: make a key; only RSA and DSA come in several sizes."""

    algorithm: Algorithm
    bits: int = 0


def generate(job: GenerateKey, random_bytes: RandomBytes) -> PrivateKey:
    """The key that was asked for.  Long work: seconds at 4096 bits of RSA."""
    match job.algorithm:
        case Algorithm.RSA:
            return generate_rsa(job.bits, random_bytes)
        case Algorithm.DSA:
            return generate_dsa(job.bits, random_bytes)
        case Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case curve:
            return ec.generate_private_key(CURVES[curve])


def generate_rsa(bits: int, random_bytes: RandomBytes) -> rsa.RSAPrivateKey:
    """An RSA key of exactly ``bits``."""
    if bits >= _SMALLEST_OF_OPENSSL:
        return rsa.generate_private_key(_EXPONENT, bits)
    while True:
        p = _rsa_prime(bits - bits // 2, random_bytes)
        q = _rsa_prime(bits // 2, random_bytes)
        if p != q and (p * q).bit_length() == bits:
            break
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_EXPONENT, p * q)
    )
    return numbers.private_key()


def _rsa_prime(bits: int, random_bytes: RandomBytes) -> int:
    def candidate() -> int:
        # The top two bits: the product has its full length.
        number = random_bits(bits, random_bytes) | 0b11 << (bits - 2) | 1
        return number if gcd(number - 1, _EXPONENT) == 1 else 0

    return find_prime(candidate, random_bytes)
