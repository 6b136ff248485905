"""The configuration as a value: a block holds settings, and blocks of other modes.

Nothing here changes a block: every edit returns a new one and shares what it did not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from router_emu.syntax.kinds import Value
from router_emu.syntax.table import Mode


@dataclass(frozen=True, order=True)
class BlockKey:
    """What opens a block: the keywords of its row, and its name when the row takes one."""

    words: str
    name: str = ""

    @property
    def line(self) -> str:
        """The line that opens it."""
        return f"{self.words} {self.name}" if self.name else self.words


Path = tuple[BlockKey, ...]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Block:
    """The settings of one mode, and the blocks inside it.  The whole configuration is one.

    ``values`` is keyed by the setting's keywords (``"enrollment retry count"``), with the name behind when
    several are listed (``"logging 192.0.2.9"``); a setting without an argument has the value ``""``.
    """

    mode: Mode
    values: Mapping[str, Value] = field(default_factory=dict)
    children: Mapping[BlockKey, Block] = field(default_factory=dict)

    def value(self, words: str) -> Value | None:
        """What a setting is set to, else its row's default; KeyError when the mode has no such row."""
        setting = self.mode.settings[words]
        return self.values.get(words, setting.default)

    def text(self, words: str) -> str | None:
        """A setting of words: ``running.text("hostname")``."""
        value = self.value(words)
        return None if value is None else str(value)

    def number(self, words: str) -> int:
        """A setting of digits; LookupError when it is unset and its row has no default."""
        value = self.value(words)
        if value is None:
            raise LookupError(f"{words} is not set and has no default")
        return int(value)

    def listed(self, words: str) -> Mapping[str, Mapping[str, str]]:
        """A listed setting's lines: their names, and by keyword what each says.

        ``running.listed("logging")["192.0.2.9"]["severity"]``
        """
        row = self.mode.settings[words]
        found = {}
        for key in self.mode.in_order(self.values):
            if key.startswith(f"{row.words} ") and key not in self.mode.settings:
                pairs = str(self.values[key]).split()
                found[key.removeprefix(f"{row.words} ")] = dict(zip(pairs[::2], pairs[1::2], strict=True))
        return found

    def block(self, words: str, name: str = "") -> Block | None:
        """A block inside this one: ``running.block("crypto ca trustpoint", "myca")``."""
        return self.children.get(BlockKey(self.mode.blocks[words].words, name))

    def blocks(self, words: str) -> tuple[str, ...]:
        """The names of all blocks that this row opened, sorted."""
        row = self.mode.blocks[words]
        return tuple(sorted(key.name for key in self.children if key.words == row.words))


def find(tree: Block, path: Path) -> Block | None:
    """The block at ``path``."""
    found: Block | None = tree
    for key in path:
        found = None if found is None else found.children.get(key)
    return found


def put(tree: Block, path: Path, words: str, value: Value) -> Block:
    """``tree`` with a setting set, in a block that is opened when it is not there."""
    return _edit(tree, path, lambda block: replace(block, values={**block.values, words: value}))


def drop(tree: Block, path: Path, words: str) -> Block:
    """``tree`` without a setting; by the keywords of a listed one, without all its lines."""
    if find(tree, path) is None:
        return tree
    return _edit(tree, path, lambda block: replace(block, values=_without_lines(block, words)))


def enter(tree: Block, path: Path) -> Block:
    """``tree`` with the block at ``path``, empty when it is new."""
    return _edit(tree, path, lambda block: block)


def remove(tree: Block, path: Path) -> Block:
    """``tree`` without the block at ``path`` and all it holds."""
    *parents, last = path
    if find(tree, path) is None:
        return tree
    return _edit(tree, tuple(parents), lambda block: replace(block, children=_without(block.children, last)))


def merge(base: Block, target: Block, running: Block) -> Block:
    """``running`` with what changed from ``base`` to ``target``: what one session's commit does."""
    values = dict(running.values)
    for words in {**base.values, **target.values}:
        if base.values.get(words) != target.values.get(words):
            values.pop(words, None)
            if words in target.values:
                values[words] = target.values[words]
    children = dict(running.children)
    for key in base.children.keys() - target.children.keys():
        children.pop(key, None)
    for key, after in target.children.items():
        before = base.children.get(key)
        if before != after:
            empty = Block(after.mode)
            children[key] = merge(before or empty, after, children.get(key, empty))
    return replace(running, values=values, children=children)


def _edit(tree: Block, path: Sequence[BlockKey], change: Callable[[Block], Block]) -> Block:
    if not path:
        return change(tree)
    key, *rest = path
    inner = tree.children.get(key) or Block(tree.mode.blocks[key.words].mode)
    return replace(tree, children={**tree.children, key: _edit(inner, rest, change)})


def _without_lines(block: Block, words: str) -> dict[str, Value]:
    return {key: value for key, value in block.values.items() if words not in (key, block.mode.words_of(key))}


def _without(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    return {other: value for other, value in mapping.items() if other != key}
