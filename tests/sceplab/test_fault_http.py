"""Faults of HTTP, as a client's socket sees them."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from flask import Flask, request

from sceplab.clock import ClockState, LabClock
from sceplab.fault_http import HTTP_FAULTS, Exposed, FaultyHttp, fault_of, make_faulty
from sceplab.faults import FaultBox
from sceplab.journal import Journal, Kind, Wanted
from sceplab.journal_flask import write_journal
from sceplab.serving import HttpServer

BODY = bytes(range(256)) * 8
SECONDS = 30
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Stage:
    """An application that counts what it is asked, behind a server; all but ``/spared`` is exposed."""

    def __init__(self) -> None:
        self.box = FaultBox(HTTP_FAULTS)
        self.journal = Journal("stage", LabClock(state=ClockState("frozen", frozen_at=NOON)))
        self.handled: list[str] = []
        app = Flask("stage")
        write_journal(app, self.journal, lambda: Kind.HTTP)

        @app.route("/<name>", methods=["GET", "POST"])
        def answer(name: str) -> tuple[bytes, dict[str, str]]:
            self.handled.append(f"{name} {fault_of(request.environ)}".strip())
            return BODY, {"Content-Type": "application/x-thing"}

        self.faulty: FaultyHttp = make_faulty(app, self.box, self.journal, self._exposed)
        self.server = HttpServer(app, threads=2)

    @staticmethod
    def _exposed(environ: dict[str, str]) -> Exposed | None:
        path = environ["PATH_INFO"]
        return None if path == "/spared" else Exposed(Kind.HTTP, f"{environ['REQUEST_METHOD']} {path}")

    def connect(self, path: str = "/thing", method: str = "GET") -> socket.socket:
        """A connection in which a request was sent."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), SECONDS)
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n".encode())
        return connection

    def ask(self, path: str = "/thing", method: str = "GET") -> bytes:
        """All that comes until the connection ends; OSError when it is reset."""
        with self.connect(path, method) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))

    @property
    def told(self) -> list[tuple[str, object]]:
        """The journal's lines, with the fault in their details."""
        return [(each.summary, each.details.get("fault")) for each in self.journal.find(Wanted(), 100)]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    with closing(stage.faulty), stage.server:
        yield stage


def head_and_body(answer: bytes) -> tuple[str, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


def ordinary(stage: Stage, path: str = "/thing") -> tuple[str, bytes]:
    """A whole answer, in a connection that goes on."""
    with stage.connect(path) as connection:
        answer = b""
        while not answer.endswith(BODY):
            answer += connection.recv(65536)
    return head_and_body(answer)


def test_nothing_is_wrong_until_a_fault_is_on(stage: Stage) -> None:
    head, body = ordinary(stage)
    assert head.startswith("HTTP/1.1 200 OK")
    assert "X-Lab-Fault" not in head
    assert body == BODY
    assert stage.told == [("GET /thing -> 200", None)]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (400, "400 Bad Request"),
        (404, "404 Not Found"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
        (599, "599 Error"),
    ],
)
def test_an_http_error_is_answered_and_nothing_handled(stage: Stage, status: int, line: str) -> None:
    stage.box.add("http-error", count=1, value=status)
    with stage.connect() as connection:
        head = connection.recv(65536).decode()
    assert head.startswith(f"HTTP/1.1 {line}\r\n")
    assert "X-Lab-Fault: http-error" in head
    assert stage.handled == []
    assert stage.told == [(f"GET /thing -> {status} (fault http-error)", "http-error")]
    assert ordinary(stage)[1] == BODY


def test_a_reset_is_a_reset_and_nothing_is_handled(stage: Stage) -> None:
    stage.box.add("reset", count=1)
    with pytest.raises(ConnectionResetError):
        stage.ask()
    assert stage.handled == []
    assert stage.told == [("GET /thing -> reset (fault reset)", "reset")]


def test_a_lost_answer_was_handled(stage: Stage) -> None:
    stage.box.add("lost-answer", count=1)
    assert stage.ask() == b""
    assert stage.handled == ["thing lost-answer"]
    assert stage.told == [("GET /thing -> 200 (fault lost-answer)", "lost-answer")]


def test_a_truncated_answer_ends_in_its_middle(stage: Stage) -> None:
    stage.box.add("truncated", count=2)
    head, body = head_and_body(stage.ask())
    assert f"Content-Length: {len(BODY)}" in head
    assert "X-Lab-Fault: truncated" in head
    assert body == BODY[: len(BODY) // 2]
    assert b"\r\n\r\n" not in stage.ask(method="HEAD")  # no body: its head does
    assert stage.handled == ["thing truncated"] * 2


def test_a_wrong_content_type_is_the_only_thing_wrong(stage: Stage) -> None:
    stage.box.add("wrong-content-type", count=1)
    head, body = ordinary(stage)
    assert "Content-Type: text/html" in head
    assert "X-Lab-Fault: wrong-content-type" in head
    assert body == BODY


def test_a_delayed_answer_is_handled_at_once_and_comes_late(stage: Stage) -> None:
    stage.box.add("delay", count=1, value=0.2)
    began = time.monotonic()
    with stage.connect() as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert time.monotonic() - began >= 0.2
    head, body = head_and_body(answer)
    assert body == BODY
    assert "Connection: close" in head
    assert stage.handled == ["thing delay"]


def test_a_dripping_answer_comes_octet_by_octet(stage: Stage) -> None:
    stage.box.add("drip", count=1, value=0.02)
    with stage.connect() as connection:
        pieces = [connection.recv(65536) for _ in range(5)]
    assert b"HTTP/1.1 200 OK".startswith(b"".join(pieces))
    assert max(map(len, pieces)) < 5  # a machine that is slow may see two at once


def test_slow_answers_hold_nobody_else_up(stage: Stage) -> None:
    """The server has two threads; ten answers are on their way."""
    stage.box.add("delay", count=10, value=600)
    waiting = [stage.connect() for _ in range(10)]
    assert ordinary(stage, "/spared")[1] == BODY
    assert stage.journal.wait_for(Wanted(after=10), 1, SECONDS)
    assert ordinary(stage)[1] == BODY
    stage.faulty.close()  # a server that stops waits for none of them
    assert [each.recv(10) for each in waiting] == [b""] * 10
    for each in waiting:
        each.close()


def test_there_is_an_end_to_slow_answers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sceplab.fault_http.MAX_SLOW", 1)
    stage.box.add("delay", value=600)
    with stage.connect():
        assert stage.journal.wait_for(Wanted(text="fault delay"), 1, SECONDS)
        assert stage.ask() == b""


def test_who_goes_away_from_a_slow_answer_leaves_nothing_behind(stage: Stage) -> None:
    stage.box.add("drip", count=1, value=0.001)
    with stage.connect() as connection:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for each in threading.enumerate():
        if each.name == "slow-answer":
            each.join(SECONDS)
            assert not each.is_alive()


def test_what_is_not_exposed_takes_no_fault(stage: Stage) -> None:
    stage.box.add("http-error", count=1)
    assert ordinary(stage, "/spared")[1] == BODY
    assert len(stage.box.rules()) == 1


def test_a_fault_for_another_client_spares_this_one(stage: Stage) -> None:
    stage.box.add("http-error", client="192.0.2.1")
    assert ordinary(stage)[1] == BODY
