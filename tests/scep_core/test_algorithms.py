"""Algorithm identifiers and primitives, against asn1crypto and what RFCs say of padding."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from asn1crypto import cms as oracle
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from scep_core import algorithms, asn1
from scep_core.algorithms import NotAllowed
from scep_core.values import LEGACY, MODERN, PKCS1, Cipher, Digest, KeyTransport

OAEP = [KeyTransport(label, mask) for label, mask in product(set(Digest) - {Digest.MD5}, repeat=2)]


@pytest.mark.parametrize("transport", OAEP, ids=lambda each: f"{each.oaep}-{each.mgf1}")
def test_oaep_parameters(transport: KeyTransport) -> None:
    der = algorithms.key_transport_algorithm(transport)
    assert algorithms.read_key_transport(asn1.items(der)) == transport
    seen = oracle.KeyEncryptionAlgorithm.load(der, strict=True)
    assert seen["algorithm"].native == "rsaes_oaep"
    parameters = seen["parameters"].native
    assert parameters["hash_algorithm"]["algorithm"] == transport.oaep
    assert parameters["mask_gen_algorithm"]["parameters"]["algorithm"] == transport.mgf1


def oaep(parameters: bytes) -> list[asn1.TLV]:
    return asn1.items(asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.7"), parameters))


def test_oaep_written_otherwise() -> None:
    """Without parameters, with the defaults spelled out, and with the empty label."""
    sha1 = KeyTransport(Digest.SHA1, Digest.SHA1)
    assert algorithms.read_key_transport(oaep(b"")) == sha1
    spelled = oracle.KeyEncryptionAlgorithm(
        {
            "algorithm": "rsaes_oaep",
            "parameters": {
                "hash_algorithm": {"algorithm": "sha256"},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha1"}},
                "p_source_algorithm": {"algorithm": "p_specified", "parameters": b""},
            },
        }
    ).dump()
    assert algorithms.read_key_transport(asn1.items(spelled)) == KeyTransport(Digest.SHA256, Digest.SHA1)
    label = asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.9"), asn1.octet_string(b""))
    assert algorithms.read_key_transport(oaep(asn1.sequence_of(asn1.encode(0xA2, label)))) == sha1


@pytest.mark.parametrize(
    "parameters",
    [
        asn1.sequence_of(
            asn1.encode(0xA2, asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.9"), asn1.octet_string(b"x")))
        ),
        asn1.sequence_of(asn1.encode(0xA1, asn1.sequence_of(asn1.oid("1.2.3")))),
        asn1.sequence_of(asn1.encode(0xA1, asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.8")))),
        asn1.sequence_of(asn1.encode(0xA0, asn1.sequence_of(asn1.oid("1.2.3")))),
        asn1.sequence_of(asn1.encode(0xA3, asn1.sequence_of(asn1.oid("1.2.3")))),
    ],
)
def test_oaep_that_is_not_allowed(parameters: bytes) -> None:
    with pytest.raises(NotAllowed):
        algorithms.read_key_transport(oaep(parameters))


@pytest.mark.parametrize("parameters", [b"\x05\x00", b"\x30\x02\xa0\x00", b"\x30\x04\xa1\x02\x05\x00"])
def test_oaep_that_is_broken(parameters: bytes) -> None:
    with pytest.raises(ValueError):
        algorithms.read_key_transport(oaep(parameters))


@pytest.mark.parametrize("digest", Digest)
def test_digest_identifiers(digest: Digest) -> None:
    der = algorithms.digest_algorithm(digest)
    assert oracle.DigestAlgorithm.load(der, strict=True)["algorithm"].native == digest
    assert algorithms.read_digest(asn1.items(der)) is digest
    bare = asn1.sequence_of(asn1.raw(asn1.items(der)[0]))  # without the NULL
    assert algorithms.read_digest(asn1.items(bare)) is digest


@pytest.mark.parametrize("cipher", Cipher)
def test_ciphers(cipher: Cipher) -> None:
    iv, key = bytes(algorithms.block_size(cipher)), bytes(range(algorithms.key_size(cipher)))
    der = algorithms.cipher_algorithm(cipher, iv)
    assert algorithms.read_cipher(asn1.items(der)) == (cipher, iv)
    seen = oracle.EncryptionAlgorithm.load(der, strict=True)
    assert (seen.encryption_mode, seen.key_length, seen.encryption_iv) == ("cbc", len(key), iv)
    for size in (0, 1, len(iv) - 1, len(iv), 100):
        sealed = algorithms.encrypt(cipher, key, iv, bytes(size))
        assert algorithms.decrypt(cipher, key, iv, sealed) == bytes(size)


@pytest.mark.parametrize(
    "end", [b"\0", b"\x11", b"\xff", b"\2", b"\1\2\3\3"], ids=["0", "17", "255", "1 too few", "not alike"]
)
def test_bad_paddings(end: bytes) -> None:
    """The padding is taken for what the last byte says, and each of its bytes has to say the same."""
    key, iv = bytes(16), bytes(16)
    padded = b"content content content content!"[: -len(end)] + end
    sealed = algorithms.encrypt(Cipher.AES128, key, iv, padded)[:-16]  # without our own padding block
    with pytest.raises(ValueError, match="bad padding"):
        algorithms.decrypt(Cipher.AES128, key, iv, sealed)


@pytest.mark.parametrize("sealed", [b"", bytes(15), bytes(17)])
def test_ciphertext_of_a_wrong_length(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="bad padding"):
        algorithms.decrypt(Cipher.AES128, bytes(16), bytes(16), sealed)


@pytest.mark.parametrize(
    "algorithm",
    [
        asn1.sequence_of(asn1.oid("2.16.840.1.101.3.4.1.2")),
        asn1.sequence_of(asn1.oid("2.16.840.1.101.3.4.1.2"), asn1.NULL),
        asn1.sequence_of(asn1.oid("2.16.840.1.101.3.4.1.2"), asn1.octet_string(bytes(8))),
    ],
)
def test_a_cipher_without_a_proper_iv(algorithm: bytes) -> None:
    with pytest.raises(ValueError, match="initialisation vector"):
        algorithms.read_cipher(asn1.items(algorithm))


def test_des_is_what_openssl_calls_des() -> None:
    """``openssl enc -des-cbc -K 0123456789abcdef -iv 0011223344556677`` of one padding block."""
    sealed = algorithms.encrypt(
        Cipher.DES, bytes.fromhex("0123456789abcdef"), bytes.fromhex("0011223344556677"), b"scep-lab"
    )
    assert sealed.hex() == "0aae73090a5e6da8e799dccc5a120125"


@pytest.mark.parametrize("transport", [PKCS1, *OAEP[:3]], ids=lambda each: f"{each.oaep}-{each.mgf1}")
def test_a_key_that_cannot_be_unwrapped_is_the_spare(lab: Any, transport: KeyTransport) -> None:
    key, spare = lab.client.key, b"spare key 16 oct"
    good = algorithms.wrap_key(key.public_key(), transport, bytes(16))
    assert algorithms.unwrap_key(key, transport, good, spare) == bytes(16)
    short = algorithms.wrap_key(key.public_key(), transport, bytes(15))
    other = algorithms.wrap_key(lab.stranger.key.public_key(), transport, bytes(16))
    for wrapped in (short, b"", good[1:], good + b"\0", b"\xff" * 256):
        assert algorithms.unwrap_key(key, transport, wrapped, spare) == spare
    # OpenSSL's implicit rejection may, once in a while, make up a key of the right length.
    assert algorithms.unwrap_key(key, transport, other, spare) != bytes(16)


@pytest.mark.parametrize("transport", [PKCS1, *OAEP], ids=lambda each: f"{each.oaep}-{each.mgf1}")
def test_transport_overhead(lab: Any, transport: KeyTransport) -> None:
    """Just what fits: one byte more is refused by OpenSSL too."""
    room = 256 - algorithms.transport_overhead(transport)
    public_key = lab.client.key.public_key()
    assert len(algorithms.wrap_key(public_key, transport, bytes(room))) == 256
    with pytest.raises(ValueError):
        algorithms.wrap_key(public_key, transport, bytes(room + 1))


def test_policies() -> None:
    for digest in Digest:
        algorithms.allow_digest(digest, LEGACY)
    for cipher in Cipher:
        algorithms.allow_cipher(cipher, LEGACY)
    with pytest.raises(NotAllowed, match="digest md5"):
        algorithms.allow_digest(Digest.MD5, MODERN)
    with pytest.raises(NotAllowed, match="cipher des-cbc"):
        algorithms.allow_cipher(Cipher.DES, MODERN)


def test_public_keys_of_another_kind() -> None:
    parameters = asn1.sequence_of(asn1.oid("1.3.101.112"))  # Ed25519
    with pytest.raises(NotAllowed):
        algorithms.load_public_key(asn1.sequence_of(parameters, asn1.bit_string(bytes(32))))
    unknown = asn1.sequence_of(asn1.oid("1.2.3.4"))
    with pytest.raises(NotAllowed):
        algorithms.load_public_key(asn1.sequence_of(unknown, asn1.bit_string(bytes(32))))
    with pytest.raises(ValueError):
        algorithms.load_public_key(b"\x30\x00")


def test_an_ecdsa_signature_is_the_one_of_rfc_6979() -> None:
    """Appendix A.2.5, P-256 with SHA-256, of the message "sample"."""
    private = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    key = ec.derive_private_key(private, ec.SECP256R1())
    r, s = decode_dss_signature(algorithms.sign(key, Digest.SHA256, b"sample"))
    assert f"{r:X}" == "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    assert f"{s:X}" == "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
