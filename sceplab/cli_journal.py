"""``sceplab journal``: what has passed between the parts of the lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import FILE, json_option, lab_option, print_json
from sceplab.errors import LabError

if TYPE_CHECKING:
    from sceplab.journal import Entry
    from sceplab.journal_reader import LabJournal

# ``sceplab.journal.Kind``, which a test compares.
KINDS = ("scep", "crl", "ldap", "bundle", "http", "management", "timer", "command", "log")

_MOST_DRAWN = 500


@click.command("journal")
@click.option("--kind", type=click.Choice(KINDS), help="What it is about.")
@click.option("--who", metavar="NAME", help="A router's name, or a client's address.")
@click.option("--transaction", metavar="ID", help="SCEP's transactionID.")
@click.option("--text", help="What the line has in it.")
@click.option("--service", help="One service's journal alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until ^C.")
@click.option(
    "--diagram", "drawn", is_flag=True, help="Draw the transaction's messages as a sequence diagram."
)
@click.option("--svg", type=FILE, help="The same as SVG, into this file.")
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
    drawn: bool,
    svg: Path | None,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Show what has passed between the parts of the lab, in its order: lab time, service, who, what."""
    from sceplab.journal import Wanted
    from sceplab.journal_reader import LabJournal

    wanted = Wanted(kind=kind or "", who=who or "", transaction=transaction or "", text=text or "")
    with LabJournal.find_lab(endpoints, service) as journals:
        if drawn or svg:
            _draw(journals, transaction, svg)
            return
        if follow:
            for entry in journals.follow(wanted, limit):
                click.echo(json.dumps(entry.to_json()) if as_json else _line(entry))
            return
        found = journals.find(wanted, limit)
    if as_json:
        print_json([entry.to_json() for entry in found])
    else:
        click.echo("\n".join(map(_line, found)) or "Nothing is in the journal, or nothing that fits.")


def _draw(journals: LabJournal, transaction: str | None, svg: Path | None) -> None:
    from sceplab.diagram import as_svg, as_text, diagram
    from sceplab.journal import Wanted

    if not transaction:
        raise click.UsageError("Whose?  Say which --transaction; 'requests show' tells it.")
    entries = journals.find(Wanted(transaction=transaction), _MOST_DRAWN)
    if not entries:
        raise LabError("The journal has nothing of that transaction, or no longer.")
    found = diagram(entries)
    if svg is not None:
        svg.write_text(as_svg(found), encoding="utf-8")
    else:
        click.echo(as_text(found))


def _line(entry: Entry) -> str:
    from sceplab.printing import instant_text, visible

    profile = f"  ({entry.details['profile']})" if "profile" in entry.details else ""
    what = f"{entry.service:<8} {entry.kind:<10} {entry.who:<12} {entry.summary}{profile}"
    return visible(f"{instant_text(entry.at)}  {what}")
