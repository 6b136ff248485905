"""What shows configuration: running, candidate, refused, and past commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from router_emu import dates
from router_emu.commands.context import Context
from router_emu.config import text
from router_emu.config.store import Commit
from router_emu.config.tree import Block, Path, find
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal


def running(context: Context, _args: Args) -> str:
    """`show running-config`: all of it, with its head and `end`."""
    texts, store = context.router.texts, context.router.config
    head = [texts.building, texts.version_line]
    if store.history:
        last = store.history[-1]
        head.append(texts.last_change.format(date=dates.change(last.at), user=last.user))
    return _page([*head, "!", *text.lines(store.running), "end"])


def running_part(words: str) -> Callable[[Context, Args], str]:
    """A handler of `show running-config WORDS [NAME]`: the rows that begin with those words."""

    def show(context: Context, args: Args) -> str:
        name = args.text("name") if "name" in args else None
        found = list(_part(context.router.config.running, words, name))
        if not found:
            raise CliRefusal(context.router.texts.no_items)
        return _page(found)

    return show


crypto = running_part("crypto")
crypto_ca = running_part("crypto ca")
trustpoints = running_part("crypto ca trustpoint")
trustpool = running_part("crypto ca trustpool policy")
domain = running_part("domain")
hostname = running_part("hostname")
http = running_part("http")
logging = running_part("logging")
ssh = running_part("ssh")


def candidate(context: Context, _args: Args) -> str:
    """`show configuration`: what this session would commit."""
    changes = context.shell.editing().changes()
    if not changes:
        raise CliRefusal(context.router.texts.no_changes)
    return _configuration(context, changes)


def failed(context: Context, _args: Args) -> str:
    """`show configuration failed`: what the last commit of this session was refused for.

    Each line stands once, in its block, with the first of the reasons.
    """
    texts, session = context.router.texts, context.shell.editing()
    if session.refused is None:
        raise CliRefusal(texts.no_items)
    lines: list[str] = []
    for path in dict.fromkeys(error.path for error in session.errors):
        reasons: dict[str | None, str] = {}
        for error in session.errors:
            if error.path == path:
                reasons.setdefault(error.setting, texts.failed_reason.format(reason=error.reason))
        lines += _failures(session.refused, path, reasons)
    return texts.failed_title + _page([*lines, "end"])


def commit_list(context: Context, _args: Args) -> str:
    """`show configuration commit list`: the newest commit first."""
    rows = [context.router.texts.commits_title]
    for number, commit in enumerate(reversed(context.router.config.history), start=1):
        when = dates.change(commit.at)
        rows.append(f"{number:<5}{commit.id:<12}{commit.user:<10}{commit.line:<20}{'CLI':<12}{when}")
    return "\n".join(rows)


def commit_changes(context: Context, args: Args) -> str:
    """`show configuration commit changes ID` or `last N`: what those commits changed."""
    history = context.router.config.history
    found: tuple[Commit, ...]
    if "last" in args:
        found = history[-args.number("count") :]
    else:
        found = tuple(commit for commit in history if commit.id == args.number("id"))
    if not found:
        raise CliRefusal(context.router.texts.no_items)
    return _configuration(context, [line for commit in found for line in commit.changes])


def _configuration(context: Context, lines: Iterable[str]) -> str:
    texts = context.router.texts
    return _page([texts.building, texts.version_line, *lines, "end"])


def _page(lines: Iterable[str]) -> str:
    """Configuration is followed by an empty line (iosxr.md 3.2 [T])."""
    return "\n".join(lines) + "\n"


def _part(block: Block, words: str, name: str | None) -> Iterator[str]:
    for key in block.mode.in_order(block.values):
        if f"{key} ".startswith(f"{words} "):
            yield text.setting_line(key, block.values[key])
    for opening in sorted(block.children):
        if f"{opening.words} ".startswith(f"{words} ") and name in (None, opening.name):
            yield from text.block_lines(opening, block.children[opening])


def _failures(tree: Block, path: Path, reasons: Mapping[str | None, str]) -> Iterator[str]:
    """The refused lines of one block, in table order inside those around it; None is the block itself."""
    for depth, key in enumerate(path):
        yield text.indented(depth, key.line)
    if None in reasons:
        yield reasons[None]
    block = find(tree, path)
    assert block is not None  # a check names what it was shown
    for setting in block.mode.in_order(each for each in reasons if each is not None):
        value = block.values.get(setting, "")
        yield text.indented(len(path), text.setting_line(setting, value))
        yield reasons[setting]
    for depth in reversed(range(len(path))):
        yield text.indented(depth, "!")
