"""RSA keys of any size that a router makes, below OpenSSL's least too."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from router_emu.pki.keys import generate_rsa
from router_emu.texts import CLASSIC, MODERN


@pytest.mark.parametrize("bits", [CLASSIC.rsa_range[0], 361, MODERN.rsa_range[0], 1000, 1023, 1024, 1025])
def test_a_key_of_exactly_so_many_bits(bits: int) -> None:
    key = generate_rsa(bits, os.urandom)
    numbers = key.private_numbers()
    public = numbers.public_numbers
    assert (key.key_size, public.n.bit_length(), public.e) == (bits, bits, 65537)
    assert numbers.p * numbers.q == public.n
    assert pow(pow(0xC0FFEE, public.e, public.n), numbers.d, public.n) == 0xC0FFEE
    assert isinstance(numbers.private_key(), rsa.RSAPrivateKey)  # OpenSSL's own check


def test_two_keys_differ() -> None:
    first, second = (generate_rsa(360, os.urandom).public_key().public_numbers().n for _ in range(2))
    assert first != second
