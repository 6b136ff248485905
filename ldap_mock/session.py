"""One connection's protocol without its socket (RFC 4511): requests come in, answers go out in their order.

    session.receive(octets)                 as they come from the network
    while message := session.next():
        for pieces in session.answer(message, tree, ...):
            ...                             to be sent; none at all is a moment to let others work
    session.farewell()                      once session.ended: the last words, then the connection is closed

An abandoned request ends its answer without a result; so does an unbind.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from ldap_mock import ber, codec, messages
from ldap_mock.ber import BerError, Pieces
from ldap_mock.directory import NoSuchObject, Tree
from ldap_mock.dn import Dn, DnError, parse_dn
from ldap_mock.filters import matcher, types_of
from ldap_mock.messages import (
    AbandonRequest,
    BindRequest,
    CompareRequest,
    Comparison,
    ExtendedRequest,
    Message,
    Result,
    ResultCode,
    SearchRequest,
    UnbindRequest,
    Unreadable,
    WriteRequest,
)
from ldap_mock.searches import Search, SearchError, Searches

# A request of more octets ends the connection; a search with a thousand-part filter takes 64 KB.
MAX_REQUEST = 256 * 1024
# Requests that wait on one connection; with more, the rest is not read.
MAX_WAITING = 64
_SUPPORTED_CONTROLS = {messages.MANAGE_DSA_IT}


class Session:
    """A connection's state.  ``manager`` is the one name, with its password, that may bind."""

    def __init__(self, manager: tuple[Dn, bytes] | None = None, size_limit: int = 5000) -> None:
        self.ended = False
        # The whole requests that have come so far.
        self.requests = 0
        self.version = 3
        self.bound: Dn | None = None
        # How the last answer ended, and how many entries it had: for the log.
        self.result: Result | None = None
        self.entries = 0
        self._manager = manager
        self._searches = Searches(size_limit)
        self._buffer = bytearray()
        self._waiting: deque[Message] = deque()
        self._current: int | None = None
        self.notice: str | None = None
        self._notice_code = ResultCode.PROTOCOL_ERROR

    # ------------------------------------------------------------------------------------ requests

    @property
    def is_full(self) -> bool:
        """Whether so many requests wait that no more should be read."""
        return len(self._waiting) >= MAX_WAITING

    @property
    def is_unfinished(self) -> bool:
        """Whether a request has come in part."""
        return bool(self._buffer) and not self.is_full and not self.ended

    def receive(self, octets: bytes) -> None:
        """Take what has come."""
        if not self.ended:
            self._buffer += octets
            self._read()

    def next(self) -> Message | None:
        """The request to be answered now, None when none waits."""
        message = self._waiting.popleft() if self._waiting else None
        self._current = message.message_id if message else None
        self.result, self.entries = None, 0
        self._read()
        return message

    def is_abandoned(self, message: Message) -> bool:
        """Whether nobody wants the answer any more to what ``next`` has returned last."""
        return self._current != message.message_id

    def farewell(self) -> Pieces:
        """The notice of disconnection (RFC 4511 section 4.4.1), nothing when the client has left."""
        if self.notice is None:
            return []
        result = Result(self._notice_code, self.notice, name=messages.NOTICE_OF_DISCONNECTION)
        return codec.encode_result(0, codec.EXTENDED_RESPONSE, result)

    def _read(self) -> None:
        while self._buffer and not self.ended and not self.is_full:
            try:
                if self._buffer[0] != ber.SEQUENCE:
                    raise BerError("this is not LDAP")
                found = ber.header(self._buffer)
                if found is None:
                    return
                end = found[2]
                if end > MAX_REQUEST:
                    raise BerError(f"a request of {end} octets; {MAX_REQUEST} are the most")
                if end > len(self._buffer):
                    return
                octets = bytes(self._buffer[:end])
                del self._buffer[:end]
                self.requests += 1
                self._take(codec.decode(octets))
            except BerError as error:
                self.end(str(error))

    def _take(self, message: Message) -> None:
        match message.request:
            case UnbindRequest():
                self._waiting.clear()
                self._current = None
                self.end(None)
            case AbandonRequest(message_id):
                if self._current == message_id:
                    self._current = None
                self._waiting = deque(each for each in self._waiting if each.message_id != message_id)
            case Unreadable(why) if not message.response_tag:
                raise BerError(why)
            case _:
                if message.message_id in {self._current, *(each.message_id for each in self._waiting)}:
                    raise BerError(f"message {message.message_id} is being answered")
                self._waiting.append(message)

    def end(self, notice: str | None, code: ResultCode = ResultCode.PROTOCOL_ERROR) -> None:
        """Take no more requests; those that wait are answered, then ``notice`` is the last word."""
        self.ended, self.notice, self._notice_code = True, notice, code
        self._buffer.clear()

    # ------------------------------------------------------------------------------------- answers

    def answer(
        self,
        message: Message,
        tree: Tree,
        *,
        instead: Result | None = None,
        rename: Mapping[str, str],
        overdue: Callable[[], bool],
    ) -> Iterator[Pieces]:
        """The answer to a request, in pieces that each are one or no message.

        ``instead`` is told in place of a search's or a compare's result; ``rename`` has attribute types that
        are told under another name; ``overdue`` says whether the time for it is over.
        """
        request = message.request
        if isinstance(request, SearchRequest) and instead is None:
            yield from self._search(message, request, tree, rename, overdue)
        else:
            yield self._last(message, self._one_result(message, tree, instead))

    def refuse(self, message: Message, result: Result) -> Pieces:
        """An answer that is this result alone."""
        return self._last(message, result)

    def _last(self, message: Message, result: Result) -> Pieces:
        if self.version == 2 and result.referrals:  # RFC 1777 has no other way
            text = "\n".join(("Referral:", *result.referrals))
            result = Result(ResultCode.PARTIAL_RESULTS, text, result.matched)
        self.result = result
        self._current = None  # its number may be used again as soon as this is sent
        return codec.encode_result(message.message_id, message.response_tag, result)

    def _one_result(self, message: Message, tree: Tree, instead: Result | None) -> Result:
        """The result of all that is no search."""
        if refused := _refused_control(message):
            return refused
        match message.request:
            case BindRequest() as request:
                return self._bind(request)
            case CompareRequest() as request:
                return instead or _compare(request, tree)
            case ExtendedRequest(name):
                return self._extended(name)
            case WriteRequest(operation):
                return Result(ResultCode.UNWILLING_TO_PERFORM, f"this directory is read only: no {operation}")
            case Unreadable(why):
                return Result(ResultCode.PROTOCOL_ERROR, why)
        return instead or Result(ResultCode.OTHER)

    def _bind(self, request: BindRequest) -> Result:
        """RFC 4513 section 5.1.  Whatever comes of it, who was bound is so no more."""
        self.bound = None
        if request.version not in {2, 3}:
            return Result(ResultCode.PROTOCOL_ERROR, "versions 2 and 3 are spoken here")
        self.version = request.version
        if request.password is None:
            return Result(ResultCode.AUTH_METHOD_NOT_SUPPORTED, "only simple binds are taken")
        try:
            name = parse_dn(request.name)
        except DnError as error:
            return Result(ResultCode.INVALID_DN_SYNTAX, str(error))
        if not request.password:
            if name.rdns:
                return Result(ResultCode.UNWILLING_TO_PERFORM, "a name without a password proves nothing")
            return Result(ResultCode.SUCCESS)
        known = self._manager is not None and name == self._manager[0]
        password = self._manager[1] if self._manager is not None else b""
        if not hmac.compare_digest(password, request.password) or not known:
            return Result(ResultCode.INVALID_CREDENTIALS)
        self.bound = name
        return Result(ResultCode.SUCCESS)

    def _extended(self, name: str) -> Result:
        if name == messages.WHO_AM_I:  # RFC 4532
            return Result(ResultCode.SUCCESS, value=f"dn:{self.bound}".encode() if self.bound else b"")
        if name == messages.START_TLS:
            return Result(ResultCode.PROTOCOL_ERROR, "TLS is not spoken here", name=name)
        return Result(ResultCode.PROTOCOL_ERROR, "no extended operation of this name is known")

    # ------------------------------------------------------------------------------------ searches

    def _search(
        self,
        message: Message,
        request: SearchRequest,
        tree: Tree,
        rename: Mapping[str, str],
        overdue: Callable[[], bool],
    ) -> Iterator[Pieces]:
        if refused := _refused_control(message):
            yield self._last(message, refused)
            return
        try:
            search = self._searches.begin(message, request, tree, rename)
        except SearchError as error:
            yield self._last(message, Result(error.code, str(error)))
            return
        except DnError as error:
            yield self._last(message, Result(ResultCode.INVALID_DN_SYNTAX, str(error)))
            return
        except NoSuchObject as error:
            yield self._last(message, Result(ResultCode.NO_SUCH_OBJECT, matched=str(error.matched)))
            return
        yield from self._found(message, search, overdue)

    def _found(self, message: Message, search: Search, overdue: Callable[[], bool]) -> Iterator[Pieces]:
        result = None
        while result is None:
            found = search.step()
            if self.is_abandoned(message):
                return
            if isinstance(found, Result):
                result = found
            elif found is not None:
                self.entries += 1
                yield codec.encode_entry(message.message_id, found)
            else:
                yield []
            if result is None and overdue():
                result = Result(ResultCode.TIME_LIMIT_EXCEEDED)
        yield self._last(message, result)


def _refused_control(message: Message) -> Result | None:
    """The refusal of a critical control that nobody knows, or that does not go with this operation."""
    supported = set(_SUPPORTED_CONTROLS)
    if isinstance(message.request, SearchRequest):
        supported.add(messages.PAGED_RESULTS)
    for control in message.controls:
        if control.critical and control.oid not in supported:
            return Result(ResultCode.UNAVAILABLE_CRITICAL_EXTENSION, f"control {control.oid} is not known")
    return None


def _compare(request: CompareRequest, tree: Tree) -> Result:
    types = types_of(request.attribute)
    if not types:
        return Result(ResultCode.UNDEFINED_ATTRIBUTE_TYPE, "no such attribute type is known")
    try:
        entry = tree.find(parse_dn(request.entry))
    except DnError as error:
        return Result(ResultCode.INVALID_DN_SYNTAX, str(error))
    except NoSuchObject as error:
        return Result(ResultCode.NO_SUCH_OBJECT, matched=str(error.matched))
    if not any(entry.attributes.get(row.name) for row in types):
        return Result(ResultCode.NO_SUCH_ATTRIBUTE)
    asked = Comparison("=", request.attribute, request.value)
    verdict = matcher(asked, lambda entry, name: entry.attributes.get(name, ()))(entry)
    if verdict is None:
        return Result(ResultCode.INVALID_ATTRIBUTE_SYNTAX)
    return Result(ResultCode.COMPARE_TRUE if verdict else ResultCode.COMPARE_FALSE)
