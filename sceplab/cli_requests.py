"""``sceplab requests``: the CA's queue, for operators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sceplab.cli_base import find_lab, json_option, lab_option, print_json
from sceplab.errors import Refused

NUMBER = click.IntRange(min=1)
NUMBERS = click.argument("numbers", metavar="ID...", type=NUMBER, nargs=-1, required=True)


@click.group("requests")
def requests_group() -> None:
    """List, show, approve and deny certificate requests."""


@requests_group.command("list")
@click.option("--state", type=click.Choice(["pending", "issued", "denied"]), help="Only those in this state.")
@lab_option
@json_option
def list_requests(state: str | None, endpoints: Path | None, as_json: bool) -> None:
    """List the requests, oldest first."""
    from sceplab.printing import requests_table

    with find_lab(endpoints) as lab:
        found = lab.requests(state)
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


@requests_group.command("approve")
@NUMBERS
@lab_option
@json_option
def approve(numbers: tuple[int, ...], endpoints: Path | None, as_json: bool) -> None:
    """Approve pending requests; the certificate is issued at once."""
    with find_lab(endpoints) as lab:
        _decide(numbers, lab.approve, as_json)


@requests_group.command("deny")
@NUMBERS
@click.option("--reason", default="", help="Why; the router is told, as failInfoText.")
@lab_option
@json_option
def deny(numbers: tuple[int, ...], reason: str, endpoints: Path | None, as_json: bool) -> None:
    """Deny pending requests."""
    with find_lab(endpoints) as lab:
        _decide(numbers, lambda number: lab.deny(number, reason), as_json)


def _decide(numbers: tuple[int, ...], decision: Callable[[int], Any], as_json: bool) -> None:
    """Decide on every request, whatever becomes of the others; end with 1 when one was refused."""
    from sceplab.printing import visible

    decided, refused = [], False
    for number in numbers:
        try:
            request = decision(number)
        except Refused as error:
            refused = True
            click.echo(f"Request {number}: {error}", err=True)
            continue
        decided.append(request)
        if not as_json:
            click.echo(f"Request {number} is {request['state']}: {visible(request['subject'])}")
    if as_json:
        print_json(decided)
    if refused:
        raise click.exceptions.Exit(1)
