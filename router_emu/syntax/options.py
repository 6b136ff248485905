"""What may come next in a line: the `?` key and TAB, read from the same trie as the match."""

from __future__ import annotations

from dataclasses import dataclass

from router_emu.syntax.match import Ambiguous, Invalid, Walk, candidates, split, step
from router_emu.syntax.table import Mode, Node


@dataclass(frozen=True)
class Option:
    """A word that may come here: a keyword, or an argument's label; ``node`` finds its line of help."""

    label: str
    node: Node


@dataclass(frozen=True)
class Listing:
    """All that may come: for a new word, or for the ``partial`` one under the cursor."""

    options: tuple[Option, ...]
    may_end: bool
    partial: str = ""


def options(mode: Mode, line: str) -> Listing | Ambiguous | Invalid:
    """What may follow ``line``, or complete its last word when no space follows that."""
    walk = Walk(mode.trie)
    words = split(line)
    partial = words.pop() if words and not line[-1].isspace() else None
    while words:
        argument = walk.node.argument
        if argument is not None and argument[0].kind.takes_line:
            return Listing((Option(argument[0].kind.label, argument[1]),), argument[1].end is not None)
        wrong = step(walk, words, line)
        if wrong is not None:
            return wrong
    node = walk.node
    if partial is None:
        return Listing(_all(node), node.end is not None)
    lowered = partial.text.lower()
    found = [Option(word, below) for word, below in node.keywords.items() if word.startswith(lowered)]
    if node.argument is not None and not found:
        found = [Option(node.argument[0].kind.label, node.argument[1])]
    if not found:
        return step(walk, [partial], line) or Listing((), may_end=False)
    return Listing(tuple(sorted(found, key=lambda option: option.label)), False, partial.text)


def complete(mode: Mode, line: str) -> str:
    """``line`` with its last word completed and a space, when only one keyword fits; else unchanged."""
    walk = Walk(mode.trie)
    words = split(line)
    if not words or line[-1].isspace():
        return line
    last = words.pop()
    while words:
        if step(walk, words, line) is not None:
            return line
    found = candidates(walk.node, last.text)
    return line[: last.column] + found[0] + " " if len(found) == 1 else line


def _all(node: Node) -> tuple[Option, ...]:
    keywords = [Option(word, below) for word, below in sorted(node.keywords.items())]
    if node.argument is None:
        return tuple(keywords)
    return (*keywords, Option(node.argument[0].kind.label, node.argument[1]))
