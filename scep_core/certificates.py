"""X.509 certificates (RFC 5280): slices of the peer's own bytes, and templates for ours.

``cryptography``'s builders cannot copy a subject byte for byte, sign with SHA-1, or make Cisco's
certificate without extensions; so the to-be-signed part is put together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from scep_core import algorithms, asn1, names, structures
from scep_core.algorithms import PrivateKey, PublicKey
from scep_core.errors import LocalError
from scep_core.values import Digest

BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
EXTENDED_KEY_USAGE = "2.5.29.37"
SUBJECT_ALT_NAME = "2.5.29.17"
SUBJECT_KEY_ID = "2.5.29.14"
AUTHORITY_KEY_ID = "2.5.29.35"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1"

# Purposes for extendedKeyUsage: RFC 5280 section 4.2.1.12, RFC 4945 section 5.1.3.12, and the two that have
# no RFC: iKEIntermediate, which older IPsec devices look for, and Microsoft's for an RA's certificates.
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
IPSEC_IKE = "1.3.6.1.5.5.7.3.17"
IKE_INTERMEDIATE = "1.3.6.1.5.5.8.2.2"
CERTIFICATE_REQUEST_AGENT = "1.3.6.1.4.1.311.20.2.1"

_OCSP = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"

# KeyUsage's bits, RFC 5280 section 4.2.1.3, in their order.
_KEY_USAGES = (
    "digital_signature",
    "non_repudiation",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Extension:
    """One extension; ``value`` is the DER inside its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes

    @cached_property
    def der(self) -> bytes:
        """The whole extension; made once, as most of ours are the same in every certificate."""
        critical = b"\x01\x01\xff" if self.critical else b""
        return asn1.sequence_of(asn1.oid(self.oid), critical, asn1.octet_string(self.value))


@dataclass(frozen=True)
class Certificate:
    """A certificate's own bytes and the slices of it that SCEP works with.

    ``issuer``, ``subject`` and ``public_key_info`` are DER as it stands in the certificate; two
    certificates are equal when their DER is.
    """

    der: bytes
    serial_number: int
    issuer: bytes
    subject: bytes
    public_key_info: bytes
    not_before: datetime
    not_after: datetime
    extensions: tuple[Extension, ...]

    def public_key(self) -> PublicKey:
        """The key; ValueError when it is broken or of a kind we do not know."""
        return algorithms.load_public_key(self.public_key_info)

    def fingerprint(self, digest: Digest = Digest.SHA256) -> bytes:
        """The hash of the whole certificate."""
        return algorithms.hash_bytes(digest, self.der)

    def extension(self, oid: str) -> Extension | None:
        """The extension with this OID."""
        return next((each for each in self.extensions if each.oid == oid), None)

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints says CA:TRUE; False when it is malformed."""
        extension = self.extension(BASIC_CONSTRAINTS)
        try:
            parts = asn1.items(extension.value) if extension else []
        except ValueError:
            return False
        return any(part.tag_bytes == b"\x01" and any(part.data) for part in parts)

    def has_key_usage(self, name: str) -> bool:
        """Whether keyUsage allows this, e.g. ``key_encipherment``; True when there is no keyUsage."""
        extension = self.extension(KEY_USAGE)
        try:
            return extension is None or name in read_key_usage(extension.value)
        except ValueError:
            return False

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same bytes."""
        return self.subject == self.issuer


def read_certificate(der: bytes) -> Certificate:
    """A certificate; ValueError when ``der`` is none."""
    tbs = asn1.parse(structures.TbsCertificate, asn1.decode(structures.Signed, der).body)
    if len(tbs.validity) != 2:
        raise ValueError("not a Validity")
    return Certificate(
        der=bytes(der),
        serial_number=asn1.to_integer(tbs.serial_number),
        issuer=asn1.raw(tbs.issuer),
        subject=asn1.raw(tbs.subject),
        public_key_info=asn1.raw(tbs.public_key_info),
        not_before=asn1.to_time(tbs.validity[0]),
        not_after=asn1.to_time(tbs.validity[1]),
        extensions=read_extensions(tbs.extensions or []),
    )


def read_extensions(values: Sequence[structures.ExtensionValue]) -> tuple[Extension, ...]:
    """Decoded extensions as values."""
    return tuple(Extension(each.oid.dotted_string, bool(each.critical), each.value) for each in values)


def verify_issued_by(certificate: Certificate, issuer: Certificate) -> None:
    """Check names and signature, not dates; ValueError says what does not match."""
    if certificate.issuer != issuer.subject:
        raise ValueError("the issuer's name is another")
    verify_signature(certificate.der, issuer.public_key())


def verify_signature(der: bytes, key: PublicKey) -> None:
    """Check who signed a certificate, a CRL or the like; ValueError when it was not ``key``."""
    signed = asn1.decode(structures.Signed, der)
    digest = algorithms.read_signature_digest(signed.algorithm)
    algorithms.verify(key, digest, signed.signature.as_bytes(), asn1.raw(signed.body))


@lru_cache(maxsize=64)  # a CA asks for its own with every certificate
def key_identifier(public_key_info: bytes) -> bytes:
    """SHA-1 of the key's bits: RFC 5280 section 4.2.1.2, method 1."""
    info = asn1.decode(structures.SubjectPublicKeyInfo, public_key_info)
    return algorithms.hash_bytes(Digest.SHA1, info.public_key.as_bytes())


def build_certificate(
    *,
    serial_number: int,
    issuer: bytes,
    subject: bytes,
    public_key_info: bytes,
    not_before: datetime,
    not_after: datetime,
    extensions: Sequence[Extension],
    key: PrivateKey,
    digest: Digest,
) -> Certificate:
    """A v3 certificate signed by ``key``; names and key are copied byte for byte."""
    algorithm = algorithms.signature_algorithm(key, digest)
    parts = [
        b"\xa0\x03\x02\x01\x02",  # v3
        asn1.integer(serial_number),
        algorithm,
        issuer,
        asn1.sequence_of(asn1.time(not_before), asn1.time(not_after)),
        subject,
        public_key_info,
    ]
    if extensions:
        parts.append(asn1.encode(0xA3, encode_extensions(extensions)))
    return Certificate(
        der=signed(asn1.sequence_of(*parts), key, digest),
        serial_number=serial_number,
        issuer=issuer,
        subject=subject,
        public_key_info=public_key_info,
        not_before=_as_encoded(not_before),
        not_after=_as_encoded(not_after),
        extensions=tuple(extensions),
    )


def _as_encoded(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


def signed(body: bytes, key: PrivateKey, digest: Digest) -> bytes:
    """A certificate, a CRL or a certification request from what is to be signed of it."""
    algorithm = algorithms.signature_algorithm(key, digest)
    return asn1.sequence_of(body, algorithm, asn1.bit_string(algorithms.sign(key, digest, body)))


def encode_extensions(extensions: Sequence[Extension]) -> bytes:
    """The Extensions SEQUENCE of a certificate, a CRL or an extensionRequest."""
    return asn1.sequence_of(*(each.der for each in extensions))


# -------------------------------------------------------------------------------------- extensions


@lru_cache(maxsize=64)
def ext_basic_constraints(ca: bool, path_len: int | None = None) -> Extension:
    """basicConstraints, critical for a CA (RFC 5280 section 4.2.1.9)."""
    parts = b"\x01\x01\xff" if ca else b""
    if ca and path_len is not None:
        parts += asn1.integer(path_len)
    return Extension(BASIC_CONSTRAINTS, ca, asn1.sequence_of(parts))


@lru_cache(maxsize=64)
def ext_key_usage(*names: str, critical: bool = True) -> Extension:
    """keyUsage from names such as ``digital_signature``."""
    bits = sum(0x8000 >> _KEY_USAGES.index(name) for name in names)
    octets = bits.to_bytes(2, "big").rstrip(b"\0") or b"\0"
    unused = (octets[-1] & -octets[-1]).bit_length() - 1 if octets[-1] else 0
    return Extension(KEY_USAGE, critical, asn1.bit_string(octets, unused))


def read_key_usage(value: bytes) -> frozenset[str]:
    """The names in a keyUsage's value; ValueError when it is no BIT STRING."""
    bits = asn1.decode(asn1.BitString, value).as_bytes()
    return frozenset(
        name
        for index, name in enumerate(_KEY_USAGES)
        if index // 8 < len(bits) and bits[index // 8] & 0x80 >> index % 8
    )


@lru_cache(maxsize=64)
def ext_extended_key_usage(*oids: str) -> Extension:
    """extendedKeyUsage."""
    return Extension(EXTENDED_KEY_USAGE, False, asn1.sequence_of(*map(asn1.oid, oids)))


def ext_subject_key_id(public_key_info: bytes) -> Extension:
    """subjectKeyIdentifier."""
    return Extension(SUBJECT_KEY_ID, False, asn1.octet_string(key_identifier(public_key_info)))


@lru_cache(maxsize=64)
def ext_authority_key_id(issuer_public_key_info: bytes) -> Extension:
    """authorityKeyIdentifier, by key identifier alone."""
    value = asn1.sequence_of(asn1.encode(0x80, key_identifier(issuer_public_key_info)))
    return Extension(AUTHORITY_KEY_ID, False, value)


# GeneralName's tags, RFC 5280 section 4.2.1.6.
_URI = 0x86
_DIRECTORY_NAME = 0xA4
_SAN_LABELS = {0x81: "email", 0x82: "DNS", _URI: "URI", 0x87: "IP"}


def ext_subject_alt_name(names: Sequence[tuple[str, bytes]]) -> Extension:
    """subjectAltName from (label, octets) pairs: ``DNS``, ``email``, ``URI`` in ASCII, ``IP`` packed."""
    tags = {label: tag for tag, label in _SAN_LABELS.items()}
    general_names = (asn1.encode(tags[label], octets) for label, octets in names)
    return Extension(SUBJECT_ALT_NAME, False, asn1.sequence_of(*general_names))


def read_subject_alt_name(value: bytes) -> tuple[str, ...]:
    """A subjectAltName for people: ``DNS:r1.lab``, ``IP:192.0.2.1``; other kinds by their tag number."""
    shown = []
    for name in asn1.items(value):
        tag, octets = name.tag_bytes[0], bytes(name.data)
        label = _SAN_LABELS.get(tag)
        if label == "IP" and len(octets) == 4:
            text = ".".join(map(str, octets))
        elif label == "IP":
            text = ":".join(octets[at : at + 2].hex() for at in range(0, len(octets), 2))
        elif label:
            text = _printed(octets, but_not=b",")  # names are shown with commas between them
        else:
            label, text = f"[{tag & 0x1F}]", octets.hex()
        shown.append(f"{label}:{text}")
    return tuple(shown)


def _printed(octets: bytes, *, but_not: bytes = b"") -> str:
    """What a client wrote, for a person's screen: nothing in it moves a cursor or starts a line."""
    return "".join(
        chr(octet) if 0x20 <= octet < 0x7F and octet not in but_not + b"\\" else f"\\x{octet:02x}"
        for octet in octets
    )


def ext_crl_distribution_points(*points: str | bytes | Sequence[str | bytes]) -> Extension:
    """cRLDistributionPoints: each point is a name, or several for the same CRL.

    A name is a URI, or the DER of a Name where the CRL stands in a directory (RFC 5280 section 4.2.1.13).
    Active Directory's CAs write one point with an ``ldap:`` and an ``http:`` name.
    """
    return Extension(CRL_DISTRIBUTION_POINTS, False, asn1.sequence_of(*map(_distribution_point, points)))


def _distribution_point(point: str | bytes | Sequence[str | bytes]) -> bytes:
    names = [point] if isinstance(point, str | bytes) else point
    # DistributionPoint { distributionPoint [0] { fullName [0] GeneralNames } }
    return asn1.sequence_of(asn1.encode(0xA0, asn1.encode(0xA0, *map(_general_name, names))))


def _general_name(name: str | bytes) -> bytes:
    if isinstance(name, str):
        return asn1.encode(_URI, name.encode("ascii"))
    return asn1.encode(_DIRECTORY_NAME, name)  # explicit, as Name is a CHOICE


def read_crl_distribution_points(value: bytes, issuer: bytes = b"") -> tuple[str, ...]:
    """Where a certificate says that its CRL is (RFC 5280 section 4.2.1.13): URLs, and names by RFC 4514.

    Points that name only an issuer are passed over, and those that are relative to ``issuer``, the DER of a
    Name, when it is not given.  ValueError when it is none.
    """
    found = []
    for point in asn1.items(value):
        for field in asn1.items(asn1.raw(point)):
            for name in _elements(field, 0xA0):
                if issuer and name.tag_bytes == b"\xa1":  # one RDN below the CRL's issuer
                    above = b"".join(map(asn1.raw, asn1.items(issuer)))
                    rdn = asn1.encode(asn1.SET, bytes(name.data))
                    found.append(names.rfc4514(asn1.sequence_of(above, rdn)))
                for general_name in _elements(name, 0xA0):
                    if general_name.tag_bytes == bytes([_URI]):
                        found.append(_printed(bytes(general_name.data)))
                    elif general_name.tag_bytes == bytes([_DIRECTORY_NAME]):
                        found.append(names.rfc4514(bytes(general_name.data)))
    return tuple(found)


def _elements(tlv: asn1.TLV, tag: int) -> list[asn1.TLV]:
    return asn1.set_items(tlv, tag) if tlv.tag_bytes == bytes([tag]) else []


def ext_authority_info_access(ca_issuers: Sequence[str], ocsp: Sequence[str] = ()) -> Extension:
    """authorityInfoAccess: URLs of the issuer's certificate and of OCSP responders; not both empty."""
    described = [(_CA_ISSUERS, url) for url in ca_issuers] + [(_OCSP, url) for url in ocsp]
    if not described:
        raise LocalError("authorityInfoAccess needs a URL (RFC 5280 section 4.2.2.1)")
    value = asn1.sequence_of(
        *(asn1.sequence_of(asn1.oid(method), _general_name(url)) for method, url in described)
    )
    return Extension(AUTHORITY_INFO_ACCESS, False, value)
