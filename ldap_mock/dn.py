"""Distinguished names as directories write them (RFC 4514), and when two of them are one.

Names are compared by what they say: types by any of their names or OID, values without regard to case and to
superfluous spaces (RFC 4518), the parts of a multi-valued RDN in any order.  All types' values are compared
so, those of the few types that tell case apart too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ldap_mock import ber, schema

Rdn = tuple[tuple[str, bytes], ...]

# A name of more octets, or of more RDNs, is refused: no entry has such a one.
MAX_OCTETS = 8192
MAX_RDNS = 128
# Of an RDN with more octets no key is kept: whoever searches says how large it is.
_KEPT_OCTETS = 256
# Characters that are normalised at a time, since a run of combining ones takes the square of its length.
_SLICE = 256

# RFC 4514 section 3 writes these in capitals.
_SHORT = {"cn": "CN", "l": "L", "st": "ST", "o": "O", "ou": "OU", "c": "C", "street": "STREET"}
_SHORT |= {"dc": "DC", "uid": "UID"}
_TYPE = re.compile(r"\s*((?:oid\.)?[0-2](?:\.[0-9]+)+|[A-Za-z][A-Za-z0-9-]*)\s*=\s*", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_HEX = re.compile(r"#((?:[0-9A-Fa-f]{2})+)\s*")
_PLAIN = re.compile(r'((?:[^\\",+;<>]|\\.)*)', re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
# The string types of ASN.1, by their tags: their encodings.
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x12: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}


class DnError(ValueError):
    """What was said is no distinguished name; the text says why."""


@dataclass(frozen=True, eq=False)
class Dn:
    """A distinguished name: its RDNs, the entry's own first; each is (canonical type name, UTF-8)."""

    rdns: tuple[Rdn, ...] = ()

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What is equal for equal names, and can be a dictionary's key; ``key[1:]`` is the parent's."""
        return tuple(_rdn_key(rdn) for rdn in self.rdns)

    @property
    def parent(self) -> Dn:
        """The name of the entry above; that of the root is the root."""
        return Dn(self.rdns[1:])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dn) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return ",".join(
            "+".join(f"{_SHORT.get(kind, kind)}={_written(value)}" for kind, value in rdn)
            for rdn in self.rdns
        )


ROOT = Dn()


def _rdn_key(rdn: Rdn) -> object:
    octets = sum(len(kind) + len(value) for kind, value in rdn)
    return _kept_key(rdn) if octets <= _KEPT_OCTETS else _made_key(rdn)


def _made_key(rdn: Rdn) -> object:
    if len(rdn) == 1:
        kind, value = rdn[0]
        return (kind.lower(), folded(value))
    return frozenset((kind.lower(), folded(value)) for kind, value in rdn)


_kept_key = lru_cache(maxsize=16384)(_made_key)


def folded(value: bytes) -> str | bytes:
    """A string as it is compared when case does not matter; octets that are no UTF-8 as they are."""
    return prepared(value, fold=True)


def prepared(value: bytes, *, fold: bool) -> str | bytes:
    """A string prepared for matching (RFC 4518): normalised, no controls, runs of spaces made one."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value
    if not text.isascii():
        text = _normalised(text.casefold() if fold else text)
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable() or each.isspace())
    return " ".join((text.casefold() if fold else text).split())


def _normalised(text: str) -> str:
    slices = (text[at : at + _SLICE] for at in range(0, len(text), _SLICE))
    return "".join(unicodedata.normalize("NFKC", each) for each in slices)


def parse_dn(text: str) -> Dn:
    """Read a name as RFC 4514 writes it, or as RFC 1779 did (quotes, semicolons); "" is the root.

    Types that the schema does not know stay as they are written.  DnError when it is none.
    """
    if len(text) > MAX_OCTETS:
        raise DnError(f"a name of {len(text)} characters")
    rdns, rdn, at = [], [], 0
    if not text.strip(" "):
        return ROOT
    while True:
        kind = _TYPE.match(text, at)
        if kind is None:
            raise DnError(f"no attribute type at character {at}")
        value, at = _value(text, kind.end())
        row = schema.attribute_type(kind[1])
        rdn.append((row.name if row else kind[1].lower().removeprefix("oid."), value))
        separator = text[at : at + 1]
        if separator not in {"", ",", ";", "+"}:
            raise DnError(f"{separator!r} at character {at}")
        at += 1
        if separator != "+":
            rdns.append(tuple(rdn))
            rdn = []
        if not separator:
            break
    if len(rdns) > MAX_RDNS:
        raise DnError(f"a name of {len(rdns)} parts")
    return Dn(tuple(rdns))


def _value(text: str, at: int) -> tuple[bytes, int]:
    """The value at ``at``, and where it ends: at a separator, or where something is wrong."""
    if quoted := _QUOTED.match(text, at):
        return _unescaped(quoted[1]), quoted.end()
    if text.startswith("#", at):
        written = _HEX.match(text, at)
        if written is None:
            raise DnError(f"no pairs of hexadecimal digits at character {at}")
        return _ber_value(bytes.fromhex(written[1])), written.end()
    plain = _PLAIN.match(text, at)
    found = plain[1] if plain else ""
    stripped = found.rstrip(" \n\r")
    if len(stripped) != len(found) and _ends_in_escape(stripped):
        stripped += found[len(stripped)]
    return _unescaped(stripped), at + len(found)


def _ends_in_escape(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _unescaped(text: str) -> bytes:
    if "\\" not in text:
        return text.encode(errors="surrogateescape")
    return _ESCAPE.sub(
        lambda match: bytes.fromhex(match[1].decode()) if match[1] else bytes(match[2]),
        text.encode(errors="surrogateescape"),
    )


def _ber_value(encoded: bytes) -> bytes:
    """The text of a string that is written in BER; the whole of what is no string."""
    try:
        return string_value(ber.whole(encoded))
    except ber.BerError:
        return encoded


def string_value(element: ber.Element) -> bytes:
    """A string of ASN.1 in UTF-8; an element that is none as it is encoded."""
    try:
        return element.content.decode(_STRINGS[element.tag]).encode()
    except (KeyError, UnicodeError):
        return ber.encode(element.tag, element.content)


def _written(value: bytes) -> str:
    """A value as RFC 4514 section 2.4 writes it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "".join(f"\\{octet:02X}" for octet in value)
    written = "".join(_character(each) for each in text)
    if text.startswith((" ", "#")):
        written = "\\" + written
    if text.endswith(" ") and len(text) > 1:
        written = written[:-1] + "\\ "
    return written


def _character(each: str) -> str:
    if each in '"+,;<>\\':
        return "\\" + each
    return each if each.isprintable() else "".join(f"\\{octet:02X}" for octet in each.encode())
