"""BER into DER: what real peers write, and what attackers would."""

from __future__ import annotations

import time

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from scep_core import asn1, ber

FIXED = settings.get_profile("scep_core")

# A tree is (tag, octets) or (constructed tag, [trees]).
leaves = st.tuples(st.sampled_from([0x02, 0x04, 0x05, 0x06, 0x0C, 0x80, 0x9E]), st.binary(max_size=200))
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0, 0xA3]), st.lists(inner, max_size=4)),
    max_leaves=12,
)
Tree = tuple[int, "bytes | list[Tree]"]


def as_der(tree: Tree) -> bytes:
    tag, inside = tree
    return asn1.encode(tag, inside if isinstance(inside, bytes) else b"".join(map(as_der, inside)))


def as_ber(tree: Tree, draw: st.DataObject) -> bytes:
    """The same with indefinite and padded lengths, and strings in pieces, as it pleases hypothesis."""
    tag, inside = tree
    if isinstance(inside, bytes):
        if tag not in {0x04, 0x0C} or not draw.draw(st.booleans()):
            return padded_length(tag, inside, draw)
        cut = draw.draw(st.integers(0, len(inside)))
        tag, body = (
            tag | 0x20,
            b"".join(padded_length(tag, piece, draw) for piece in (inside[:cut], inside[cut:])),
        )
    else:
        body = b"".join(as_ber(each, draw) for each in inside)
    if draw.draw(st.booleans()):
        return bytes([tag, 0x80]) + body + b"\0\0"
    return padded_length(tag, body, draw)


def padded_length(tag: int, body: bytes, draw: st.DataObject) -> bytes:
    size = draw.draw(st.integers(0, 3))
    if size == 0:
        return asn1.encode(tag, body)
    return bytes([tag, 0x80 | size + 2]) + len(body).to_bytes(size + 2, "big") + body


@settings(FIXED)
@given(trees, st.data())
def test_becomes_the_der_of_the_same_tree(tree: Tree, data: st.DataObject) -> None:
    assert ber.to_der(as_ber(tree, data)) == as_der(tree)


def test_agrees_with_asn1crypto() -> None:
    pieces = bytes.fromhex("2480 0402 6162 0402 6364 0400 0000")
    assert ber.to_der(pieces) == core.OctetString.load(pieces, strict=True).dump(force=True)


def test_keeps_order_padding_and_defaults() -> None:
    """A SET out of order, a padded INTEGER, an explicit FALSE: signatures cover them as they are."""
    inside = bytes.fromhex("310702010902020001") + b"\x01\x01\x00"
    assert ber.to_der(b"\x30\x80" + inside + b"\0\0") == asn1.sequence_of(inside)


def test_long_tags() -> None:
    assert ber.to_der(bytes.fromhex("bf8a3980 0500 0000")) == bytes.fromhex("bf8a39020500")


REFUSED = {
    "empty": "",
    "a tag alone": "30",
    "a long tag without end": "bf8a8a",
    "a length without its octets": "3082",
    "contents cut short": "0405 6162",
    "no end of contents": "3080 0500",
    "a primitive of indefinite length": "0480 6162 0000",
    "a child longer than its parent": "3003 0405 6162636465",
    "more after the end": "3000 00",
    "half an end of contents": "3080 00",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_refused(data: str) -> None:
    with pytest.raises(ValueError):
        ber.to_der(bytes.fromhex(data))


BOMBS = {
    "indefinite, open": b"\x30\x80" * 20_000,
    "indefinite, closed": b"\x30\x80" * 20_000 + b"\0\0" * 20_000,
    "strings in pieces of pieces": b"\x24\x80" * 20_000 + b"\0\0" * 20_000,
    "a very long length": b"\x30\xff" + b"\xff" * 127,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_at_once(bomb: bytes) -> None:
    started = time.process_time()
    with pytest.raises(ValueError):
        asn1.decode_content_info(bomb)
    assert time.process_time() - started < 0.5


@settings(FIXED, max_examples=200)
@given(st.binary(max_size=60))
def test_garbage_is_a_value_error(data: bytes) -> None:
    try:
        der = ber.to_der(data)
    except ValueError:
        return
    assert ber.to_der(der) == der
