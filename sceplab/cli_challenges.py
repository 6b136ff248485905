"""``sceplab challenge``: challenge passwords that the CA gives out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import YEAR, Duration
from sceplab.cli_secrets import Shown, add_list, add_withdraw, ask_password


@click.group("challenge")
def challenge_group() -> None:
    """Give out, list and withdraw challenge passwords."""


@challenge_group.command("new")
@click.option("--device", metavar="NAME", help="For the device of this common or DNS name alone.")
@click.option("--lasting", is_flag=True, help="For any number of enrolments of the device.")
@click.option(
    "--valid",
    metavar="DURATION",
    type=Duration(timedelta(seconds=1), 100 * YEAR),
    help="How long, on the lab clock: 60m.  Without it, the password never expires.",
)
@click.option(
    "--choose",
    is_flag=True,
    help="Ask for the password instead of making one, or read it from stdin; needs --device.",
)
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
    for option, given in (("--choose", choose), ("--lasting", lasting)):
        if given and device is None:
            raise click.UsageError(f"{option} needs --device.")
    with find_lab(endpoints) as lab:
        password = ask_password() if choose else None
        made = lab.new_challenge(device=device, once=not lasting, valid_for=valid, password=password)
    print_json(made) if as_json else click.echo(made["password"])


def _table(challenges: Shown) -> str:
    from sceplab.tables import challenges_table

    return challenges_table(challenges)


add_list(challenge_group, "challenge passwords", lambda lab: lab.challenges(), _table)
add_withdraw(
    challenge_group,
    "Challenge",
    lambda lab, number: lab.withdraw_challenge(number),
    "Let a challenge password be wrong from now on.",
)
