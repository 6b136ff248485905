"""``sceplab ca`` and ``sceplab crl``: the CA itself, and its CRLs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import YEAR, Duration


@click.group("ca")
def ca_group() -> None:
    """Show the CA, and make the next one."""


@ca_group.command("show")
@lab_option
@json_option
def show_ca(endpoints: Path | None, as_json: bool) -> None:
    """Show the CA's certificates with their fingerprints, and where its profiles answer."""
    from sceplab.tables import ca_details

    with find_lab(endpoints) as lab:
        found = lab.ca()
    print_json(found) if as_json else click.echo(ca_details(found))


@ca_group.command("rollover")
@click.option(
    "--in",
    "within",
    metavar="DURATION",
    default="7d",
    show_default=True,
    type=Duration(timedelta(seconds=1), 100 * YEAR),
    help="When it becomes current, on the lab clock.",
)
@lab_option
@json_option
def rollover(within: timedelta, endpoints: Path | None, as_json: bool) -> None:
    """Make the next CA; GetNextCACert announces it until it is current."""
    from sceplab.tables import generation_lines

    with find_lab(endpoints) as lab:
        made = lab.rollover(within)
    print_json(made) if as_json else click.echo(generation_lines(made))


@click.group("crl")
def crl_group() -> None:
    """Show and issue CRLs; serve bad ones, for tests."""


@crl_group.command("show")
@click.option("--pem", is_flag=True, help="The CRLs themselves.")
@lab_option
@json_option
def show_crls(pem: bool, endpoints: Path | None, as_json: bool) -> None:
    """Show the CRLs of all CAs as they truly are, and how they are served."""
    from sceplab.tables import crls_table

    with find_lab(endpoints) as lab:
        found = lab.crls()
    if as_json:
        print_json(found)
    elif pem:
        click.echo("".join(each["pem"] for each in found["crls"]), nl=False)
    else:
        click.echo(crls_table(found))


@crl_group.command("issue")
@lab_option
@json_option
def issue(endpoints: Path | None, as_json: bool) -> None:
    """Issue all CRLs now."""
    from sceplab.tables import crls_table

    with find_lab(endpoints) as lab:
        made = lab.issue_crls()
    print_json(made) if as_json else click.echo(crls_table(made))


@crl_group.command("serve")
@click.argument("mode", type=click.Choice(["normal", "expired", "wrong-signer", "huge", "missing"]))
@lab_option
def serve(mode: str, endpoints: Path | None) -> None:
    """Serve CRLs as they are (normal), or in a way that tries clients."""
    with find_lab(endpoints) as lab:
        lab.serve_crls(mode)
    click.echo(f"CRLs are served: {mode}.")
