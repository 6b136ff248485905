"""HTTP over TLS, with Python's ssl as the other end, and with ends that misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from router_emu.adapters import http
from router_emu.adapters.tls import TlsStream
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, Reason, Verdict
from router_emu.pki.wire import Exchange, ExchangeFailed, HttpRequest, HttpResponse, Limits, NoResponse
from scep_core.certificates import Certificate, build_certificate
from scep_core.values import Digest
from tests.router_emu.pki_lab import make_identity
from tests.router_emu.tls_stage import (
    CA,
    LIFE,
    MIDDLE,
    answer_hello,
    python_context,
    server_identity,
    serving,
    serving_tls,
)

HELLO = HttpResponse(200, "", b"hello")
CUT_OFF = NoResponse("the answer is not HTTP, or was cut off")
HEAD = b"HTTP/1.1 200 OK\r\n"
Answer = HttpResponse | NoResponse


def judging(
    verdict: Verdict, shown: list[Certificate]
) -> Callable[[Sequence[Certificate]], Exchange[Verdict]]:
    """A judge of one opinion, who notes what it was shown."""

    def judge(chain: Sequence[Certificate]) -> Exchange[Verdict]:
        shown.extend(chain)
        yield from ()
        return verdict

    return judge


def of_python(
    tmp_path: Path, make: Callable[[str], HttpRequest], host: str = "127.0.0.1"
) -> tuple[Answer, list[bytes]]:
    """What comes of a request to Python's TLS server, and what that got."""

    async def run() -> tuple[Answer, list[bytes]]:
        heads: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(HEAD + b"Content-Length: 5\r\n\r\nhello")

        context = python_context(tmp_path, server_identity(issuer=MIDDLE), MIDDLE.certificate)
        context.sni_callback = lambda _socket, name, _context: heads.append(str(name).encode())
        async with serving(talk, context) as port:
            answer = await http.send(make(f"https://{host}:{port}/x"))
        return answer, heads

    return asyncio.run(run())


def of_ours(talk: Callable[[TlsStream, asyncio.StreamWriter], Awaitable[None]], **limits: float) -> Answer:
    """What comes of a request to a server that does what ``talk`` does after the handshake."""

    async def run() -> Answer:
        async with serving_tls(server_identity(), talk) as url:
            return await http.send(HttpRequest("GET", url, limits=replace(Limits(), **limits)))

    return asyncio.run(run())


class TestAgainstPython:
    def test_without_a_judge_whoever_answers_is_believed(self, tmp_path: Path) -> None:
        answer, heads = of_python(tmp_path, lambda url: HttpRequest("GET", url, "1.0"))
        assert answer == HELLO
        assert heads[0] == b"None"  # an address is no name to be called by
        assert heads[1].startswith(b"GET /x HTTP/1.0\r\nHost: 127.0.0.1:")

    def test_the_server_is_called_by_its_name(self, tmp_path: Path) -> None:
        assert of_python(tmp_path, lambda url: HttpRequest("GET", url), "localhost")[1][0] == b"localhost"

    def test_the_judge_sees_the_chain_before_anything_is_sent(self, tmp_path: Path) -> None:
        shown: list[Certificate] = []
        judge = judging(Good((), "myca"), shown)
        answer, heads = of_python(tmp_path, lambda url: HttpRequest("GET", url, judge=judge))
        assert (answer, len(heads)) == (HELLO, 2)
        assert shown == [server_identity(issuer=MIDDLE).certificate, MIDDLE.certificate]

    @pytest.mark.parametrize(
        "verdict", [Bad(Reason.REVOKED, "it is re\x1bvoked"), CannotTell(Reason.NO_CRL, "it is re\x1bvoked")]
    )
    def test_nothing_is_sent_to_a_server_that_is_not_good(self, tmp_path: Path, verdict: Verdict) -> None:
        judge = judging(verdict, [])
        answer, heads = of_python(tmp_path, lambda url: HttpRequest("GET", url, judge=judge))
        assert answer == NoResponse("the server's certificate is not accepted: it is re?voked")
        assert len(heads) == 1

    def test_a_judge_that_gives_up_is_no_yes(self, tmp_path: Path) -> None:
        def judge(_chain: Sequence[Certificate]) -> Exchange[Verdict]:
            yield from ()
            raise ExchangeFailed("nobody knows", "unreachable")

        answer, heads = of_python(tmp_path, lambda url: HttpRequest("GET", url, judge=judge))
        assert answer == NoResponse("the server's certificate is not accepted: nobody knows")
        assert len(heads) == 1

    def test_a_judge_may_fetch_what_it_needs(self, tmp_path: Path) -> None:
        async def run() -> Answer:
            def judge(_chain: Sequence[Certificate]) -> Exchange[Verdict]:
                answer = yield HttpRequest("GET", f"http://127.0.0.1:{crls}/crl")
                assert answer == HELLO
                return Good((), "myca")

            context = python_context(tmp_path, server_identity())
            async with serving(answer_hello) as crls, serving(answer_hello, context) as port:
                return await http.send(HttpRequest("GET", f"https://127.0.0.1:{port}", judge=judge))

        assert asyncio.run(run()) == HELLO

    def test_the_crls_of_one_judgement_take_no_longer_than_one(self, tmp_path: Path) -> None:
        answers: list[Answer] = []

        async def run() -> Answer:
            over = asyncio.Event()

            async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                await over.wait()

            def judge(_chain: Sequence[Certificate]) -> Exchange[Verdict]:
                limits = Limits(connect=0.03, response=0.02)
                for _ in range(50):
                    answers.append((yield HttpRequest("GET", f"http://127.0.0.1:{crls}/crl", limits=limits)))
                return CannotTell(Reason.NO_CRL, "nobody answers")

            context = python_context(tmp_path, server_identity())
            async with serving(say_nothing) as crls, serving(answer_hello, context) as port:
                answer = await http.send(HttpRequest("GET", f"https://127.0.0.1:{port}", judge=judge))
                over.set()
                return answer

        assert asyncio.run(run()) == NoResponse("the server's certificate is not accepted: nobody answers")
        assert answers[0] == NoResponse("timed out")
        assert answers[10:] == [NoResponse("no time is left")] * 40

    def test_megabytes_go_both_ways(self, tmp_path: Path) -> None:
        body = bytes(range(256)) * 12000

        async def run() -> Answer:
            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(HEAD + b"\r\n" + (await reader.readexactly(len(body)))[::-1])
                await writer.drain()

            async with serving(talk, python_context(tmp_path, server_identity())) as port:
                limits = Limits(body=len(body))
                return await http.send(
                    HttpRequest("POST", f"https://127.0.0.1:{port}", body=body, limits=limits)
                )

        assert asyncio.run(run()) == HttpResponse(200, "", body[::-1])

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_two_versions_of_tls(self, tmp_path: Path, version: ssl.TLSVersion) -> None:
        async def run() -> Answer:
            context = python_context(tmp_path, server_identity())
            context.minimum_version = context.maximum_version = version
            async with serving(answer_hello, context) as port:
                return await http.send(HttpRequest("GET", f"https://127.0.0.1:{port}"))

        assert asyncio.run(run()) == HELLO


class TestAnswers:
    """A connection that anybody may cut: what ends with it is whole only when the server says so."""

    @pytest.mark.parametrize(
        ("rest", "answer"),
        [
            (b"Content-Length: 5\r\n\r\nhello", HELLO),
            (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", HELLO),
            (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CUT_OFF),
            (b"Content-Length: 6\r\n\r\nhello", CUT_OFF),
            (b"\r\nhello", CUT_OFF),
        ],
    )
    def test_a_connection_that_is_cut(self, rest: bytes, answer: Answer) -> None:
        async def talk(stream: TlsStream, writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.write(HEAD + rest)
            writer.write_eof()

        assert of_ours(talk) == answer

    def test_an_end_that_is_told(self) -> None:
        async def talk(stream: TlsStream, writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.write(HEAD + b"\r\nhello")
            stream.close()
            await writer.wait_closed()

        assert of_ours(talk) == HELLO

    def test_a_server_that_hangs_after_the_handshake(self) -> None:
        async def talk(stream: TlsStream, _writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.read(1000)

        assert of_ours(talk, response=0.05) == NoResponse("timed out")

    def test_a_body_that_is_too_large(self) -> None:
        async def talk(stream: TlsStream, _writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.write(HEAD + b"\r\n" + b"x" * 200000)

        assert of_ours(talk, body=100000) == NoResponse("the answer is larger than 100000 octets")


class TestHandshakes:
    @pytest.mark.parametrize(
        ("said", "why"),
        [
            (b"HTTP/1.0 400 Bad Request\r\n\r\n", "TLS failed: "),
            (b"", "TLS failed: the connection was closed in the handshake"),
            (b"\x16\x03\x03\x40\x00" + b"x" * 0x4000, "TLS failed: "),
            (b"\x15\x03\x01\x00\x02\x02\x28", "TLS failed: "),
        ],
        ids=["HTTP", "nothing", "garbage", "an alert"],
    )
    def test_what_is_no_tls(self, said: bytes, why: str) -> None:
        async def run() -> Answer:
            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(1)
                writer.write(said)
                await writer.drain()

            async with serving(talk) as port:
                return await http.send(HttpRequest("GET", f"https://127.0.0.1:{port}"))

        answer = asyncio.run(run())
        assert isinstance(answer, NoResponse)
        assert answer.why.startswith(why)

    def test_a_server_that_never_speaks(self) -> None:
        async def run() -> Answer:
            over = asyncio.Event()

            async def talk(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                await over.wait()

            async with serving(talk) as port:
                limits = Limits(connect=0.05)
                answer = await http.send(HttpRequest("GET", f"https://127.0.0.1:{port}", limits=limits))
                over.set()
                return answer

        assert asyncio.run(run()) == NoResponse("timed out")

    def test_who_cancels_leaves_nothing_behind(self) -> None:
        async def run() -> None:
            began, over = asyncio.Event(), asyncio.Event()

            async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                began.set()
                while await reader.read(1000):
                    pass
                over.set()

            async with serving(talk) as port:
                sending = asyncio.create_task(http.send(HttpRequest("GET", f"https://127.0.0.1:{port}")))
                await began.wait()
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                await over.wait()  # the connection is closed

        asyncio.run(run())

    @pytest.mark.parametrize("digest", [Digest.MD5, Digest.SHA1])
    def test_an_old_certificate_is_for_the_judge_to_refuse(self, digest: Digest) -> None:
        old = make_identity("tls old", "CN=old", issuer=CA, life=LIFE)
        certificate = build_certificate(
            serial_number=9,
            issuer=CA.certificate.subject,
            subject=old.certificate.subject,
            public_key_info=old.certificate.public_key_info,
            not_before=LIFE[0],
            not_after=LIFE[1],
            extensions=[],
            key=CA.key,
            digest=digest,
        )
        shown: list[Certificate] = []

        async def talk(stream: TlsStream, _writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.write(HEAD + b"Content-Length: 5\r\n\r\nhello")

        async def run() -> Answer:
            async with serving_tls(replace(old, certificate=certificate), talk) as url:
                judge = judging(Good((), "myca"), shown)
                return await http.send(HttpRequest("GET", url, judge=judge))

        assert asyncio.run(run()) == HELLO
        assert shown == [certificate]


class TestConnecting:
    def test_connecting_is_tried_again_as_often_as_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tries = 0

        async def refuse(*_where: object, **_how: object) -> None:
            nonlocal tries
            tries += 1
            raise ConnectionRefusedError

        monkeypatch.setattr(asyncio, "open_connection", refuse)
        request = HttpRequest("GET", "https://ca.lab", limits=Limits(retries=3))
        assert asyncio.run(http.send(request)) == NoResponse("connection refused")
        assert tries == 4

    def test_a_proxy_gets_the_whole_url(self) -> None:
        async def run() -> bytes:
            got = b""

            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal got
                got = await reader.readuntil(b"\r\n\r\n")
                writer.write(HEAD + b"Content-Length: 5\r\n\r\nhello")

            async with serving(talk) as port:
                request = HttpRequest("GET", "http://me:pw@crl.lab:81/a?b", "1.0", proxy=f"127.0.0.1:{port}")
                assert await http.send(request) == HELLO
            return got

        assert asyncio.run(run()) == b"GET http://crl.lab:81/a?b HTTP/1.0\r\nHost: crl.lab:81\r\n\r\n"
