"""``sceplab journal``: what has passed between the parts of the lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import json_option, lab_option, print_json

if TYPE_CHECKING:
    from sceplab.journal import Entry

# ``sceplab.journal.Kind``, which a test compares.
KINDS = ("scep", "crl", "ldap", "bundle", "http", "management", "timer", "command", "log")


@click.command("journal")
@click.option("--kind", type=click.Choice(KINDS), help="What it is about.")
@click.option("--who", metavar="NAME", help="A router's name, or a client's address.")
@click.option("--transaction", metavar="ID", help="SCEP's transactionID.")
@click.option("--text", help="What the line has in it.")
@click.option("--service", help="One service's journal alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until ^C.")
@lab_option
@json_option
def journal(
    kind: str | None,
    who: str | None,
    transaction: str | None,
    text: str | None,
    service: str | None,
    limit: int,
    follow: bool,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Show what has passed between the parts of the lab, in its order: lab time, service, who, what."""
    from sceplab.journal import Wanted
    from sceplab.journal_reader import LabJournal

    wanted = Wanted(kind=kind or "", who=who or "", transaction=transaction or "", text=text or "")
    with LabJournal.find_lab(endpoints, service) as journals:
        if follow:
            for entry in journals.follow(wanted, limit):
                click.echo(json.dumps(entry.to_json()) if as_json else _line(entry))
            return
        found = journals.find(wanted, limit)
    if as_json:
        print_json([entry.to_json() for entry in found])
    else:
        click.echo("\n".join(map(_line, found)) or "Nothing is in the journal, or nothing that fits.")


def _line(entry: Entry) -> str:
    from sceplab.printing import instant_text, visible

    what = f"{entry.service:<8} {entry.kind:<10} {entry.who:<12} {entry.summary}"
    return visible(f"{instant_text(entry.at)}  {what}")
