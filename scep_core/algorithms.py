"""Algorithm identifiers, and the four primitives beneath CMS and X.509: sign, verify, wrap, encipher.

Which algorithms a peer may use is the caller's ``AlgorithmPolicy``; this module knows them all.
SHA-1 and MD5 signatures go through the raw key interface, because ``cryptography``'s X.509 objects
refuse them or report them as invalid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import load_der_public_key

from scep_core import asn1
from scep_core.errors import LocalError
from scep_core.values import PKCS1, AlgorithmPolicy, Cipher, Digest, KeyTransport

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
RandomBytes = Callable[[int], bytes]
_PKCS1_V15 = padding.PKCS1v15()
V = TypeVar("V")

HASHES: dict[Digest, hashes.HashAlgorithm] = {
    Digest.MD5: hashes.MD5(),
    Digest.SHA1: hashes.SHA1(),
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}

# RFC 8017 appendix A.2.4 and C, RFC 3370, RFC 5754.
_DIGEST_OIDS = {
    "1.2.840.113549.2.5": Digest.MD5,
    "1.3.14.3.2.26": Digest.SHA1,
    "2.16.840.1.101.3.4.2.1": Digest.SHA256,
    "2.16.840.1.101.3.4.2.2": Digest.SHA384,
    "2.16.840.1.101.3.4.2.3": Digest.SHA512,
}
_RSA_SIGNATURE_OIDS = {
    "1.2.840.113549.1.1.4": Digest.MD5,
    "1.2.840.113549.1.1.5": Digest.SHA1,
    "1.2.840.113549.1.1.11": Digest.SHA256,
    "1.2.840.113549.1.1.12": Digest.SHA384,
    "1.2.840.113549.1.1.13": Digest.SHA512,
}
_ECDSA_SIGNATURE_OIDS = {
    "1.2.840.10045.4.1": Digest.SHA1,
    "1.2.840.10045.4.3.2": Digest.SHA256,
    "1.2.840.10045.4.3.3": Digest.SHA384,
    "1.2.840.10045.4.3.4": Digest.SHA512,
}
_SIGNATURE_OIDS = _RSA_SIGNATURE_OIDS | _ECDSA_SIGNATURE_OIDS
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_RSAES_OAEP = "1.2.840.113549.1.1.7"
_MGF1 = "1.2.840.113549.1.1.8"
_CIPHER_OIDS = {
    "1.3.14.3.2.7": Cipher.DES,
    "1.2.840.113549.3.7": Cipher.DES3,
    "2.16.840.1.101.3.4.1.2": Cipher.AES128,
    "2.16.840.1.101.3.4.1.22": Cipher.AES192,
    "2.16.840.1.101.3.4.1.42": Cipher.AES256,
}
_KEY_BYTES = {Cipher.DES: 8, Cipher.DES3: 24, Cipher.AES128: 16, Cipher.AES192: 24, Cipher.AES256: 32}
_BLOCK_BYTES = {Cipher.DES: 8, Cipher.DES3: 8, Cipher.AES128: 16, Cipher.AES192: 16, Cipher.AES256: 16}

# [2] pSourceAlgorithm: id-pSpecified with the empty label, the default.
_EMPTY_LABEL = asn1.encode(0xA2, asn1.sequence_of(asn1.oid("1.2.840.113549.1.1.9"), asn1.octet_string(b"")))

_DIGEST_ALGORITHMS = {
    digest: asn1.sequence_of(asn1.oid(dotted), asn1.NULL) for dotted, digest in _DIGEST_OIDS.items()
}
_RSA_ALGORITHMS = {
    digest: asn1.sequence_of(asn1.oid(dotted), asn1.NULL) for dotted, digest in _RSA_SIGNATURE_OIDS.items()
}
_ECDSA_ALGORITHMS = {
    digest: asn1.sequence_of(asn1.oid(dotted)) for dotted, digest in _ECDSA_SIGNATURE_OIDS.items()
}
_PLAIN_RSA = asn1.sequence_of(asn1.oid(RSA_ENCRYPTION), asn1.NULL)
_CIPHER_TEMPLATES = {cipher: asn1.oid(dotted) for dotted, cipher in _CIPHER_OIDS.items()}


class NotAllowed(ValueError):
    """An algorithm that we do not know, or that the policy does not allow: badAlg."""


# ----------------------------------------------------------------------------------------- digests


def digest_algorithm(digest: Digest) -> bytes:
    """The AlgorithmIdentifier of a digest, with NULL parameters as Cisco and OpenSSL write it."""
    return _DIGEST_ALGORITHMS[digest]


def read_digest(algorithm: list[asn1.TLV]) -> Digest:
    """The digest that an AlgorithmIdentifier names; NotAllowed when we do not know it."""
    return _lookup(_DIGEST_OIDS, algorithm, "digest")


def _lookup(table: Mapping[str, V], algorithm: list[asn1.TLV], what: str) -> V:
    dotted = asn1.to_oid(algorithm[0]) if algorithm else "none"
    try:
        return table[dotted]
    except KeyError:
        raise NotAllowed(f"{what} algorithm {dotted} is not known here") from None


def hash_bytes(digest: Digest, data: bytes) -> bytes:
    """``data`` hashed."""
    return hashlib.new(digest, data, usedforsecurity=False).digest()


# -------------------------------------------------------------------------------------- signatures


def signature_algorithm(key: PrivateKey, digest: Digest) -> bytes:
    """The AlgorithmIdentifier for a certificate, CRL or request signed by ``key``.

    LocalError for an EC key with MD5, which nobody has named.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return _RSA_ALGORITHMS[digest]
    if digest not in _ECDSA_ALGORITHMS:
        raise LocalError(f"there is no ECDSA with {digest}")
    return _ECDSA_ALGORITHMS[digest]


def signer_info_algorithm(key: PrivateKey, digest: Digest) -> bytes:
    """The AlgorithmIdentifier for a SignerInfo signed by ``key``; LocalError as above.

    For RSA plain rsaEncryption, which every client reads (RFC 3370 section 3.2); RFC 5753 section 2.1.1
    knows no such form for ECDSA.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return _PLAIN_RSA
    return signature_algorithm(key, digest)


def sign(key: PrivateKey, digest: Digest, data: bytes) -> bytes:
    """An RSASSA-PKCS1-v1_5 or ECDSA signature over ``data``; the same each time, for ECDSA by RFC 6979."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PKCS1_V15, HASHES[digest])
    return key.sign(data, ec.ECDSA(HASHES[digest], deterministic_signing=True))


def read_signature_digest(algorithm: list[asn1.TLV], attached: Digest | None = None) -> Digest:
    """The digest inside a signature algorithm.

    In a SignerInfo the algorithm may be plain rsaEncryption or ecPublicKey, with the digest
    ``attached`` beside it (RFC 3370 section 3.2).
    """
    dotted = asn1.to_oid(algorithm[0]) if algorithm else "none"
    if attached is not None and dotted in {RSA_ENCRYPTION, _EC_PUBLIC_KEY}:
        return attached
    return _lookup(_SIGNATURE_OIDS, algorithm, "signature")


def verify(public_key: PublicKey, digest: Digest, signature: bytes, data: bytes) -> None:
    """Check a signature; ValueError when it does not match."""
    try:
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(signature, data, _PKCS1_V15, HASHES[digest])
        else:
            public_key.verify(signature, data, ec.ECDSA(HASHES[digest]))
    except InvalidSignature:
        raise ValueError("the signature does not match") from None


def allow_digest(digest: Digest, policy: AlgorithmPolicy) -> None:
    """NotAllowed when the policy lacks the digest."""
    if digest not in policy.digests:
        raise NotAllowed(f"digest {digest} is not allowed here")


def allow_cipher(cipher: Cipher, policy: AlgorithmPolicy) -> None:
    """NotAllowed when the policy lacks the cipher."""
    if cipher not in policy.ciphers:
        raise NotAllowed(f"cipher {cipher} is not allowed here")


@lru_cache(maxsize=256)
def load_public_key(public_key_info: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo; ValueError when it is none, NotAllowed when not RSA or EC."""
    try:
        key = load_der_public_key(public_key_info)
    except UnsupportedAlgorithm as error:
        raise NotAllowed("this kind of public key is not known here") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise NotAllowed("this kind of public key is not known here")
    return key


# ----------------------------------------------------------------------------------- key transport


def _oaep(transport: KeyTransport) -> padding.AsymmetricPadding:
    if transport.oaep is None or transport.mgf1 is None:
        return _PKCS1_V15
    return padding.OAEP(padding.MGF1(HASHES[transport.mgf1]), HASHES[transport.oaep], None)


def key_transport_algorithm(transport: KeyTransport) -> bytes:
    """The keyEncryptionAlgorithm: rsaEncryption, or RSAES-OAEP with its parameters spelled out."""
    if transport.oaep is None or transport.mgf1 is None:
        return _PLAIN_RSA
    mask = asn1.sequence_of(asn1.oid(_MGF1), digest_algorithm(transport.mgf1))
    parameters = b""
    if transport.oaep is not Digest.SHA1:  # DER leaves the defaults out
        parameters += asn1.encode(0xA0, digest_algorithm(transport.oaep))
    if transport.mgf1 is not Digest.SHA1:
        parameters += asn1.encode(0xA1, mask)
    return asn1.sequence_of(asn1.oid(_RSAES_OAEP), asn1.sequence_of(parameters))


def read_key_transport(algorithm: list[asn1.TLV]) -> KeyTransport:
    """PKCS #1 v1.5 or OAEP from a keyEncryptionAlgorithm (RFC 4055 section 4.1); else NotAllowed.

    A label other than the empty one (pSourceAlgorithm) is not allowed: nobody sends it.
    """
    dotted = asn1.to_oid(algorithm[0]) if algorithm else "none"
    if dotted == RSA_ENCRYPTION:
        return PKCS1
    if dotted != _RSAES_OAEP:
        raise NotAllowed(f"key transport algorithm {dotted} is not known here")
    oaep = mgf1 = Digest.SHA1
    for parameter in asn1.items(asn1.raw(algorithm[1])) if len(algorithm) > 1 else []:
        kind, *inner = asn1.items(bytes(parameter.data))
        if parameter.tag_bytes == b"\xa0":
            oaep = read_digest([kind])
        elif parameter.tag_bytes == b"\xa1" and asn1.to_oid(kind) == _MGF1 and inner:
            mgf1 = read_digest(asn1.items(asn1.raw(inner[0])))
        elif parameter.tag_bytes != b"\xa2" or asn1.raw(parameter) != _EMPTY_LABEL:
            raise NotAllowed("these OAEP parameters are not known here")
    return KeyTransport(oaep, mgf1)


def transport_overhead(transport: KeyTransport) -> int:
    """How many bytes an RSA key must be longer than what it wraps (RFC 8017 sections 7.1.1, 7.2.1)."""
    return 11 if transport.oaep is None else 2 * HASHES[transport.oaep].digest_size + 2


def wrap_key(public_key: rsa.RSAPublicKey, transport: KeyTransport, content_key: bytes) -> bytes:
    """The content key, encrypted to its recipient."""
    return public_key.encrypt(content_key, _oaep(transport))


def unwrap_key(key: rsa.RSAPrivateKey, transport: KeyTransport, wrapped: bytes, spare: bytes) -> bytes:
    """The content key; on any failure ``spare`` (random, of the right length), never an error.

    OpenSSL answers a bad PKCS #1 v1.5 padding with random bytes of a random length (implicit
    rejection).  Going on with a spare key makes that, an OAEP failure and a key of the wrong length
    all end where a bad padding of the content ends (RFC 3218 section 2.3.2).
    """
    try:
        content_key = key.decrypt(wrapped, _oaep(transport))
    except ValueError:
        return spare
    return content_key if len(content_key) == len(spare) else spare


# --------------------------------------------------------------------------------- content ciphers


def key_size(cipher: Cipher) -> int:
    """The content key's length in bytes."""
    return _KEY_BYTES[cipher]


def block_size(cipher: Cipher) -> int:
    """The block's and so the IV's length in bytes."""
    return _BLOCK_BYTES[cipher]


def cipher_algorithm(cipher: Cipher, iv: bytes) -> bytes:
    """The contentEncryptionAlgorithm with its IV."""
    return asn1.sequence_of(_CIPHER_TEMPLATES[cipher], asn1.octet_string(iv))


def read_cipher(algorithm: list[asn1.TLV]) -> tuple[Cipher, bytes]:
    """The cipher and the IV of a contentEncryptionAlgorithm; NotAllowed, or ValueError for a bad IV."""
    cipher = _lookup(_CIPHER_OIDS, algorithm, "content encryption")
    if len(algorithm) != 2 or algorithm[1].tag_bytes != b"\x04":
        raise ValueError("no initialisation vector")
    iv = bytes(algorithm[1].data)
    if len(iv) != _BLOCK_BYTES[cipher]:
        raise ValueError("an initialisation vector of the wrong length")
    return cipher, iv


def _block_cipher(cipher: Cipher, key: bytes) -> CipherAlgorithm:
    if cipher is Cipher.DES:
        return TripleDES(key * 3)  # three equal keys are single DES
    if cipher is Cipher.DES3:
        return TripleDES(key)
    return AES(key)


def encrypt(cipher: Cipher, key: bytes, iv: bytes, content: bytes) -> bytes:
    """CBC with the padding of RFC 5652 section 6.3."""
    size = _BLOCK_BYTES[cipher]
    fill = size - len(content) % size
    context = BlockCipher(_block_cipher(cipher, key), CBC(iv)).encryptor()
    return context.update(content + bytes([fill]) * fill) + context.finalize()


def decrypt(cipher: Cipher, key: bytes, iv: bytes, encrypted: bytes) -> bytes:
    """The content without its padding; ValueError when length or padding is wrong."""
    size = _BLOCK_BYTES[cipher]
    if not encrypted or len(encrypted) % size:
        raise ValueError("bad padding")
    context = BlockCipher(_block_cipher(cipher, key), CBC(iv)).decryptor()
    padded = context.update(encrypted) + context.finalize()
    fill = padded[-1]
    if not 1 <= fill <= size or padded[-fill:] != bytes([fill]) * fill:
        raise ValueError("bad padding")
    return padded[:-fill]
