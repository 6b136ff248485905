"""CMS EnvelopedData (RFC 5652 section 6) with RSA key transport.

``parse_envelope`` only takes apart; ``addressed`` finds whose it is; ``open_envelope`` opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from scep_core import algorithms, asn1, cms, structures
from scep_core.algorithms import NotAllowed, RandomBytes
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.errors import LocalError, PeerError
from scep_core.values import Algorithms, Cipher, FailInfo, KeyTransport

ENVELOPED_DATA = "1.2.840.113549.1.7.3"

_VERSION_0 = asn1.integer(0)
_DATA = asn1.oid(cms.DATA)

# Told alike for every way in which an envelope fails to open.
CANNOT_OPEN = "the message could not be opened"


@dataclass(frozen=True)
class Recipient:
    """One KeyTransRecipientInfo; how its key is wrapped is only looked at if it is ours."""

    identifier: asn1.TLV
    algorithm: Sequence[asn1.TLV]
    encrypted_key: bytes


@dataclass(frozen=True)
class Envelope:
    """An EnvelopedData, taken apart and still closed."""

    recipients: tuple[Recipient, ...]
    cipher: Cipher
    iv: bytes
    encrypted: bytes


def parse_envelope(data: bytes) -> Envelope:
    """Take an envelope apart: PeerError badAlg for algorithms not known, else badMessageCheck."""
    try:
        outer = asn1.decode_content_info(data)
        if outer.content_type.dotted_string != ENVELOPED_DATA:
            raise ValueError("not EnvelopedData")
        enveloped = asn1.parse(structures.EnvelopedData, outer.content)
        recipients = []
        for each in asn1.set_items(enveloped.recipient_infos):
            if each.tag_bytes != b"\x30":  # key agreement, passwords and others carry context tags
                continue
            info = asn1.parse(structures.KeyTransRecipientInfo, each)
            recipients.append(Recipient(info.recipient_id, info.algorithm, info.encrypted_key))
        cipher, iv = algorithms.read_cipher(enveloped.encrypted.algorithm)
        return Envelope(tuple(recipients), cipher, iv, _encrypted_content(enveloped.encrypted))
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, str(error)) from error
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error


def _encrypted_content(encrypted: structures.EncryptedContentInfo) -> bytes:
    chunks = encrypted.chunks or []
    if any(chunk.tag_bytes != bytes([asn1.OCTET_STRING]) for chunk in chunks):
        raise ValueError("encrypted content in pieces that are no OCTET STRINGs")
    return b"".join([encrypted.encrypted_content or b"", *(bytes(chunk.data) for chunk in chunks)])


@dataclass(frozen=True)
class Addressed:
    """For whom of us an envelope is meant, and how its content key came."""

    identity: Identity
    key: rsa.RSAPrivateKey
    key_transport: KeyTransport
    encrypted_key: bytes


def addressed(envelope: Envelope, identities: Sequence[Identity]) -> Addressed:
    """The first recipient entry that names one of ours; several entries may stand there.

    PeerError badMessageCheck when none does, badAlg when its key transport is not known.  LocalError
    when one of ours has no RSA key, whomever the envelope is for.
    """
    keys = [rsa_key(identity) for identity in identities]
    for recipient in envelope.recipients:
        for identity, key in zip(identities, keys, strict=True):
            if cms.is_meant(recipient.identifier, identity.certificate):
                return Addressed(identity, key, _key_transport(recipient), recipient.encrypted_key)
    raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN)


def rsa_key(identity: Identity) -> rsa.RSAPrivateKey:
    """The key of somebody who opens envelopes or signs replies; LocalError when it is no RSA key."""
    if not isinstance(identity.key, rsa.RSAPrivateKey):
        raise LocalError("an EC key opens no envelope and signs no reply: let an RA with an RSA key do it")
    return identity.key


def _key_transport(recipient: Recipient) -> KeyTransport:
    try:
        return algorithms.read_key_transport(list(recipient.algorithm))
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, str(error)) from error
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error


def open_envelope(envelope: Envelope, to: Addressed, random_bytes: RandomBytes) -> bytes:
    """What is inside; a wrong content key and a bad padding are the same PeerError."""
    spare = random_bytes(algorithms.key_size(envelope.cipher))
    content_key = algorithms.unwrap_key(to.key, to.key_transport, to.encrypted_key, spare)
    try:
        return algorithms.decrypt(envelope.cipher, content_key, envelope.iv, envelope.encrypted)
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, CANNOT_OPEN) from error


def sealing_key(recipient: Certificate, chosen: Algorithms) -> rsa.RSAPublicKey:
    """The key to seal for; NotAllowed when it is not RSA or too short for the key transport."""
    public_key = recipient.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise NotAllowed("an envelope needs a recipient with an RSA key")
    needed = algorithms.key_size(chosen.cipher) + algorithms.transport_overhead(chosen.key_transport)
    if (public_key.key_size + 7) // 8 < needed:
        raise NotAllowed(f"{public_key.key_size} bits of RSA are too few for {chosen.key_transport.label}")
    return public_key


def seal_envelope(
    content: bytes, recipient: Certificate, chosen: Algorithms, random_bytes: RandomBytes
) -> bytes:
    """An EnvelopedData for one recipient, by issuer and serial; LocalError when its key will not do."""
    try:
        public_key = sealing_key(recipient, chosen)
    except ValueError as error:
        raise LocalError(str(error)) from error
    content_key = random_bytes(algorithms.key_size(chosen.cipher))
    iv = random_bytes(algorithms.block_size(chosen.cipher))
    recipient_info = asn1.sequence_of(
        _VERSION_0,
        cms.issuer_and_serial(recipient),
        algorithms.key_transport_algorithm(chosen.key_transport),
        asn1.octet_string(algorithms.wrap_key(public_key, chosen.key_transport, content_key)),
    )
    encrypted = asn1.sequence_of(
        _DATA,
        algorithms.cipher_algorithm(chosen.cipher, iv),
        asn1.encode(0x80, algorithms.encrypt(chosen.cipher, content_key, iv, content)),
    )
    return cms.content_info(
        ENVELOPED_DATA, asn1.sequence_of(_VERSION_0, asn1.set_of([recipient_info]), encrypted)
    )
