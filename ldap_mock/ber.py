"""BER as LDAP uses it (RFC 4511 section 5.1): definite lengths, one octet a tag; no I/O.

Lengths may come in any of their forms, and go out in the shortest.  What is written is a list of *pieces*, in
the order in which they are sent: a CRL of megabytes is wrapped in five structures without being copied once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BOOLEAN = 0x01
INTEGER = 0x02
OCTET_STRING = 0x04
ENUMERATED = 0x0A
SEQUENCE = 0x30
SET = 0x31

Pieces = list[bytes]

# An INTEGER of LDAP is at most maxInt, 2^31 - 1; serial numbers are none of its integers.
_MAX_INTEGER_OCTETS = 5


class BerError(ValueError):
    """The octets are no BER of LDAP's kind; the text says why."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag's octet and its content."""

    tag: int
    content: bytes


def header(octets: bytes | bytearray, at: int = 0) -> tuple[int, int, int] | None:
    """The tag of the element at ``at``, where its content starts and ends; None while too little is there.

    The content itself may not have come yet.  BerError for a tag or length that LDAP does not have.
    """
    available = len(octets) - at
    if available < 2:
        return None
    tag, first = octets[at], octets[at + 1]
    if tag & 0x1F == 0x1F:
        raise BerError("a tag of several octets")
    if first < 0x80:
        return tag, at + 2, at + 2 + first
    count = first & 0x7F
    if count == 0:
        raise BerError("an indefinite length")
    if count == 0x7F:
        raise BerError("a reserved form of length")
    if available < 2 + count:
        # A length of many octets is worth waiting for only while it can be a small number.
        if any(octets[at + 2 : at + 2 + max(count - 4, 0)]):
            raise BerError("an element that is too long")
        return None
    length = int.from_bytes(octets[at + 2 : at + 2 + count], "big")
    if length > 0x7FFFFFFF:
        raise BerError("an element that is too long")
    return tag, at + 2 + count, at + 2 + count + length


def elements(content: bytes) -> Iterator[Element]:
    """The elements that follow each other in ``content``; BerError when one ends outside it."""
    at = 0
    while at < len(content):
        found = header(content, at)
        if found is None or found[2] > len(content):
            raise BerError("an element ends outside of what it is in")
        tag, start, at = found
        yield Element(tag, content[start:at])


def whole(octets: bytes) -> Element:
    """The one element that ``octets`` are; BerError when they are less, or more."""
    found = list(elements(octets))
    if len(found) != 1:
        raise BerError(f"{len(found)} elements in place of one")
    return found[0]


def to_integer(content: bytes) -> int:
    """The content of an INTEGER or ENUMERATED; BerError when there is none, or too much of it."""
    if not 0 < len(content) <= _MAX_INTEGER_OCTETS:
        raise BerError(f"an integer of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True)


def to_boolean(content: bytes) -> bool:
    """The content of a BOOLEAN; any octet but 0 is true, as BER has it."""
    if len(content) != 1:
        raise BerError(f"a boolean of {len(content)} octets")
    return content != b"\0"


def wrap(tag: int, pieces: Pieces) -> Pieces:
    """An element around ``pieces``, which are not copied."""
    return [_start(tag, sum(map(len, pieces))), *pieces]


def encode(tag: int, *contents: bytes) -> bytes:
    """An element around ``contents``, as one."""
    return b"".join(wrap(tag, list(contents)))


def integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER, or an ENUMERATED by its ``tag``."""
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _start(tag: int, length: int) -> bytes:
    if length < 0x80:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets
