"""``sceplab token``: bearer tokens for the CA's REST API."""

from __future__ import annotations

from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import NUMBER


@click.group("token")
def token_group() -> None:
    """Make, list and withdraw bearer tokens for the CA's REST API."""


@token_group.command("new")
@click.argument("name")
@lab_option
@json_option
def new(name: str, endpoints: Path | None, as_json: bool) -> None:
    """Make a token that the audit calls NAME; it is shown this once."""
    with find_lab(endpoints) as lab:
        made = lab.new_token(name)
    print_json(made) if as_json else click.echo(made["token"])


@token_group.command("list")
@lab_option
@json_option
def list_tokens(endpoints: Path | None, as_json: bool) -> None:
    """List the tokens, which themselves are not shown."""
    from sceplab.tables import tokens_table

    with find_lab(endpoints) as lab:
        found = lab.tokens()
    print_json(found) if as_json else click.echo(tokens_table(found))


@token_group.command("withdraw")
@click.argument("number", metavar="ID", type=NUMBER)
@lab_option
def withdraw(number: int, endpoints: Path | None) -> None:
    """Let nobody in with a token any more."""
    with find_lab(endpoints) as lab:
        lab.withdraw_token(number)
    click.echo(f"Token {number} is withdrawn.")
