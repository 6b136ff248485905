"""What a line means in a mode: a closed answer, decided word by word.

Per word an exact keyword wins over a unique keyword prefix, and that over a typed argument; XR's keywords
have no case.  There is no look-ahead across words: one word, one decision, one clean column for the caret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from router_emu.syntax.kinds import Value
from router_emu.syntax.spec import Argument
from router_emu.syntax.table import Enter, Listed, Mode, Node, Run, Setting

_WORDS = re.compile(r"\S+")


@dataclass(frozen=True)
class Args:
    """What the operator gave a command: typed values by name, and the keywords, in full."""

    words: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether the keyword was typed, or the argument given."""
        return name in self.words or name in self.values

    def text(self, name: str) -> str:
        """An argument of words; KeyError when it was not given."""
        return str(self.values[name])

    def number(self, name: str) -> int:
        """An argument of digits; KeyError when it was not given."""
        return int(self.values[name])


@dataclass(frozen=True)
class Match:
    """The line is this row.  ``canonical`` is the whole command, abbreviations written out."""

    row: Run | Setting | Enter
    args: Args
    canonical: str
    negated: bool = False

    @property
    def key(self) -> str:
        """What a setting's value is kept under: the row's words, and a listed line's name.

        Negated without a name, all lines of the row are meant.
        """
        name = f" {self._first}" if isinstance(self.row, Listed) and self.args.values else ""
        return self._words + name

    @property
    def value(self) -> Value:
        """A configuration line's argument, else what was typed after its key; may be empty."""
        rest = self.canonical.removeprefix("no ").removeprefix(self.key).strip()
        if isinstance(self.row, Listed):
            words = rest.split()
            typed = dict(zip(words[::2], words[1::2], strict=True))
            return " ".join(f"{keyword} {typed.get(keyword, word)}" for keyword, word in self.row.fill)
        return self._first if str(self._first) == rest else rest

    @property
    def _words(self) -> str:
        return self.canonical if isinstance(self.row, Run) else self.row.words

    @property
    def _first(self) -> Value:
        return next(iter(self.args.values.values()), "")


@dataclass(frozen=True)
class Incomplete:
    """The line stops too early."""


@dataclass(frozen=True)
class Ambiguous:
    """The word at ``column`` is the beginning of several."""

    column: int


@dataclass(frozen=True)
class Invalid:
    """Nothing goes on with the character at ``column``."""

    column: int


Outcome = Match | Incomplete | Ambiguous | Invalid


@dataclass(frozen=True)
class Word:
    """A word of the line; for an argument that takes the line, all the rest of it."""

    text: str
    column: int


@dataclass
class Walk:
    """A line on its way down the trie."""

    node: Node
    words: list[str] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    canonical: list[str] = field(default_factory=list)


def split(line: str) -> list[Word]:
    """The words of a line, with their columns."""
    return [Word(found.group(), found.start()) for found in _WORDS.finditer(line)]


def resolve(mode: Mode, line: str) -> Outcome:
    """What ``line`` means in ``mode``."""
    walk = Walk(mode.trie)
    words = split(line)
    while words:
        wrong = step(walk, words, line)
        if wrong is not None:
            return wrong
    end = walk.node.end
    if end is None:
        return Incomplete()
    return Match(end.row, Args(tuple(walk.words), walk.values), " ".join(walk.canonical), end.negated)


def step(walk: Walk, words: list[Word], line: str) -> Ambiguous | Invalid | None:
    """Take the next word (or the rest of the line) off ``words`` and go one node down, or say why not."""
    word = words.pop(0)
    found = candidates(walk.node, word.text)
    if len(found) == 1:
        walk.node = walk.node.keywords[found[0]]
        walk.words.append(found[0])
        walk.canonical.append(found[0])
        return None
    if walk.node.argument is not None and word.text.lower() not in walk.node.strangers:
        argument, below = walk.node.argument
        if argument.kind.takes_line:
            word = Word(line[word.column :].rstrip(), word.column)
            words.clear()
        return _take(walk, argument, below, word)
    if found:
        return Ambiguous(word.column)
    return Invalid(word.column + _fitting(walk.node, word.text))


def candidates(node: Node, text: str) -> list[str]:
    """The keywords that ``text`` may stand for: the exact one, else all that it begins."""
    lowered = text.lower()
    if lowered in node.keywords:
        return [lowered]
    return [keyword for keyword in node.keywords if keyword.startswith(lowered)]


def _take(walk: Walk, argument: Argument, below: Node, word: Word) -> Invalid | None:
    try:
        value = argument.kind.convert(word.text)
    except ValueError:
        return Invalid(word.column)
    walk.values[argument.name] = value
    walk.canonical.append(str(value))
    walk.node = below
    return None


def _fitting(node: Node, text: str) -> int:
    """How many characters of ``text`` some keyword (ours, or a stranger of XR's) begins with."""
    known = (*node.keywords, *node.strangers)
    longest = max((_common(text.lower(), keyword) for keyword in known), default=0)
    # A stranger typed in full matches to its end; the lab has it not, so the caret goes to its start.
    return longest if longest < len(text) else 0


def _common(one: str, other: str) -> int:
    """How many characters two words have in common at their beginning."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
