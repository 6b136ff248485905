"""``sceplab requests``: the CA's queue, for operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.cli_options import NUMBER, YEAR, Duration, Number, each, paging_options

if TYPE_CHECKING:
    from sceplab.client import Lab

MAX_LIFETIME = 10 * YEAR  # what the CA issues at most
NUMBERS = click.argument("numbers", metavar="[ID]...", type=NUMBER, nargs=-1)
ALL_PENDING = click.option("--all-pending", is_flag=True, help="All that are pending now, instead of IDs.")


@click.group("requests")
def requests_group() -> None:
    """List, show, bring, approve and deny certificate requests."""


@requests_group.command("list")
@click.option("--state", type=click.Choice(["pending", "issued", "denied"]), help="Only those in this state.")
@click.option("--profile", metavar="NAME", help="Only those that came to this profile.")
@click.option("--source", metavar="ADDRESS", help="Only those from this address.")
@click.option("--transaction-id", metavar="ID", help="Only those of this SCEP transaction.")
@click.option("--search", metavar="TEXT", help="A text in subject, names, transaction or fingerprints.")
@paging_options
@lab_option
@json_option
def list_requests(endpoints: Path | None, as_json: bool, **wanted: Any) -> None:
    """List the requests, oldest first."""
    from sceplab.printing import requests_table

    with find_lab(endpoints) as lab:
        found = lab.requests(**wanted)
    print_json(found) if as_json else click.echo(requests_table(found))


@requests_group.command("show")
@click.argument("number", metavar="ID", type=NUMBER)
@lab_option
@json_option
def show_request(number: int, endpoints: Path | None, as_json: bool) -> None:
    """Show one request, with its fingerprints as the router prints them."""
    from sceplab.printing import request_details

    with find_lab(endpoints) as lab:
        found = lab.request(number)
    print_json(found) if as_json else click.echo(request_details(found))


@requests_group.command("submit")
@click.argument("file", metavar="FILE", type=click.File(encoding="ascii", errors="replace"))
@click.option("--profile", metavar="NAME", help="Whose rules and terms count.  [default: compat]")
@lab_option
@json_option
def submit(file: TextIO, profile: str | None, endpoints: Path | None, as_json: bool) -> None:
    """Bring the requests in FILE by hand: PEM, or what a router's terminal shows; - reads stdin.

    A router with usage keys writes two, and both are brought.
    """
    from sceplab.written_requests import split_requests

    written = dict(enumerate(split_requests(file.read()), 1))
    with find_lab(endpoints) as lab:
        each(
            written,
            "The file's request",
            lambda number: lab.submit(written[number], profile=profile),
            _decided,
            as_json=as_json,
        )


@requests_group.command("approve")
@NUMBERS
@ALL_PENDING
@click.option(
    "--days", type=Number(1, MAX_LIFETIME.days), metavar="N", help="How long the certificate lasts, in days."
)
@click.option(
    "--lifetime",
    type=Duration(timedelta(minutes=1), MAX_LIFETIME),
    metavar="DURATION",
    help="The same as a duration: 36h, 10m.",
)
@click.option("--profile", metavar="NAME", help="Issue on this profile's terms.")
@lab_option
@json_option
def approve(
    numbers: tuple[int, ...],
    all_pending: bool,
    days: int | None,
    lifetime: timedelta | None,
    profile: str | None,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Approve pending requests; the certificate is issued at once."""
    if days is not None and lifetime is not None:
        raise click.UsageError("Give either --days or --lifetime.")
    lasting = lifetime if days is None else timedelta(days=days)
    with find_lab(endpoints) as lab:
        _decide(
            lab,
            numbers,
            all_pending,
            lambda number: lab.approve(number, lifetime=lasting, profile=profile),
            as_json=as_json,
        )


@requests_group.command("deny")
@NUMBERS
@ALL_PENDING
@click.option("--reason", default="", help="Why; the router is told, as failInfoText.")
@lab_option
@json_option
def deny(
    numbers: tuple[int, ...], all_pending: bool, reason: str, endpoints: Path | None, as_json: bool
) -> None:
    """Deny pending requests."""
    with find_lab(endpoints) as lab:
        _decide(lab, numbers, all_pending, lambda number: lab.deny(number, reason), as_json=as_json)


@requests_group.command("note")
@click.argument("number", metavar="ID", type=NUMBER)
@click.argument("text")
@lab_option
@json_option
def note(number: int, text: str, endpoints: Path | None, as_json: bool) -> None:
    """Add the remark TEXT to a request's audit; no router sees it."""
    from sceplab.printing import request_details

    with find_lab(endpoints) as lab:
        noted = lab.note(number, text)
    print_json(noted) if as_json else click.echo(request_details(noted))


def _decide(
    lab: Lab, numbers: tuple[int, ...], all_pending: bool, act: Callable[[int], Any], *, as_json: bool
) -> None:
    if bool(numbers) == all_pending:
        raise click.UsageError("Give either IDs or --all-pending.")
    if all_pending:
        numbers = tuple(request["id"] for request in lab.requests("pending"))
        if not numbers and not as_json:
            click.echo("No requests are pending.")
    each(numbers, "Request", act, _decided, as_json=as_json)


def _decided(request: Mapping[str, Any]) -> str:
    from sceplab.printing import brief, visible

    return f"Request {request['id']} is {request['state']}: {brief(visible(request['subject']))}"
