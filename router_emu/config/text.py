"""Configuration as text: one space of indentation a level, `!` after each block, rows in table order."""

from __future__ import annotations

from collections.abc import Iterator

from router_emu.config.tree import Block, BlockKey, Path, enter, put
from router_emu.syntax.kinds import Value
from router_emu.syntax.match import Match, resolve
from router_emu.syntax.table import Enter, Mode, Setting


class ConfigTextError(ValueError):
    """A line of a configuration text is not one of the grammar's."""

    def __init__(self, number: int, line: str) -> None:
        super().__init__(f"line {number} is no line of configuration: {line!r}")


def lines(block: Block, depth: int = 0) -> Iterator[str]:
    """The text of a block, without the line that opens it."""
    for key in block.mode.in_order(block.values):
        yield indented(depth, setting_line(key, block.values[key]))
    for opening in _in_order(block.mode, set(block.children)):
        yield from block_lines(opening, block.children[opening], depth)


def block_lines(key: BlockKey, block: Block, depth: int = 0) -> Iterator[str]:
    """The text of a block, from the line that opens it to its `!`."""
    yield indented(depth, key.line)
    yield from lines(block, depth + 1)
    yield indented(depth, "!")


def difference(before: Block, after: Block, depth: int = 0) -> Iterator[str]:
    """The lines that make ``after`` of ``before``: what `show configuration` prints."""
    for key in before.mode.in_order(before.values.keys() | after.values.keys()):
        if before.values.get(key) != after.values.get(key):
            if key in after.values:
                yield indented(depth, setting_line(key, after.values[key]))
            else:
                yield indented(depth, f"no {key}")
    for opening in _in_order(before.mode, before.children.keys() | after.children.keys()):
        old, new = before.children.get(opening), after.children.get(opening)
        if new is None:
            yield indented(depth, f"no {opening.line}")
        elif old is None:
            yield from block_lines(opening, new, depth)
        elif old != new:
            yield indented(depth, opening.line)
            yield from difference(old, new, depth + 1)
            yield indented(depth, "!")


def read(schema: Mode, text: str) -> Block:
    """The configuration that ``text`` describes; the indentation says which block a line is in."""
    tree = Block(schema)
    stack: list[tuple[Mode, Path]] = [(schema, ())]
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("!") or stripped == "end":
            continue
        del stack[len(line) - len(line.lstrip()) + 1 :]
        mode, path = stack[-1]
        match = resolve(mode, stripped)
        if not isinstance(match, Match) or match.negated:
            raise ConfigTextError(number, line)
        if isinstance(match.row, Setting):
            tree = put(tree, path, match.key, match.value)
        elif isinstance(match.row, Enter):
            path = (*path, BlockKey(match.row.words, str(match.value)))
            tree = enter(tree, path)
            stack.append((match.row.mode, path))
        else:
            raise ConfigTextError(number, line)
    return tree


def setting_line(key: str, value: Value) -> str:
    """A setting as the operator would type it."""
    return f"{key} {value}".rstrip()


def indented(depth: int, line: str) -> str:
    """A line inside ``depth`` blocks."""
    return " " * depth + line


def _in_order(mode: Mode, keys: set[BlockKey]) -> list[BlockKey]:
    order = list(mode.blocks)
    return sorted(keys, key=lambda key: (order.index(key.words), key.name))
