"""The load: sends prepared HTTP requests over a few kept connections, as fast as they are answered.

A process of its own, run by ``service.py``: ``python load.py FOLDER CONNECTIONS URL``.  In FOLDER are the
bodies to post, ``00000.req`` and on; beside each comes its answer, ``00000.rep``.  All is read before the
clock starts and written after it stopped, and in between there is nothing but ``sendall`` and ``recv``.
Prints one line of JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit


def exchange(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """The status and body that one request on a kept connection is answered with."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    if b"content-length" in fields:
        while len(body) < int(fields[b"content-length"]):
            body += _more(connection)
    else:
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body += _more(connection)
        body = _joined(body)
    return int(head.split(b" ", 2)[1]), body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed a kept connection")
    return data


def _joined(chunks: bytes) -> bytes:
    """What a chunked body says."""
    body = b""
    while chunks:
        length, _, chunks = chunks.partition(b"\r\n")
        body, chunks = body + chunks[: int(length, 16)], chunks[int(length, 16) + 2 :]
    return body


def post(url: str, body: bytes) -> bytes:
    """The bytes of an HTTP request."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}".encode()
    head = b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (target, parts.netloc.encode(), len(body)) + body


def main(folder: Path, connections: int, url: str) -> None:
    """Send every request of the folder once."""
    names = sorted(folder.glob("*.req"))
    requests = [post(url, name.read_bytes()) for name in names]
    answers = [(0, b"")] * len(requests)
    latencies = [0.0] * len(requests)
    host, port = urlsplit(url).hostname, urlsplit(url).port
    lines = [socket.create_connection((host, port), timeout=60) for _ in range(connections)]
    start = threading.Barrier(connections + 1)

    def send(line: socket.socket, first: int) -> None:
        start.wait()
        for number in range(first, len(requests), connections):
            begun = time.perf_counter()
            answers[number] = exchange(line, requests[number])
            latencies[number] = time.perf_counter() - begun

    with ThreadPoolExecutor(connections) as pool:
        sent = [pool.submit(send, line, number) for number, line in enumerate(lines)]
        start.wait()
        begun = time.perf_counter()
        for each in sent:
            each.result()
        seconds = time.perf_counter() - begun
    for line in lines:
        line.close()
    refused = {status for status, _ in answers} - {200}
    if refused:
        sys.exit(f"answered with the HTTP status {refused}")
    for name, (_, body) in zip(names, answers, strict=True):
        name.with_suffix(".rep").write_bytes(body)
    latencies.sort()
    print(json.dumps({"seconds": seconds, "p99": latencies[len(latencies) * 99 // 100]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
