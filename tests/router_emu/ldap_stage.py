"""What a directory says, in BER: written by hand, so that the router's own writing is not its own judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scep_core import asn1

SEARCH = 2  # the router's second message


def message(identifier: int, tag: int, *parts: bytes) -> bytes:
    return asn1.sequence_of(asn1.integer(identifier), asn1.encode(tag, *parts))


def result(code: int, text: str = "", *more: bytes) -> bytes:
    """An LDAPResult's contents."""
    parts = (asn1.encode(0x0A, bytes([code])), asn1.octet_string(b""), asn1.octet_string(text.encode()))
    return b"".join((*parts, *more))


def bound(code: int = 0, text: str = "") -> bytes:
    return message(1, 0x61, result(code, text))


def done(code: int = 0, text: str = "", referrals: Sequence[str] = ()) -> bytes:
    urls = [asn1.octet_string(each.encode()) for each in referrals]
    return message(SEARCH, 0x65, result(code, text, *([asn1.encode(0xA3, *urls)] if urls else [])))


def entry(name: str, attributes: Mapping[str, Sequence[bytes]]) -> bytes:
    found = (
        asn1.sequence_of(asn1.octet_string(kind.encode()), asn1.encode(0x31, *map(asn1.octet_string, values)))
        for kind, values in attributes.items()
    )
    return message(SEARCH, 0x64, asn1.octet_string(name.encode()), asn1.sequence_of(*found))


def reference(*urls: str) -> bytes:
    return message(SEARCH, 0x73, *(asn1.octet_string(each.encode()) for each in urls))


def hangs_up(code: int = 52, text: str = "") -> bytes:
    """A notice of disconnection (RFC 4511 section 4.4.1)."""
    name = asn1.encode(0x8A, b"1.3.6.1.4.1.1466.20036")
    return message(0, 0x78, result(code, text, name))
