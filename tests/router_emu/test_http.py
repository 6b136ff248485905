"""The bytes that go out, and every way in which an answer can be wrong, over a real socket."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from router_emu.adapters import http
from router_emu.pki.wire import CISCO, RFC8894, Exchange, HttpRequest, HttpResponse, Limits, NoResponse, Work

Answer = HttpResponse | NoResponse
NOT_HTTP = NoResponse("the answer is not HTTP, or was cut off")
OK = b"HTTP/1.1 200 OK\r\n"


def exchange(
    make_request: Callable[[str], HttpRequest], *pieces: bytes, hang: bool = False, timeout: float = 10.0
) -> tuple[Answer, bytes]:
    """What comes of a request to a server that sends these pieces and closes; and the bytes it got."""

    async def run() -> tuple[Answer, bytes]:
        received = b""
        over = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received
            received = await reader.readuntil(b"\r\n\r\n")
            if b"Content-Length: " in received:
                length = int(received.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                received += await reader.readexactly(length)
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            if hang:
                await over.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            request = make_request(f"http://127.0.0.1:{port}")
            answer = await http.send(replace(request, limits=Limits(response=timeout)))
            over.set()
            return answer, received.replace(str(port).encode(), b"PORT")

    return asyncio.run(run())


def get(url: str) -> HttpRequest:
    return HttpRequest("GET", f"{url}/a?b", "1.0")


class TestRequests:
    def test_ciscos_get_has_a_host_and_nothing_else(self) -> None:
        _, sent = exchange(
            lambda url: CISCO.pki_operation(f"{url}/scep/pkiclient.exe", b"\xfb\xff", frozenset(), "AB"), OK
        )
        assert sent == (
            b"GET /scep/pkiclient.exe?operation=PKIOperation&message=%2B%2F8%3D%0A HTTP/1.0\r\n"
            b"Host: 127.0.0.1:PORT\r\n\r\n"
        )

    def test_ciscos_get_ca_cert_says_who_asks(self) -> None:
        """In the order that the reports show: User-Agent, then Host (scep.md 3.1)."""
        _, sent = exchange(
            lambda url: CISCO.get(url + "/x", "operation=GetCACert&message=m", with_agent=True), OK
        )
        assert sent == (
            b"GET /x?operation=GetCACert&message=m HTTP/1.0\r\n"
            b"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"
            b"Host: 127.0.0.1:PORT\r\n\r\n"
        )

    def test_rfc8894_posts(self) -> None:
        body = b"\0\r\n\r\n\xff" * 50000
        answer, sent = exchange(
            lambda url: RFC8894.pki_operation(url, body, frozenset({"postpkioperation"}), "AB"), OK, b"\r\n"
        )
        assert answer == HttpResponse(200, "", b"")
        assert sent == (
            b"POST /?operation=PKIOperation HTTP/1.1\r\n"
            b"Host: 127.0.0.1:PORT\r\n"
            b"Content-Type: application/x-pki-message\r\n"
            b"Content-Length: 300000\r\n"
            b"Connection: close\r\n\r\n" + body
        )


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ([OK, b"Content-Type: Application/X-Pki-Message; x=y\r\nContent-Length: 3\r\n\r\n", b"ab", b"c"],
         HttpResponse(200, "application/x-pki-message", b"abc")),
        ([b"HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n"], HttpResponse(200, "", b"")),
        ([OK, b"\r\n", b"until", b" the end"], HttpResponse(200, "", b"until the end")),
        ([OK, b"Content-Length: 3\r\n\r\nabcdef"], HttpResponse(200, "", b"abc")),
        ([OK, b"Content-Length: x\r\n\r\nabc"], HttpResponse(200, "", b"abc")),
        ([OK, b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\n\r\n"],
         HttpResponse(200, "", b"abcde")),
        ([OK, b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
         HttpResponse(200, "", b"abc")),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK, b"Content-Length: 1\r\n\r\na"], HttpResponse(200, "", b"a")),
        ([b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"],
         HttpResponse(404, "text/plain", b"no")),
        ([b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"],
         HttpResponse(302, "", b"", "/x")),
        ([b"HTTP/1.1 503 Busy\r\n\r\n"], HttpResponse(503, "", b"")),
    ],
)  # fmt: skip
def test_answers(pieces: list[bytes], answer: HttpResponse) -> None:
    assert exchange(get, *pieces)[0] == answer


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"SSH-2.0-x\r\n\r\n"],
        [b"\0" * 1000],
        [b"HTTP/1.1 abc\r\n\r\n"],
        [OK],  # the head has no end
        [OK, b"Content-Length: 4\r\n\r\nabc"],
        [OK, b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nd"],
        [OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"],
        [OK, b"x: " + b"x" * 100000 + b"\r\n\r\n"],
        [OK, b"x: 1\r\n" * 200 + b"\r\n"],
        [OK, b"x" * 200000],
    ],
    ids=lambda pieces: f"{sum(map(len, pieces))} bytes",
)
def test_what_is_no_answer(pieces: list[bytes]) -> None:
    assert exchange(get, *pieces)[0] == NOT_HTTP


@pytest.mark.parametrize(
    "pieces", [[b"Content-Length: 9000000\r\n\r\n"], [b"\r\n", *[b"x" * 1000000] * 9]], ids=["told", "sent"]
)
def test_what_is_too_large_is_not_waited_for(pieces: list[bytes]) -> None:
    answer, _ = exchange(get, OK, *pieces, hang=True)
    assert isinstance(answer, NoResponse)
    assert re.fullmatch("the answer is larger than [0-9]+ octets", answer.why)


def test_what_is_larger_than_anything_of_sceps_is_no_answer() -> None:
    pieces = [OK, b"Content-Length: 300000\r\n\r\n"]
    answer, _ = exchange(lambda url: CISCO.get(url, "operation=GetCACert"), *pieces, hang=True)
    assert answer == NoResponse("the answer is larger than 262144 octets")


def test_chunks_of_an_octet_hold_nobody_up() -> None:
    pieces = [OK, b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nA\r\n" * 200_000]
    assert exchange(get, *pieces, hang=True)[0] == NOT_HTTP


@pytest.mark.parametrize("pieces", [[], [OK, b"Content-Length: 2\r\n\r\nx"], [OK, b"\r\nx"]])
def test_a_server_that_hangs(pieces: list[bytes]) -> None:
    assert exchange(get, *pieces, hang=True, timeout=0.05)[0] == NoResponse("timed out")


def test_a_whole_answer_is_enough() -> None:
    """With a Content-Length nobody waits for a server that keeps the connection open."""
    assert exchange(get, OK, b"Content-Length: 1\r\n\r\na", hang=True)[0] == HttpResponse(200, "", b"a")


def test_a_port_that_refuses() -> None:
    with socket.socket() as bound:  # bound, but it does not listen
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert asyncio.run(http.send(get(url))) == NoResponse("connection refused")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no address for ca.lab"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route to host"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connection reset by peer"),
        (OSError("Multiple exceptions: [Errno 111] ..., [Errno 101] ..."), "connection failed"),
    ],
)
def test_what_the_network_says(monkeypatch: pytest.MonkeyPatch, error: OSError, why: str) -> None:
    async def refuse(*_where: Any, **_how: Any) -> Awaitable[Any]:
        raise error

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    assert asyncio.run(http.send(get("http://ca.lab"))) == NoResponse(why)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://ca.lab/x", "the url is not http://host/... or https://host/..."),
        ("http://", "the url is not http://host/... or https://host/..."),
        ("http://ca:x/", "the url is not http://host/... or https://host/..."),
        ("http://me:Sesame/1@ca/", "the url is not http://host/... or https://host/..."),
        ("http://[::1", "the url is not http://host/... or https://host/..."),
        ("http://" + "a" * 64 + ".lab/", "no address for " + "a" * 64 + ".lab"),
        ("http://ca.lab/\u0443", "the url has characters that HTTP cannot carry"),
    ],
)
def test_urls_that_lead_nowhere(url: str, why: str) -> None:
    answer = asyncio.run(http.send(HttpRequest("GET", url)))
    assert isinstance(answer, NoResponse)
    assert answer.why.lower() == why.lower()


def test_work_is_done_in_a_thread() -> None:
    def think() -> Exchange[tuple[object, object]]:
        return (yield Work(lambda: threading.current_thread())), threading.current_thread()

    there, here = asyncio.run(http.carry(think()))
    assert there is not here


def test_what_is_asked_as_one_takes_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    async def silence(request: HttpRequest, _note: http.Note) -> NoResponse:
        sent.append(request.url)
        await asyncio.Event().wait()
        raise AssertionError

    def ask() -> Exchange[list[Answer]]:
        limits = Limits(connect=0.02, response=0.03)
        answers = []
        for number in range(20):
            answers.append((yield HttpRequest("GET", f"http://ca.lab/{number}", limits=limits)))
        return answers

    monkeypatch.setattr(http, "send", silence)

    async def run() -> list[Answer]:
        async with asyncio.timeout(0.5):
            return await http.carry(ask(), as_one=True)

    answers = asyncio.run(run())
    assert answers == [NoResponse("timed out"), *[NoResponse("no time is left")] * 19]
    assert sent == ["http://ca.lab/0"]


def test_user_and_password_of_a_url_stay_out_of_host() -> None:
    _, sent = exchange(lambda url: get(url.replace("http://", "http://me:secret@")), OK)
    assert b"\r\nHost: 127.0.0.1:PORT\r\n" in sent
    assert b"secret" not in sent
