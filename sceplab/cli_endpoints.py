"""``sceplab endpoints`` and ``sceplab health``: where the lab is, and whether it is well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sceplab.cli_base import FILE, json_option, lab_option, print_json
from sceplab.errors import LabError

HEALTH_SECONDS = 5


@click.command("endpoints")
@click.option(
    "--compose", is_flag=True, help="Of the lab that 'docker compose' runs, as this machine reaches it."
)
@click.option("--output", type=FILE, help="Where to write it, for the owner alone.  [default: the terminal]")
@lab_option
def endpoints(compose: bool, output: Path | None, endpoints: Path | None) -> None:
    """Print where the lab is, with its passwords, in JSON.

    With --compose it asks 'docker compose' in this folder, or what COMPOSE_FILE and COMPOSE_PROJECT_NAME say:

        sceplab endpoints --compose --output lab.json && export SCEPLAB_ENDPOINTS=lab.json
    """
    from sceplab.compose import published_endpoints
    from sceplab.files import write_json
    from sceplab.places import read_endpoints

    found = published_endpoints() if compose else read_endpoints(endpoints)
    if output is None:
        print_json(found)
        return
    try:
        write_json(output, found)
    except OSError as error:
        raise LabError(f"{output} cannot be written: {error.strerror}.") from error


@click.command("health")
@click.argument("url", required=False)
@lab_option
@json_option
def health(url: str | None, endpoints: Path | None, as_json: bool) -> None:
    """Ask every service of the lab whether it is well, or the one whose management port is at URL.

    The status is 1 when one is not: the containers' health checks are made of that.
    """
    from sceplab.places import read_endpoints

    urls = {url: url} if url else read_endpoints(endpoints)["management"]
    facts = {name: _facts(where) for name, where in urls.items()}
    if as_json:
        print_json(facts)
    else:
        click.echo("\n".join(f"{name}: {said['status']}" for name, said in facts.items()))
    if any(said["status"] != "ok" for said in facts.values()):
        raise click.exceptions.Exit(1)


def _facts(url: str) -> dict[str, Any]:
    """What a service says of its health; that it says nothing is a fact too."""
    # Not with requests, which takes longer to import than all the rest: this runs every few seconds.
    from http.client import HTTPException
    from urllib.request import ProxyHandler, build_opener

    try:
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{url.rstrip('/')}/_lab/health", timeout=HEALTH_SECONDS) as answer:
            said = json.load(answer)
    except (OSError, HTTPException, ValueError) as error:
        return {"status": f"not well ({error})"}
    return said if isinstance(said, dict) and "status" in said else {"status": "not well (another answer)"}
