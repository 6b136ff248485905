"""Distinguished names: read leniently, shown to people, built for requests.

A name's identity is its DER; nothing here is used to re-encode what a peer wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from scep_core import asn1

Rdn = tuple[tuple[str, str], ...]

COMMON_NAME = "2.5.4.3"
SERIAL_NUMBER = "2.5.4.5"
COUNTRY = "2.5.4.6"
ORGANIZATION = "2.5.4.10"
ORGANIZATIONAL_UNIT = "2.5.4.11"
UNSTRUCTURED_NAME = "1.2.840.113549.1.9.2"
UNSTRUCTURED_ADDRESS = "1.2.840.113549.1.9.8"

# RFC 4514 section 3 and, where that has none, what OpenSSL and Cisco print.
SHORT_NAMES = {
    COMMON_NAME: "CN",
    "2.5.4.4": "SN",
    SERIAL_NUMBER: "serialNumber",
    COUNTRY: "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    ORGANIZATION: "O",
    ORGANIZATIONAL_UNIT: "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "1.2.840.113549.1.9.1": "emailAddress",
    UNSTRUCTURED_NAME: "unstructuredName",
    UNSTRUCTURED_ADDRESS: "unstructuredAddress",
}
OIDS = {short.lower(): dotted for dotted, short in SHORT_NAMES.items()} | {
    "email": "1.2.840.113549.1.9.1",
    "e": "1.2.840.113549.1.9.1",
    "s": "2.5.4.8",
}

EMPTY_NAME = asn1.sequence_of()
_DOTTED = re.compile(r"[012](\.(0|[1-9][0-9]*))+")
# A value between spaces; an escaped space belongs to it.
_VALUE = re.compile(r"\s*((?:\\.|[^\\])*?)\s*", re.DOTALL)
# RFC 4514 section 3: UTF-8 octets in hexadecimal, or one special character.
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)

_IA5_TYPES = {UNSTRUCTURED_NAME, "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25"}


_SMALL = 1024  # octets; larger names are not worth the memory of a cache


def parse_name(der: bytes) -> tuple[Rdn, ...]:
    """The RDNs in the order they are encoded, each ((dotted OID, text), ...).

    Takes any string type, multi-valued RDNs, unsorted SETs and empty names; a value that is no
    string is its DER, ``#020105``.  ValueError when ``der`` is not a Name at all.
    """
    return _parse_small(der) if len(der) <= _SMALL else _parse(der)


def _parse(der: bytes) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(tuple((kind, _text_of(value)) for kind, value in rdn) for rdn in _rdns(der))


_parse_small = lru_cache(maxsize=256)(_parse)  # a request's subject is looked at in several places


def _rdns(der: bytes) -> list[list[tuple[str, asn1.TLV]]]:
    rdns = []
    for rdn in asn1.items(der):
        pairs = (asn1.items(asn1.raw(attribute)) for attribute in asn1.set_items(rdn))
        rdns.append([(asn1.to_oid(kind), value) for kind, value in pairs])
    return rdns


def _text_of(value: asn1.TLV, escape: Callable[[str], str] = str) -> str:
    try:
        return escape(asn1.to_text(value))
    except ValueError:  # not a string: RFC 4514 section 2.4 shows its DER
        return "#" + asn1.raw(value).hex()


def build_name(rdns: Sequence[Sequence[tuple[str, str]]], *, string_type: int | None = None) -> bytes:
    """The DER of a Name from its RDNs, first encoded first.

    Each value gets the string type that its attribute calls for: IA5String for unstructuredName,
    e-mail address and domain component (PKCS #9, RFC 4519), else PrintableString, else UTF8String.
    ``string_type`` (a tag octet) overrides that, as Cisco's temporary certificate needs.
    """
    return asn1.sequence_of(
        *(
            asn1.set_of(
                asn1.sequence_of(asn1.oid(kind), _text(kind, text, string_type)) for kind, text in rdn
            )
            for rdn in rdns
        )
    )


def _text(kind: str, text: str, string_type: int | None) -> bytes:
    if string_type is not None:
        return asn1.encode(string_type, text.encode())
    if kind in _IA5_TYPES and text.isascii():
        return asn1.encode(asn1.IA5_STRING, text.encode())
    return asn1.printable_or_utf8(text)


def parse_text(text: str) -> list[list[tuple[str, str]]]:
    """A name as people type it, ``CN=r1,OU=lab+serialNumber=7``, into RDNs for ``build_name``.

    RFC 4514 escapes (``\\,`` and ``\\C3\\A9``) are understood, and dotted OIDs; the order is kept: the
    first typed is encoded first, as Cisco's ``subject-name`` does.  ValueError says which part is wrong.
    """
    rdns: list[list[tuple[str, str]]] = []
    for part in _split(text, ","):
        rdn = []
        for pair in _split(part, "+"):
            key, equals, value = pair.partition("=")
            kind = key.strip() if _DOTTED.fullmatch(key.strip()) else OIDS.get(key.strip().lower())
            value = _unescape(value)
            if not equals or kind is None or not value:
                raise ValueError(f"not an attribute of a distinguished name: {pair.strip()!r}")
            rdn.append((kind, value))
        rdns.append(rdn)
    return rdns


def _split(text: str, separator: str) -> list[str]:
    parts, current, escaped = [], "", False
    for character in text:
        if character == separator and not escaped:
            parts.append(current)
            current = ""
        else:
            current += character
        escaped = character == "\\" and not escaped
    return [*parts, current]


def _unescape(text: str) -> str:
    """A value without its escapes and the spaces around it; empty when it ends in half an escape."""
    value = _VALUE.fullmatch(text)
    return _ESCAPED.sub(_unescaped, value[1]) if value else ""


def _unescaped(match: re.Match[str]) -> str:
    octets, character = match.groups()
    return bytes.fromhex(octets.replace("\\", "")).decode(errors="replace") if octets else str(character)


def rfc4514(der: bytes) -> str:
    """The name for people and logs, ``CN=r1,O=lab``: RFC 4514, last RDN first."""
    return _write_small(der) if len(der) <= _SMALL else _write(der)


def _write(der: bytes) -> str:
    return ",".join(
        "+".join(f"{SHORT_NAMES.get(kind, kind)}={_text_of(value, _escape)}" for kind, value in rdn)
        for rdn in reversed(_rdns(der))
    )


_write_small = lru_cache(maxsize=256)(_write)


def _escape(text: str) -> str:
    escaped = [_escape_character(character) for character in text]
    if text.startswith((" ", "#")):
        escaped[0] = "\\" + text[0]
    if text.endswith(" "):
        escaped[-1] = "\\ "
    return "".join(escaped)


def _escape_character(character: str) -> str:
    if character in ',+"\\<>;':
        return "\\" + character
    if character.isprintable():
        return character
    return "".join(f"\\{octet:02X}" for octet in character.encode())
