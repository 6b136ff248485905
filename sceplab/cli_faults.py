"""``sceplab fault``: have a service do something wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import json_option, lab_option, print_json

if TYPE_CHECKING:
    from sceplab.remote import RemoteService


@contextmanager
def _asked(endpoints: Path | None, service: str | None) -> Iterator[list[RemoteService]]:
    """The service that was asked for, or all."""
    from sceplab.errors import LabError
    from sceplab.places import read_endpoints
    from sceplab.remote import RemoteService

    urls = read_endpoints(endpoints)["management"]
    if service is not None and service not in urls:
        raise LabError(f"The lab has no service {service!r}; it has {', '.join(urls)}.")
    asked = [RemoteService(name, url) for name, url in urls.items() if service in (None, name)]
    try:
        yield asked
    finally:
        for each in asked:
            each.close()


@click.group("fault")
def fault_group() -> None:
    """Switch faults of the lab's services on and off; all are off at the start."""


@fault_group.command("list")
@click.argument("service", required=False)
@click.option("--known", is_flag=True, help="Those that there are, instead of those that are on.")
@lab_option
@json_option
def list_faults(service: str | None, known: bool, endpoints: Path | None, as_json: bool) -> None:
    """List the faults that are on, in SERVICE or in all."""
    from sceplab.fault_tables import active_faults, known_faults

    with _asked(endpoints, service) as services:
        found = {each.name: each.faults() for each in services}
    if as_json:
        print_json(found)
    else:
        click.echo(known_faults(found) if known else active_faults(found))


@fault_group.command("add")
@click.argument("service")
@click.argument("name")
@click.option("--next", "count", type=click.IntRange(1), help="How often.  [default: until it is cleared]")
@click.option("--probability", type=click.FloatRange(0, 1), help="How likely each time.  [default: 1]")
@click.option("--seed", type=click.IntRange(0), help="What makes chance the same again.  [default: 0]")
@click.option("--client", help="For whom, by address.  [default: all]")
@click.option("--value", type=click.FloatRange(0), help="What 'list --known' calls the fault's value.")
@lab_option
@json_option
def add(
    service: str,
    name: str,
    count: int | None,
    probability: float | None,
    seed: int | None,
    client: str | None,
    value: float | None,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Have SERVICE make the fault NAME from now on."""
    from sceplab.fault_tables import active_faults

    given = {"count": count, "probability": probability, "seed": seed, "client": client, "value": value}
    wanted = {key: each for key, each in given.items() if each is not None}
    with _asked(endpoints, service) as services:
        rule = services[0].add_fault(name, **wanted)
    print_json(rule) if as_json else click.echo(active_faults({service: {"active": [rule]}}))


@fault_group.command("clear")
@click.argument("service", required=False)
@click.argument("number", type=int, required=False)
@lab_option
@json_option
def clear(service: str | None, number: int | None, endpoints: Path | None, as_json: bool) -> None:
    """Switch faults off: NUMBER of SERVICE, all of SERVICE, or all."""
    with _asked(endpoints, service) as services:
        cleared = sum(each.clear_faults(number) for each in services)
    if as_json:
        print_json({"cleared": cleared})
    else:
        click.echo(f"{cleared} fault{'' if cleared == 1 else 's'} switched off.")
