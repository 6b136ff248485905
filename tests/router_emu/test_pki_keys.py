"""Keys of any kind and size that a router makes, below OpenSSL's least too."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from router_emu.pki.dsa import generate_dsa
from router_emu.pki.keys import KeyPair, KeyRing, Purpose, generate_rsa
from router_emu.texts import CLASSIC, MODERN
from tests.router_emu.conftest import THE_CHAPTERS_DAY
from tests.router_emu.pki_lab import rsa_key


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


@pytest.mark.parametrize("bits", [512, 768, 1024])
def test_a_dsa_key(bits: int) -> None:
    key = generate_dsa(bits, os.urandom)
    assert (key.p.bit_length(), key.q.bit_length()) == (bits, 160)
    assert (key.p - 1) % key.q == 0
    assert key.g > 1
    assert pow(key.g, key.q, key.p) == 1
    assert 0 < key.x < key.q
    assert pow(key.g, key.x, key.p) == key.y
    if bits == 1024:  # as OpenSSL sees it
        assert isinstance(load_der_public_key(key.public_key_info), DSAPublicKey)


def test_the_ring_knows_whose_certificate_it_is() -> None:
    ring = KeyRing()
    signature, encryption = (
        KeyPair("pair", rsa_key(purpose), THE_CHAPTERS_DAY, purpose)
        for purpose in (Purpose.SIGNATURE, Purpose.ENCRYPTION)
    )
    ring.put(signature, encryption)
    assert ring.for_enrolment("pair") == (signature, encryption)
    assert ring.having(encryption.public_key_info) is encryption
    ring.put(KeyPair("pair", rsa_key("router"), THE_CHAPTERS_DAY))
    assert ring.having(encryption.public_key_info) is None
    with pytest.raises(KeyError):
        ring.for_enrolment("other")
