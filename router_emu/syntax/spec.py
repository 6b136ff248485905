"""The manual-page notation of a command, read into every word sequence that it allows.

::

    show crypto ca certificates [name:WORD]         an optional argument
    configure [terminal | exclusive]                an optional choice
    terminal exec prompt {timestamp | no-timestamp} a choice that must be made
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from router_emu.syntax.kinds import Kind, kind_named


@dataclass(frozen=True)
class Argument:
    """A typed argument's place in a command: what handlers call it, and what it accepts."""

    name: str
    kind: Kind


Token = str | Argument
Sequence = tuple[Token, ...]

_PIECES = re.compile(r"[\[\]{}|]|[^\s\[\]{}|]+")
_CLOSING = {"[": "]", "{": "}"}


def expand(spec: str) -> tuple[Sequence, ...]:
    """Every sequence of keywords and arguments that ``spec`` allows; ValueError for a bad spec."""
    pieces = _PIECES.findall(spec)
    sequences, rest = _alternatives(pieces)
    if rest or () in sequences:
        raise ValueError(f"bad command spec {spec!r}")
    return tuple(sequences)


def _alternatives(pieces: list[str]) -> tuple[list[Sequence], list[str]]:
    """``a b | c``: the sequences up to a closing bracket, and what follows them."""
    found: list[Sequence] = []
    current: list[Sequence] = [()]
    while pieces and pieces[0] not in "]}":
        piece, *pieces = pieces
        if piece == "|":
            found += current
            current = [()]
        elif piece in _CLOSING:
            inner, pieces = _alternatives(pieces)
            if not pieces or pieces[0] != _CLOSING[piece]:
                raise ValueError(f"bracket {piece} is never closed")
            pieces = pieces[1:]
            choices = ([()] if piece == "[" else []) + inner
            current = [head + tail for head in current for tail in choices]
        else:
            current = [(*head, _token(piece)) for head in current]
    return found + current, pieces


def _token(piece: str) -> Token:
    name, colon, kind = piece.partition(":")
    return Argument(name, kind_named(kind)) if colon else piece
