"""`http server ssl`: when the port answers, with whose certificate, and what."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu.adapters import https_server
from router_emu.adapters.https_server import HttpsServer
from router_emu.pki.keys import Algorithm, KeyPair, Purpose
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from sceplab.children import Child
from tests.programs import program, run
from tests.router_emu.pki_lab import make_identity
from tests.router_emu.tls_stage import CA, MIDDLE, odd_identities, server_identity, state_of, trusting

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ON = ("configure", "http server ssl", "commit", "end")
R1 = server_identity("r1")


class Web:
    """A router with its web server, and clients of Python's."""

    def __init__(self, screen: Any, server: HttpsServer) -> None:
        self.screen, self.server, self.router = screen, server, screen.router

    def type(self, *lines: str) -> None:
        self.screen(*lines)
        self.router.follow_configuration(NOW)
        self.server.follow()

    def hold(self, name: str, own: Identity, issuer: Identity = CA, *above: Certificate) -> None:
        """Let a trustpoint have a certificate and its key, as an enrolment would."""
        self.type("configure", f"crypto ca trustpoint {name}", "commit", "end")
        self.router.pki.keys.put(KeyPair(name, own.key, NOW))
        self.router.pki.trustpoints[name] = state_of(own, issuer=issuer, above=above)
        self.server.follow()

    @property
    def log(self) -> list[str]:
        """The server's lines of the log."""
        lines = (line.partition(": %")[2] for line in self.router.log.lines)
        return [line for line in lines if line.startswith("MGBL-HTTPS")]

    async def connect(self, anchor: Certificate = CA.certificate) -> tuple[Any, Any]:
        return await asyncio.open_connection("127.0.0.1", self.server.port, ssl=trusting(anchor))

    async def ask(
        self, request: bytes = b"GET / HTTP/1.1\r\n\r\n", anchor: Certificate = CA.certificate
    ) -> str:
        """All that comes back."""
        reader, writer = await self.connect(anchor)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return bytes(answer).decode()

    async def shown(self) -> bytes:
        """The certificate that is presented."""
        _, writer = await self.connect()
        der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return der

    async def refuses(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False


Story = Callable[[Web], Awaitable[None]]


@pytest.fixture
def play(screen: Any) -> Callable[[Story], None]:
    """Run a story with a server, and expect no task to outlive it."""

    @asynccontextmanager
    async def serving() -> AsyncIterator[Web]:
        server = HttpsServer(screen.router, lambda: NOW, bind="127.0.0.1", port=0)
        try:
            yield Web(screen, server)
        finally:
            await server.stop()
            server.follow()  # a session may end later than the server
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    def perform(story: Story) -> None:
        async def whole() -> None:
            async with serving() as web:
                await story(web)

        asyncio.run(whole())

    return perform


class TestListening:
    def test_it_begins_and_ends_with_the_commit(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            assert await web.refuses()
            web.type(*ON)
            answer = await web.ask()
            assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n")
            assert answer.endswith("\r\n\r\nios\ntrustpoint myca\n")
            web.type("configure", "no http server ssl", "commit", "end")
            assert await web.refuses()
            web.type(*ON)
            assert "200 OK" in await web.ask()
            listening = "HTTPS server listens and presents the certificate of trustpoint myca"
            listening = f"MGBL-HTTPS-6-LISTENING : {listening}"
            assert web.log == [listening, listening]

        play(story)

    def test_a_trustpoint_that_is_not_configured(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.type("configure", "http server ssl", "http server trustpoint nosuch", "commit", "end")
            assert await web.refuses()
            why = "trustpoint nosuch is not configured"
            assert web.log == [f"MGBL-HTTPS-4-STOPPED : HTTPS server does not listen: {why}"]

        play(story)

    def test_an_expired_certificate_is_presented_and_told_of(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            life = (NOW - timedelta(days=9), NOW - timedelta(seconds=1))
            web.hold("myca", make_identity("old", "CN=old", issuer=CA, life=life))
            web.type(*ON)
            web.server.follow()
            assert not await web.refuses()
            told = "HTTPS server presents the certificate of trustpoint myca, which has expired"
            assert web.log == [f"MGBL-HTTPS-4-EXPIRED : {told}"]

        play(story)

    def test_without_a_certificate_the_log_says_why_once(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.type(*ON)
            web.type("configure", "hostname r1", "commit", "end")
            assert await web.refuses()
            why = "no trustpoint holds a certificate of the router and its key"
            assert web.log == [f"MGBL-HTTPS-4-STOPPED : HTTPS server does not listen: {why}"]
            web.hold("myca", R1)
            assert "r1\ntrustpoint myca" in await web.ask()

        play(story)

    def test_a_zeroized_key_stops_it_and_a_cleared_certificate_too(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type("configure", "http server ssl", "http server trustpoint myca", "commit", "end")
            port = web.server.port
            web.router.pki.zeroize(Algorithm.RSA, "myca", NOW)
            web.server.follow()
            assert await web.refuses()
            web.hold("myca", R1)
            assert (web.server.port, "200 OK" in await web.ask()) == (port, True)
            web.type("clear crypto ca certificates myca")
            assert await web.refuses()
            assert [line.partition("listen: ")[2] for line in web.log if "STOPPED" in line] == [
                "trustpoint myca: the key of its certificate is gone",
                "trustpoint myca: it holds no certificate of this router's to sign with",
            ]

        play(story)

    def test_a_certificate_that_cannot_be_read_is_told(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", odd_identities()["version 5"])
            web.type(*ON)
            assert await web.refuses()
            [line] = web.log
            assert line.startswith("MGBL-HTTPS-4-STOPPED : HTTPS server does not listen: ")

        play(story)

    def test_a_port_that_is_taken_is_an_error_at_the_start(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            with pytest.raises(OSError, match="for HTTPS: Address already in use"):
                HttpsServer(web.router, lambda: NOW, bind="127.0.0.1", port=web.server.port)

        play(story)


class TestCertificates:
    def test_a_new_certificate_is_shown_by_the_next_handshake(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            assert await web.shown() == R1.certificate.der
            renewed = server_identity("r1", serial_number=8)
            web.router.pki.keys.put(KeyPair("myca", renewed.key, NOW))
            web.router.pki.trustpoints["myca"] = state_of(renewed)
            assert await web.shown() == renewed.certificate.der

        play(story)

    def test_the_first_trustpoint_by_name_or_the_one_that_is_named(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(web: Web) -> None:
            web.hold("second", R1)
            web.hold("first", server_identity("r2"))
            web.type(*ON)
            assert "trustpoint first" in await web.ask()
            web.type("configure", "http server trustpoint second", "commit", "end")
            assert "trustpoint second" in await web.ask()
            assert await web.shown() == R1.certificate.der

        play(story)

    def test_of_usage_keys_it_is_the_one_that_signs(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            other = server_identity("r2")
            own = {Purpose.ENCRYPTION: other.certificate, Purpose.SIGNATURE: R1.certificate}
            state = web.router.pki.trustpoints["myca"]
            web.router.pki.trustpoints["myca"] = replace(state, own=own)
            web.router.pki.keys.put(KeyPair("other", other.key, NOW))
            web.type(*ON)
            assert await web.shown() == R1.certificate.der

        play(story)

    def test_who_knows_the_root_alone_can_follow_the_chain(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", server_identity("r1", issuer=MIDDLE), MIDDLE, CA.certificate)
            web.type(*ON)
            assert "200 OK" in await web.ask(anchor=CA.certificate)
            with pytest.raises(ssl.SSLCertVerificationError):
                await web.ask(anchor=R1.certificate)

        play(story)


class TestClients:
    @pytest.mark.parametrize(
        ("line", "status", "body"),
        [
            (b"GET /?x=y HTTP/1.0", "200 OK", "ios\ntrustpoint myca\n"),
            (b"HEAD / HTTP/1.1", "200 OK", ""),
            (b"GET /disk0:/x HTTP/1.1", "404 Not Found", "there is only /\n"),
            (b"POST / HTTP/1.1", "405 Method Not Allowed", "only GET and HEAD\n"),
            (b"GET /", "400 Bad Request", "not a request of HTTP 1\n"),
            (b"\0\xff", "400 Bad Request", "not a request of HTTP 1\n"),
        ],
    )
    def test_what_is_answered(
        self, play: Callable[[Story], None], line: bytes, status: str, body: str
    ) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            head, _, got = (await web.ask(line + b"\r\nHost: r1\r\n\r\n")).partition("\r\n\r\n")
            assert (head.partition("\r\n")[0], got) == (f"HTTP/1.1 {status}", body)
            assert ("Allow: GET, HEAD" in head) == ("405" in status)

        play(story)

    def test_what_is_no_request_ends_the_connection(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 100000, b""):
                reader, writer = await asyncio.open_connection("127.0.0.1", web.server.port)
                writer.write(said)
                writer.write_eof()
                with suppress(ConnectionResetError):
                    assert b"HTTP/1.1" not in await reader.read()
                writer.close()
            with suppress(OSError):
                assert await web.ask(b"x" * 50000) == ""
            assert "200 OK" in await web.ask()

        play(story)

    def test_who_says_nothing_makes_room_for_others(
        self, play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(https_server, "MOST_CLIENTS", 2)

        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            silent = [await asyncio.open_connection("127.0.0.1", web.server.port) for _ in range(5)]
            assert "200 OK" in await web.ask()
            for reader, writer in silent[:-1]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
            assert not silent[-1][0].at_eof()
            silent[-1][1].close()
            assert [line for line in web.log if "CROWDED" in line] == [
                "MGBL-HTTPS-4-CROWDED : "
                "HTTPS server has 2 clients at once: for each that comes the oldest is dropped"
            ]

        play(story)

    def test_the_end_does_not_wait_for_clients(self, play: Callable[[Story], None]) -> None:
        async def story(web: Web) -> None:
            web.hold("myca", R1)
            web.type(*ON)
            reader, writer = await asyncio.open_connection("127.0.0.1", web.server.port)
            async with asyncio.timeout(https_server.TIMEOUT / 2):
                await web.server.stop()
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()

        play(story)


@pytest.mark.interop
class TestOtherPrograms:
    def test_openssl_and_curl_find_the_chain_good(
        self, play: Callable[[Story], None], tmp_path: Path
    ) -> None:
        openssl, curl = program("openssl"), program("curl")
        root = tmp_path / "root.pem"
        root.write_text(ssl.DER_cert_to_PEM_cert(CA.certificate.der))

        async def story(web: Web) -> None:
            web.hold("myca", server_identity("r1", issuer=MIDDLE), MIDDLE, CA.certificate)
            web.type(*ON)
            port, weak = web.server.port, "DEFAULT:@SECLEVEL=0"
            command = f"{openssl} s_client -connect 127.0.0.1:{port} -CAfile {root} -cipher {weak}"
            command += " -verify_return_error -verify_hostname r1.lab.example"
            shown = (await asyncio.to_thread(run, command, stdin=b"")).stdout.decode()
            assert "Verify return code: 0 (ok)" in shown
            assert "CN = Middle CA" in shown or "CN=Middle CA" in shown
            command = f"{curl} -sS --cacert {root} --ciphers {weak} {web.server.url}/"
            assert (await asyncio.to_thread(run, command)).stdout == b"ios\ntrustpoint myca\n"

        play(story)


class TestProcess:
    def test_each_router_has_a_port_counted_or_by_name(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as other:
            counted, named = first.getsockname()[1], other.getsockname()[1]
        command = [sys.executable, "-P", "-m", "router_emu", "--state", str(tmp_path), "--routers", "r1,r2"]
        command += ["--first-port", "0", "--management-port", "0"]
        command += ["--first-https-port", str(counted), "--https-ports", f"r2={named}"]
        child = Child("routers", command, environment={}, log=tmp_path / "log", on_end=lambda _name: None)
        try:
            routers = child.wait_ready(60)["routers"]
            assert routers["r1"]["https"] == f"https://127.0.0.1:{counted}"
            assert routers["r2"]["https"] == f"https://127.0.0.1:{named}"
        finally:
            child.ask_to_end()
            child.wait_ended(10)

    def test_ports_that_make_no_sense(self, tmp_path: Path) -> None:
        command = [sys.executable, "-P", "-m", "router_emu", "--state", str(tmp_path), "--https-ports", "r1"]
        assert b"--https-ports is like r1=2201,r2=2207" in run(command, status=2).stderr
