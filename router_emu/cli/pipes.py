"""`show ... | include X`: the one place that knows pipes.

What follows the bar is a line of one more mode, so abbreviations, `?` and TAB work in it as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from router_emu.syntax.match import Args
from router_emu.syntax.table import Mode, Run

BAR = "|"
Filter = Callable[[str], bool]


def _include(pattern: re.Pattern[str]) -> Filter:
    return lambda line: pattern.search(line) is not None


def _exclude(pattern: re.Pattern[str]) -> Filter:
    return lambda line: pattern.search(line) is None


def _begin(pattern: re.Pattern[str]) -> Filter:
    begun = False

    def passes(line: str) -> bool:
        nonlocal begun
        begun = begun or pattern.search(line) is not None
        return begun

    return passes


PIPE = Mode(
    "pipe",
    "",
    (
        Run("begin pattern:LINE", _begin),
        Run("exclude pattern:LINE", _exclude),
        Run("include pattern:LINE", _include),
    ),
)


def allows_pipe(canonical: str) -> bool:
    """Whether a command's output may go through a pipe: that of show commands."""
    return canonical.startswith(("show ", "do show "))


def make_filter(row: Run, args: Args) -> Filter:
    """The filter that a row of ``PIPE`` describes; ValueError when the pattern is no regular expression."""
    try:
        pattern = re.compile(args.text("pattern"))
    except re.error as wrong:
        raise ValueError(str(wrong)) from wrong
    passes: Filter = row.handler(pattern)
    return passes
