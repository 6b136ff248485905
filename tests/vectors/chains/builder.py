"""What a row says, made into DER.  Keys are made from their labels, so that every run has the same.

Extensions are encoded by ``cryptography``, not by the code under test.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from functools import cache
from math import gcd

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from router_emu.pki.primes import find_prime
from scep_core import algorithms, asn1, names
from scep_core.certificates import (
    Certificate,
    Extension,
    encode_extensions,
    ext_basic_constraints,
    ext_key_usage,
    read_certificate,
)
from scep_core.crls import Crl, read_crl
from scep_core.values import Digest
from tests.vectors.chains.recipe import CertificateRecipe, CrlRecipe, Row

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_ED25519 = asn1.sequence_of(asn1.oid("1.3.101.112"))
_EXTENDED = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "ipsecIKE": "1.3.6.1.5.5.7.3.17",
    "iKEIntermediate": "1.3.6.1.5.5.8.2.2",
    "any": "2.5.29.37.0",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
}


@cache
def key_of(label: str, kind: str) -> Key:
    """The key of that label."""
    seed = hashlib.sha256(f"{label} {kind}".encode()).digest()
    if kind == "ec":
        return ec.derive_private_key(int.from_bytes(seed, "big") >> 1 | 1, ec.SECP256R1())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return _rsa_key(int(kind.removeprefix("rsa")), random.Random(seed).randbytes)


def _rsa_key(bits: int, random_bytes: Callable[[int], bytes]) -> rsa.RSAPrivateKey:
    """Also of sizes that OpenSSL makes no keys of."""
    half, e = bits // 2, 65537

    def candidate() -> int:
        number = int.from_bytes(random_bytes(half // 8), "big") | 3 << (half - 2) | 1
        return number if gcd(number - 1, e) == 1 else 0

    p, q = (find_prime(candidate, random_bytes) for _ in range(2))
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key(unsafe_skip_rsa_key_validation=True)


class Scene:
    """A row's certificates, by label, and its CRLs."""

    def __init__(self, row: Row) -> None:
        self._recipes = row.certificates
        self.certificates = {label: self._certificate(label) for label in row.certificates}
        self.crls = tuple(self._crl(each) for each in row.crls.values())
        self.shown = [self.certificates[label] for label in row.shown]
        self.path = tuple(self.certificates[label] for label in row.path)

    def _certificate(self, label: str) -> Certificate:
        recipe = self._recipes[label]
        signer = self._key(recipe.signer or recipe.issuer)
        inside = _algorithm(signer, recipe.digest)
        extensions = [*self._extensions(label, recipe)] * (2 if recipe.repeated else 1)
        serial_number = recipe.serial_number or serial_number_of(label)
        body = asn1.sequence_of(
            b"\xa0\x03\x02\x01\x02" if recipe.version == 3 else b"",
            asn1.integer(serial_number),
            inside,
            self._issuer(recipe),
            asn1.sequence_of(asn1.time(recipe.not_before), asn1.time(recipe.not_after)),
            _name(recipe.subject or label),
            self._public_key(recipe.key or label),
            asn1.encode(0xA3, encode_extensions(extensions)) if extensions else b"",
        )
        outside = _algorithm(signer, recipe.outer_digest) if recipe.outer_digest else inside
        return read_certificate(_signed(body, signer, recipe.digest, outside, tampered=recipe.tampered))

    def _issuer(self, recipe: CertificateRecipe | CrlRecipe) -> bytes:
        named = self._recipes[recipe.issuer].subject if recipe.issuer in self._recipes else ""
        name = named or recipe.issuer
        if not recipe.upper_case:
            return _name(name)
        rdns = [[(names.ORGANIZATION, "LAB")], [(names.COMMON_NAME, name.upper())]]
        return names.build_name(rdns, string_type=asn1.UTF8_STRING)

    def _key(self, label: str) -> Key:
        recipe = self._recipes.get(label)
        if recipe is None:
            return key_of(label, "ec")
        key = recipe.key or label
        return key_of(key, self._recipes[key].kind if key in self._recipes else recipe.kind)

    def _public_key(self, label: str) -> bytes:
        key = self._key(label).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _extensions(self, label: str, recipe: CertificateRecipe) -> list[Extension]:
        made = []
        if recipe.ca is not None:
            made.append(ext_basic_constraints(recipe.ca, recipe.path_length))
        if recipe.key_usage is not None:
            made.append(ext_key_usage(*recipe.key_usage))
        encoded: list[tuple[x509.ExtensionType, bool]] = list(recipe.extensions)
        if recipe.extended_key_usage is not None:
            oids = [x509.ObjectIdentifier(_EXTENDED[name]) for name in recipe.extended_key_usage]
            encoded.append((x509.ExtendedKeyUsage(oids), False))
        if recipe.alternative_names is not None:
            encoded.append((x509.SubjectAlternativeName(recipe.alternative_names), False))
        if recipe.authority_key:
            encoded.append(
                (x509.AuthorityKeyIdentifier(self._identifier(recipe.authority_key), None, None), False)
            )
        if recipe.version == 3 and recipe.ca:
            encoded.append((x509.SubjectKeyIdentifier(self._identifier(recipe.key or label)), False))
        return [*made, *map(_extension, encoded)]

    def _identifier(self, label: str) -> bytes:
        return hashlib.sha1(self._public_key(label)).digest()

    def _crl(self, recipe: CrlRecipe) -> Crl:
        signer = self._key(recipe.signer or recipe.issuer)
        entries = b"".join(
            asn1.sequence_of(
                asn1.integer(self._serial_number(revoked)),
                asn1.time(recipe.this_update),
                _entry_extensions(reason, recipe.entry_extensions),
            )
            for revoked, reason in recipe.revoked.items()
        )
        extensions = [*map(_extension, recipe.extensions)]
        if recipe.number is not None:
            extensions.append(Extension("2.5.29.20", False, asn1.integer(recipe.number)))
        algorithm = _algorithm(signer, recipe.digest)
        body = asn1.sequence_of(
            asn1.integer(1) if extensions else b"",
            algorithm,
            self._issuer(recipe),
            asn1.time(recipe.this_update),
            asn1.time(recipe.next_update) if recipe.next_update else b"",
            asn1.sequence_of(entries) if entries else b"",
            asn1.encode(0xA0, encode_extensions(extensions)) if extensions else b"",
        )
        return read_crl(_signed(body, signer, recipe.digest, algorithm, tampered=recipe.tampered))

    def _serial_number(self, revoked: str | int) -> int:
        return revoked if isinstance(revoked, int) else self.certificates[revoked].serial_number


def serial_number_of(label: str) -> int:
    """The serial number that a label's certificate has, unless its recipe says another."""
    return int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big") >> 1


def _name(text: str) -> bytes:
    return names.build_name([[(names.ORGANIZATION, "lab")], [(names.COMMON_NAME, text)]])


def _extension(encoded: tuple[x509.ExtensionType, bool]) -> Extension:
    extension, critical = encoded
    value = extension.value if isinstance(extension, x509.UnrecognizedExtension) else extension.public_bytes()
    return Extension(extension.oid.dotted_string, critical, value)


def _entry_extensions(reason: int | None, more: Sequence[tuple[x509.ExtensionType, bool]]) -> bytes:
    extensions = (
        [Extension("2.5.29.21", False, asn1.encode(asn1.ENUMERATED, bytes([reason])))] if reason else []
    )
    extensions += map(_extension, more)
    return encode_extensions(extensions) if extensions else b""


def _algorithm(key: Key, digest: Digest) -> bytes:
    return (
        _ED25519
        if isinstance(key, ed25519.Ed25519PrivateKey)
        else algorithms.signature_algorithm(key, digest)
    )


def _signed(body: bytes, key: Key, digest: Digest, algorithm: bytes, *, tampered: bool) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(body)
    else:
        signature = algorithms.sign(key, digest, body)
    if tampered:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return asn1.sequence_of(body, algorithm, asn1.bit_string(signature))
