"""Alternative names that may be certified: each of a kind that RFC 5280 section 4.2.1.6 has, and in its form.

Reading for people (``certificates.read_subject_alt_name``) is lenient; what a CA signs is read by programs
that compare host names, and a NUL in one has fooled them before.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from scep_core import asn1, names

# Letters, digits and hyphens, and the underscores that people use; a wildcard for the first label.
_LABEL = rb"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rb"(\*\.)?(" + _LABEL + rb"\.)*" + _LABEL)
_EMAIL = re.compile(rb"[!-?A-~]{1,64}@[A-Za-z0-9._-]{1,255}")
_URI = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def check_general_names(value: bytes) -> None:
    """Check a GeneralNames; ValueError when it is empty, or a name is not in the form of its kind."""
    found = asn1.items(value)
    if not found:
        raise ValueError("no names")
    for each in found:
        check = _CHECKS.get(each.tag_bytes)
        if check is None:
            raise ValueError("a name of a kind that is not certified")
        check(each)


def _matches(pattern: re.Pattern[bytes]) -> Callable[[asn1.TLV], None]:
    def check(name: asn1.TLV) -> None:
        if not pattern.fullmatch(bytes(name.data)):
            raise ValueError("a name that is not in the form of its kind")

    return check


def _host(name: asn1.TLV) -> None:
    _matches(_HOST)(name)
    if len(name.data) > 253:
        raise ValueError("a host name that is too long")


def _address(name: asn1.TLV) -> None:
    if len(name.data) not in (4, 16):
        raise ValueError("an IP address of no sensible length")


def _directory_name(name: asn1.TLV) -> None:
    if not names.parse_name(bytes(name.data)):
        raise ValueError("a directory name without a name")


def _other_name(name: asn1.TLV) -> None:
    kind, value = asn1.items(asn1.encode(asn1.SEQUENCE, bytes(name.data)))
    asn1.to_oid(kind)
    if value.tag_bytes != b"\xa0" or len(asn1.set_items(value, 0xA0)) != 1:
        raise ValueError("an otherName without a value")


def _registered_id(name: asn1.TLV) -> None:
    asn1.to_oid(asn1.items(asn1.sequence_of(asn1.encode(0x06, bytes(name.data))))[0])


# By the tag of GeneralName's choice.  x400Address and ediPartyName are nobody's.
_CHECKS: dict[bytes, Callable[[asn1.TLV], None]] = {
    b"\xa0": _other_name,
    b"\x81": _matches(_EMAIL),
    b"\x82": _host,
    b"\xa4": _directory_name,
    b"\x86": _matches(_URI),
    b"\x87": _address,
    b"\x88": _registered_id,
}
