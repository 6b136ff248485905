"""The ``sceplab`` command."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_audit import audit_group
from sceplab.cli_base import (
    EXISTING_FILE,
    FILE,
    FOLDER,
    LabGroup,
)
from sceplab.cli_bundles import bundles_group
from sceplab.cli_ca import ca_group, crl_group
from sceplab.cli_certificates import certificates_group
from sceplab.cli_challenges import challenge_group
from sceplab.cli_clock import clock_group
from sceplab.cli_endpoints import endpoints, health
from sceplab.cli_faults import fault_group
from sceplab.cli_journal import journal
from sceplab.cli_requests import requests_group
from sceplab.cli_router import router
from sceplab.cli_tokens import token_group
from sceplab.errors import LabError

if TYPE_CHECKING:
    from sceplab.supervisor import Settings, Supervisor

# Heavy modules are imported where they are used: `sceplab --help` and a wrong option answer at once.

DEMOS = ("pending-approval", "trustpool", "revocation")
# The CA's words; this package does not know it, and a test sees to it that they are the same.
DECIDE = ("manual", "automatic", "after-polls", "after-time", "challenge", "refuse")
CHALLENGE = ("ignored", "static", "one-time", "per-device")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}")


@click.group(cls=LabGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scep-lab")
def main() -> None:
    """A lab for SCEP and router PKI.  Not a CA for real use."""


for _group in (
    *(requests_group, certificates_group, challenge_group, crl_group, ca_group, audit_group, token_group),
    *(clock_group, bundles_group, fault_group),
):
    main.add_command(_group)
for _command in (router, journal, endpoints, health):
    main.add_command(_command)


def _names(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if len(set(names)) < len(names) or not all(map(NAME.fullmatch, names)):
        raise click.BadParameter("router names, each once, with commas between: r1,r2")
    return names


@main.command()
@click.option(
    "--state",
    type=FOLDER,
    help="Where the lab keeps its things.  [default: $SCEPLAB_STATE, else $XDG_STATE_HOME/sceplab]",
)
@click.option(
    "--ports",
    type=click.Choice(["default", "auto"]),
    default="default",
    show_default=True,
    help="The documented ports, or free ones.",
)
@click.option(
    "--endpoints", type=FILE, help="Where to write how the lab is reached.  [default: STATE/endpoints.json]"
)
@click.option("--frozen", is_flag=True, help="Start with the lab clock stopped.")
@click.option("--routers", default="r1,r2", show_default=True, callback=_names, help="The routers' names.")
@click.option(
    "--decide",
    type=click.Choice(DECIDE),
    help="Who decides about requests: an operator, nobody, or what the CA waits for.  [default: manual]",
)
@click.option(
    "--challenge",
    type=click.Choice(CHALLENGE),
    help="What is asked of challenge passwords.  [default: ignored]",
)
@click.option(
    "--ca-settings", type=EXISTING_FILE, help="The CA's profiles, in TOML.  [default: $SCEPLAB_CA_SETTINGS]"
)
@click.option("--ca-workers", type=click.IntRange(1, 64), help="How many processes the CA has.  [default: 1]")
@click.option(
    "--texts",
    type=click.Choice(["modern", "classic"]),
    default="modern",
    show_default=True,
    help="The routers' wording.",
)
@click.option(
    "--wire",
    type=click.Choice(["cisco", "rfc8894"]),
    default="cisco",
    show_default=True,
    help="The routers' SCEP messages.",
)
def up(
    state: Path | None,
    ports: str,
    endpoints: Path | None,
    frozen: bool,
    routers: tuple[str, ...],
    decide: str | None,
    challenge: str | None,
    ca_settings: Path | None,
    ca_workers: int | None,
    texts: str,
    wire: str,
) -> None:
    """Run a lab until ^C.

    The services take what is not said here from the environment: SCEPLAB_CA_KEY=ec-p256, say, for another
    kind of CA.
    """
    from sceplab.places import default_state
    from sceplab.ports import AUTO_PORTS, Ports
    from sceplab.supervisor import Settings, ended_by_signals, running_lab

    settings = Settings(
        state=state or default_state(),
        endpoints=endpoints,
        ports=AUTO_PORTS if ports == "auto" else Ports(),
        routers=routers,
        decide=decide,
        challenge=challenge,
        ca_settings=ca_settings,
        ca_workers=ca_workers,
        texts=texts,
        wire=wire,
        frozen=frozen,
    )
    with ended_by_signals():
        try:
            with running_lab(settings) as lab:
                _greet(lab, settings)
                lab.wait()
        except KeyboardInterrupt:
            pass
    click.echo("The lab is down.")


def _greet(lab: Supervisor, settings: Settings) -> None:
    """Say where the lab is, and how to log in."""
    from sceplab.client import Lab
    from sceplab.printing import lab_summary

    with Lab(lab.endpoints) as client:
        clock = client.time.read()
    router = next(iter(lab.endpoints["routers"].values()))
    secrets = {
        "operator": _password_note("SCEPLAB_OPERATOR_PASSWORD", lab.endpoints["operator"]["password"]),
        "router": _password_note("SCEPLAB_ROUTER_PASSWORD", router["password"]),
    }
    click.echo("The lab is up; ^C ends it.  It is a lab, not a CA for real use.\n")
    click.echo(lab_summary(lab.endpoints, clock, secrets))
    click.echo(
        f"\n  state {settings.state}, endpoints {settings.endpoints_file}, logs in {settings.state / 'logs'}"
    )
    if hint := find_hint(settings):
        click.echo(hint)


def find_hint(settings: Settings) -> str:
    """Return how commands are pointed at the lab; "" when they find it where they look anyway."""
    from sceplab.places import ENDPOINTS_VARIABLE, default_state, endpoints_file

    file = settings.endpoints_file.absolute()
    found = Path(os.environ.get(ENDPOINTS_VARIABLE) or endpoints_file(default_state()))
    if file == found.absolute():
        return ""
    return f"\n  For commands to find this lab:\n  export {ENDPOINTS_VARIABLE}={shlex.quote(str(file))}"


def _password_note(variable: str, password: str) -> str:
    return f"password from {variable}" if os.environ.get(variable) else f"password {password}"


@main.command()
@click.argument("name", type=click.Choice(DEMOS))
def demo(name: str) -> None:
    """Play a story on a lab of its own, and check every step."""
    from sceplab.demo import play
    from sceplab.supervisor import ended_by_signals

    with ended_by_signals():
        try:
            play(name)
        except KeyboardInterrupt:
            raise LabError("The demo was broken off.") from None
