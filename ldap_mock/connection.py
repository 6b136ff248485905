"""One connection to the directory: two tasks around a session.

One task reads and hands octets to the session, the other answers what waits there, in order.  So an abandon
or an unbind is seen while a long answer goes out.  Nobody holds others up: a search that finds nothing lets
others work between its steps, a value of megabytes goes out in slices, and a client that reads nothing for a
while, or stops in the middle of a request, loses its connection.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from ldap_mock import filters, rootdse
from ldap_mock.backend import Backend, DirectoryUnavailable, Injection
from ldap_mock.ber import Pieces
from ldap_mock.directory import Tree
from ldap_mock.dn import DnError, parse_dn
from ldap_mock.messages import (
    BindRequest,
    CompareRequest,
    Message,
    Result,
    ResultCode,
    Scope,
    SearchRequest,
)
from ldap_mock.session import Session

# A search ends after so long, if not by its own time limit, apart from what a fault delays it.
MAX_SEARCH_SECONDS = 60.0
# How long a request may take to come, and how long a client may read nothing of its answer.
REQUEST_SECONDS = 30.0
STALL_SECONDS = 30.0
# How long the last words may take to be read before the connection is closed over them.
FAREWELL_SECONDS = 1.0
SLICE = 64 * 1024
# What the log has of a base, of a filter or of all attributes that were asked for, in characters.
_LOGGED = 500
_EMPTY = Tree(())


class _Gone(Exception):
    """The connection is over: the client has left, or a fault has closed it."""


class Connection:
    """A client's connection."""

    def __init__(
        self,
        backend: Backend,
        session: Session,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: str,
    ) -> None:
        self._backend = backend
        self._session = session
        self._reader, self._writer = reader, writer
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()  # something has come in, or will no more
        self._room = asyncio.Event()  # a request was taken from those that wait
        self._is_at_end = self._has_left = False
        self._out: Pieces = []
        self._out_octets = 0
        self.is_busy = False
        self.heard = self._loop.time()
        writer.transport.set_write_buffer_limits(high=4 * SLICE)

    async def serve(self) -> None:
        """Serve the client until either side ends it."""
        reading = self._loop.create_task(self._read())
        try:
            await self._answer_all()
            if farewell := self._session.farewell():
                self._log_event("disconnection", why=self._session.notice)
                await self._send(farewell)
                await self._flush()
                await self._wait_for_leave()
            self._writer.close()
            async with asyncio.timeout(STALL_SECONDS):
                await self._writer.wait_closed()
        except (_Gone, OSError, asyncio.CancelledError):  # cancelled: the server stops, or needs the place
            pass
        finally:
            self._writer.transport.abort()
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    def dismiss(self, why: str) -> None:
        """Say to the client why it must go; nothing in the middle of an answer.

        Who has called this ends the connection then: a crowd of clients must not stay until each has left.
        """
        if self.is_busy or self._session.ended:
            return
        self._session.end(why, ResultCode.BUSY)
        self._log_event("disconnection", why=why)
        self._writer.write(b"".join(self._session.farewell()))

    # ----------------------------------------------------------------------------------- requests

    async def _read(self) -> None:
        session, since = self._session, None
        try:
            while True:
                while session.is_full:
                    self._room.clear()
                    await self._room.wait()
                since = (since or self._loop.time()) if session.is_unfinished else None
                async with asyncio.timeout_at(since + REQUEST_SECONDS if since else None):
                    octets = await self._reader.read(SLICE)
                if not octets:
                    self._has_left = True
                    break
                before = session.requests
                session.receive(octets)
                since = since if session.requests == before else None
                self.heard = self._loop.time()
                self._came.set()
        except TimeoutError:
            session.end("the request did not come to its end")
        except OSError:
            self._has_left = True
            session.end(None)
        finally:
            self._is_at_end = True
            self._came.set()

    async def _wait_for_leave(self) -> None:
        """Let the client read the last words: closing over what it has sent since would take them back."""
        with suppress(OSError, TimeoutError):
            self._writer.write_eof()
            async with asyncio.timeout(FAREWELL_SECONDS):
                while not self._is_at_end:
                    self._came.clear()
                    await self._came.wait()

    async def _answer_all(self) -> None:
        session = self._session
        while True:
            message = session.next()
            self._room.set()
            if message is None:
                if session.ended or self._is_at_end:
                    return
                self._came.clear()
                await self._came.wait()
                continue
            self.is_busy = True
            await self._answer(message)
            self.is_busy, self.heard = False, self._loop.time()

    # ------------------------------------------------------------------------------------ answers

    async def _answer(self, message: Message) -> None:
        injection = None
        try:
            if _is_for_entries(message):
                injection = await self._backend.injection(self._client)
            await self._tell(message, injection)
            await self._flush()
        except _Gone:
            raise
        except Exception as error:  # a bug of ours is no reason to leave a client without an answer
            self._log_event("error", error=repr(error))
            await self._send(self._session.refuse(message, Result(ResultCode.OTHER, "an error of the lab")))
            await self._flush()
        finally:
            self._log(message, injection)

    async def _tell(self, message: Message, injection: Injection | None) -> None:
        session = self._session
        limit = message.request.time_limit if isinstance(message.request, SearchRequest) else 0
        asked = self._loop.time()
        tree, instead = await self._what_stands(message, injection)
        if injection is not None:
            await self._wait(message, min(injection.delay, limit or injection.delay))
            if injection.reset:
                self._reset()
        if session.is_abandoned(message):
            return
        deadline = self._loop.time() + MAX_SEARCH_SECONDS
        if limit:
            deadline = min(deadline, asked + limit)
        answer = session.answer(
            message,
            tree,
            instead=instead,
            rename=injection.rename if injection else {},
            overdue=lambda: self._loop.time() >= deadline,
        )
        for pieces in answer:
            if injection is not None and injection.truncate:
                await self._cut(pieces)
            await self._send(pieces)

    async def _what_stands(self, message: Message, injection: Injection | None) -> tuple[Tree, Result | None]:
        """The tree, and what to answer in place of a result when there is a fault, or nobody knows a tree."""
        if injection is not None and injection.result is not None:
            text = f"the lab's fault {injection.name}"
            return _EMPTY, Result(injection.result, text, referrals=injection.referrals)
        if injection is not None and injection.tree is not None:
            return injection.tree, None
        if isinstance(message.request, CompareRequest) or _is_for_entries(message):
            try:
                return await self._backend.tree(), None
            except DirectoryUnavailable as error:
                return _EMPTY, Result(ResultCode.UNAVAILABLE, str(error))
        return await self._backend.last_tree() if isinstance(message.request, SearchRequest) else _EMPTY, None

    async def _wait(self, message: Message, seconds: float) -> None:
        """Let time pass, unless the client does not want the answer any more; _Gone when it has left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while seconds and not self._session.is_abandoned(message):
                    if self._has_left:
                        raise _Gone
                    self._came.clear()
                    await self._came.wait()

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)  # no waiting: what is unsent is lost, and the peer gets an RST
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise _Gone

    async def _cut(self, pieces: Pieces) -> None:
        """Send the first half of a message, and close."""
        whole = b"".join(pieces)
        if whole:
            await self._send([whole[: len(whole) // 2]])
            await self._flush()
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
            raise _Gone

    async def _send(self, pieces: Pieces) -> None:
        """Send a message; small ones go out together.  None at all lets others work."""
        self._out += pieces
        self._out_octets += sum(map(len, pieces))
        if self._out_octets >= SLICE or not pieces:
            await self._flush()
            await asyncio.sleep(0)

    async def _flush(self) -> None:
        pieces, self._out, self._out_octets = self._out, [], 0
        small: Pieces = []
        for piece in pieces:
            if len(piece) < SLICE:
                small.append(piece)
                continue
            self._writer.write(b"".join(small))
            small = []
            view = memoryview(piece)
            for at in range(0, len(piece), SLICE):
                self._writer.write(view[at : at + SLICE])
                await self._drain()
        if small:
            self._writer.write(b"".join(small))
            await self._drain()

    async def _drain(self) -> None:
        """Wait until the client has read enough; _Gone when it reads nothing for a while."""
        transport = self._writer.transport
        while True:
            unsent = transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await self._writer.drain()
                return
            except TimeoutError:
                if transport.get_write_buffer_size() >= unsent:
                    raise _Gone from None
            except OSError as error:
                raise _Gone from error

    def _log(self, message: Message, injection: Injection | None) -> None:
        result = self._session.result
        facts: dict[str, object] = {"result": result.code.spelling if result else "none"}
        if injection is not None:
            facts["fault"] = injection.name
        match message.request:
            case SearchRequest() as request:
                scopes = {scope.value: scope.name.lower() for scope in Scope}
                self._log_event(
                    "search",
                    base=request.base,
                    scope=scopes.get(request.scope, str(request.scope)),
                    filter=filters.write(request.filter),
                    attributes=tuple(_logged(" ".join(request.attributes)).split()),
                    entries=self._session.entries,
                    **facts,
                )
            case BindRequest(version, name):
                self._log_event("bind", version=version, name=name, **facts)
            case request:
                self._log_event("request", operation=type(request).__name__, **facts)

    def _log_event(self, event: str, **facts: object) -> None:
        told = {name: _logged(each) if isinstance(each, str) else each for name, each in facts.items()}
        self._backend.log(event, client=self._client, **told)


def _logged(text: str) -> str:
    """A client's text for the log: not endless, and without the octets that are no UTF-8."""
    return text[:_LOGGED].encode(errors="backslashreplace").decode()[:_LOGGED]


def _is_for_entries(message: Message) -> bool:
    """Whether a message is a search, and not one of the root DSE or of the schema."""
    request = message.request
    if not isinstance(request, SearchRequest):
        return False
    try:
        return not rootdse.stands_outside(parse_dn(request.base), request.scope)
    except DnError:
        return True
