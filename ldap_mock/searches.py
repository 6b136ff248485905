"""Searches: what they find, one step at a time, and those that go on page by page (RFC 2696)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from ldap_mock import codec, rootdse
from ldap_mock.ber import BerError
from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import ROOT, parse_dn
from ldap_mock.filters import items, matcher
from ldap_mock.messages import (
    PAGED_RESULTS,
    Message,
    Result,
    ResultCode,
    ResultEntry,
    Scope,
    SearchRequest,
)
from ldap_mock.selection import Selection

# Parts of a filter, and values that they are compared with, in one step: a few milliseconds.
_STEP = 1000
# Searches of one client that wait to be asked for their next page; with more, the oldest is forgotten.
MAX_PAGED = 8


class SearchError(Exception):
    """A search that cannot begin, or not go on; ``code`` and the text are for the client."""

    def __init__(self, code: ResultCode, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class _Found:
    """A search under way: what it still finds, and how many entries it has told."""

    request: SearchRequest
    entries: Iterator[ResultEntry | None]
    told: int = 0
    ahead: ResultEntry | None = None


class Search:
    """One request's part of a search: all that it finds, or a page of it."""

    def __init__(self, found: _Found, limit: int, pages: Searches | None, size: int) -> None:
        self._found = found
        self._limit = limit
        self._pages = pages  # None when it is not paged
        self._left = size

    def step(self) -> ResultEntry | Result | None:
        """The next entry, or how the search ends; None when nothing has been found for a while."""
        found = self._found
        entry, found.ahead = found.ahead or next(found.entries, _END), None
        if entry is _END:
            return self._result(ResultCode.SUCCESS, b"")
        if entry is None:
            return None
        if found.told >= self._limit > 0:
            return self._result(ResultCode.SIZE_LIMIT_EXCEEDED, b"")
        if self._pages and not self._left:
            found.ahead = entry
            return self._result(ResultCode.SUCCESS, self._pages.keep(found))
        found.told += 1
        self._left -= 1
        return entry

    def _result(self, code: ResultCode, cookie: bytes) -> Result:
        return Result(code, controls=(codec.page_control(cookie),) if self._pages else ())


_END = ResultEntry("", ())


class Searches:
    """One connection's searches; ``size_limit`` is the most entries that one tells without pages."""

    def __init__(self, size_limit: int) -> None:
        self._size_limit = size_limit
        self._kept: dict[bytes, _Found] = {}
        self._cookies = count(1)

    def begin(
        self, message: Message, request: SearchRequest, tree: Tree, rename: Mapping[str, str]
    ) -> Search:
        """Begin a search, or go on with one; SearchError, DnError, NoSuchObject."""
        paged = next((each for each in message.controls if each.oid == PAGED_RESULTS), None)
        if paged is None:
            limit = min(request.size_limit or self._size_limit, self._size_limit)
            return Search(_Found(request, _find(request, tree, rename)), limit, None, 0)
        try:
            size, cookie = codec.read_page(paged.value)
        except (BerError, ValueError) as error:
            raise SearchError(ResultCode.PROTOCOL_ERROR, f"the control of pages: {error}") from error
        if not cookie:
            found = _Found(request, _find(request, tree, rename))
        else:
            kept = self._kept.pop(cookie, None)
            if kept is None or kept.request != request:
                raise SearchError(
                    ResultCode.UNWILLING_TO_PERFORM, "this search was not begun, or is forgotten"
                )
            found = kept
            if not size:  # RFC 2696 section 3: the client does not want the rest
                found = _Found(request, iter(()))
        return Search(found, request.size_limit, self, min(size or self._size_limit, self._size_limit))

    def keep(self, found: _Found) -> bytes:
        """Remember a search until its next page is asked for; the cookie to ask with."""
        if len(self._kept) >= MAX_PAGED:
            del self._kept[next(iter(self._kept))]
        cookie = str(next(self._cookies)).encode()
        self._kept[cookie] = found
        return cookie


def _find(request: SearchRequest, tree: Tree, rename: Mapping[str, str]) -> Iterator[ResultEntry | None]:
    """What matches, with None now and then; errors come here, and not when it is iterated over."""
    try:
        scope = Scope(request.scope)
    except ValueError:
        raise SearchError(ResultCode.PROTOCOL_ERROR, f"no scope is {request.scope}") from None
    base = parse_dn(request.base)
    candidates: Iterator[Entry]
    if base == rootdse.SUBSCHEMA:
        candidates = iter([rootdse.subschema_entry()] if scope in {Scope.BASE, Scope.SUBTREE} else [])
    elif base == ROOT and scope is Scope.BASE:
        candidates = iter([rootdse.root_dse(tree)])
    else:
        candidates = tree.search(base, scope)
    return _matching(request, candidates, tree, Selection(request.attributes, rename))


def _matching(
    request: SearchRequest, candidates: Iterator[Entry], tree: Tree, selection: Selection
) -> Iterator[ResultEntry | None]:
    work = 0
    own: Mapping[str, tuple[bytes, ...]] | None = None  # what the directory adds to the entry

    def values(entry: Entry, name: str) -> tuple[bytes, ...]:
        nonlocal work, own
        found = entry.attributes.get(name, ())
        if not found and name in rootdse.OPERATIONAL:
            own = own or rootdse.operational(entry, tree)
            found = own[name]
        work += len(found)
        return found

    matches, parts = matcher(request.filter, values), items(request.filter)
    for entry in candidates:
        own = None
        work += parts
        if matches(entry):
            attributes = {**entry.attributes, **(own or rootdse.operational(entry, tree))}
            told = selection.select(attributes, types_only=request.types_only)
            yield ResultEntry(str(entry.dn), told)
        if work >= _STEP:
            work = 0
            yield None
