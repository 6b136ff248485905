"""HTTPS: it carries what HTTP says, and nobody who says nothing holds it up."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
import requests
from structlog.testing import capture_logs

from bundles.app import builtin_pem
from bundles.tls import HANDSHAKE_SECONDS, TlsFront, server_context
from sceplab.serving import HttpServer, Listener
from tests.bundles.stage import Stage

PATH = "/security/pki/trs/ios.p7b"
SECONDS = 20


@pytest.fixture
def front(folder) -> Iterator[TlsFront]:
    stage = Stage(folder, ("lab",))
    context = server_context(folder / "https.pem")
    with (
        HttpServer(stage.public_app) as http,
        TlsFront(Listener(), context, ("127.0.0.1", http.port)) as front,
    ):
        yield front


@pytest.fixture
def trust(tmp_path) -> str:
    """The file with what a fresh router trusts."""
    (tmp_path / "builtin.pem").write_bytes(builtin_pem())
    return str(tmp_path / "builtin.pem")


def fetch(front: TlsFront, trust: str, host: str = "localhost") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        url = front.url.replace("127.0.0.1", host)
        return session.get(url + PATH, verify=trust, timeout=SECONDS)


def connect(front: TlsFront) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(front.url.rpartition(":")[2])), SECONDS)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_builtin_cas_is_content(front, trust, host):
    answer = fetch(front, trust, host)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-pkcs7-certificates")
    assert len(answer.content) == int(answer.headers["Content-Length"])


def test_one_that_does_not_is_not(front, trust, tmp_path, built):
    (tmp_path / "others.pem").write_bytes(built["certifi-pem"].content)
    with pytest.raises(requests.exceptions.SSLError, match="unable to get local issuer"):
        fetch(front, str(tmp_path / "others.pem"))


def test_a_connection_is_used_again(front, trust):
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(5):
            assert session.get(front.url + PATH, verify=trust, timeout=SECONDS).ok


def test_an_answer_ends_with_a_goodbye(front, trust):
    context = ssl.create_default_context(cafile=trust)
    with (
        closing(connect(front)) as raw,
        context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as connection,
    ):
        connection.sendall(f"GET {PATH} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")


def test_silence_holds_nobody_up(front, trust):
    context = ssl.create_default_context(cafile=trust)
    with ExitStack() as stack:
        for _ in range(40):  # before the handshake, in its middle, after it, in the middle of a request
            stack.enter_context(connect(front))
            stack.enter_context(connect(front)).sendall(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(10):
            raw = stack.enter_context(connect(front))
            idle = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            idle.sendall(b"GET / HT")
        assert fetch(front, trust).ok


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 5000]
)
def test_garbage_ends_its_own_connection_only(front, trust, sent):
    with connect(front) as connection, suppress(OSError):  # it may be closed before all is sent
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert fetch(front, trust).ok


def test_when_it_is_full_who_is_silent_for_longest_goes(front, trust, monkeypatch):
    monkeypatch.setattr("bundles.tls.MAX_CONNECTIONS", 2)
    context = ssl.create_default_context(cafile=trust)
    with connect(front) as raw, connect(front) as silent:
        busy = context.wrap_socket(raw, server_hostname="localhost")
        with closing(busy):
            busy.sendall(b"GET /index.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert busy.recv(12) == b"HTTP/1.1 200"  # so it has said something after the other came
            with capture_logs() as logged:
                assert fetch(front, trust).ok
            with suppress(ConnectionError):
                assert silent.recv(1) == b""
            busy.sendall(b"GET / HT")
    (told,) = (each for each in logged if each["event"] == "https-full")
    assert (told["log_level"], told["dropped_after_silence"] >= 0) == ("warning", True)


def test_who_is_asked_to_go_and_stays_makes_no_place_without_end(front, trust, monkeypatch):
    """As many as may be ending at once; who comes then is turned away."""
    monkeypatch.setattr("bundles.tls.MAX_CONNECTIONS", 1)
    monkeypatch.setattr("bundles.tls.MAX_ENDING", 0)
    with connect(front), connect(front) as second, suppress(ConnectionError):
        assert second.recv(1) == b""
    deadline = time.monotonic() + SECONDS
    while True:  # until the other's thread has seen that it is gone
        try:
            assert fetch(front, trust).ok
        except requests.ConnectionError:
            assert time.monotonic() < deadline
        else:
            break


def test_who_says_nothing_does_not_hold_up_the_end_either(folder, trust):
    stage = Stage(folder, ("lab",))
    context = ssl.create_default_context(cafile=trust)
    with ExitStack() as stack:
        with HttpServer(stage.public_app) as http:
            behind = ("127.0.0.1", http.port)
            with TlsFront(Listener(), server_context(folder / "https.pem"), behind) as front:
                stack.enter_context(connect(front))
                raw = stack.enter_context(connect(front))
                idle = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
                started = time.monotonic()
            assert time.monotonic() - started < HANDSHAKE_SECONDS / 2
        with suppress(OSError):
            assert idle.recv(1) == b""


def test_many_at_once_are_all_answered(front, trust):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(fetch(front, trust).status_code)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert answers == [200] * 20


def test_the_certificate_says_what_a_client_asks(front, trust):
    context = ssl.create_default_context(cafile=trust)
    with closing(connect(front)) as raw, context.wrap_socket(raw, server_hostname="localhost") as connection:
        shown = connection.getpeercert()
    assert shown["subjectAltName"] == (
        ("DNS", "bundles.lab"),
        ("DNS", "localhost"),
        ("IP Address", "127.0.0.1"),
    )
    assert shown["crlDistributionPoints"] == ("http://bundles.lab:8088/crl/lab-root-m1.crl",)
