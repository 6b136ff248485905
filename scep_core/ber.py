"""BER into DER as far as SCEP needs it: definite lengths and strings in one piece, nothing else.

Apple's clients and ``openssl cms -stream`` write indefinite lengths and cut strings into pieces.
Order, padding and defaults stay as the peer wrote them, because the signed attributes and the
certificates inside are signed over.  (asn1crypto's ``dump(force=True)`` tidies those too, and then
neither signatures nor fingerprints match; it is the tests' second opinion.)
"""

from __future__ import annotations

# Far more than any message has (about 12), far less than Python's stack takes.
_DEEPEST = 48

_CONSTRUCTED = 0x20
_END_OF_CONTENTS = b"\0\0"
# The universal string types.  A BIT STRING in pieces is refused: nobody sends one.
_STRINGS = {0x04, 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1A, 0x1C, 0x1E}


def to_der(ber: bytes) -> bytes:
    """One BER element, re-encoded; ValueError when it is none, goes on after its end or is too deep."""
    try:
        _, element, end = _element(ber, 0, 0)
    except IndexError as error:
        raise ValueError("BER that ends too early") from error
    if end != len(ber):
        raise ValueError("bytes after the end of the element")
    return element


# Every octet as bytes, made once: encoding looks them up a hundred times a message.
OCTETS = tuple(bytes([value]) for value in range(256))


def encode_length(size: int) -> bytes:
    """A definite length, as short as can be (X.690 section 10.1)."""
    if size < 0x80:
        return OCTETS[size]
    if size < 0x100:
        return b"\x81" + OCTETS[size]
    if size < 0x10000:
        return b"\x82" + size.to_bytes(2, "big")
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def _element(ber: bytes, at: int, depth: int) -> tuple[bytes, bytes, int]:
    """The contents and the whole of the element at ``at``, in DER, and where the next one starts."""
    if depth > _DEEPEST:
        raise ValueError("BER nested too deeply")
    start, tag = at, ber[at]
    at += 1
    if tag & 0x1F == 0x1F:  # a tag number in more octets
        while ber[at] & 0x80:
            at += 1
        at += 1
    identifier = ber[start:at]
    end, at = _end(ber, at)
    if tag & _CONSTRUCTED:
        pieces, contents = [], []
        while ber[at : at + 2] != _END_OF_CONTENTS if end is None else at < end:
            piece, element, at = _element(ber, at, depth + 1)
            pieces.append(piece)
            contents.append(element)
        if tag ^ _CONSTRUCTED in _STRINGS:
            identifier, contents = bytes([tag ^ _CONSTRUCTED]), pieces
        if end is None:
            at += len(_END_OF_CONTENTS)
        elif at != end:
            raise ValueError("BER elements longer than what holds them")
        body = b"".join(contents)
    elif end is None or end > len(ber):
        raise ValueError("BER that ends nowhere")
    else:
        body, at = ber[at:end], end
    return body, identifier + encode_length(len(body)) + body, at


def _end(ber: bytes, at: int) -> tuple[int | None, int]:
    """Where the contents end (None: at an end-of-contents mark) and where they start."""
    first = ber[at]
    at += 1
    if first == 0x80:
        return None, at
    if first < 0x80:
        return at + first, at
    size = int.from_bytes(ber[at : at + (first & 0x7F)], "big")
    at += first & 0x7F
    return at + size, at
