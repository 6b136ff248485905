"""The rows of a grammar table, and the trie that a mode compiles them to.

Four kinds of row carry the meaning:

* ``Run`` calls a handler.
* ``Setting`` is a line of configuration.  From the one row come *set*, `no` (with or without the
  value, and as soon as its words can mean no other), `?`, its place in the running configuration,
  and the diff.  ``Listed`` is one of several lines, each for a name.
* ``Enter`` opens a block of configuration in a mode of its own, and `no` removes the whole block.
* ``Via`` lets the lines of another mode follow some words: `do show clock`.

Rows are flat, whole commands, so what an operator types can be searched for.  Two rows for one command
raise when the table is built, that is at import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from router_emu.syntax.kinds import Value
from router_emu.syntax.spec import Argument, Sequence, expand

NO = "no"


@dataclass(frozen=True)
class Run:
    """A command: ``handler(context, args)`` does it.

    ``stamped`` says whether its output begins with the line of date and time (iosxr.md 3.2).
    """

    spec: str
    handler: Callable[..., Any]
    stamped: bool = True


@dataclass(frozen=True)
class _Line:
    """What Setting and Enter share: ``words``, the keywords that all its spellings begin with."""

    spec: str
    words: str = field(init=False)
    sequences: tuple[Sequence, ...] = field(init=False)

    def __post_init__(self) -> None:
        sequences = expand(self.spec)
        common: list[str] = []
        for tokens in zip(*sequences, strict=False):
            token = tokens[0]
            if not isinstance(token, str) or any(each != token for each in tokens):
                break
            common.append(token)
        if not common:
            raise ValueError(f"a line of configuration begins with a keyword: {self.spec!r}")
        object.__setattr__(self, "words", " ".join(common))
        object.__setattr__(self, "sequences", sequences)

    @property
    def bare(self) -> Sequence:
        """What `no` needs of the line."""
        return tuple(self.words.split())


@dataclass(frozen=True)
class Setting(_Line):
    """A line of configuration.  Its value is its argument, or all that follows ``words``, or its presence."""

    default: Value | None = None


@dataclass(frozen=True)
class Listed(Setting):
    """One of several lines, for a name: ``logging 192.0.2.9 vrf default severity info port default``.

    After the name come keywords, each with a word; ``fill`` has all of them, in order, with what the line
    gets where the operator typed none.
    """

    fill: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [keyword for keyword, _ in self.fill]
        for sequence in self.sequences:
            name, *rest = sequence[len(self.words.split()) :] or ("",)
            if not isinstance(name, Argument) or len(rest) % 2 or not set(rest[::2]) <= set(known):
                raise ValueError(f"a listed line is keywords, a name, and pairs that it fills: {self.spec!r}")

    @property
    def bare(self) -> Sequence:
        """What `no` needs of the line: its name, too."""
        return self.sequences[0][: len(self.words.split()) + 1]


@dataclass(frozen=True)
class Enter(_Line):
    """A block of configuration, edited in ``mode``; its one argument, at its end, names it."""

    mode: Mode

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sequences) > 1 or len(self.sequences[0]) > len(self.words.split()) + 1:
            raise ValueError(f"a line of configuration that opens a block has one argument: {self.spec!r}")


@dataclass(frozen=True)
class Via:
    """After ``words``, any line of ``mode``."""

    words: str
    mode: Mode


Row = Run | Setting | Enter | Via


@dataclass(frozen=True)
class End:
    """A line may end here, and then means this row (or its negation)."""

    row: Run | Setting | Enter
    negated: bool = False


@dataclass
class Node:
    """A place in a line.  ``mode`` and ``path`` (arguments by their label) name its line of help."""

    mode: str
    path: tuple[str, ...] = ()
    keywords: dict[str, Node] = field(default_factory=dict)
    argument: tuple[Argument, Node] | None = None
    end: End | None = None
    strangers: tuple[str, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it that belong to the same mode."""
        yield self
        below = list(self.keywords.values()) + ([self.argument[1]] if self.argument else [])
        for node in below:
            if node.mode == self.mode:
                yield from node.walk()


@dataclass(frozen=True, eq=False)
class Mode:
    """A place of the shell: its prompt's ending and the lines that it knows.

    ``parent`` names the mode whose rows this one repeats (`commit`, `end`), for their help.
    ``strangers`` are lines' beginnings that a real XR knows here and the lab has not.  They place the caret,
    which stands below the first character that cannot match (iosxr.md 3.3), and are nobody's argument.
    """

    name: str
    prompt: str
    rows: tuple[Row, ...] = field(repr=False)
    parent: str = ""
    strangers: tuple[str, ...] = ()
    trie: Node = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trie", _compile(self))

    @cached_property
    def settings(self) -> Mapping[str, Setting]:
        """The settings by their keywords, in table order."""
        return {row.words: row for row in self.rows if isinstance(row, Setting)}

    def in_order(self, keys: Iterable[str]) -> list[str]:
        """Keys of settings (``Match.key``) in table order; those of one row by their names."""
        order = {words: number for number, words in enumerate(self.settings)}
        return sorted(keys, key=lambda key: (order[self.words_of(key)], key))

    def words_of(self, key: str) -> str:
        """The keywords of a key's row."""
        if key in self.settings:
            return key
        listed = (words for words, row in self.settings.items() if isinstance(row, Listed))
        return max((words for words in listed if key.startswith(f"{words} ")), key=len)

    @cached_property
    def blocks(self) -> Mapping[str, Enter]:
        """The blocks by their keywords, in table order."""
        return {row.words: row for row in self.rows if isinstance(row, Enter)}


def _compile(mode: Mode) -> Node:
    root = Node(mode.name)
    for row in mode.rows:
        if isinstance(row, Via):
            _graft(root, row)
            continue
        sequences = expand(row.spec)
        for sequence in sequences:
            _add(root, sequence, End(row))
            if not isinstance(row, Run):
                _add(_negations(root), sequence, End(row, negated=True))
        if isinstance(row, Setting) and row.bare not in sequences:
            _add(_negations(root), row.bare, End(row, negated=True))
    if NO in root.keywords:
        _end_early(root.keywords[NO])
    for line in mode.strangers:
        _estrange(root, line.split())
        if " " in line:
            _estrange(_negations(root), line.split())
    return root


def _negations(root: Node) -> Node:
    """The place after `no`; below it the paths, and so the lines of help, are those of the settings."""
    if NO not in root.keywords:
        root.keywords[NO] = Node(root.mode, (NO,))
    return root.keywords[NO]


def _add(root: Node, sequence: Sequence, end: End) -> None:
    node = root
    path: tuple[str, ...] = ()
    for token in sequence:
        if isinstance(token, str):
            path = (*path, token)
            node = node.keywords.setdefault(token, Node(root.mode, path))
        else:
            path = (*path, token.kind.label)
            if node.argument is None:
                node.argument = (token, Node(root.mode, path))
            elif node.argument[0] != token:
                raise ValueError(f"two arguments at one place: {' '.join(path)!r} in mode {root.mode}")
            node = node.argument[1]
    if node.end is not None:
        raise ValueError(f"two rows for one command: {' '.join(path)!r} in mode {root.mode}")
    node.end = end


def _end_early(node: Node) -> None:
    """Let `no` end at the keywords below which there is one setting alone."""
    for below in node.keywords.values():
        _end_early(below)
        rows = {id(each.end.row): each.end.row for each in below.walk() if each.end is not None}
        if below.end is None and len(rows) == 1:
            [row] = rows.values()
            if isinstance(row, Setting):
                below.end = End(row, negated=True)


def _estrange(node: Node, words: list[str]) -> None:
    *before, last = words
    for word in before:
        node = node.keywords[word]
    node.strangers = (*node.strangers, last)


def _graft(root: Node, row: Via) -> None:
    node = root
    path: tuple[str, ...] = ()
    for word in row.words.split():
        path = (*path, word)
        node = node.keywords.setdefault(word, Node(root.mode, path))
    other = row.mode.trie
    node.keywords, node.argument, node.strangers = other.keywords, other.argument, other.strangers
