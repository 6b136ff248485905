"""LDAP's messages in octets and back (RFC 4511): the directory's side.

Three things may be wrong with a request, and RFC 4511 section 4.1.1 tells them apart.  What is no
LDAPMessage, or has an operation that nobody knows, is a BerError, and the connection ends with a Notice of
Disconnection.  A known operation whose inside is wrong is ``Unreadable``: it is answered with protocolError.
What is well-formed and makes no sense is a matter for the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ldap_mock import ber
from ldap_mock.ber import BerError, Element, Pieces
from ldap_mock.messages import (
    PAGED_RESULTS,
    AbandonRequest,
    And,
    BindRequest,
    CompareRequest,
    Comparison,
    Control,
    ExtendedRequest,
    Extensible,
    Filter,
    Message,
    Not,
    Or,
    Present,
    Request,
    Result,
    ResultEntry,
    SearchRequest,
    Substrings,
    UnbindRequest,
    Unknown,
    Unreadable,
    WriteRequest,
)

MAX_FILTER_DEPTH = 64
MAX_FILTER_ITEMS = 1024
MAX_ATTRIBUTES = 1024
MAX_DIAGNOSTIC = 500  # characters

SEARCH_ENTRY = 0x64
SEARCH_DONE = 0x65
EXTENDED_RESPONSE = 0x78
_CONTROLS = 0xA0
_REFERRAL = 0xA3
_MAX_INT = 2**31 - 1


class _Malformed(Exception):
    """The inside of a known operation is wrong; the text says what."""


class _Fields:
    """The elements of a SEQUENCE, taken one after the other."""

    def __init__(self, content: bytes) -> None:
        self._left = list(reversed(list(ber.elements(content))))

    def maybe(self, tag: int) -> bytes | None:
        """The content of the next element when it has this tag; else it stays."""
        return self._left.pop().content if self._left and self._left[-1].tag == tag else None

    def take(self, tag: int, what: str) -> bytes:
        content = self.maybe(tag)
        if content is None:
            raise _Malformed(f"{what} is missing")
        return content

    def text(self, what: str) -> str:
        return _text(self.take(ber.OCTET_STRING, what))

    def integer(self, what: str, tag: int = ber.INTEGER) -> int:
        number = ber.to_integer(self.take(tag, what))
        if not 0 <= number <= _MAX_INT:
            raise _Malformed(f"{what} is {number}")
        return number

    def any(self, what: str) -> Element:
        if not self._left:
            raise _Malformed(f"{what} is missing")
        return self._left.pop()


def _text(octets: bytes) -> str:
    """LDAPString, lenient: what is no UTF-8 stays as it is, for what reads it to refuse or to match."""
    return octets.decode(errors="surrogateescape")


# ---------------------------------------------------------------------------------------- requests


def decode(octets: bytes) -> Message:
    """Read a whole LDAPMessage; BerError when the connection must end over it."""
    message = ber.whole(octets)
    if message.tag != ber.SEQUENCE:
        raise BerError("not a SEQUENCE")
    fields = _Fields(message.content)
    try:
        message_id = fields.integer("the message's number")
        operation = fields.any("the operation")
    except _Malformed as error:
        raise BerError(str(error)) from error
    if message_id == 0:
        raise BerError("0 is no number of a request")
    known = _OPERATIONS.get(operation.tag)
    if known is None:
        raise BerError(f"no operation has the tag {operation.tag:#04x}")
    read, response_tag = known
    request: Request
    controls: tuple[Control, ...] = ()
    try:
        controls = tuple(_controls(fields.maybe(_CONTROLS)))
        request = read(operation.content)
    except _Malformed as error:
        request = Unreadable(str(error))
    return Message(message_id, request, controls, response_tag)


def _controls(content: bytes | None) -> Iterator[Control]:
    for element in ber.elements(content or b""):
        fields = _Fields(element.content)
        oid, critical = fields.text("a control's type"), fields.maybe(ber.BOOLEAN)
        value = fields.maybe(ber.OCTET_STRING)
        yield Control(oid, critical is not None and ber.to_boolean(critical), value)


def _bind(content: bytes) -> Request:
    fields = _Fields(content)
    version, name = fields.integer("the version"), fields.text("the name")
    method = fields.any("the authentication")
    if method.tag == 0x80:
        return BindRequest(version, name, method.content)
    mechanism = _Fields(method.content).text("the mechanism") if method.tag == 0xA3 else "unknown"
    return BindRequest(version, name, None, mechanism)


def _search(content: bytes) -> Request:
    fields = _Fields(content)
    base, scope = fields.text("the base"), fields.integer("the scope", ber.ENUMERATED)
    if fields.integer("derefAliases", ber.ENUMERATED) > 3:
        raise _Malformed("derefAliases is none of the four")
    size, seconds = fields.integer("the size limit"), fields.integer("the time limit")
    types_only = ber.to_boolean(fields.take(ber.BOOLEAN, "typesOnly"))
    asked = _Filters().read(fields.any("the filter"), 1)
    attributes = []
    for element in ber.elements(fields.take(ber.SEQUENCE, "the list of attributes")):
        if element.tag != ber.OCTET_STRING:
            raise _Malformed("an attribute is no string")
        attributes.append(_text(element.content))
    if len(attributes) > MAX_ATTRIBUTES:
        raise _Malformed("the list of attributes is too long")
    return SearchRequest(base, scope, size, seconds, types_only, asked, tuple(attributes))


class _Filters:
    """Reads one request's filter, and counts its parts."""

    def __init__(self) -> None:
        self._items = 0

    def read(self, element: Element, depth: int) -> Filter:
        self._count(1)
        if depth > MAX_FILTER_DEPTH:
            raise _Malformed("the filter is too large")
        content = element.content
        match element.tag:
            case 0xA0 | 0xA1 as tag:
                parts = tuple(self.read(part, depth + 1) for part in ber.elements(content))
                return And(parts) if tag == 0xA0 else Or(parts)
            case 0xA2:
                return Not(self.read(_Fields(content).any("what is negated"), depth + 1))
            case 0xA3 | 0xA5 | 0xA6 | 0xA8 as tag:
                fields = _Fields(content)
                operator = {0xA3: "=", 0xA5: ">=", 0xA6: "<=", 0xA8: "~="}[tag]
                return Comparison(
                    operator, fields.text("the attribute"), fields.take(ber.OCTET_STRING, "the value")
                )
            case 0xA4:
                found = _substrings(_Fields(content))
                self._count(max(len(found.any) - 1, 0))
                return found
            case 0x87:
                return Present(_text(content))
            case 0xA9:
                return _extensible(_Fields(content))
            case tag if tag & 0xC0 == 0x80:
                return Unknown(tag)
        raise _Malformed(f"no filter has the tag {element.tag:#04x}")

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_FILTER_ITEMS:
            raise _Malformed("the filter is too large")


def _substrings(fields: _Fields) -> Substrings:
    attribute = fields.text("the attribute")
    parts = _Fields(fields.take(ber.SEQUENCE, "the substrings"))
    initial, between = parts.maybe(0x80), []
    while (part := parts.maybe(0x81)) is not None:
        between.append(part)
    final = parts.maybe(0x82)
    if initial is None and final is None and not between:
        raise _Malformed("there is no substring, or not in the order initial, any, final")
    return Substrings(attribute, initial, tuple(between), final)


def _extensible(fields: _Fields) -> Filter:
    rule, attribute = fields.maybe(0x81), fields.maybe(0x82)
    value, dn_attributes = fields.take(0x83, "the value"), fields.maybe(0x84)
    if rule is None and attribute is None:
        raise _Malformed("neither a matching rule nor an attribute is named")
    return Extensible(
        None if rule is None else _text(rule),
        None if attribute is None else _text(attribute),
        value,
        dn_attributes is not None and ber.to_boolean(dn_attributes),
    )


def _compare(content: bytes) -> Request:
    fields = _Fields(content)
    entry, assertion = fields.text("the entry"), _Fields(fields.take(ber.SEQUENCE, "the assertion"))
    return CompareRequest(
        entry, assertion.text("the attribute"), assertion.take(ber.OCTET_STRING, "the value")
    )


def _extended(content: bytes) -> Request:
    fields = _Fields(content)
    return ExtendedRequest(_text(fields.take(0x80, "the name")), fields.maybe(0x81))


def _write(operation: str) -> Callable[[bytes], Request]:
    return lambda _: WriteRequest(operation)


def _abandon(content: bytes) -> Request:
    return AbandonRequest(ber.to_integer(content))


# The tag of an operation: how it is read, and the tag of the response that ends its answer, 0 for none.
_OPERATIONS: Mapping[int, tuple[Callable[[bytes], Request], int]] = {
    0x60: (_bind, 0x61),
    0x42: (lambda _: UnbindRequest(), 0),
    0x63: (_search, SEARCH_DONE),
    0x66: (_write("modify"), 0x67),
    0x68: (_write("add"), 0x69),
    0x4A: (_write("delete"), 0x6B),
    0x6C: (_write("modifyDN"), 0x6D),
    0x6E: (_compare, 0x6F),
    0x50: (_abandon, 0),
    0x77: (_extended, EXTENDED_RESPONSE),
}


# --------------------------------------------------------------------------------------- responses


def diagnostic(text: str) -> str:
    """A text for people (RFC 4511 section 4.1.9) that may repeat a client's: short, and printable."""
    shown = (
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text[:MAX_DIAGNOSTIC]
    )
    return "".join(shown)[:MAX_DIAGNOSTIC]


def encode_result(message_id: int, tag: int, result: Result) -> Pieces:
    """The response of this tag that ends an answer."""
    parts = [
        ber.integer(result.code, ber.ENUMERATED),
        _string(result.matched),
        _string(diagnostic(result.text)),
    ]
    if result.referrals:
        parts.append(ber.encode(_REFERRAL, *map(_string, result.referrals)))
    if result.name:
        parts.append(ber.encode(0x8A, result.name.encode()))
    if result.value is not None:
        parts.append(ber.encode(0x8B, result.value))
    return _message(message_id, ber.wrap(tag, parts), result.controls)


def encode_entry(message_id: int, entry: ResultEntry) -> Pieces:
    """A SearchResultEntry; its values are pieces of their own."""
    attributes: Pieces = []
    for description, values in entry.attributes:
        told = [piece for value in values for piece in ber.wrap(ber.OCTET_STRING, [value])]
        attributes += ber.wrap(ber.SEQUENCE, [_string(description), *ber.wrap(ber.SET, told)])
    parts = [_string(entry.dn), *ber.wrap(ber.SEQUENCE, attributes)]
    return _message(message_id, ber.wrap(SEARCH_ENTRY, parts), ())


def _message(message_id: int, operation: Pieces, controls: tuple[Control, ...]) -> Pieces:
    parts = [ber.integer(message_id), *operation]
    if controls:
        parts.append(ber.encode(_CONTROLS, *map(_control, controls)))
    return ber.wrap(ber.SEQUENCE, parts)


def _control(control: Control) -> bytes:
    """A control of a response, where criticality has no meaning (RFC 4511 section 4.1.11)."""
    parts = [_string(control.oid)]
    if control.value is not None:
        parts.append(ber.encode(ber.OCTET_STRING, control.value))
    return ber.encode(ber.SEQUENCE, *parts)


def _string(text: str) -> bytes:
    return ber.encode(ber.OCTET_STRING, text.encode(errors="surrogateescape"))


def read_page(value: bytes | None) -> tuple[int, bytes]:
    """The size and the cookie of a paged-results control (RFC 2696); ValueError when it is none."""
    try:
        fields = _Fields(ber.whole(value or b"").content)
        return fields.integer("the size of a page"), fields.take(ber.OCTET_STRING, "the cookie")
    except _Malformed as error:
        raise ValueError(str(error)) from error


def page_control(cookie: bytes) -> Control:
    """The control that comes with a page: the cookie for the next, empty after the last."""
    value = ber.encode(ber.SEQUENCE, ber.integer(0), ber.encode(ber.OCTET_STRING, cookie))
    return Control(PAGED_RESULTS, False, value)
