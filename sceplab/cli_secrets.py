"""``list`` and ``withdraw``, which are the same for challenge passwords and for tokens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import NUMBER

if TYPE_CHECKING:
    from sceplab.client import Lab

Shown = Sequence[Mapping[str, Any]]


def add_list(
    group: click.Group, names: str, fetch: Callable[[Lab], Shown], table: Callable[[Shown], str]
) -> None:
    """Add ``list`` to a group, whose things are called ``names``."""

    @group.command("list", help=f"List the {names}, which themselves are not shown.")
    @lab_option
    @json_option
    def list_them(endpoints: Path | None, as_json: bool) -> None:
        with find_lab(endpoints) as lab:
            found = fetch(lab)
        print_json(found) if as_json else click.echo(table(found))


def add_withdraw(group: click.Group, name: str, withdraw: Callable[[Lab, int], None], about: str) -> None:
    """Add ``withdraw`` to a group, one of whose things is a ``name``; ``about`` says what it does."""

    @group.command("withdraw", help=about)
    @click.argument("number", metavar="ID", type=NUMBER)
    @lab_option
    def withdraw_one(number: int, endpoints: Path | None) -> None:
        with find_lab(endpoints) as lab:
            withdraw(lab, number)
        click.echo(f"{name} {number} is withdrawn.")


def ask_password(*, twice: bool = False) -> str:
    """A password, typed or from stdin; no option has it, for whoever lists the processes would see it."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, err=True, confirmation_prompt=twice))
    if not (line := sys.stdin.readline().rstrip("\r\n")):
        raise click.UsageError("There is no password on stdin.")
    return line
