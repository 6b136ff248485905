"""Search filters: from the text of RFC 4515, ``(&(objectClass=pkiCA)(cn=a*))``, to the BER of RFC 4511.

A filter without its outer parentheses is taken too: so Active Directory's CAs write it in their URLs.
"""

from __future__ import annotations

import re

from scep_core import asn1

_DEEPEST = 16
_AND, _OR, _NOT, _EQUALITY, _SUBSTRINGS, _PRESENT = 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0x87
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82
_BY_OPERATOR = {"=": _EQUALITY, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}
_ITEM = re.compile(r"([A-Za-z0-9.;_-]+)([<>~]?=)([^()]*)", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2})")


def encode_filter(text: str) -> bytes:
    """The BER of a Filter; ValueError when the text is none, or is nested too deeply.

    Extensible matches are refused: nobody who looks for a CRL needs them.
    """
    text = text.strip()
    if not text.startswith("("):
        text = f"({text})"
    encoded, end = _filter(text, 0, 0)
    if end != len(text):
        raise ValueError("a search filter that goes on after its end")
    return encoded


def _filter(text: str, at: int, depth: int) -> tuple[bytes, int]:
    """The filter that begins at ``at``, and where it ends."""
    if depth > _DEEPEST or text[at : at + 1] != "(":
        raise ValueError("a search filter that cannot be read")
    at += 1
    if text[at : at + 1] in ("&", "|"):
        encoded, end = _set(text, at, depth)
    elif text[at : at + 1] == "!":
        inner, end = _filter(text, at + 1, depth + 1)
        encoded = asn1.encode(_NOT, inner)
    else:
        found = _ITEM.match(text, at)
        if found is None:
            raise ValueError("a search filter that cannot be read")
        encoded, end = _item(found[1], found[2], found[3]), found.end()
    if text[end : end + 1] != ")":
        raise ValueError("a search filter without its end")
    return encoded, end + 1


def _set(text: str, at: int, depth: int) -> tuple[bytes, int]:
    tag, parts = (_AND if text[at] == "&" else _OR), []
    at += 1
    while text[at : at + 1] == "(":
        part, at = _filter(text, at, depth + 1)
        parts.append(part)
    return asn1.encode(tag, *parts), at


def _item(attribute: str, operator: str, value: str) -> bytes:
    name = attribute.encode()
    if operator != "=" or "*" not in value:
        pair = asn1.octet_string(name), asn1.octet_string(_unescaped(value))
        return asn1.encode(_BY_OPERATOR[operator], *pair)
    if value == "*":
        return asn1.encode(_PRESENT, name)
    first, *middle, last = map(_unescaped, value.split("*"))
    pieces = [(_INITIAL, first), *((_ANY, each) for each in middle), (_FINAL, last)]
    strings = asn1.sequence_of(*(asn1.encode(tag, piece) for tag, piece in pieces if piece))
    return asn1.encode(_SUBSTRINGS, asn1.octet_string(name), strings)


def _unescaped(value: str) -> bytes:
    octets = value.encode()
    if b"\\" in _ESCAPED.sub(b"", octets):
        raise ValueError("a search filter with half an escape")
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), octets)
