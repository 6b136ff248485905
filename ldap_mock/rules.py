"""Matching rules (RFC 4517): what a value is compared as, certificates (RFC 4523) too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ldap_mock import ber, schema
from ldap_mock.dn import Dn, parse_dn, prepared, string_value

# A longer assertion, or a sum of longer parts, is taken for none.
MAX_ASSERTION = 8192
# Longer values are prepared anew each time.
_SMALL = 512
_OID_OCTETS = 128

_INTEGER = re.compile(rb"-?[0-9]{1,1000}")
_TIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})?([0-9]{2})?(?:[.,]([0-9]{1,6})[0-9]*)?"
    r"(?:Z|([+-])([0-9]{2})([0-9]{2})?)"
)
# RFC 4523 section 2.2.1: in GSER, as `{ serialNumber 7, issuer rdnSequence:"CN=ca" }`, or as RFC 2252 had it.
# Nothing in it is tried twice, however long: hence the quantifiers that give nothing back.
_GSER = re.compile(
    r'\{\s*+serialNumber\s++(-?[0-9]++)\s*+,\s*+issuer\s++(?:rdnSequence:)?+\s*+"((?:[^"]|"")*+)"\s*+\}'
)
_DOLLAR = re.compile(r"\s*+(-?[0-9]++)\s*+\$\s*+(.++)", re.DOTALL)


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _folded(value: bytes) -> object:
    return prepared(value, fold=True)


def _exact(value: bytes) -> object:
    return prepared(value, fold=False)


def _telephone(value: bytes) -> object:
    return re.sub(r"[\s-]", "", _text(value).casefold())


def _octets(value: bytes) -> object:
    return value


def _integer(value: bytes) -> object:
    if not _INTEGER.fullmatch(value.strip()):
        raise ValueError("not an integer")
    return int(value)


def _boolean(value: bytes) -> object:
    return {b"TRUE": True, b"FALSE": False}[value.upper()]


def _name(value: bytes) -> object:
    return parse_dn(_text(value)).key


def _oid(value: bytes) -> object:
    """The OID of a class, a type or a rule that is named by either."""
    word = _text(value).strip()
    row = schema.object_class(word) or schema.attribute_type(word)
    if row is not None:
        return row.oid
    if rule := schema.matching_rule(word):
        return schema.MATCHING_RULES[rule][0]
    if re.fullmatch(r"[0-2](\.[0-9]+)+", word):
        return word
    raise ValueError("nothing of this name is known")


def _first_component(value: bytes) -> object:
    """The OID that a definition begins with, ``( 2.5.4.3 NAME ...``."""
    words = value.split(None, 2)
    return _oid(words[1] if len(words) > 1 and words[0] == b"(" else value)


def _time(value: bytes) -> object:
    found = _TIME.fullmatch(_text(value))
    if found is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups()[:6])
    base = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    unit = 1 if found[6] else 60 if found[5] else 3600
    base += timedelta(seconds=float(f"0.{found[7] or 0}") * unit)
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
    return base + offset if found[8] == "-" else base - offset


def _certificate(value: bytes) -> object:
    """(serial number, issuer's key) of a certificate, or of an assertion about one."""
    if value[:1] == b"\x30":
        return _serial_and_issuer(value)
    text = _text(value)
    if found := _GSER.fullmatch(text.strip()):
        return int(found[1]), parse_dn(found[2].replace('""', '"')).key
    if found := _DOLLAR.fullmatch(text):
        return int(found[1]), parse_dn(found[2]).key
    raise ValueError("neither a certificate nor an assertion about one")


def _serial_and_issuer(certificate: bytes) -> object:
    to_be_signed = next(ber.elements(ber.whole(certificate).content), None)
    fields = list(ber.elements(to_be_signed.content)) if to_be_signed else []
    if fields and fields[0].tag == 0xA0:  # the version
        del fields[0]
    if len(fields) < 3 or fields[0].tag != ber.INTEGER:
        raise ValueError("not a certificate")
    return int.from_bytes(fields[0].content, "big", signed=True), _issuer_key(fields[2].content)


@lru_cache(maxsize=256)
def _issuer_key(content: bytes) -> object:
    """A few issue all certificates."""
    return _encoded_name(content).key


def _encoded_name(content: bytes) -> Dn:
    rdns = []
    for rdn in ber.elements(content):
        pairs = []
        for attribute in ber.elements(rdn.content):
            kind, value = ber.elements(attribute.content)
            dotted = _dotted(kind.content)
            row = schema.attribute_type(dotted)
            pairs.append((row.name if row else dotted, string_value(value)))
        rdns.append(tuple(pairs))
    return Dn(tuple(reversed(rdns)))


def _dotted(content: bytes) -> str:
    if len(content) > _OID_OCTETS:
        raise ValueError(f"an object identifier of {len(content)} octets")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _nothing(_: bytes) -> object:
    raise ValueError("this rule is not implemented")


# What values are compared as: by rule; of those for strings all three of a family.
_PREPARE: Mapping[str, Callable[[bytes], object]] = {
    **dict.fromkeys(("caseIgnoreMatch", "caseIgnoreOrderingMatch", "caseIgnoreIA5Match"), _folded),
    **dict.fromkeys(("caseIgnoreSubstringsMatch", "caseIgnoreIA5SubstringsMatch"), _folded),
    **dict.fromkeys(("caseExactMatch", "caseExactOrderingMatch", "caseExactIA5Match"), _exact),
    "caseExactSubstringsMatch": _exact,
    **dict.fromkeys(("telephoneNumberMatch", "telephoneNumberSubstringsMatch"), _telephone),
    **dict.fromkeys(("octetStringMatch", "octetStringOrderingMatch"), _octets),
    **dict.fromkeys(("integerMatch", "integerOrderingMatch"), _integer),
    **dict.fromkeys(("generalizedTimeMatch", "generalizedTimeOrderingMatch"), _time),
    "booleanMatch": _boolean,
    "distinguishedNameMatch": _name,
    "objectIdentifierMatch": _oid,
    "objectIdentifierFirstComponentMatch": _first_component,
    "certificateExactMatch": _certificate,
}


def asserted(rule: str, value: bytes) -> Any:
    """What a client asserts, as the rule compares it; ValueError when the rule has no such values."""
    if len(value) > MAX_ASSERTION:
        raise ValueError(f"an assertion of {len(value)} octets")
    return _comparable(rule, value)


@lru_cache(maxsize=32)
def comparables(rule: str, values: tuple[bytes, ...]) -> frozenset[Any]:
    """An entry's values as the rule compares them, without those that it cannot read.

    Kept for the other parts of a filter: hundreds may ask for the same certificates.
    """
    found = set()
    for value in values:
        with suppress(ValueError):
            found.add(_small(rule, value) if len(value) <= _SMALL else _comparable(rule, value))
    return frozenset(found)


def _comparable(rule: str, value: bytes) -> Any:
    try:
        return _PREPARE.get(rule, _nothing)(value)
    except (KeyError, IndexError, OverflowError) as error:
        raise ValueError(str(error)) from error


_small = lru_cache(maxsize=65536)(_comparable)


def substring(rule: str, value: bytes) -> Any:
    """A part of a value as the rule compares it: as ``asserted``, but one space at either end is kept."""
    found = asserted(rule, value)
    if not isinstance(found, str) or rule.startswith("telephone"):
        return found
    text = _text(value)
    lead, end = text[:1].isspace(), text[-1:].isspace()
    return (" " if lead else "") + found + (" " if end and found else "")
