"""Options and loops that several of the operators' commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import click

from sceplab.cli_base import F, print_json
from sceplab.durations import parse_duration
from sceplab.errors import Refused

T = TypeVar("T")

NUMBER = click.IntRange(min=1)
SERIAL = click.argument("serial", metavar="SERIAL")
SERIALS = click.argument("serials", metavar="SERIAL...", nargs=-1, required=True)


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
    """Read an option such as ``--in 7d``; as a callback."""
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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
