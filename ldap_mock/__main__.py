"""``python -m ldap_mock``: the directory as a process, with its two ports."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ldap_mock.app import NAME, Directory, create_management
from ldap_mock.asking import AskedCa
from ldap_mock.dn import DnError, parse_dn
from ldap_mock.faults import CATALOGUE, Faults
from ldap_mock.kept import KeptCopy, StateError
from ldap_mock.server import LdapServer
from ldap_mock.source import Source
from sceplab.child import announced, wait_for_end
from sceplab.clock import ClockState, LabClock
from sceplab.environment import SecretError, secret_from_environment
from sceplab.faults import FaultBox
from sceplab.journal import Journal
from sceplab.logs import configure_logging
from sceplab.serving import HttpServer, Listener
from sceplab.start_clock import start_clock_option

PASSWORD_VARIABLE = "SCEPLAB_LDAP_PASSWORD"
_URL = re.compile(r"https?://[^/?#\s]+/?")


@dataclass(frozen=True)
class Options:
    """What the command line says, each by the name of its option."""

    state: Path
    host: str
    port: int
    management_port: int
    ca: str
    ca_management: str
    manager: str | None
    start_clock: ClockState = field(repr=False)


def _url(_context: click.Context, _option: click.Parameter, url: str) -> str:
    if not _URL.fullmatch(url):
        raise click.BadParameter("http://host, with a port if need be")
    return url


def _name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    try:
        if name is not None and not parse_dn(name).rdns:
            raise DnError("it is empty")
    except DnError as error:
        raise click.BadParameter(f"not a distinguished name: {error}") from error
    return name


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    envvar="SCEPLAB_LDAP_STATE",
    show_envvar=True,
    help="Folder of the copy of what the CA has published; made at the first start.",
)
@click.option("--host", default="127.0.0.1", envvar="SCEPLAB_HOST", show_envvar=True, help="Where to listen.")
@click.option("--port", default=3890, envvar="SCEPLAB_LDAP_PORT", show_envvar=True, help="LDAP; 0: any.")
@click.option(
    "--management-port",
    default=9102,
    envvar="SCEPLAB_LDAP_MANAGEMENT_PORT",
    show_envvar=True,
    help="The lab's management, clock, health and faults; 0: any.",
)
@click.option(
    "--ca",
    default="http://127.0.0.1:8080",
    callback=_url,
    envvar="SCEPLAB_LDAP_CA",
    show_envvar=True,
    help="The CA's SCEP port, where it publishes.",
)
@click.option(
    "--ca-management",
    default="http://127.0.0.1:9101",
    callback=_url,
    envvar="SCEPLAB_LDAP_CA_MANAGEMENT",
    show_envvar=True,
    help="The CA's management port, which has the CRLs, whatever the CA serves otherwise.",
)
@click.option(
    "--manager",
    callback=_name,
    envvar="SCEPLAB_LDAP_MANAGER",
    show_envvar=True,
    help=f"The name of the one who may log in; his password is in {PASSWORD_VARIABLE}.  [default: nobody]",
)
@start_clock_option
def main(**options: Any) -> None:
    """Run the lab's directory until SIGTERM or ^C.

    It tells by LDAP, to whoever asks, what the CA publishes over HTTP.
    """
    _run(Options(**options))


def _run(options: Options) -> None:
    os.umask(0o077)
    clock = LabClock(state=options.start_clock)
    configure_logging(clock=clock)
    manager = _manager(options.manager)
    with ExitStack() as stack:
        listener = stack.enter_context(Listener(options.host, options.port))
        # Two of them: what is made for a fault holds nobody else up.
        asked, for_faults = (
            stack.enter_context(closing(AskedCa(options.ca, options.ca_management))) for _ in range(2)
        )
        source = Source(asked, KeptCopy(options.state))
        box, journal = FaultBox(CATALOGUE), Journal(NAME, clock)
        directory = Directory(source, Faults(source, for_faults), box, journal)
        app = create_management(directory, source, box, journal, clock)
        management = stack.enter_context(HttpServer(app, options.host, options.management_port))
        server = stack.enter_context(LdapServer(directory, listener, manager=manager))
        with announced({"ldap": server.url, "management": management.url}):
            wait_for_end()


def _manager(name: str | None) -> tuple[str, str] | None:
    if name is None:
        return None
    password = secret_from_environment(PASSWORD_VARIABLE)
    if not password:
        raise StateError(f"--manager needs a password in {PASSWORD_VARIABLE}")
    return name, password


def run() -> None:
    """Run ``main``; what an operator can mend ends in one sentence and exit code 1."""
    try:
        main()
    except (StateError, SecretError, OSError) as error:
        sys.exit(f"ldap_mock: {error}")


if __name__ == "__main__":
    run()
