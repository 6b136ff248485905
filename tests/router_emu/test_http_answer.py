"""Answers of HTTP taken apart: the same in one piece and octet by octet, and none that keeps us busy."""

from __future__ import annotations

import http.client
from time import process_time

import pytest

from router_emu.adapters.http_answer import LARGEST_HEAD, Answer

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: Chunked\r\n\r\n"


def read(data: bytes, step: int, most: int = 100_000) -> Answer:
    answer = Answer(most)
    for at in range(0, len(data), step):
        answer.feed(data[at : at + step])
        if answer.is_whole:
            break
    else:
        answer.end()
    return answer


@pytest.mark.parametrize("step", [1, 2, 7, 100_000])
@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello and more", 200, b"hello"),
        (HEAD + b"\r\nhello\r\n\r\n", 200, b"hello\r\n\r\n"),
        (HEAD + b"Content-Length: -1\r\n\r\nhello", 200, b"hello"),
        (CHUNKED + b"5\r\nhello\r\n0B;x=\"y\"\r\n and\r\nmore\n\r\n0\r\nTrailer: x\r\n\r\nelse", 200,
         b"hello and\r\nmore\n"),
        (CHUNKED + b"5\nhello\n0\n\n", 200, b"hello"),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 -\r\nLink: x\r\n\r\n" + CHUNKED + b"0\r\n\r\n", 200, b""),
        (b"HTTP/1.0 404\r\n\r\nno", 404, b"no"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", 204, b""),
    ],
)  # fmt: skip
def test_what_is_an_answer(data: bytes, status: int, body: bytes, step: int) -> None:
    answer = read(data, step)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("step", [1, 100_000])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD,
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        HEAD + b"Content-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: 100001\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nx",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        CHUNKED + b"5\r\nhello, world\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"\r\n\r\n",
        CHUNKED + b"FFFFFFFF\r\n",
        CHUNKED + b"5;" + b"x" * 10_000,
        HEAD + b"x: 1\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_none(data: bytes, step: int) -> None:
    with pytest.raises((ValueError, http.client.HTTPException)):
        read(data, step)


def test_a_body_that_does_not_end() -> None:
    with pytest.raises(ValueError, match="too large"):
        read(HEAD + b"\r\n" + b"x" * 150_000, 50_000)


@pytest.mark.parametrize("piece", [b"x: " + b"x" * 1000, b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_heads_that_do_not_end(piece: bytes) -> None:
    with pytest.raises(ValueError, match="too large a head"):
        read(piece * (2 * LARGEST_HEAD // len(piece)), len(piece))


def test_chunks_of_a_line_each_are_read_and_those_of_an_octet_are_not() -> None:
    lines = b"41\r\n" + b"x" * 64 + b"\n\r\n"
    most = 8 * 1024 * 1024
    assert len(read(CHUNKED + lines * 100_000 + b"0\r\n\r\n", 65536, most).body) == 6_500_000
    started = process_time()
    with pytest.raises(ValueError, match="more framing than content"):
        read(CHUNKED + b"1\r\nA\r\n" * 2_700_000 + b"0\r\n\r\n", 65536, most)
    assert process_time() - started < 1
