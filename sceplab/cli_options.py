"""Options and loops that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import click

from sceplab.cli_base import F, print_json
from sceplab.durations import format_duration, parse_duration
from sceplab.errors import Refused

T = TypeVar("T")

YEAR = timedelta(days=365)


class Number(click.IntRange):
    """A whole number; click calls it an "integer range" where it complains."""

    name = "whole number"


class Duration(click.ParamType["timedelta"]):
    """A duration such as 7d or 1h30m, within bounds."""

    name = "duration"

    def __init__(self, least: timedelta = timedelta.min, most: timedelta = timedelta.max) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        try:
            found = value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= found <= self._most:
            bounds = f"{format_duration(self._least)} to {format_duration(self._most)}"
            self.fail(f"{value!r} is not from {bounds}.", param, ctx)
        return found


NUMBER = Number(min=1)
SERIAL = click.argument("serial", metavar="SERIAL")
SERIALS = click.argument("serials", metavar="SERIAL...", nargs=-1, required=True)


def paging_options(function: F) -> F:
    """Add ``--newest`` and ``--limit``."""
    limited = click.option("--limit", type=NUMBER, metavar="N", help="At most so many.")(function)
    return click.option("--newest", is_flag=True, help="The newest first.")(limited)


def each(
    things: Iterable[T], what: str, act: Callable[[T], Any], say: Callable[[Any], str], *, as_json: bool
) -> None:
    """Do something about every thing, whatever becomes of the others; end with 1 when one was refused."""
    done, refused = [], False
    for thing in things:
        try:
            result = act(thing)
        except Refused as error:
            refused = True
            click.echo(f"{what} {thing}: {error}", err=True)
            continue
        done.append(result)
        if not as_json:
            click.echo(say(result))
    if as_json:
        print_json(done)
    if refused:
        raise click.exceptions.Exit(1)
