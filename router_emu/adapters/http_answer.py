"""An HTTP answer, taken apart while it comes (RFC 9112), so that no answer, however odd, holds anybody up."""

from __future__ import annotations

import http.client
import io
import re
from email.message import Message

LARGEST_HEAD = 64 * 1024
_LONGEST_LINE = 8 * 1024
# A chunked body has sizes and line ends beside its content.  So many octets of them, and some for each of the
# content, are plausible; chunks of a few octets each are made to keep us busy.
_FRAMING = 64 * 1024
_CONTENT_PER_FRAMING = 8
_WITHOUT_CONTENT = (204, 304)
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] +([1-9][0-9]{2})(?: .*)?")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")


class TooLarge(ValueError):
    """The body has more octets than are wanted."""


class Answer:
    """``feed`` it what comes until it ``is_whole``, then ask it; ``end`` it when the connection ends before.

    ValueError or HTTPException when what comes is no HTTP; TooLarge for a body of more than ``most`` octets.
    """

    def __init__(self, most: int) -> None:
        self.status = 0
        self.fields = Message()
        self.is_whole = False
        self._most = most
        self._head, self._head_octets = bytearray(), 0
        self._body: _ByLength | _Chunked | None = None

    @property
    def body(self) -> bytes:
        """The content, as far as it has come."""
        return bytes(self._body.content) if self._body else b""

    def feed(self, data: bytes) -> None:
        """Take what came."""
        while self._body is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n", max(0, len(self._head) - len(data) - 3)) + 4
            found = end >= 4
            if self._head_octets + (end if found else len(self._head)) > LARGEST_HEAD:
                raise ValueError("too large a head")
            if not found:
                return
            head, data = bytes(self._head[:end]), bytes(self._head[end:])
            self._head.clear()
            self._head_octets += end
            self._begin(head)
        self.is_whole = self._body.feed(data)
        if len(self._body.content) > self._most:
            raise TooLarge("too large")

    def end(self) -> None:
        """The connection has ended, as the server told; ValueError when something is missing."""
        if not isinstance(self._body, _ByLength) or self._body.length is not None:
            raise ValueError("cut off")

    def _begin(self, head: bytes) -> None:
        line, _, rest = head.partition(b"\r\n")
        matched = _STATUS_LINE.fullmatch(line)
        if matched is None:
            raise ValueError("not HTTP")
        self.status, self.fields = int(matched[1]), http.client.parse_headers(io.BytesIO(rest))
        if self.status < 200:  # the answer proper comes behind it
            return
        length = self.fields.get("Content-Length", "")
        if self.status in _WITHOUT_CONTENT:
            self._body = _ByLength(0)
        elif "Transfer-Encoding" in self.fields:
            if self.fields["Transfer-Encoding"].strip().lower() != "chunked":
                raise ValueError("a transfer coding that nobody asked for")
            self._body = _Chunked(self._most)
        elif length.isascii() and length.isdecimal() and len(length) < 20:
            if int(length) > self._most:
                raise TooLarge("too large")
            self._body = _ByLength(int(length))
        else:
            self._body = _ByLength(None)


class _ByLength:
    """Content of a known length, or all up to the connection's end."""

    def __init__(self, length: int | None) -> None:
        self.content, self.length = bytearray(), length

    def feed(self, data: bytes) -> bool:
        """Take what came; whether it is all."""
        self.content += data
        if self.length is None or len(self.content) < self.length:
            return False
        del self.content[self.length :]
        return True


class _Chunked:
    """Content in chunks (RFC 9112 section 7.1), at most so many octets."""

    def __init__(self, most: int) -> None:
        self.content = bytearray()
        self._most = most
        self._rest = b""
        self._left = 0  # octets of the chunk that have yet to come
        self._framing = 0
        self._expected = self._size

    def feed(self, data: bytes) -> bool:
        """Take what came; whether it is all."""
        data, at = self._rest + data, 0
        while True:
            if self._left:
                piece = data[at : at + self._left]
                self.content += piece
                self._left -= len(piece)
                at += len(piece)
            end = data.find(b"\n", at, at + _LONGEST_LINE)
            if self._left or end < 0:
                break
            self._framing += end + 1 - at
            if self._framing > _FRAMING + len(self.content) // _CONTENT_PER_FRAMING:
                raise ValueError("more framing than content")
            if self._expected(data[at:end].rstrip(b"\r")):
                return True
            at = end + 1
        self._rest = data[at:]
        if len(self._rest) >= _LONGEST_LINE:
            raise ValueError("too long a line")
        return False

    def _size(self, line: bytes) -> bool:
        size = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise ValueError("not the size of a chunk")
        self._left = int(size, 16)
        if len(self.content) + self._left > self._most:
            raise TooLarge("too large")
        self._expected = self._line_end if self._left else self._trailer
        return False

    def _line_end(self, line: bytes) -> bool:
        if line:
            raise ValueError("a chunk that is longer than it said")
        self._expected = self._size
        return False

    def _trailer(self, line: bytes) -> bool:
        return not line
