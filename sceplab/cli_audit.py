"""``sceplab audit``: who did what."""

from __future__ import annotations

from pathlib import Path

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import NUMBER


@click.group("audit")
def audit_group() -> None:
    """Read the CA's audit, which nobody can change."""


@audit_group.command("list")
@click.option("--what", metavar="WHAT", help="Only lines that tell of this: issued, revoked, alarm, ...")
@click.option("--request", "request_id", type=NUMBER, metavar="ID", help="Only lines about this request.")
@click.option("--serial", metavar="SERIAL", help="Only lines about this certificate.")
@click.option("--limit", type=NUMBER, metavar="N", default=100, show_default=True, help="The last so many.")
@lab_option
@json_option
def list_audit(
    what: str | None,
    request_id: int | None,
    serial: str | None,
    limit: int,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """List the last lines, the newest at the end, in lab time."""
    from sceplab.tables import audit_table

    with find_lab(endpoints) as lab:
        found = lab.audit(newest=True, limit=limit, what=what, request_id=request_id, serial_number=serial)
    found.reverse()
    print_json(found) if as_json else click.echo(audit_table(found))
