"""CMS SignedData (RFC 5652 section 5) as SCEP uses it: one signer with attributes, and degenerate bags.

``parse_signed`` only takes apart; ``verify`` decides.
The signed attributes are verified over the bytes that the peer sent, so one that does not sort them
(NDES, some Cisco releases) still verifies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scep_core import algorithms, asn1, structures
from scep_core.algorithms import NotAllowed, PrivateKey
from scep_core.certificates import SUBJECT_KEY_ID, Certificate, key_identifier, read_certificate
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.values import MODERN, AlgorithmPolicy, Digest, FailInfo

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"

_VERSION_1 = asn1.integer(1)
_DATA_OID = asn1.oid(DATA)
_CONTENT_TYPE_DATA = asn1.sequence_of(asn1.oid(CONTENT_TYPE), asn1.set_of([_DATA_OID]))


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key: who signs, or for whom an envelope is meant.

    An EC key only signs: certificates, CRLs, GetNextCACert's answer.  Envelopes and replies need RSA.
    """

    certificate: Certificate
    key: PrivateKey


@dataclass(frozen=True)
class SignedData:
    """A SignedData with exactly one signer, taken apart; nothing is verified.

    ``content`` is None when absent, which differs from empty.  ``attributes`` maps an OID to its
    first value's element.
    """

    content_type: str
    content: bytes | None
    certificates: tuple[Certificate, ...]
    crls: tuple[bytes, ...]
    attributes: Mapping[str, asn1.TLV]
    signed_bytes: bytes
    signature: bytes
    signer_id: asn1.TLV
    digest_algorithm: Sequence[asn1.TLV]
    signature_algorithm: Sequence[asn1.TLV]


def parse_signed(data: bytes) -> SignedData:
    """Take a signed message apart; NotAPkiMessage when it is none or has no signed attributes."""
    try:
        signed = _signed_data(data)
        signer_infos = asn1.set_items(signed.signer_infos)
        if len(signer_infos) != 1:
            raise NotAPkiMessage(f"{len(signer_infos)} signers instead of one")
        info = asn1.parse(structures.SignerInfo, signer_infos[0])
        if info.signed_attributes.tag_bytes != b"\xa0":
            raise NotAPkiMessage("no signed attributes")
        attributes = bytes(info.signed_attributes.data)
        return SignedData(
            content_type=signed.encapsulated.content_type.dotted_string,
            content=signed.encapsulated.content,
            certificates=_certificates(signed),
            crls=_crls(signed),
            attributes=_attributes(attributes),
            signed_bytes=asn1.encode(asn1.SET, attributes),
            signature=info.signature,
            signer_id=info.signer_id,
            digest_algorithm=info.digest_algorithm,
            signature_algorithm=info.signature_algorithm,
        )
    except ValueError as error:
        raise NotAPkiMessage("not a CMS signed message") from error


def _signed_data(data: bytes) -> structures.SignedData:
    outer = asn1.decode_content_info(data)
    if outer.content_type.dotted_string != SIGNED_DATA:
        raise ValueError("not SignedData")
    return asn1.parse(structures.SignedData, outer.content)


def _certificates(signed: structures.SignedData) -> tuple[Certificate, ...]:
    # Other choices of CertificateSet (attribute certificates, tagged) are passed over.
    return tuple(
        read_certificate(asn1.raw(each)) for each in signed.certificates or [] if each.tag_bytes == b"\x30"
    )


def _crls(signed: structures.SignedData) -> tuple[bytes, ...]:
    return tuple(asn1.raw(each) for each in signed.crls or [] if each.tag_bytes == b"\x30")


def _attributes(contents: bytes) -> dict[str, asn1.TLV]:
    found: dict[str, asn1.TLV] = {}
    for attribute in asn1.attributes(contents):
        values = attribute.values.as_list()
        oid = attribute.oid.dotted_string
        if oid in found:  # RFC 5652 section 5.3: no attribute twice
            raise ValueError("a signed attribute stands twice")
        if values:
            found[oid] = values[0]
    return found


def has_signers(data: bytes) -> bool:
    """Whether a SignedData is signed by anybody; ValueError when it is none."""
    return bool(asn1.set_items(_signed_data(data).signer_infos))


def digest_of(signed: SignedData) -> Digest:
    """The digest that the signer names; NotAllowed when we do not know it."""
    return algorithms.read_digest(list(signed.digest_algorithm))


def signer_of(signed: SignedData, others: Sequence[Certificate] = ()) -> Certificate | None:
    """The signer's certificate, by issuer and serial number (or key identifier), or None.

    ``others`` are candidates known beforehand: NDES leaves its certificates out of a FAILURE.
    """
    candidates = (*signed.certificates, *others)
    return next((each for each in candidates if is_meant(signed.signer_id, each)), None)


def is_meant(identifier: asn1.TLV, certificate: Certificate) -> bool:
    """Whether a SignerIdentifier or RecipientIdentifier names this certificate.

    Issuer and serial are compared together: a serial number alone is not unique.
    """
    try:
        if identifier.tag_bytes == b"\x80":
            stated = certificate.extension(SUBJECT_KEY_ID)
            if stated is not None:
                return asn1.octet_string(bytes(identifier.data)) == stated.value
            return bytes(identifier.data) == key_identifier(certificate.public_key_info)
        named = asn1.parse(structures.IssuerAndSerialNumber, identifier)
        return (
            asn1.raw(named.issuer) == certificate.issuer
            and asn1.to_integer(named.serial_number) == certificate.serial_number
        )
    except ValueError:
        return False


def verify(signed: SignedData, signer: Certificate | None, policy: AlgorithmPolicy = MODERN) -> None:
    """Check contentType, messageDigest and the signature: PeerError badAlg or badMessageCheck."""
    try:
        digest = digest_of(signed)
        algorithms.allow_digest(digest, policy)
        over = algorithms.read_signature_digest(list(signed.signature_algorithm), attached=digest)
        algorithms.allow_digest(over, policy)
        if signer is None:
            raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the signer's certificate is missing")
        key = signer.public_key()
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, str(error)) from error
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the signer's public key is broken") from error
    stated = signed.attributes.get(CONTENT_TYPE)
    if stated is None or asn1.raw(stated) != asn1.oid(signed.content_type):
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the content type does not match")
    stated = signed.attributes.get(MESSAGE_DIGEST)
    if stated is None or bytes(stated.data) != algorithms.hash_bytes(digest, signed.content or b""):
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the message digest does not match")
    try:
        algorithms.verify(key, over, signed.signature, signed.signed_bytes)
    except ValueError as error:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, str(error)) from error


def sign(
    content: bytes | None,
    attributes: Sequence[tuple[str, bytes]],
    signer: Identity,
    digest: Digest,
    certificates: Sequence[Certificate],
) -> bytes:
    """A SignedData over ``content`` (None: absent) with these attributes beside the usual two.

    ``attributes`` are (OID, DER of the one value).  The certificates go in as given.  LocalError for an
    EC key with MD5.
    """
    algorithm = algorithms.digest_algorithm(digest)
    message_digest = asn1.octet_string(algorithms.hash_bytes(digest, content or b""))
    encoded = [
        _CONTENT_TYPE_DATA,
        _attribute(MESSAGE_DIGEST, message_digest),
        *(_attribute(oid, value) for oid, value in attributes),
    ]
    signed_attributes = asn1.set_of(encoded)
    signer_info = asn1.sequence_of(
        _VERSION_1,
        issuer_and_serial(signer.certificate),
        algorithm,
        b"\xa0" + signed_attributes[1:],  # IMPLICIT [0]: the SET's own octets under another tag
        algorithms.signer_info_algorithm(signer.key, digest),
        asn1.octet_string(algorithms.sign(signer.key, digest, signed_attributes)),
    )
    inside = b"" if content is None else asn1.encode(0xA0, asn1.octet_string(content))
    return content_info(
        SIGNED_DATA,
        asn1.sequence_of(
            _VERSION_1,
            asn1.set_of([algorithm]),
            asn1.sequence_of(_DATA_OID, inside),
            asn1.encode(0xA0, *(each.der for each in certificates)) if certificates else b"",
            asn1.set_of([signer_info]),
        ),
    )


def _attribute(oid: str, value: bytes) -> bytes:
    return asn1.sequence_of(asn1.oid(oid), asn1.encode(asn1.SET, value))


def content_info(content_type: str, content: bytes) -> bytes:
    """A ContentInfo around ``content``."""
    return asn1.sequence_of(asn1.oid(content_type), asn1.encode(0xA0, content))


def issuer_and_serial(certificate: Certificate) -> bytes:
    """The certificate's IssuerAndSerialNumber."""
    return asn1.sequence_of(certificate.issuer, asn1.integer(certificate.serial_number))


def degenerate(certificates: Sequence[Certificate], crls: Sequence[bytes] = ()) -> bytes:
    """A SignedData without content and signers: a bag of certificates or CRLs (RFC 8894 section 3.4).

    The order is kept: the CertRep's issued certificate goes first, NDES's three in NDES's order.
    """
    return content_info(
        SIGNED_DATA,
        asn1.sequence_of(
            _VERSION_1,
            asn1.set_of([]),
            asn1.sequence_of(_DATA_OID),
            asn1.encode(0xA0, *(each.der for each in certificates)) if certificates else b"",
            asn1.encode(0xA1, *crls) if crls else b"",
            asn1.set_of([]),
        ),
    )


def read_degenerate(data: bytes) -> tuple[tuple[Certificate, ...], tuple[bytes, ...]]:
    """The certificates and the CRLs of a bag, in their order; ValueError when it is none."""
    signed = _signed_data(data)
    return _certificates(signed), _crls(signed)
