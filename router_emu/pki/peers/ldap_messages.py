"""LDAP, as far as one search needs it (RFC 4511): bytes in, bytes out, no I/O.

An anonymous bind of version 3, the search, the unbind.  What comes may be hostile: lengths are looked at
before anything is waited for, and nothing is read but flat runs of elements, each of a definite length, as
section 5.1 asks.  Referrals are told, not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from router_emu.pki.peers.ldap_filter import encode_filter
from router_emu.pki.wire import LdapEntries, LdapEntry, LdapSearch, NoResponse, shortened
from scep_core import asn1

MOST_MESSAGES = 1024
MOST_VALUES = 256  # of one search, whatever they are of
_MOST_ELEMENTS = 512  # beside the values in one message
_FRAMING = 64 * 1024  # what may come beside the octets that are wanted
_MOST_REFERRALS = 4
_MOST_OCTETS_OF_TEXT = 1000  # of which not all is shown
_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"

_BIND, _SEARCH = 1, 2  # our message IDs
_UNBIND = 3
_TO_NOBODY = 0
_BIND_RESPONSE, _ENTRY, _DONE, _REFERENCE, _EXTENDED = 0x61, 0x64, 0x65, 0x73, 0x78
_INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE, _SET, _REFERRAL = 0x02, 0x04, 0x0A, 0x30, 0x31, 0xA3
_RESPONSE_NAME = 0x8A


class ResultCode(IntEnum):
    """How an operation ends, those that a search meets (RFC 4511 section 4.1.9), in the RFC's names."""

    success = 0
    operationsError = 1
    protocolError = 2
    timeLimitExceeded = 3
    sizeLimitExceeded = 4
    authMethodNotSupported = 7
    strongerAuthRequired = 8
    referral = 10
    adminLimitExceeded = 11
    confidentialityRequired = 13
    noSuchAttribute = 16
    undefinedAttributeType = 17
    noSuchObject = 32
    invalidDNSyntax = 34
    inappropriateAuthentication = 48
    invalidCredentials = 49
    insufficientAccessRights = 50
    busy = 51
    unavailable = 52
    unwillingToPerform = 53
    other = 80


def result_text(result: int, text: str = "") -> str:
    """A result for people: the RFC's name, and what the server says."""
    name = ResultCode(result).name if result in set(ResultCode) else f"resultCode {result}"
    return f"{name}: {text}" if text else name


class _NotLdap(ValueError):
    """What came breaks the protocol."""


class _TooMuch(ValueError):
    """More came than is wanted."""


class SearchSession:
    """One search's talk: send ``start``, then what ``receive`` returns, until there is an ``answer``."""

    def __init__(self, search: LdapSearch) -> None:
        self.answer: LdapEntries | NoResponse | None = None
        self._search = search
        self._buffer = bytearray()
        self._left = search.limits.body + _FRAMING
        self._messages_left = MOST_MESSAGES
        self._values_left = MOST_VALUES
        self._bound = False
        self._entries: list[LdapEntry] = []
        self._referrals: list[str] = []

    def start(self) -> bytes:
        """The anonymous bind (section 4.2)."""
        return _message(_BIND, asn1.encode(0x60, asn1.integer(3), asn1.octet_string(b""), b"\x80\x00"))

    def receive(self, data: bytes) -> bytes:
        """Take what came; what is to be sent now."""
        self._buffer += data
        out = b""
        try:
            while self.answer is None and (size := _size(self._buffer)) is not None:
                if size > self._left:
                    raise _TooMuch
                if len(self._buffer) < size:
                    break
                message = bytes(self._buffer[:size])
                del self._buffer[:size]
                self._left -= size
                self._messages_left -= 1
                if not self._messages_left:
                    raise _TooMuch
                out += self._take(message)
        except _TooMuch:
            self.answer = NoResponse("the answer is larger than is taken here")
        except ValueError:
            self.answer = NoResponse("the answer is not LDAP")
        return out

    def end(self) -> None:
        """The connection has ended."""
        if self.answer is None:
            self.answer = NoResponse("the answer was cut off")

    def _take(self, message: bytes) -> bytes:
        _, body = _one(message, _SEQUENCE)
        number, (tag, operation), *_controls = _elements(body)
        if number[0] != _INTEGER or len(number[1]) > 4:
            raise _NotLdap
        identifier = int.from_bytes(number[1], "big", signed=True)
        if identifier == _TO_NOBODY and tag == _EXTENDED:  # section 4.4: what is not known is passed over
            if any(kind == _RESPONSE_NAME and name == _DISCONNECTION for kind, name in _elements(operation)):
                said = _result(operation)
                self.answer = NoResponse(f"the directory hangs up: {result_text(said.result, said.text)}")
        elif not self._bound and (identifier, tag) == (_BIND, _BIND_RESPONSE):
            return self._bind_answered(_result(operation))
        elif self._bound and identifier == _SEARCH:
            self._search_answered(tag, operation)
        else:
            raise _NotLdap
        return b""

    def _bind_answered(self, result: LdapEntries) -> bytes:
        if result.result != ResultCode.success:
            why = result_text(result.result, result.text)
            self.answer = NoResponse(f"the directory refuses an anonymous bind: {why}")
            return b""
        self._bound = True
        return search_request(self._search)

    def _search_answered(self, tag: int, operation: memoryview) -> None:
        if tag == _ENTRY:
            self._entries.append(self._entry(operation))
        elif tag == _REFERENCE:
            self._referrals += _urls(operation)
        elif tag == _DONE:
            done = _result(operation)
            referrals = (*self._referrals, *done.referrals)[:_MOST_REFERRALS]
            self.answer = LdapEntries(tuple(self._entries), referrals, done.result, done.text)
        else:
            raise _NotLdap

    def _entry(self, operation: memoryview) -> LdapEntry:
        name, attributes = _elements(operation, 2)
        if (name[0], attributes[0]) != (_OCTETS, _SEQUENCE):
            raise _NotLdap
        found = []
        for kind, attribute in _elements(attributes[1]):
            (kind_of_name, called), (kind_of_values, values) = _elements(attribute, 2)
            if (kind, kind_of_name, kind_of_values) != (_SEQUENCE, _OCTETS, _SET):
                raise _NotLdap
            found.append((_text(called), tuple(self._values(values))))
        return LdapEntry(_text(name[1]), tuple(found))

    def _values(self, values: memoryview) -> Iterator[bytes]:
        for kind, value in _elements(values):
            if kind != _OCTETS:
                raise _NotLdap
            if not self._values_left:
                raise _TooMuch
            self._values_left -= 1
            yield bytes(value)


def search_request(search: LdapSearch) -> bytes:
    """The request (section 4.5.1), which follows aliases; ValueError when its filter is none."""
    return _message(
        _SEARCH,
        asn1.encode(
            0x63,
            asn1.octet_string(search.base.encode()),
            asn1.encode(_ENUMERATED, bytes([search.scope])),
            asn1.encode(_ENUMERATED, b"\x03"),  # derefAlways
            asn1.integer(0),  # we count ourselves
            asn1.integer(max(1, int(search.limits.response))),
            b"\x01\x01\x00",
            encode_filter(search.filter),
            asn1.sequence_of(*(asn1.octet_string(each.encode()) for each in search.attributes)),
        ),
    )


UNBIND = asn1.sequence_of(asn1.integer(_UNBIND), b"\x42\x00")


def _message(identifier: int, operation: bytes) -> bytes:
    return asn1.sequence_of(asn1.integer(identifier), operation)


def _result(operation: memoryview) -> LdapEntries:
    code, _matched, text, *more = _elements(operation)
    if code[0] != _ENUMERATED or not 0 < len(code[1]) <= 4:
        raise _NotLdap
    referrals = [url for tag, value in more if tag == _REFERRAL for url in _urls(value)]
    return LdapEntries((), tuple(referrals), int.from_bytes(code[1], "big", signed=True), _text(text[1]))


def _urls(referral: memoryview) -> list[str]:
    return [_text(value) for _, value in _elements(referral)][:_MOST_REFERRALS]


def _text(octets: memoryview) -> str:
    return shortened(bytes(octets[:_MOST_OCTETS_OF_TEXT]).decode(errors="replace"))


# --------------------------------------------------------------------------------------------- BER


def _size(buffer: bytearray) -> int | None:
    """How many octets the message has that the buffer begins with; None while that is not known."""
    if buffer and buffer[0] != _SEQUENCE:
        raise _NotLdap
    head = _head(memoryview(bytes(buffer[:8])))
    return None if head is None else head[1] + head[2]


def _head(data: memoryview) -> tuple[int, int, int] | None:
    """Tag, length of tag and length, length of the contents; None when that is not all there.

    Active Directory writes every length in four octets more.
    """
    if len(data) < 2:
        return None
    tag, first = data[0], data[1]
    if tag & 0x1F == 0x1F or first == 0x80 or first > 0x84:
        raise _NotLdap
    if first < 0x80:
        return tag, 2, first
    count = first & 0x7F
    if len(data) < 2 + count:
        return None
    return tag, 2 + count, int.from_bytes(data[2 : 2 + count], "big")


def _elements(data: memoryview, exactly: int | None = None) -> list[tuple[int, memoryview]]:
    """Tags and contents of a run of elements."""
    found = []
    while data:
        head = _head(data)
        if head is None or head[1] + head[2] > len(data):
            raise _NotLdap
        tag, start, size = head
        found.append((tag, data[start : start + size]))
        data = data[start + size :]
        if len(found) > _MOST_ELEMENTS:
            raise _TooMuch
    if exactly is not None and len(found) != exactly:
        raise _NotLdap
    return found


def _one(data: bytes, tag: int) -> tuple[int, memoryview]:
    [found] = _elements(memoryview(data))
    if found[0] != tag:
        raise _NotLdap
    return found
