"""DSA keys of the sizes that XR makes, 512 and 768 bits too, which ``cryptography`` cannot even hold.

They are shown and kept, and sign nothing here: SSH gave DSA up, and SCEP's messages need RSA or EC.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from router_emu.pki.primes import find_prime, random_bits
from scep_core import asn1
from scep_core.algorithms import RandomBytes

_OID = "1.2.840.10040.4.1"  # id-dsa, RFC 3279 section 2.3.2


@dataclass(frozen=True)
class DsaPrivateKey:
    """The group (``p``, ``q``, ``g``), the public ``y`` = g^x mod p, and ``x``."""

    p: int
    q: int
    g: int
    y: int
    x: int = field(repr=False)

    @property
    def key_size(self) -> int:
        """The length of ``p``, in bits."""
        return self.p.bit_length()

    @property
    def public_key_info(self) -> bytes:
        """The DER SubjectPublicKeyInfo: RFC 3279 section 2.3.2."""
        group = asn1.sequence_of(*map(asn1.integer, (self.p, self.q, self.g)))
        algorithm = asn1.sequence_of(asn1.oid(_OID), group)
        return asn1.sequence_of(algorithm, asn1.bit_string(asn1.integer(self.y)))


def generate_dsa(bits: int, random_bytes: RandomBytes) -> DsaPrivateKey:
    """A key in a group of its own; q has 160 bits, or 256 from 2048 on (FIPS 186-4 section 4.2)."""
    q_bits = 256 if bits >= 2048 else 160

    def maybe_q() -> int:
        return random_bits(q_bits, random_bytes) | 1 << (q_bits - 1) | 1

    q = find_prime(maybe_q, random_bytes)

    def maybe_p() -> int:
        start = random_bits(bits, random_bytes) | 1 << (bits - 1)
        candidate = start - start % (2 * q) + 1
        return candidate if candidate.bit_length() == bits else 0

    p = find_prime(maybe_p, random_bytes)
    cofactor = (p - 1) // q
    g = next(power for base in range(2, p) if (power := pow(base, cofactor, p)) > 1)
    x = 1 + random_bits(q_bits + 64, random_bytes) % (q - 1)
    return DsaPrivateKey(p, q, g, pow(g, x, p), x)
