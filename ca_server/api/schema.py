"""As much of JSON Schema (2020-12) as the API needs: words to write schemas with, and a checker.

The same schema stands in the OpenAPI document and checks what arrives, so that the two cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sceplab.clock import parse_instant

Schema = Mapping[str, Any]

MAX_ID = 2**63 - 1  # the largest that a database can be asked for
# Neither lines nor terminal escapes: what people type is shown to others, on pages and terminals.
NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
NO_CONTROLS_BUT_LINES = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
OCTETS = "^(?:[0-9A-Fa-f]{2}){1,20}$"
# What is told to whoever sends something else.
_IN_WORDS: Mapping[str, str] = {
    NO_CONTROLS: "is one line without control characters",
    NO_CONTROLS_BUT_LINES: "has no control characters but ends of lines",
    OCTETS: "is 1 to 20 octets in hexadecimal, two digits each",
}


class Invalid(ValueError):
    """A value is not what its schema says; the text says where and why."""


def text(max_length: int, *, min_length: int = 0, about: str = "") -> dict[str, Any]:
    """A line of text."""
    return _told(
        {"type": "string", "minLength": min_length, "maxLength": max_length, "pattern": NO_CONTROLS}, about
    )


def lines(max_length: int, *, min_length: int = 0, about: str = "") -> Schema:
    """A text of several lines."""
    return text(max_length, min_length=min_length, about=about) | {"pattern": NO_CONTROLS_BUT_LINES}


def pattern(regex: str, about: str = "") -> Schema:
    """A text of a certain shape; ``regex`` is one of both Python's and JavaScript's."""
    return _told({"type": "string", "pattern": regex}, about)


def integer(minimum: int, maximum: int, about: str = "") -> Schema:
    """A whole number."""
    return _told({"type": "integer", "minimum": minimum, "maximum": maximum}, about)


def choice(values: Iterable[object], about: str = "") -> Schema:
    """One of these values; for a StrEnum, its values."""
    return _told({"enum": [str(value) if isinstance(value, str) else value for value in values]}, about)


def instant(about: str = "") -> Schema:
    """An instant of lab time, unless something else is said."""
    return _told({"type": "string", "format": "date-time"}, about)


def record(properties: Mapping[str, Schema], *, optional: Iterable[str] = (), about: str = "") -> Schema:
    """An object with these properties and no others; all but ``optional`` ones are there."""
    required = sorted(set(properties) - set(optional))
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return _told(closed | ({"required": required} if required else {}), about)


def array(items: Schema, *, min_items: int = 0, max_items: int | None = None) -> Schema:
    """A list."""
    most = {} if max_items is None else {"maxItems": max_items}
    return {"type": "array", "items": items, "minItems": min_items, **most}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    about = schema.get("description", "")
    bare = {word: value for word, value in schema.items() if word != "description"}
    return _told({"anyOf": [bare, {"type": "null"}]}, about)


def _told(schema: dict[str, Any], about: str) -> dict[str, Any]:
    return schema | {"description": about} if about else schema


STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
ID = integer(1, MAX_ID)
COUNT = integer(0, MAX_ID)

_TYPES: Mapping[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
# The words that ``check`` knows; a schema for checking that had another would be a promise not kept.
_KNOWN = {
    *("type", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "format", "description"),
    *("properties", "required", "additionalProperties", "items", "minItems", "maxItems", "default"),
}


def check(schema: Schema, value: object, where: str) -> None:
    """Raise Invalid, naming the place, when ``value`` is not what ``schema`` says."""
    strange = set(schema) - _KNOWN
    assert not strange, strange
    if "enum" in schema and not any(value == each and type(value) is type(each) for each in schema["enum"]):
        raise Invalid(f"{where} is one of {', '.join(map(str, schema['enum']))}")
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        raise Invalid(f"{where} is of the type {kind}")
    match value:
        case str():
            _check_text(schema, value, where)
        case int():
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                raise Invalid(f"{where} is from {schema['minimum']} to {schema['maximum']}")
        case dict():
            _check_object(schema, value, where)
        case list():
            _check_list(schema, value, where)


def _is(value: object, kind: str) -> bool:
    # In Python True is an int, in JSON it is not.
    return isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)


def _check_text(schema: Schema, value: str, where: str) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        raise Invalid(f"{where} has {schema['minLength']} to {schema['maxLength']} characters")
    # In Python $ also matches before a last newline, in JavaScript it does not.
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        words = _IN_WORDS.get(schema["pattern"], f"is of the pattern {schema['pattern']}")
        raise Invalid(f"{where} {words}")
    if schema.get("format") == "date-time":
        try:
            parse_instant(value)
        except ValueError as error:
            raise Invalid(f"{where} is an instant such as 2026-11-23T12:00:00Z: {error}") from None


def _check_object(schema: Schema, value: Mapping[str, object], where: str) -> None:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            raise Invalid(f"{where} lacks {name!r}")
    for name, each in value.items():
        if name in properties:
            check(properties[name], each, name)
        elif others is False:
            raise unknown("field", name, properties, f" in {where}")
        elif others is not True:
            check(others, each, name)


def unknown(what: str, name: str, names: Iterable[str], place: str = "") -> Invalid:
    """The refusal of a name that nothing has; ``names`` are those that there are."""
    return Invalid(f"there is no {what} {name!r}{place}; there are {', '.join(names) or 'none'}")


def known(name: str, names: Iterable[str], what: str) -> None:
    """Raise Invalid, with the names that there are, when this is none of them."""
    if name not in (all_names := list(names)):
        raise unknown(what, name, all_names)


def _check_list(schema: Schema, value: Sequence[object], where: str) -> None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        raise Invalid(f"{where} has {schema.get('minItems', 0)} to {schema['maxItems']} items")
    for number, each in enumerate(value):
        check(schema["items"], each, f"{where}[{number}]")


def read_words(schema: Schema, word: str, where: str) -> object:
    """The value that a word of a query or a path stands for; Invalid."""
    value: object = word
    if schema.get("type") == "integer":
        # Not int() alone: it takes "+1", "1_0" and the digits of other scripts.
        if not re.fullmatch("-?[0-9]{1,40}", word):
            raise Invalid(f"{where} is a number")
        value = int(word)
    check(schema, value, where)
    return value
