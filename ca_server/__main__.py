"""``python -m ca_server``: the CA as a process, with its three ports."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import click

from ca_server.app import ManagedCa, create_apps
from ca_server.console import Operator
from ca_server.domain.policy import Mode, Policy
from ca_server.state import StateError, StateFolder
from ca_server.store import SqlStore, StoreError
from ca_server.web import CRL_PATH
from sceplab.child import announce, wait_for_end
from sceplab.clock import ClockState, LabClock, wall_time
from sceplab.logs import configure_logging
from sceplab.management import create_management_app
from sceplab.serving import HttpServer

PASSWORD_VARIABLE = "SCEPLAB_OPERATOR_PASSWORD"


def _clock_state(_context: click.Context, _option: click.Parameter, text: str | None) -> ClockState:
    try:
        return ClockState() if not text else ClockState.from_json(json.loads(text))
    except ValueError as error:
        raise click.BadParameter(f"not a clock state: {error}") from error


@click.command(context_settings={"show_default": True})
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    envvar="SCEPLAB_CA_STATE",
    show_envvar=True,
    help="Folder of keys, certificates and requests; a CA is made in it at the first start.",
)
@click.option("--host", default="127.0.0.1", envvar="SCEPLAB_HOST", show_envvar=True, help="Where to listen.")
@click.option(
    "--port", default=8080, envvar="SCEPLAB_CA_PORT", show_envvar=True, help="SCEP and the CRL; 0: any."
)
@click.option(
    "--console-port",
    default=8090,
    envvar="SCEPLAB_CA_CONSOLE_PORT",
    show_envvar=True,
    help="The operators' API; 0: any.",
)
@click.option(
    "--management-port",
    default=9101,
    envvar="SCEPLAB_CA_MANAGEMENT_PORT",
    show_envvar=True,
    help="The lab's management, clock and health; 0: any.",
)
@click.option(
    "--decide",
    type=click.Choice([*map(str, Mode)]),
    default=str(Mode.MANUAL),
    envvar="SCEPLAB_CA_DECIDE",
    show_envvar=True,
    help="Whether requests wait for an operator.",
)
@click.option(
    "--certificate-days",
    type=click.IntRange(1, 3650),
    default=365,
    envvar="SCEPLAB_CA_CERTIFICATE_DAYS",
    show_envvar=True,
    help="Lifetime of clients' certificates.",
)
@click.option(
    "--key-bits",
    type=click.IntRange(2048, 4096),
    default=2048,
    envvar="SCEPLAB_CA_KEY_BITS",
    show_envvar=True,
    help="Size of a new CA's keys; IOS XR takes no more than 2048.",
)
@click.option("--operator", "operator_name", default="operator", envvar="SCEPLAB_OPERATOR", show_envvar=True)
@click.option(
    "--start-clock",
    callback=_clock_state,
    envvar="SCEPLAB_CLOCK",
    show_envvar=True,
    help="The lab clock's state at the start, in JSON; without it the clock shows wall time.",
)
def main(
    state: Path,
    host: str,
    port: int,
    console_port: int,
    management_port: int,
    decide: str,
    certificate_days: int,
    key_bits: int,
    operator_name: str,
    start_clock: ClockState,
) -> None:
    """Run the lab's CA until SIGTERM or ^C.

    The operator's password is taken from SCEPLAB_OPERATOR_PASSWORD, else made at the first start and
    kept in the state folder.
    """
    os.umask(0o077)
    clock = LabClock(state=start_clock)
    configure_logging(clock=clock)
    with ExitStack() as stack:
        folder = StateFolder(state)
        authority = folder.authority(key_bits=key_bits, now=clock.now)
        store = SqlStore(folder.database_url, wall_time)
        stack.callback(store.close)
        operator = Operator(operator_name, os.environ.get(PASSWORD_VARIABLE) or folder.operator_password())
        apps = create_apps(
            authority=authority,
            store=store,
            policy=Policy(Mode(decide), timedelta(days=certificate_days)),
            operator=operator,
            clock=clock,
            random_bytes=os.urandom,
        )
        management = create_management_app(ManagedCa(store), clock)
        scep_server, console_server, management_server = (
            stack.enter_context(HttpServer(app, host, number))
            for app, number in (
                (apps.scep, port),
                (apps.console, console_port),
                (management, management_port),
            )
        )
        announce(
            {
                "scep": scep_server.url,
                "ndes": f"{scep_server.url}/certsrv/mscep/mscep.dll",
                "crl": f"{scep_server.url}{CRL_PATH}",
                "console": console_server.url,
                "management": management_server.url,
                "operator": {"username": operator.username, "password": operator.password},
            }
        )
        wait_for_end()


def run() -> None:
    """Run ``main``; what an operator can mend ends in one sentence and exit code 1."""
    try:
        main()
    except (StateError, StoreError, OSError) as error:
        sys.exit(f"ca_server: {error}")


if __name__ == "__main__":
    run()
