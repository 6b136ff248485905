"""`show ... | include X`: the one place that knows pipes.

What follows the bar is a line of one more mode, so abbreviations, `?` and TAB work in it as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

from router_emu.syntax.match import Args
from router_emu.syntax.table import Mode, Run

BAR = "|"
# Whether a line passes; TimeoutError when the pattern takes too long to tell.
Filter = Callable[[str], bool]


# Patterns such as (a|aa)+$ take years on a line of a's, and every router would wait; the standard library's
# re knows no time limit.
SEARCH_SECONDS = 0.2


def _found(pattern: regex.Pattern[str], line: str) -> bool:
    return pattern.search(line, timeout=SEARCH_SECONDS) is not None


def _include(pattern: regex.Pattern[str]) -> Filter:
    return lambda line: _found(pattern, line)


def _exclude(pattern: regex.Pattern[str]) -> Filter:
    return lambda line: not _found(pattern, line)


def _begin(pattern: regex.Pattern[str]) -> Filter:
    begun = False

    def passes(line: str) -> bool:
        nonlocal begun
        begun = begun or _found(pattern, line)
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
        pattern = regex.compile(args.text("pattern"))
    except regex.error as wrong:
        raise ValueError(str(wrong)) from wrong
    passes: Filter = row.handler(pattern)
    return passes
