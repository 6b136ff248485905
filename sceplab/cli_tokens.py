"""``sceplab token``: bearer tokens for the CA's REST API."""

from __future__ import annotations

from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_secrets import Shown, add_list, add_withdraw


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


def _table(tokens: Shown) -> str:
    from sceplab.tables import tokens_table

    return tokens_table(tokens)


add_list(token_group, "tokens", lambda lab: lab.tokens(), _table)
add_withdraw(
    token_group,
    "Token",
    lambda lab, number: lab.withdraw_token(number),
    "Let nobody in with a token any more.",
)
