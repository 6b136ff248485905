"""Certificate revocation lists (RFC 5280 section 5): built whole, read, verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography.x509 import ObjectIdentifier

from scep_core import algorithms, asn1, structures
from scep_core.algorithms import PrivateKey
from scep_core.certificates import (
    AUTHORITY_KEY_ID,
    Certificate,
    Extension,
    encode_extensions,
    read_extensions,
    signed,
    verify_signature,
)
from scep_core.values import Digest

CRL_NUMBER = "2.5.29.20"
REASON_CODE = "2.5.29.21"
INVALIDITY_DATE = "2.5.29.24"

_VERSION_2 = asn1.integer(1)
_UNSPECIFIED = 0
REMOVE_FROM_CRL = 8
# unused(7) is no reason (RFC 5280 section 5.3.1).
_REASONS = {
    code: Extension(REASON_CODE, False, asn1.encode(asn1.ENUMERATED, bytes([code])))
    for code in range(_UNSPECIFIED + 1, 11)
    if code != 7
}
# A CRL may have a hundred thousand entries, which say one of ten things.
_REASON_NUMBERS = {extension.value: code for code, extension in _REASONS.items()}
_UTC_TIME_SIZE = len(b"YYMMDDHHMMSSZ")
_UTC_TIME = asn1.UTC_TIME + bytes([_UTC_TIME_SIZE])
_NONE: frozenset[str] = frozenset()
_REASON_CODE, _INVALIDITY_DATE = ObjectIdentifier(REASON_CODE), ObjectIdentifier(INVALIDITY_DATE)


@dataclass(frozen=True)
class RevokedEntry:
    """One revoked certificate; times are aware UTC, in whole seconds on the wire.

    ``reason`` is a CRLReason's number.  0, unspecified, is left out of a CRL, as RFC 5280 section 5.3.1
    asks, so it is read back as None.
    """

    serial_number: int
    revoked_at: datetime
    reason: int | None = None
    invalidity_date: datetime | None = None


@dataclass(frozen=True)
class Crl:
    """A CRL's own bytes and what it says; ``issuer`` is DER, ``number`` None in a version 1 CRL.

    ``critical_in_entries`` are the OIDs of the critical extensions that any entry has.
    """

    der: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    number: int | None
    revoked: tuple[RevokedEntry, ...]
    extensions: tuple[Extension, ...]
    critical_in_entries: frozenset[str] = frozenset()

    @cached_property
    def revoked_by_serial_number(self) -> Mapping[int, RevokedEntry]:
        """The first entry of each certificate, those that are to leave the list passed over."""
        listed = (each for each in reversed(self.revoked) if each.reason != REMOVE_FROM_CRL)
        return {each.serial_number: each for each in listed}


def build_crl(
    *,
    issuer: bytes,
    key: PrivateKey,
    digest: Digest,
    this_update: datetime,
    next_update: datetime,
    revoked: Sequence[RevokedEntry],
    number: int,
    authority_key_id: bytes,
) -> bytes:
    """A version 2 CRL signed by ``key``, its entries in the order given; ValueError for an unknown reason."""
    entries = b"".join(map(_entry, revoked))
    extensions = [
        Extension(AUTHORITY_KEY_ID, False, asn1.sequence_of(asn1.encode(0x80, authority_key_id))),
        Extension(CRL_NUMBER, False, asn1.integer(number)),
    ]
    body = asn1.sequence_of(
        _VERSION_2,
        algorithms.signature_algorithm(key, digest),
        issuer,
        asn1.time(this_update),
        asn1.time(next_update),
        asn1.sequence_of(entries) if entries else b"",  # absent when empty, section 5.1.2.6
        asn1.encode(0xA0, encode_extensions(extensions)),
    )
    return signed(body, key, digest)


def _entry(entry: RevokedEntry) -> bytes:
    extensions = _entry_extensions(entry)
    return asn1.sequence_of(
        asn1.integer(entry.serial_number),
        asn1.time(entry.revoked_at),
        encode_extensions(extensions) if extensions else b"",
    )


def _entry_extensions(entry: RevokedEntry) -> list[Extension]:
    extensions = []
    if entry.reason:
        if entry.reason not in _REASONS:
            raise ValueError(f"{entry.reason} is no reason of RFC 5280 section 5.3.1")
        extensions.append(_REASONS[entry.reason])
    if entry.invalidity_date is not None:
        value = asn1.generalized_time(entry.invalidity_date)
        extensions.append(Extension(INVALIDITY_DATE, False, value))
    return extensions


def read_crl(der: bytes) -> Crl:
    """A CRL of either version; ValueError when ``der`` is none."""
    fields = asn1.items(asn1.raw(asn1.decode(structures.Signed, der).body))
    if fields and fields[0].tag_bytes == b"\x02":  # version; absent in version 1
        fields = fields[1:]
    if len(fields) < 3:
        raise ValueError("not a TBSCertList")
    _algorithm, issuer, this_update, *rest = fields
    # The three that may be missing, told apart by their tags.
    next_update = asn1.to_time(rest.pop(0)) if rest and rest[0].tag_bytes in asn1.TIMES else None
    revoked, critical = _read_entries(rest.pop(0)) if rest and rest[0].tag_bytes == b"\x30" else ((), _NONE)
    extensions = _extensions(rest.pop(0)) if rest and rest[0].tag_bytes == b"\xa0" else ()
    if rest:
        raise ValueError("not a TBSCertList")
    number = _value(extensions, CRL_NUMBER)
    return Crl(
        der=bytes(der),
        issuer=asn1.raw(issuer),
        this_update=asn1.to_time(this_update),
        next_update=next_update,
        number=None if number is None else asn1.to_integer(number),
        revoked=revoked,
        extensions=extensions,
        critical_in_entries=critical,
    )


def _extensions(tlv: asn1.TLV) -> tuple[Extension, ...]:
    return read_extensions(asn1.extensions(bytes(tlv.data)))


_Entries = tuple[tuple[RevokedEntry, ...], frozenset[str]]


def _read_entries(tlv: asn1.TLV) -> _Entries:
    """The entries of revokedCertificates, and the OIDs of the critical extensions in any of them."""
    return _read_usual_entries(bytes(tlv.data)) or _read_any_entries(tlv)


def _read_any_entries(tlv: asn1.TLV) -> _Entries:
    found, critical = [], set[str]()
    for each in asn1.revoked_certificates(tlv):
        read = _read_entry_extensions(each.extensions or ())
        critical |= read.critical
        serial_number, revoked_at = asn1.to_integer(each.serial_number), asn1.to_time(each.revocation_date)
        found.append(RevokedEntry(serial_number, revoked_at, read.reason, read.invalidity_date))
    return tuple(found), frozenset(critical)


def _read_usual_entries(data: bytes) -> _Entries | None:
    """The same for entries below 128 octets with a UTCTime; None when there is any other.

    The declared shapes take most of a second for a hundred thousand entries, and let no other thread run
    meanwhile.  This takes a third; what the entries say beside number and time is read once for each of it.
    """
    found: list[RevokedEntry] = []
    said: dict[bytes, _EntryExtensions] = {b"": _EntryExtensions()}
    at = 0
    try:
        while at < len(data):
            end, serial_number = at + 2 + data[at + 1], at + 4
            time = serial_number + data[at + 3]
            extensions = time + 2 + _UTC_TIME_SIZE
            if (
                data[at] != asn1.SEQUENCE
                or data[at + 1] > 0x7F
                or data[at + 2] != 0x02
                or time == serial_number
                or data[time : time + 2] != _UTC_TIME
                or not extensions <= end <= len(data)
            ):
                return None
            rest = data[extensions:end]
            read = said.get(rest)
            if read is None:
                read = said[rest] = _read_entry_extensions(asn1.extensions(rest))
            number = int.from_bytes(data[serial_number:time], "big", signed=True)
            revoked_at = asn1.utc_time(data[time + 2 : extensions])
            found.append(RevokedEntry(number, revoked_at, read.reason, read.invalidity_date))
            at = end
    except IndexError:
        return None
    return tuple(found), frozenset().union(*(each.critical for each in said.values()))


@dataclass(frozen=True)
class _EntryExtensions:
    reason: int | None = None
    invalidity_date: datetime | None = None
    critical: frozenset[str] = frozenset()


def _read_entry_extensions(extensions: Sequence[structures.ExtensionValue]) -> _EntryExtensions:
    reason = invalid_since = None
    for each in extensions:
        if each.oid == _REASON_CODE:
            reason = _REASON_NUMBERS.get(each.value) or asn1.to_enumerated(_element(each.value))
        elif each.oid == _INVALIDITY_DATE:
            invalid_since = asn1.to_time(_element(each.value))
    critical = frozenset(each.oid.dotted_string for each in extensions if each.critical)
    return _EntryExtensions(reason, invalid_since, critical)


def _element(value: bytes) -> asn1.TLV:
    """The one element inside an extension."""
    (element,) = asn1.items(asn1.sequence_of(value))
    return element


def _value(extensions: Sequence[Extension], oid: str) -> asn1.TLV | None:
    """The one element inside an extension; None when there is no such extension."""
    return next((_element(each.value) for each in extensions if each.oid == oid), None)


def verify_crl(crl: Crl, issuer: Certificate) -> None:
    """Check name, right to sign and signature (RFC 5280 section 6.3.3), not dates; ValueError says why."""
    if crl.issuer != issuer.subject:
        raise ValueError("the CRL is another issuer's")
    if not issuer.has_key_usage("crl_sign"):
        raise ValueError("the issuer's key usage does not allow signing CRLs")
    verify_signature(crl.der, issuer.public_key())
