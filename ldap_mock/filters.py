"""Whether an entry is what a filter asks for (RFC 4511 section 4.5.1.7): yes, no, or None: Undefined.

A filter is made a function once, and that is asked of each entry: what the filter asserts is prepared for
comparing but one time.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from ldap_mock import schema
from ldap_mock.directory import Entry
from ldap_mock.messages import (
    And,
    Comparison,
    Extensible,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
    Unknown,
)
from ldap_mock.rules import MAX_ASSERTION, asserted, comparables, substring
from ldap_mock.schema import AttributeType

Verdict = bool | None
Matcher = Callable[[Entry], Verdict]
Compare = Callable[[Any, Any], bool]
# The values of an entry's attribute, by its canonical name; operational ones too.
Values = Callable[[Entry, str], tuple[bytes, ...]]

_STRING_RULES = {
    *("caseIgnoreMatch", "caseExactMatch", "caseIgnoreIA5Match", "caseExactIA5Match"),
    *("caseIgnoreOrderingMatch", "caseExactOrderingMatch"),
}
_ORDERING_RULES = {row.kind.ordering for row in schema.ATTRIBUTE_TYPES} - {""}


def undefined(_: Entry) -> Verdict:
    """What is said of every entry when a filter makes no sense."""
    return None


def matcher(asked: Filter, values: Values) -> Matcher:
    """The function that says whether an entry matches."""
    match asked:
        case And(filters):
            return _all([matcher(each, values) for each in filters])
        case Or(filters):
            return _any([matcher(each, values) for each in filters])
        case Not(inner):
            return _not(matcher(inner, values))
        case Present(attribute):
            types = types_of(attribute)
            return (lambda entry: any(values(entry, row.name) for row in types)) if types else undefined
        case Comparison(sign, attribute, value):
            return _comparison(sign, types_of(attribute), value, values)
        case Substrings():
            return _substrings(asked, values)
        case Extensible():
            return _extensible(asked, values)
        case Unknown():
            return undefined


def types_of(description: str) -> Sequence[AttributeType]:
    """The types that an attribute description stands for, itself and those derived from it.

    None when nobody knows it, or when it has an option that no value here has.
    """
    name, *options = description.split(";")
    row = schema.attribute_type(name)
    if row is None or any(option.lower() != "binary" for option in options):
        return []
    found = _derived(row.name)
    return [each for each in found if each.kind.binary] if options else found


@cache
def _derived(name: str) -> tuple[AttributeType, ...]:
    row = schema.attribute_type(name)
    return tuple(each for each in schema.ATTRIBUTE_TYPES if row and schema.is_subtype(each, row))


def _all(parts: list[Matcher]) -> Matcher:
    def test(entry: Entry) -> Verdict:
        verdict: Verdict = True
        for part in parts:
            found = part(entry)
            if found is False:
                return False
            if found is None:
                verdict = None
        return verdict

    return test


def _any(parts: list[Matcher]) -> Matcher:
    def test(entry: Entry) -> Verdict:
        verdict: Verdict = False
        for part in parts:
            found = part(entry)
            if found:
                return True
            if found is None:
                verdict = None
        return verdict

    return test


def _not(inner: Matcher) -> Matcher:
    def test(entry: Entry) -> Verdict:
        found = inner(entry)
        return None if found is None else not found

    return test


def _comparison(sign: str, types: Sequence[AttributeType], value: bytes, values: Values) -> Matcher:
    compare = {">=": operator.ge, "<=": operator.le}.get(sign, operator.eq)
    is_ordering = compare is not operator.eq
    rules = ((row.kind.ordering if is_ordering else row.kind.equality, row) for row in types)
    return _by_rules(rules, lambda _: compare, value, values)


def _by_rules(
    rules: Iterable[tuple[str, AttributeType]],
    compare: Callable[[str], Compare],
    value: bytes,
    values: Values,
) -> Matcher:
    """Whether any of these types matches, each by its rule; the value is prepared once for each rule."""
    tests, by_rule = [], defaultdict[str, list[str]](list)
    for rule, row in rules:
        if row.name == "objectClass" and rule:
            tests.append(_is_of_class(value))
        else:
            by_rule[rule].append(row.name)
    tests += [_by_rule(rule, names, compare(rule), value, values) for rule, names in by_rule.items()]
    return _any(tests) if tests else undefined


def _is_of_class(value: bytes) -> Matcher:
    row = schema.object_class(value.decode(errors="replace").strip())
    if row is None:
        return undefined
    oid = row.oid
    return lambda entry: oid in entry.classes


def _by_rule(rule: str, names: Sequence[str], compare: Compare, value: bytes, values: Values) -> Matcher:
    try:
        wanted = asserted(rule, value)
    except ValueError:
        return undefined
    if compare is operator.eq:
        return _some(rule, names, values, lambda found: wanted in found)
    return _some(rule, names, values, lambda found: any(_compared(compare, each, wanted) for each in found))


def _some(rule: str, names: Sequence[str], values: Values, test: Callable[[frozenset[Any]], bool]) -> Matcher:
    """Whether the values of an attribute, as the rule compares them, pass a test."""

    def matches(entry: Entry) -> Verdict:
        held = (values(entry, name) for name in names)
        return any(test(comparables(rule, each)) for each in held if each)

    return matches


def _compared(compare: Compare, found: Any, wanted: Any) -> bool:
    try:
        return compare(found, wanted)
    except TypeError:  # octets that are no UTF-8 beside a string
        return False


def _substrings(asked: Substrings, values: Values) -> Matcher:
    if sum(map(len, _parts(asked))) > MAX_ASSERTION:
        return undefined
    by_rule = defaultdict[str, list[str]](list)
    for row in types_of(asked.attribute):
        by_rule[row.kind.substrings].append(row.name)
    tests = []
    for rule, names in by_rule.items():
        try:
            parts = [substring(rule, part) for part in _parts(asked)]
        except ValueError:
            continue
        if all(isinstance(part, str) for part in parts):
            tests.append(_by_parts(rule, names, asked, parts, values))
    return _any(tests) if tests else undefined


def _parts(asked: Substrings) -> list[bytes]:
    ends = [part for part in (asked.initial, asked.final) if part is not None]
    return [*ends[:1], *asked.any, *ends[1:]] if asked.initial is not None else [*asked.any, *ends]


def _by_parts(
    rule: str, names: Sequence[str], asked: Substrings, parts: list[str], values: Values
) -> Matcher:
    initial = parts[0].lstrip() if asked.initial is not None else ""
    final = parts[-1].rstrip() if asked.final is not None else ""
    between = parts[asked.initial is not None : len(parts) - (asked.final is not None)]

    def test(found: Any) -> bool:
        at, end = len(initial), len(found) - len(final)
        if at > end or not found.startswith(initial) or not found.endswith(final):
            return False
        for part in between:
            at = found.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return _some(
        rule, names, values, lambda found: any(isinstance(each, str) and test(each) for each in found)
    )


def _extensible(asked: Extensible, values: Values) -> Matcher:
    rule = schema.matching_rule(asked.rule) if asked.rule is not None else None
    if asked.rule is not None and rule is None:
        return undefined
    types = types_of(asked.attribute) if asked.attribute is not None else schema.ATTRIBUTE_TYPES
    applied = ((rule or row.kind.equality, row) for row in types)
    return _by_rules(
        ((each, row) for each, row in applied if _applies(each, row)),
        lambda each: operator.lt if each in _ORDERING_RULES else operator.eq,
        asked.value,
        _with_name(values) if asked.dn_attributes else values,
    )


def _applies(rule: str, row: AttributeType) -> bool:
    """Whether a matching rule can be used with a type's values."""
    kind = row.kind
    if rule in {kind.equality, kind.ordering, "octetStringMatch"}:
        return True
    return rule in _STRING_RULES and kind.equality in _STRING_RULES


def _with_name(values: Values) -> Values:
    """The values of an entry, and those that stand in its name (RFC 4511 section 4.5.1.7.7)."""
    return lambda entry, wanted: (
        *values(entry, wanted),
        *(value for rdn in entry.dn.rdns for kind, value in rdn if kind == wanted),
    )


def items(asked: Filter) -> int:
    """How many comparisons a filter is."""
    match asked:
        case And(filters) | Or(filters):
            return sum(map(items, filters)) or 1
        case Not(inner):
            return items(inner)
    return 1


def write(asked: Filter) -> str:
    """The filter as people write it (RFC 4515)."""
    match asked:
        case And(filters):
            return f"(&{''.join(map(write, filters))})"
        case Or(filters):
            return f"(|{''.join(map(write, filters))})"
        case Not(inner):
            return f"(!{write(inner)})"
        case Present(attribute):
            return f"({attribute}=*)"
        case Comparison(sign, attribute, value):
            return f"({attribute}{sign}{_escaped(value)})"
        case Substrings(attribute, initial, between, final):
            parts = "*".join(map(_escaped, (initial or b"", *between, final or b"")))
            return f"({attribute}={parts})"
        case Extensible(rule, attribute, value, dn_attributes):
            dn, named = ":dn" if dn_attributes else "", f":{rule}" if rule is not None else ""
            return f"({attribute or ''}{dn}{named}:={_escaped(value)})"
        case Unknown(tag):
            return f"(?{tag:#04x})"


def _escaped(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "".join(f"\\{octet:02x}" for octet in value)
    return "".join(
        f"\\{ord(each):02x}" if each in "*()\\\0" or (each.isascii() and not each.isprintable()) else each
        for each in text
    )
