"""The HTTP server under every service."""

import socket

import pytest
import requests

from sceplab.serving import HttpServer


def echo_length(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(environ["QUERY_STRING"])).encode()]


@pytest.fixture
def server():
    with HttpServer(echo_length, threads=2) as server:
        yield server


@pytest.mark.parametrize("length", [4096, 61440])
def test_a_long_request_line_passes(server, length) -> None:
    """A PKIOperation by GET carries its whole message in the request line."""
    assert requests.get(f"{server.url}/?{'a' * length}").text == str(length)


def test_http_1_0_without_host(server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /?abc HTTP/1.0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_the_port_is_bound_before_the_start_and_free_after_the_stop() -> None:
    server = HttpServer(echo_length, threads=1)
    with pytest.raises(OSError, match="in use"):
        HttpServer(echo_length, port=server.port)
    server.start()
    server.stop()
    server.stop()
    second = HttpServer(echo_length, port=server.port, threads=1)
    second.stop()  # never started
