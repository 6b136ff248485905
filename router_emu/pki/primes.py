"""Primes by chance: for the keys that OpenSSL refuses to make, and XR makes.

Only for sizes that no real use has any more; a probable prime by Miller and Rabin's test.
"""

from __future__ import annotations

from collections.abc import Callable

from scep_core.algorithms import RandomBytes

_SMALL = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def random_bits(bits: int, random_bytes: RandomBytes) -> int:
    """A number below two to the power of ``bits``."""
    return int.from_bytes(random_bytes((bits + 7) // 8), "big") >> (-bits % 8)


def find_prime(candidates: Callable[[], int], random_bytes: RandomBytes) -> int:
    """The first prime among the odd ``candidates``; 0 among them is passed over."""
    while True:
        candidate = candidates()
        if candidate and _is_probable_prime(candidate, random_bytes):
            return candidate


def _is_probable_prime(candidate: int, random_bytes: RandomBytes) -> bool:
    if any(candidate % small == 0 for small in _SMALL):
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
