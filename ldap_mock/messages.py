"""What clients and directory say to each other (RFC 4511), as values; ``codec`` brings them into octets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
START_TLS = "1.3.6.1.4.1.1466.20037"
PAGED_RESULTS = "1.2.840.113556.1.4.319"
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"


class ResultCode(IntEnum):
    """The result codes that the directory has a use for (RFC 4511 appendix A); partialResults is LDAPv2's."""

    SUCCESS = 0
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    COMPARE_FALSE = 5
    COMPARE_TRUE = 6
    AUTH_METHOD_NOT_SUPPORTED = 7
    PARTIAL_RESULTS = 9
    REFERRAL = 10
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_ATTRIBUTE_TYPE = 17
    INVALID_ATTRIBUTE_SYNTAX = 21
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    OTHER = 80

    @property
    def spelling(self) -> str:
        """As RFC 4511 spells it, ``noSuchObject``."""
        first, *rest = self.name.lower().split("_")
        return first + "".join(word.capitalize() for word in rest)


class Scope(IntEnum):
    """How far below its base a search looks; the last is OpenLDAP's, the entries below without the base."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2
    SUBORDINATE_SUBTREE = 3


# ----------------------------------------------------------------------------------------- filters


@dataclass(frozen=True)
class And:
    """All of them; true when there is none (RFC 4526)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Or:
    """Any of them; false when there is none (RFC 4526)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Not:
    """The contrary of one."""

    filter: Filter


@dataclass(frozen=True)
class Comparison:
    """A value of the attribute compared with ``value``; ``operator`` is ``=``, ``>=``, ``<=`` or ``~=``."""

    operator: str
    attribute: str
    value: bytes


@dataclass(frozen=True)
class Substrings:
    """A value that begins with, contains in this order, and ends with these."""

    attribute: str
    initial: bytes | None
    any: tuple[bytes, ...]
    final: bytes | None


@dataclass(frozen=True)
class Present:
    """The attribute has a value."""

    attribute: str


@dataclass(frozen=True)
class Extensible:
    """A value matches by a rule that is named, or the attribute's own; in the entry, or in its name too."""

    rule: str | None
    attribute: str | None
    value: bytes
    dn_attributes: bool


@dataclass(frozen=True)
class Unknown:
    """A kind of filter that nobody knows (RFC 4511 section 4.5.1.7: Undefined)."""

    tag: int


Filter = And | Or | Not | Comparison | Substrings | Present | Extensible | Unknown

# ---------------------------------------------------------------------------------------- requests


@dataclass(frozen=True)
class BindRequest:
    """``password`` is None when the method is not simple; then ``mechanism`` names that of SASL."""

    version: int
    name: str
    password: bytes | None
    mechanism: str = ""


@dataclass(frozen=True)
class UnbindRequest:
    """The client leaves."""


@dataclass(frozen=True)
class AbandonRequest:
    """The client does not want the answer to a request any more."""

    message_id: int


@dataclass(frozen=True)
class SearchRequest:
    """Limits are 0 for none; an empty ``attributes`` stands for all of users'."""

    base: str
    scope: int
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class CompareRequest:
    """Whether an entry's attribute has a value."""

    entry: str
    attribute: str
    value: bytes


@dataclass(frozen=True)
class ExtendedRequest:
    """An extended operation, by its OID."""

    name: str
    value: bytes | None


@dataclass(frozen=True)
class WriteRequest:
    """Add, delete, modify or modifyDN: what a read-only directory has one answer for."""

    operation: str


@dataclass(frozen=True)
class Unreadable:
    """A request of a known kind whose inside is wrong; ``why`` is for the client."""

    why: str


Request = (
    BindRequest
    | UnbindRequest
    | AbandonRequest
    | SearchRequest
    | CompareRequest
    | ExtendedRequest
    | WriteRequest
    | Unreadable
)


@dataclass(frozen=True)
class Control:
    """What a client adds to a request (RFC 4511 section 4.1.11)."""

    oid: str
    critical: bool
    value: bytes | None


@dataclass(frozen=True)
class Message:
    """A request with its number, and the tag's octet of the response that ends its answer."""

    message_id: int
    request: Request
    controls: tuple[Control, ...]
    response_tag: int


# --------------------------------------------------------------------------------------- responses


@dataclass(frozen=True)
class Result:
    """How a request ended."""

    code: ResultCode
    text: str = ""
    matched: str = ""
    referrals: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    # Of an extended operation.
    name: str = ""
    value: bytes | None = None


@dataclass(frozen=True)
class ResultEntry:
    """An entry that a search has found: descriptions as the client knows them, with their values."""

    dn: str
    attributes: Sequence[tuple[str, Sequence[bytes]]]
