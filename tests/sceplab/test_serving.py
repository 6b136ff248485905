"""The HTTP server under every service."""

import gc
import http.client
import logging
import os
import socket
import threading
import time
from contextlib import ExitStack

import pytest
import requests

from sceplab.serving import MAX_BODY_BYTES, HttpServer, Listener

POST = b"POST / HTTP/1.1\r\nHost: ca\r\n"


def echo(environ, start_response):
    """Answer with what was read: the method, the lengths of query and body, the type, the peer."""
    body = environ["wsgi.input"].read()
    words = [environ["REQUEST_METHOD"], len(environ["QUERY_STRING"]), len(body)]
    words += [
        environ.get("CONTENT_TYPE", "-"),
        environ["REMOTE_ADDR"],
        environ.get("HTTP_X_FORWARDED_FOR", "-"),
    ]
    answer = " ".join(map(str, words)).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer]


@pytest.fixture
def server():
    with HttpServer(echo, threads=2) as server:
        yield server


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def exchange(server: HttpServer, request: bytes) -> bytes:
    """All that the server says to ``request`` until it closes the connection."""
    with connect(server) as client:
        client.sendall(request)
        return client.makefile("rb").read()


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("length", [4096, 61440])
def test_a_long_request_line_passes(server, length) -> None:
    """A PKIOperation by GET carries its whole message in the request line."""
    assert requests.get(f"{server.url}/?{'a' * length}").text == f"GET {length} 0 - 127.0.0.1 -"


def test_http_1_0_without_host(server) -> None:
    answer = exchange(server, b"GET /?abc HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200 OK")
    assert answer.endswith(b"\r\n\r\nGET 3 0 - 127.0.0.1 -")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
def test_a_post_without_a_content_type(server, rest) -> None:
    answer = exchange(server, POST + b"Connection: close\r\n" + rest)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\nPOST 0 5 - 127.0.0.1 -")
    assert b"Server: scep-lab\r\n" in answer


def test_a_connection_serves_several_requests_and_a_head_has_no_body(server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.connect()
    port = connection.sock.getsockname()[1]
    bodies = []
    for method in ("HEAD", "GET", "POST"):
        connection.request(method, "/?ab")
        bodies.append(connection.getresponse().read())
    assert bodies == [b"", b"GET 2 0 - 127.0.0.1 -", b"POST 2 0 - 127.0.0.1 -"]
    assert connection.sock.getsockname()[1] == port
    connection.close()


def test_the_peer_is_who_connected_and_not_who_a_header_names(server) -> None:
    assert requests.get(server.url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "GET 0 0 - 127.0.0.1 -"


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: %d\r\n\r\n" % MAX_BODY_BYTES,
        # The bytes end where the limit is, inside a chunk of 300 MB.
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"12c00000\r\n".ljust(MAX_BODY_BYTES, b"x"),
    ],
    ids=["length", "chunked"],
)
def test_a_body_above_the_limit_is_refused(server, request_) -> None:
    assert exchange(server, request_).startswith(b"HTTP/1.1 413 ")


def test_a_chunk_without_end_is_cut_off(server) -> None:
    with connect(server) as client:
        client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n12c00000\r\n")
        with pytest.raises(ConnectionError):
            client.sendall(bytes(64 * MAX_BODY_BYTES))
    assert requests.get(server.url).ok


def test_silent_and_slow_clients_delay_nobody_and_are_closed_by_the_stop(server) -> None:
    halves = [b""] * 200 + [b"GET / HTTP/1.1\r\nHo"] * 50 + [POST + b"Content-Length: 100\r\n\r\nx"] * 20
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in halves]
        for client, half in zip(clients, halves, strict=True):
            client.sendall(half)
        for _ in range(3):
            assert requests.get(server.url, timeout=20).ok
        for client in clients[-20:]:
            client.sendall(b"x")
        assert requests.post(server.url, data=b"abc", timeout=20).ok
        assert not any(is_closed(client) for client in clients)
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 1
        assert all(is_closed(client) for client in clients)


def test_a_request_in_hand_is_answered_before_the_stop() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(environ, start_response):
        entered.set()
        assert leave.wait(20)
        return echo(environ, start_response)

    with HttpServer(slow, threads=1) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert entered.wait(20)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        leave.set()
        stopper.join()
        assert client.makefile("rb").read().endswith(b"GET 0 0 - 127.0.0.1 -")


def test_requests_that_wait_for_a_thread_are_no_warning(caplog) -> None:
    barrier = threading.Barrier(3, timeout=20)

    def busy(environ, start_response):
        barrier.wait()
        return echo(environ, start_response)

    with HttpServer(busy, threads=2) as server, ExitStack() as stack, caplog.at_level(logging.INFO):
        clients = [stack.enter_context(connect(server)) for _ in range(4)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        barrier.wait()
        barrier.wait()
        assert all(client.makefile("rb").read().startswith(b"HTTP/1.0 200") for client in clients)
    assert caplog.messages == []


def test_the_port_is_bound_before_the_start_and_free_after_the_stop() -> None:
    server = HttpServer(echo, threads=1)
    with pytest.raises(OSError, match="in use"):
        HttpServer(echo, port=server.port)
    server.start()
    server.stop()
    server.stop()
    second = HttpServer(echo, port=server.port, threads=1)
    second.stop()  # never started
    second.stop()


def test_who_connects_to_a_listener_waits_until_somebody_serves_it() -> None:
    with Listener() as listener, socket.create_connection(("127.0.0.1", listener.port), 20) as client:
        client.sendall(b"GET /?ab HTTP/1.0\r\n\r\n")
        with HttpServer(echo, listener=listener, threads=1) as server:
            assert (server.url, server.port) == (listener.url, listener.port)
            assert client.makefile("rb").read().endswith(b"GET 2 0 - 127.0.0.1 -")


def test_nothing_is_left_of_a_server() -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only

    gc.collect()
    before, threads = descriptors(), threading.active_count()
    with HttpServer(echo) as server, pytest.raises(OSError, match="in use"):
        HttpServer(echo, port=server.port)
    HttpServer(echo).stop()
    assert descriptors() == before
    deadline = time.monotonic() + 20
    while (
        threading.active_count() > threads
    ):  # waitress's threads have left its list a moment before they end
        assert time.monotonic() < deadline
    gc.collect()
