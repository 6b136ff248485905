"""``python -m bundles``: the bundle server as a process, with its three ports."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from bundles.app import DEFAULT, HTTPS_ISSUER, SERVICE_NAME, Place, builtin_pem, create_apps, load_recipes
from bundles.domain.reader import RecipeError
from bundles.state import StateError, StateFolder
from bundles.tls import TlsFront, server_context
from sceplab.child import announced, wait_for_end
from sceplab.clock import ClockState, LabClock
from sceplab.logs import configure_logging
from sceplab.serving import HttpServer, Listener
from sceplab.start_clock import start_clock_option

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Options:
    """What the command line says, each by the name of its option."""

    state: Path
    host: str
    port: int
    https_port: int
    management_port: int
    public_host: tuple[str, ...]
    https_issuer: str
    recipes: tuple[str, ...]
    start_clock: ClockState = field(repr=False)


def _hosts(_context: click.Context, _option: click.Parameter, hosts: tuple[str, ...]) -> tuple[str, ...]:
    for host in hosts:
        if not _is_address(host) and not _HOST_NAME.fullmatch(host):
            raise click.BadParameter("a DNS name or an address")
    return hosts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@click.group(
    invoke_without_command=True,
    context_settings={"show_default": True, "help_option_names": ["-h", "--help"]},
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SCEPLAB_BUNDLES_STATE",
    show_envvar=True,
    help="Folder of keys and of what is published; needed, and made at the first start.",
)
@click.option("--host", default="127.0.0.1", envvar="SCEPLAB_HOST", show_envvar=True, help="Where to listen.")
@click.option("--port", default=8088, envvar="SCEPLAB_BUNDLES_PORT", show_envvar=True, help="HTTP; 0: any.")
@click.option(
    "--https-port", default=8443, envvar="SCEPLAB_BUNDLES_HTTPS_PORT", show_envvar=True, help="HTTPS; 0: any."
)
@click.option(
    "--management-port",
    default=9103,
    envvar="SCEPLAB_BUNDLES_MANAGEMENT_PORT",
    show_envvar=True,
    help="The lab's management and the operators' API; 0: any.",
)
@click.option(
    "--public-host",
    multiple=True,
    callback=_hosts,
    envvar="SCEPLAB_BUNDLES_PUBLIC_HOST",
    show_envvar=True,
    help="Names and addresses by which clients reach the server, beside localhost; they stand in its"
    " certificate, the first one in the CRL's URL.",
)
@click.option(
    "--https-issuer",
    default=HTTPS_ISSUER,
    envvar="SCEPLAB_BUNDLES_HTTPS_ISSUER",
    show_envvar=True,
    help="The CA, by its name in the recipes, that issues the server's certificate.",
)
@click.option(
    "--recipes",
    multiple=True,
    default=DEFAULT,
    envvar="SCEPLAB_BUNDLES_RECIPES",
    show_envvar=True,
    help="What to serve: a TOML file, or a shipped recipe: lab, faults, changing, certifi.",
)
@start_clock_option
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Serve bundles of CA certificates until SIGTERM or ^C."""
    if context.invoked_subcommand is not None:
        return
    if options["state"] is None:
        raise click.UsageError("Missing option '--state'.")
    _run(Options(**options))


@main.command("builtin")
def builtin() -> None:
    """Print the certificates that the lab's routers have built in, in PEM."""
    click.echo(builtin_pem(), nl=False)


def _run(options: Options) -> None:
    os.umask(0o077)
    clock = LabClock(state=options.start_clock)
    configure_logging(clock=clock)
    recipes, files = load_recipes(options.recipes)
    with ExitStack() as stack:
        http, https = (
            stack.enter_context(Listener(options.host, port)) for port in (options.port, options.https_port)
        )
        apps = create_apps(StateFolder(options.state), recipes, files, _place(options, http), clock)
        context = server_context(apps.https_file)
        management = stack.enter_context(HttpServer(apps.management, options.host, options.management_port))
        stack.enter_context(closing(apps.slow))
        stack.enter_context(HttpServer(apps.public, listener=http))
        front = stack.enter_context(TlsFront(https, context, (_reachable(options.host), http.port)))
        with announced({"http": http.url, "https": front.url, "management": management.url}):
            wait_for_end()


def _place(options: Options, http: Listener) -> Place:
    here = _reachable(options.host)
    hosts = dict.fromkeys((*options.public_host, here, "localhost", "127.0.0.1", "::1", SERVICE_NAME))
    first = next(iter(hosts))
    shown = f"[{first}]" if ":" in first else first
    return Place(f"http://{shown}:{http.port}", tuple(hosts), options.https_issuer)


def _reachable(host: str) -> str:
    """An address at which a server on ``host`` answers, where that is a wildcard."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def run() -> None:
    """Run ``main``; what an operator can mend ends in one sentence and exit code 1."""
    try:
        main()
    except (RecipeError, StateError, OSError) as error:
        sys.exit(f"bundles: {error}")


if __name__ == "__main__":
    run()
