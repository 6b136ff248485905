"""The one module that knows DER: how SCEP's structures are decoded, and how bytes are encoded.

Decoding uses ``cryptography.hazmat.asn1``, which is quick and refuses anything odd with one
ValueError.  Its documentation calls it unstable, so nothing but this module and ``structures``, where
the shapes are declared, imports it (and the dependency is pinned below the next major release).  BER
(indefinite lengths, constructed strings), which Apple's clients and ``openssl cms -stream`` write, is
turned into DER by ``ber``, once, when DER decoding failed.

Encoding is by concatenation: ``encode(tag, *parts)`` and constants made once at import.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from cryptography.hazmat.asn1 import TLV, BitString, decode_der
from cryptography.x509 import ObjectIdentifier

from scep_core import ber
from scep_core.structures import (
    Attribute,
    Attributes,
    ContentInfo,
    Extensions,
    ExtensionValue,
    Items,
    RevokedCertificate,
    RevokedCertificates,
)

__all__ = ["TLV", "BitString"]  # re-exported: the two of hazmat's types that show outside

T = TypeVar("T")

SEQUENCE = 0x30
SET = 0x31
OCTET_STRING = 0x04
BIT_STRING = 0x03
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
ENUMERATED = 0x0A

# --------------------------------------------------------------------------------------- decoding


def decode(cls: type[T], der: bytes) -> T:
    """``der`` as a ``cls``; ValueError when it is none, or has bytes left over."""
    return decode_der(cls, der)


def parse(cls: type[T], tlv: TLV) -> T:
    """An element that was left unread so far, as a ``cls``; ValueError when it is none."""
    parsed: T = tlv.parse(cls)
    return parsed


def decode_content_info(data: bytes) -> ContentInfo:
    """A ContentInfo from DER or BER; ValueError when it is neither."""
    try:
        return decode_der(ContentInfo, data)
    except ValueError:
        return decode_der(ContentInfo, ber.to_der(data))


def items(der: bytes) -> list[TLV]:
    """The elements of a SEQUENCE."""
    return decode_der(Items, encode(SEQUENCE, der)).items


def attributes(contents: bytes) -> list[Attribute]:
    """What stands in a SET OF Attribute (its header, which may be tagged, left away), in any order."""
    return decode_der(Attributes, encode(SEQUENCE, encode(SEQUENCE, contents))).items


def extensions(der: bytes) -> list[ExtensionValue]:
    """The elements of an Extensions SEQUENCE."""
    return decode_der(Extensions, encode(SEQUENCE, der)).items


def revoked_certificates(tlv: TLV) -> list[RevokedCertificate]:
    """The elements of a CRL's revokedCertificates."""
    return decode_der(RevokedCertificates, encode(SEQUENCE, raw(tlv))).items


def set_items(tlv: TLV, tag: int = SET) -> list[TLV]:
    """The elements of a SET, in whatever order they stand; ValueError when the tag is another."""
    if tlv.tag_bytes != bytes([tag]):
        raise ValueError("not the SET that stands here")
    return items(encode(SEQUENCE, bytes(tlv.data)))


def raw(tlv: TLV) -> bytes:
    """The element's own DER, header included."""
    data = bytes(tlv.data)
    return tlv.tag_bytes + ber.encode_length(len(data)) + data


_LONGEST_INTEGER = 128  # octets; the longest serial number met is 33


def to_integer(tlv: TLV) -> int:
    """An INTEGER of any sign and length, padded or not."""
    if tlv.tag_bytes != b"\x02" or not 0 < len(tlv.data) <= _LONGEST_INTEGER:
        raise ValueError("not an INTEGER, or one of no sensible length")
    return int.from_bytes(bytes(tlv.data), "big", signed=True)


def to_enumerated(tlv: TLV) -> int:
    """An ENUMERATED of one octet, which is all that RFC 5280 has."""
    if tlv.tag_bytes != bytes([ENUMERATED]) or len(tlv.data) != 1:
        raise ValueError("not an ENUMERATED, or one of no sensible length")
    return int(tlv.data[0])


_TEXT_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",  # NumericString
    0x13: "latin-1",  # PrintableString; real ones hold @, * and _
    0x14: "latin-1",  # TeletexString, as everybody fills it
    0x16: "latin-1",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
    0x04: "utf-8",  # OCTET STRING: some clients put their challenge password into one
}


def to_text(tlv: TLV) -> str:
    """Any of ASN.1's string types as text; characters that its encoding cannot hold are replaced."""
    encoding = _TEXT_ENCODINGS.get(tlv.tag_bytes[0]) if len(tlv.tag_bytes) == 1 else None
    if encoding is None:
        raise ValueError("not a character string")
    return bytes(tlv.data).decode(encoding, "replace")


def to_oid(tlv: TLV) -> str:
    """An OBJECT IDENTIFIER as dotted text."""
    return _decode_oid(raw(tlv))


@lru_cache(maxsize=512)
def _decode_oid(der: bytes) -> str:
    return decode_der(ObjectIdentifier, der).dotted_string


UTC_TIME = b"\x17"
GENERALIZED_TIME = b"\x18"
TIMES = {UTC_TIME, GENERALIZED_TIME}


def to_time(tlv: TLV) -> datetime:
    """A UTCTime or GeneralizedTime, aware UTC; with RFC 5280's rule for the century."""
    octets = bytes(tlv.data)
    if tlv.tag_bytes == UTC_TIME:
        return utc_time(octets)
    if tlv.tag_bytes != GENERALIZED_TIME:
        raise ValueError("not a time")
    return _instant(octets.decode("ascii", "replace"))


def utc_time(octets: bytes) -> datetime:
    """What stands inside a UTCTime; see ``to_time``."""
    text = octets.decode("ascii", "replace")
    return _instant(("20" if text < "50" else "19") + text)


def _instant(text: str) -> datetime:
    try:
        if len(text) == len("YYYYMMDDHHMMSSZ") and text[:-1].isdecimal() and text[-1] == "Z":
            return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")  # strptime is slow
    except ValueError:
        pass
    raise ValueError("not a time of RFC 5280")


# --------------------------------------------------------------------------------------- encoding


def encode(tag: int, *parts: bytes) -> bytes:
    """One element: the tag's octet, the length, the parts one after the other."""
    body = b"".join(parts)
    return ber.OCTETS[tag] + ber.encode_length(len(body)) + body


def sequence_of(*parts: bytes) -> bytes:
    """A SEQUENCE of elements that are DER already."""
    return encode(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes]) -> bytes:
    """A SET OF, in DER's order (X.690 section 11.6)."""
    return encode(SET, *sorted(parts))


def integer(value: int) -> bytes:
    """An INTEGER, two's complement, as short as can be."""
    bits = (value if value >= 0 else ~value).bit_length()
    return encode(0x02, value.to_bytes(bits // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """An OCTET STRING."""
    return encode(OCTET_STRING, value)


def bit_string(value: bytes, unused_bits: int = 0) -> bytes:
    """A BIT STRING."""
    return encode(BIT_STRING, bytes([unused_bits]), value)


@lru_cache(maxsize=512)
def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted text."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(septets))
    return encode(0x06, bytes(body))


def time(instant: datetime) -> bytes:
    """A Time of RFC 5280 section 4.1.2.5: UTCTime through 2049, then GeneralizedTime."""
    instant = instant.astimezone(UTC)
    if not 1950 <= instant.year < 2050:
        return generalized_time(instant)
    return encode(0x17, _digits(instant)[2:])


def generalized_time(instant: datetime) -> bytes:
    """A GeneralizedTime in whole seconds, as RFC 5280 section 4.1.2.5.2 has it."""
    return encode(0x18, _digits(instant.astimezone(UTC)))


def _digits(utc: datetime) -> bytes:
    return b"%04d%02d%02d%02d%02d%02dZ" % utc.timetuple()[:6]


def printable_string(text: str) -> bytes:
    """A PrintableString; the caller vouches for the characters."""
    return encode(PRINTABLE_STRING, text.encode("ascii"))


def utf8_string(text: str) -> bytes:
    """A UTF8String."""
    return encode(UTF8_STRING, text.encode())


PRINTABLE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


def printable_or_utf8(text: str) -> bytes:
    """A PrintableString where the characters allow it, else a UTF8String."""
    return encode(PRINTABLE_STRING if PRINTABLE.issuperset(text) else UTF8_STRING, text.encode())


NULL = b"\x05\x00"
