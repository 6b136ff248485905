"""SCEP's ASN.1 structures as ``cryptography.hazmat.asn1`` reads them; ``asn1`` has the functions.

Where real peers are looser than DER allows, these declarations are too:

* certificates, CRLs and attributes inside SET OF may stand in any order: hence ``list`` and
  ``asn1.set_items``, as ``SetOf`` insists on DER's order; only a signed attribute's values are in a
  ``SetOf``, since there is just one (RFC 5652 section 11);
* algorithm parameters may be absent, NULL or anything: hence ``list[TLV]``;
* integers that are serial numbers may be negative, padded or long: hence ``TLV``.

An element declared as ``TLV`` is left unread until somebody asks (``asn1.parse``).
"""

from __future__ import annotations

from typing import Annotated

from cryptography.hazmat.asn1 import TLV, BitString, Explicit, Implicit, SetOf, sequence
from cryptography.x509 import ObjectIdentifier


@sequence
class Items:
    items: list[TLV]


@sequence
class ContentInfo:
    """RFC 5652 section 3."""

    content_type: ObjectIdentifier
    content: Annotated[TLV, Explicit(0)]


@sequence
class EncapsulatedContentInfo:
    """RFC 5652 section 5.2; absent content is what "degenerate" means."""

    content_type: ObjectIdentifier
    content: Annotated[bytes | None, Explicit(0)]


@sequence
class SignedData:
    """RFC 5652 section 5.1."""

    version: int
    digest_algorithms: TLV
    encapsulated: EncapsulatedContentInfo
    certificates: Annotated[list[TLV] | None, Implicit(0)]
    crls: Annotated[list[TLV] | None, Implicit(1)]
    signer_infos: TLV


@sequence
class SignerInfo:
    """RFC 5652 section 5.3, with the signed attributes that SCEP makes mandatory."""

    version: int
    signer_id: TLV
    digest_algorithm: list[TLV]
    signed_attributes: TLV
    signature_algorithm: list[TLV]
    signature: bytes
    unsigned_attributes: Annotated[list[TLV] | None, Implicit(1)]


@sequence
class Attribute:
    """A signed attribute, RFC 5652 section 5.3."""

    oid: ObjectIdentifier
    values: SetOf[TLV]


@sequence
class Attributes:
    items: list[Attribute]


@sequence
class EncryptedContentInfo:
    """RFC 5652 section 6.1; ``chunks`` is the content where BER's constructed form was used."""

    content_type: ObjectIdentifier
    algorithm: list[TLV]
    encrypted_content: Annotated[bytes | None, Implicit(0)]
    chunks: Annotated[list[TLV] | None, Implicit(0)]


@sequence
class EnvelopedData:
    """RFC 5652 section 6.1."""

    version: int
    originator_info: Annotated[list[TLV] | None, Implicit(0)]
    recipient_infos: TLV
    encrypted: EncryptedContentInfo
    unprotected_attributes: Annotated[list[TLV] | None, Implicit(1)]


@sequence
class KeyTransRecipientInfo:
    """RFC 5652 section 6.2.1."""

    version: int
    recipient_id: TLV
    algorithm: list[TLV]
    encrypted_key: bytes


@sequence
class IssuerAndSerialNumber:
    """RFC 5652 section 10.2.4."""

    issuer: TLV
    serial_number: TLV


@sequence
class IssuerAndSubject:
    """RFC 8894 section 3.3.3."""

    issuer: TLV
    subject: TLV


@sequence
class Signed:
    """The outer shape of a certificate, a CRL and a certification request alike."""

    body: TLV
    algorithm: list[TLV]
    signature: BitString


@sequence
class RequestAttribute:
    """RFC 2986 section 4.1: the same shape as a signed one; Microsoft's have several values."""

    oid: ObjectIdentifier
    values: TLV


@sequence
class CertificationRequestInfo:
    """RFC 2986 section 4.1; the attributes may be missing altogether, which real clients do."""

    version: int
    subject: TLV
    public_key_info: TLV
    attributes: Annotated[list[RequestAttribute] | None, Implicit(0)]


@sequence
class SubjectPublicKeyInfo:
    """RFC 5280 section 4.1.2.7."""

    algorithm: list[TLV]
    public_key: BitString


@sequence
class ExtensionValue:
    """RFC 5280 section 4.1; a FALSE that DER would leave out is read all the same."""

    oid: ObjectIdentifier
    critical: bool | None
    value: bytes


@sequence
class TbsCertificate:
    """RFC 5280 section 4.1."""

    version: Annotated[int | None, Explicit(0)]
    serial_number: TLV
    signature: list[TLV]
    issuer: TLV
    validity: list[TLV]
    subject: TLV
    public_key_info: TLV
    issuer_unique_id: Annotated[BitString | None, Implicit(1)]
    subject_unique_id: Annotated[BitString | None, Implicit(2)]
    extensions: Annotated[list[ExtensionValue] | None, Explicit(3)]


@sequence
class Extensions:
    items: list[ExtensionValue]


@sequence
class RevokedCertificate:
    """RFC 5280 section 5.1.2.6."""

    serial_number: TLV
    revocation_date: TLV
    extensions: list[ExtensionValue] | None


@sequence
class RevokedCertificates:
    items: list[RevokedCertificate]
