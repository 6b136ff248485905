"""EnvelopedData: every cipher and key transport, both ways with asn1crypto, cryptography and openssl."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from asn1crypto import cms as oracle
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.algorithms import AES128, AES256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import algorithms, asn1, cms, envelopes
from scep_core.certificates import ext_subject_key_id
from scep_core.cms import Identity
from scep_core.envelopes import addressed, open_envelope, parse_envelope, seal_envelope
from scep_core.errors import LocalError, PeerError
from scep_core.values import OAEP_SHA256, PKCS1, Algorithms, Cipher, Digest, FailInfo, KeyTransport

FIXED = settings.get_profile("scep_core")
CONTENT = b"what is inside" * 9
TRANSPORTS = [PKCS1, *(KeyTransport(*each) for each in product(set(Digest) - {Digest.MD5}, repeat=2))]
MIXED = KeyTransport(Digest.SHA256, Digest.SHA1)
PADDINGS = {
    PKCS1: padding.PKCS1v15(),
    OAEP_SHA256: padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    MIXED: padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA256(), None),
}


def sealed(lab: Any, chosen: Algorithms = Algorithms(), to: Identity | None = None) -> bytes:  # noqa: B008
    return seal_envelope(CONTENT, (to or lab.ra).certificate, chosen, lab.random_bytes)


def opened(lab: Any, data: bytes, *identities: Identity) -> bytes:
    envelope = parse_envelope(data)
    return open_envelope(envelope, addressed(envelope, identities or [lab.ra]), lab.random_bytes)


@pytest.mark.parametrize("cipher", Cipher)
def test_every_cipher_and_key_transport(lab: Any, cipher: Cipher) -> None:
    for transport in TRANSPORTS:
        data = sealed(lab, Algorithms(cipher=cipher, key_transport=transport))
        envelope = parse_envelope(data)
        assert (envelope.cipher, addressed(envelope, [lab.ra]).key_transport) == (cipher, transport)
        assert opened(lab, data) == CONTENT


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("transport", [PKCS1, OAEP_SHA256, MIXED], ids=["pkcs1", "oaep", "mixed"])
def test_asn1crypto_reads_the_same(lab: Any, cipher: Cipher, transport: KeyTransport) -> None:
    info = oracle.ContentInfo.load(
        sealed(lab, Algorithms(cipher=cipher, key_transport=transport)), strict=True
    )
    assert info["content_type"].native == "enveloped_data"
    enveloped = info["content"]
    assert enveloped["version"].native == "v0"
    (recipient,) = (each.chosen for each in enveloped["recipient_infos"])
    assert recipient["version"].native == "v0"
    assert recipient["rid"].chosen["issuer"].dump() == lab.ca.certificate.subject
    assert recipient["rid"].chosen["serial_number"].native == lab.ra.certificate.serial_number
    algorithm = recipient["key_encryption_algorithm"]["algorithm"].native
    assert algorithm == ("rsaes_pkcs1v15" if transport == PKCS1 else "rsaes_oaep")
    content = enveloped["encrypted_content_info"]
    assert content["content_type"].native == "data"
    parameters = content["content_encryption_algorithm"]
    wrapped = recipient["encrypted_key"].native
    key = lab.ra.key.decrypt(wrapped, PADDINGS[transport])
    iv, encrypted = parameters.encryption_iv, content["encrypted_content"].native
    assert algorithms.decrypt(cipher, key, iv, encrypted) == CONTENT


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("transport", [PKCS1, MIXED], ids=["pkcs1", "mixed"])
def test_openssl_opens_ours(lab: Any, openssl: Any, cipher: Cipher, transport: KeyTransport) -> None:
    openssl.lay(ra=lab.ra)
    decrypt = "cms -decrypt -inform DER -binary -in der -recip ra.crt -inkey ra.key"
    if cipher is Cipher.DES:
        if b"legacy" not in openssl("list", "-providers", "-provider", "legacy", "-provider", "default"):
            pytest.skip("this openssl has no legacy provider, so no single DES")
        decrypt += " -provider legacy -provider default"
    data = sealed(lab, Algorithms(cipher=cipher, key_transport=transport))
    assert openssl(*decrypt.split(), der=data) == CONTENT


OPENSSL_OPTIONS = {
    "AES-128": "-aes128",
    "AES-192": "-aes192",
    "AES-256": "-aes256",
    "3DES": "-des3",
    "BER": "-aes128 -stream",
    "BER, 3DES": "-des3 -stream",
    "by key identifier": "-aes128 -keyid",
    "two recipients": "-aes128 other.crt",
    "OAEP, SHA-1": "-aes128 -recip ra.crt -keyopt rsa_padding_mode:oaep",
    "OAEP, SHA-256 and MGF1 with SHA-512": "-aes128 -stream -recip ra.crt -keyopt rsa_padding_mode:oaep"
    " -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha512",
}


@pytest.mark.parametrize("options", OPENSSL_OPTIONS.values(), ids=OPENSSL_OPTIONS)
def test_opens_what_openssl_seals(lab: Any, openssl: Any, options: str) -> None:
    spki = lab.ra.certificate.public_key_info
    with_identifier = [ext_subject_key_id(spki)]
    ra = lab.identity("ra", issuer=lab.ca, serial_number=8, extensions=with_identifier)
    openssl.lay(ra=ra, other=lab.stranger)
    last = "" if "-recip" in options else " ra.crt"
    content = bytes(range(256)) * 20  # longer than one of openssl's pieces
    encrypt = f"cms -encrypt -binary -in content -outform DER {options}{last}"
    data = openssl(*encrypt.split(), content=content)
    assert opened(lab, data, lab.client, ra) == content
    if "other.crt" in options:
        assert opened(lab, data, lab.stranger) == content


@pytest.mark.parametrize("cipher", [AES128, AES256])
def test_opens_what_cryptography_seals(lab: Any, cipher: Any) -> None:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(CONTENT)
    builder = builder.add_recipient(load_der_x509_certificate(lab.ra.certificate.der))
    builder = builder.set_content_encryption_algorithm(cipher)
    data = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    assert opened(lab, data) == CONTENT


def test_opens_what_asn1crypto_builds_in_pieces(lab: Any) -> None:
    """encryptedContent constructed, of definite length: neither DER nor indefinite."""
    data = sealed(lab)
    primitive = oracle.ContentInfo.load(data)["content"]["encrypted_content_info"]["encrypted_content"]
    octets = primitive.native
    pieces = asn1.encode(0xA0, *(asn1.octet_string(octets[at : at + 50]) for at in range(0, len(octets), 50)))
    assert opened(lab, swap_encrypted(data, pieces)) == CONTENT
    with pytest.raises(PeerError, match=envelopes.CANNOT_OPEN):
        opened(lab, swap_encrypted(data, asn1.encode(0xA0, asn1.encode(asn1.UTF8_STRING, octets))))


def swap_encrypted(data: bytes, field: bytes) -> bytes:
    """The envelope with another element for its encryptedContent."""
    content_type, content = asn1.items(data)
    (enveloped,) = asn1.items(asn1.sequence_of(bytes(content.data)))
    version, recipients, encrypted = asn1.items(asn1.raw(enveloped))
    kind, algorithm, _ = asn1.items(asn1.raw(encrypted))
    changed = asn1.sequence_of(asn1.raw(kind), asn1.raw(algorithm), field)
    body = asn1.sequence_of(asn1.raw(version), asn1.raw(recipients), changed)
    return asn1.sequence_of(asn1.raw(content_type), asn1.encode(0xA0, body))


# ------------------------------------------------------------------------------------ recipients


def test_the_recipient_is_meant_by_issuer_and_serial_together(lab: Any) -> None:
    """A key of ours under the same serial number of another issuer, and under another serial."""
    data = sealed(lab)
    other_issuer = lab.identity("ra", serial_number=lab.ra.certificate.serial_number)
    other_serial = lab.identity("ra", issuer=lab.ca, serial_number=99)
    for identity in (other_issuer, other_serial, lab.ca):
        with pytest.raises(PeerError, match=envelopes.CANNOT_OPEN) as caught:
            opened(lab, data, identity)
        assert caught.value.fail_info is FailInfo.BAD_MESSAGE_CHECK
    assert opened(lab, data, other_issuer, other_serial, lab.ra) == CONTENT


def recipient(to: Identity, algorithm: bytes, wrapped: bytes) -> bytes:
    return asn1.sequence_of(
        asn1.integer(0), cms.issuer_and_serial(to.certificate), algorithm, asn1.octet_string(wrapped)
    )


def with_recipients(lab: Any, *infos: bytes, algorithm: bytes | None = None) -> bytes:
    encrypted = asn1.sequence_of(
        asn1.oid(cms.DATA),
        algorithm or algorithms.cipher_algorithm(Cipher.AES128, bytes(16)),
        asn1.encode(0x80, algorithms.encrypt(Cipher.AES128, bytes(16), bytes(16), CONTENT)),
    )
    body = asn1.sequence_of(asn1.integer(0), asn1.encode(asn1.SET, *infos), encrypted)
    return cms.content_info(envelopes.ENVELOPED_DATA, body)


UNKNOWN = asn1.sequence_of(asn1.oid("1.2.3.4"))


def test_the_others_entries_may_be_of_any_kind(lab: Any) -> None:
    wrapped = algorithms.wrap_key(lab.ra.key.public_key(), PKCS1, bytes(16))
    ours = recipient(lab.ra, algorithms.key_transport_algorithm(PKCS1), wrapped)
    strange = recipient(lab.stranger, UNKNOWN, b"")
    password = asn1.encode(0xA3, asn1.integer(0))
    assert opened(lab, with_recipients(lab, password, strange, ours)) == CONTENT


@pytest.mark.parametrize(
    ("transport", "fail_info"),
    [(UNKNOWN, FailInfo.BAD_ALG), (asn1.sequence_of(asn1.NULL), FailInfo.BAD_MESSAGE_CHECK)],
)
def test_key_transports_that_we_do_not_know(lab: Any, transport: bytes, fail_info: FailInfo) -> None:
    with pytest.raises(PeerError) as caught:
        opened(lab, with_recipients(lab, recipient(lab.ra, transport, b"")))
    assert caught.value.fail_info is fail_info


def test_a_cipher_that_we_do_not_know(lab: Any) -> None:
    with pytest.raises(PeerError, match=r"1\.2\.3\.4") as caught:
        parse_envelope(with_recipients(lab, algorithm=UNKNOWN))
    assert caught.value.fail_info is FailInfo.BAD_ALG


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"garbage", cms.degenerate([])])
def test_what_is_no_envelope(data: bytes) -> None:
    with pytest.raises(PeerError, match=envelopes.CANNOT_OPEN) as caught:
        parse_envelope(data)
    assert caught.value.fail_info is FailInfo.BAD_MESSAGE_CHECK


def test_keys_that_nothing_can_be_sealed_for(lab: Any) -> None:
    with pytest.raises(LocalError, match="RSA"):
        sealed(lab, to=lab.elliptic)
    small = lab.identity("small", bits=1024)
    wide = Algorithms(key_transport=KeyTransport(Digest.SHA512, Digest.SHA1))
    with pytest.raises(LocalError, match="1024 bits"):
        sealed(lab, wide, small)
    assert opened(lab, sealed(lab, to=small), small) == CONTENT


@settings(FIXED, max_examples=150)
@given(data=st.data())
def test_mutants_raise_peer_error_only(lab: Any, data: st.DataObject, mutate: Any) -> None:
    mutant = mutate(sealed(lab), data)
    with suppress(PeerError):
        assert isinstance(opened(lab, mutant), bytes)
