"""A search over a real socket: what goes out, and every way in which a directory can let one down."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from router_emu.adapters import http, ldap
from router_emu.pki.peers.ldap_messages import UNBIND, SearchSession, search_request
from router_emu.pki.wire import Exchange, LdapEntries, LdapEntry, LdapSearch, Limits, NoResponse
from tests.router_emu.ldap_stage import bound, done, entry, hangs_up

CRL = "certificateRevocationList;binary"
Answer = LdapEntries | NoResponse
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BIND_LENGTH = 14


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[int]:
    """A server that talks so to everybody; its port."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await over.wait()


def search(port: int, *, host: str = "127.0.0.1", response: float = 10.0) -> LdapSearch:
    limits = Limits(response=response, body=5_000_000)
    return LdapSearch(host, port, "O=Lab", (CRL,), limits=limits)


def ask(talk: Talk, *, response: float = 10.0) -> Answer:
    async def run() -> Answer:
        async with serving(talk) as port:
            return await ldap.send(search(port, response=response))

    return asyncio.run(run())


def saying(*pieces: bytes, hang: bool = False) -> Talk:
    """A server that binds, takes the search, says these, and closes or waits for the client to go."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(BIND_LENGTH)
        writer.write(bound())
        await reader.readexactly(len(search_request(search(1))))
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hang:
            await reader.read()

    return talk


def test_bind_search_and_unbind() -> None:
    heard = b""
    value = b"x" * 3_000_000

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard = await reader.readexactly(BIND_LENGTH)
        writer.write(bound())
        heard += await reader.readexactly(len(search_request(search(1))))
        writer.write(entry("O=Lab", {CRL: [value]}) + done())
        heard += await reader.read()

    assert ask(talk) == LdapEntries((LdapEntry("O=Lab", ((CRL, (value,)),)),))
    assert heard == SearchSession(search(1)).start() + search_request(search(1)) + UNBIND


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (entry("O=Lab", {CRL: [b"x" * 9999]})[:5000], "the answer was cut off"),
        (entry("O=Lab", {CRL: [b"x"]}), "the answer was cut off"),
        (hangs_up(51), "the directory hangs up: busy"),
        (b"SSH-2.0-x\r\n", "the answer is not LDAP"),
        (b"\x30\x84\x7f\xff\xff\xff", "the answer is larger than is taken here"),
    ],
    ids=["truncated", "without its end", "hangs up", "another protocol", "endless"],
)
def test_answers_that_are_none(said: bytes, why: str) -> None:
    assert ask(saying(said)) == NoResponse(why)


def test_a_connection_that_is_reset() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(BIND_LENGTH)
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert ask(talk) == NoResponse("connection reset by peer")


@pytest.mark.parametrize("said", [b"", entry("O=Lab", {CRL: [b"x"]})])
def test_a_slow_directory_holds_nobody_up(said: bytes) -> None:
    assert ask(saying(said, hang=True), response=0.05) == NoResponse("timed out")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert asyncio.run(ldap.send(search(port))) == NoResponse("connection refused")
    answer = asyncio.run(ldap.send(search(389, host="no host.invalid")))
    assert answer == NoResponse("no address for no host.invalid")


def test_an_exchange_carries_searches_too() -> None:
    def look(port: int) -> Exchange[Answer]:
        answer: Answer = yield search(port)
        return answer

    async def run() -> Answer:
        async with serving(saying(done(32))) as port:
            return await http.carry(look(port), as_one=True)

    assert asyncio.run(run()) == LdapEntries(result=32)
