"""The router's own key pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import gcd

from cryptography.hazmat.primitives.asymmetric import rsa

from scep_core.algorithms import RandomBytes
from scep_core.csr import public_key_info

# XR names a key pair so when it is given no label; IOS would take the FQDN.  iosxr.md 1.4 [T].
DEFAULT_LABEL = "the_default"

_EXPONENT = 65537
# OpenSSL 3 and later make no RSA key below this; XR does, from 512 bits on (classic: 360).
_SMALLEST_OF_OPENSSL = 1024


@dataclass(frozen=True)
class KeyPair:
    """An RSA key pair with its label and the lab's time of its making."""

    label: str
    key: rsa.RSAPrivateKey = field(repr=False)
    created: datetime

    @property
    def public_key_info(self) -> bytes:
        """The DER SubjectPublicKeyInfo, which ``show crypto key mypubkey`` prints."""
        return public_key_info(self.key.public_key())


@dataclass(frozen=True)
class GenerateRsa:
    """A job for whoever may spend time: make an RSA key with this modulus, in bits."""

    bits: int


def generate_rsa(bits: int, random_bytes: RandomBytes) -> rsa.RSAPrivateKey:
    """An RSA key of exactly ``bits``.  Long work: seconds at 4096 bits."""
    if bits >= _SMALLEST_OF_OPENSSL:
        return rsa.generate_private_key(_EXPONENT, bits)
    while True:
        p = _prime(bits - bits // 2, random_bytes)
        q = _prime(bits // 2, random_bytes)
        if p != q and (p * q).bit_length() == bits:
            break
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_EXPONENT, p * q)
    )
    return numbers.private_key()


def _prime(bits: int, random_bytes: RandomBytes) -> int:
    # Only for moduli that no real use has any more; a probable prime by Miller and Rabin's test.
    while True:
        candidate = int.from_bytes(random_bytes((bits + 7) // 8), "big") >> (-bits % 8)
        candidate |= 0b11 << (bits - 2) | 1  # top two bits: the product has its full length
        if gcd(candidate - 1, _EXPONENT) == 1 and _is_probable_prime(candidate, random_bytes):
            return candidate


def _is_probable_prime(candidate: int, random_bytes: RandomBytes) -> bool:
    if any(candidate % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    twos = (candidate - 1 & -(candidate - 1)).bit_length() - 1
    odd = (candidate - 1) >> twos
    for _ in range(32):
        witness = 2 + int.from_bytes(random_bytes(candidate.bit_length() // 8 + 8), "big") % (candidate - 3)
        power = pow(witness, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True
