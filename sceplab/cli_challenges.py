"""``sceplab challenge``: challenge passwords that the CA gives out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import NUMBER, duration


@click.group("challenge")
def challenge_group() -> None:
    """Give out, list and withdraw challenge passwords."""


@challenge_group.command("new")
@click.option("--device", metavar="NAME", help="For the device of this common or DNS name alone.")
@click.option("--lasting", is_flag=True, help="For any number of enrolments of the device.")
@click.option("--valid", metavar="DURATION", callback=duration, help="How long, on the lab clock: 60m.")
@click.option("--choose", is_flag=True, help="Ask for the password instead of making one; needs --device.")
@lab_option
@json_option
def new(
    device: str | None,
    lasting: bool,
    valid: timedelta | None,
    choose: bool,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Give out a challenge password; it is shown this once."""
    # Not an option: whoever lists the processes would see it.
    password = click.prompt("Password", hide_input=True, err=True) if choose else None
    with find_lab(endpoints) as lab:
        made = lab.new_challenge(device=device, once=not lasting, valid_for=valid, password=password)
    print_json(made) if as_json else click.echo(made["password"])


@challenge_group.command("list")
@lab_option
@json_option
def list_challenges(endpoints: Path | None, as_json: bool) -> None:
    """List the challenge passwords, which themselves are not shown."""
    from sceplab.tables import challenges_table

    with find_lab(endpoints) as lab:
        found = lab.challenges()
    print_json(found) if as_json else click.echo(challenges_table(found))


@challenge_group.command("withdraw")
@click.argument("number", metavar="ID", type=NUMBER)
@lab_option
def withdraw(number: int, endpoints: Path | None) -> None:
    """Let a challenge password be wrong from now on."""
    with find_lab(endpoints) as lab:
        lab.withdraw_challenge(number)
    click.echo(f"Challenge {number} is withdrawn.")
