"""Carry one ``HttpRequest`` over the network, byte for byte as the wire profile wants it.

No HTTP library here: a Cisco router's GET is HTTP/1.0 with a Host header and nothing else, and what
matters is exactly the bytes that go out.  What comes back is read by the standard library.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
from typing import cast
from urllib.parse import SplitResult, urlsplit

from router_emu.pki.wire import HttpRequest, HttpResponse, NoResponse

# Real seconds for the whole exchange, whatever the lab clock says.
TIMEOUT = 10.0
# No answer of SCEP comes near this; a bundle of hundreds of CAs stays below.
LARGEST_BODY = 8 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024


async def send(request: HttpRequest, timeout: float = TIMEOUT) -> HttpResponse | NoResponse:
    """The response, or why there is none, within ``timeout`` seconds."""
    try:
        parts = urlsplit(request.url)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        return NoResponse(str(error).lower())
    if parts.scheme != "http" or not host:
        return NoResponse("the URL is not http://host/...")
    try:
        message = _encode(request, parts)
    except UnicodeEncodeError:
        return NoResponse("the URL has characters that HTTP cannot carry")
    try:
        async with asyncio.timeout(timeout):
            return _parse(await _exchange(host, port, message))
    except TimeoutError:
        return NoResponse("timed out")
    except ConnectionRefusedError:
        return NoResponse("connection refused")
    except (socket.gaierror, UnicodeError):  # the latter: no host name, for the encoding of such names
        return NoResponse(f"no address for {host}")
    except OSError as error:  # without a strerror: of a host's several addresses each failed in its own way
        return NoResponse((error.strerror or "connection failed").lower())
    except (EOFError, ValueError, asyncio.LimitOverrunError, http.client.HTTPException):
        return NoResponse("the answer is not HTTP, or was cut off")


def _encode(request: HttpRequest, parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = f"Host: {parts.netloc.rpartition('@')[2]}"
    named = [f"{name}: {value}" for name, value in request.headers]
    # Host first is RFC 9110 section 7.2's advice; Cisco's HTTP/1.0 has it last (scep.md 3.1).
    named = [*named, host] if request.version == "1.0" else [host, *named]
    lines = [f"{request.method} {target} HTTP/{request.version}", *named]
    if request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    if request.version == "1.1":
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


async def _exchange(host: str, port: int, message: bytes) -> bytes:
    """The whole answer: until its Content-Length is there, else until the server closes."""
    reader, writer = await asyncio.open_connection(host, port, limit=_LARGEST_HEAD)
    try:
        writer.write(message)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        fields = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2]))
        length = fields.get("Content-Length", "")
        if length.isdigit() and "Transfer-Encoding" not in fields:
            if int(length) > LARGEST_BODY:
                raise ValueError("too large")
            return head + await reader.readexactly(int(length))
        return head + await _read_to_end(reader)
    finally:
        writer.close()


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while chunk := await reader.read(_LARGEST_HEAD):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise ValueError("too large")
    return body


class _Received:
    """As much of a socket as ``HTTPResponse`` asks for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _parse(data: bytes) -> HttpResponse:
    response = http.client.HTTPResponse(cast("socket.socket", _Received(data)))
    response.begin()
    body = response.read()
    if len(body) > LARGEST_BODY:
        raise ValueError("too large")
    media_type = response.headers.get_content_type() if response.headers["Content-Type"] else ""
    return HttpResponse(response.status, media_type, body)
