"""Run routers: the composition root of the emulator's process.

``python -m router_emu --help`` lists the knobs; each is an environment variable too.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import structlog

from router_emu.adapters.fleet import Fleet
from router_emu.adapters.host import RouterHost
from router_emu.adapters.https_server import HttpsServer
from router_emu.adapters.ssh import SshServer
from router_emu.adapters.storage import RouterFolder
from router_emu.cli.grammar import CONFIG
from router_emu.commands.context import Router
from router_emu.config.store import ConfigStore
from router_emu.pki.pasted import certificates_in_file
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.snapshot import BrokenState
from router_emu.pki.store import Pki
from router_emu.pki.wire import WIRE_PROFILES
from router_emu.syslog import LogBuffer
from router_emu.texts import NODE, WORDINGS
from sceplab import child
from sceplab.clock import ClockState, LabClock
from sceplab.environment import SecretError, secret_from_environment
from sceplab.files import write_secret
from sceplab.logs import configure_logging
from sceplab.management import create_management_app
from sceplab.serving import HttpServer
from sceplab.start_clock import start_clock_option

USERNAME = "admin"
BUILT_IN = Path(__file__).with_name("builtin.pem")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}")  # each names a folder too

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a process of routers is started with; port 0 takes any."""

    state: Path
    host: str
    routers: tuple[str, ...]
    first_port: int
    ports: Mapping[str, int]
    first_https_port: int
    https_ports: Mapping[str, int]
    management_port: int
    texts: str
    wire: str
    trustpool_unsigned: str
    password: str


@click.command(context_settings={"auto_envvar_prefix": "SCEPLAB_ROUTER", "show_default": True})
@click.option(
    "--state", type=click.Path(path_type=Path), required=True, help="Folder that keeps the routers."
)
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--routers", default="r1", help="Names, with commas between them.")
@click.option("--first-port", default=2201, help="SSH port of the first router; 0 takes any.")
@click.option("--ports", default="", help="SSH ports by name, r1=2201,r2=2207; others count from the first.")
@click.option("--first-https-port", default=2301, help="HTTPS port of the first router; 0 takes any.")
@click.option("--https-ports", default="", help="HTTPS ports by name, r1=2301,r2=2307.")
@click.option("--management-port", default=9104, help="Port of the management API; 0 takes any.")
@click.option(
    "--texts", type=click.Choice(sorted(WORDINGS)), default="modern", help="Wording of the screens."
)
@click.option("--wire", type=click.Choice(sorted(WIRE_PROFILES)), default="cisco", help="Shape of SCEP.")
@click.option(
    "--trustpool-unsigned",
    type=click.Choice(["accept", "refuse"]),
    default="accept",
    help="Whether the trust pool takes a bundle that nobody has signed; a bad signature is always refused.",
)
@start_clock_option
def main(
    state: Path,
    host: str,
    routers: str,
    first_port: int,
    ports: str,
    first_https_port: int,
    https_ports: str,
    management_port: int,
    texts: str,
    wire: str,
    trustpool_unsigned: str,
    start_clock: ClockState,
) -> None:
    """Emulate IOS XR routers, reached by SSH.

    The user is "admin".  The password is that of the environment's SCEPLAB_ROUTER_PASSWORD, or of
    the file that SCEPLAB_ROUTER_PASSWORD_FILE names, or one made at the first start and kept in the state
    folder.
    """
    names = tuple(name.strip() for name in routers.split(",") if name.strip())
    if len(set(names)) != len(names) or not names or not all(map(_NAME.fullmatch, names)):
        raise click.UsageError("--routers takes different names of letters, digits and hyphens")
    clock = LabClock(state=start_clock)
    configure_logging(clock=clock)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = _password(state / "password")
        settings = Settings(
            state=state,
            host=host,
            routers=names,
            first_port=first_port,
            ports=_by_name("--ports", ports),
            first_https_port=first_https_port,
            https_ports=_by_name("--https-ports", https_ports),
            management_port=management_port,
            texts=texts,
            wire=wire,
            trustpool_unsigned=trustpool_unsigned,
            password=password,
        )
        asyncio.run(_serve(settings, clock))
    except (BrokenState, SecretError, OSError) as error:
        sys.exit(f"router_emu: {error}")


def _by_name(option: str, ports: str) -> dict[str, int]:
    try:
        pairs = (pair.split("=") for pair in ports.split(",") if pair)
        return {name: int(port) for name, port in pairs}
    except ValueError:
        raise click.UsageError(f"{option} is like r1=2201,r2=2207") from None


def _password(path: Path) -> str:
    given = secret_from_environment("SCEPLAB_ROUTER_PASSWORD")
    if given:
        return given
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(9).encode() + b"\n")
    password = path.read_text().strip()
    if not password:
        raise BrokenState(f"{path} is empty: remove it, and a new password is made")
    return password


async def _serve(settings: Settings, clock: LabClock) -> None:
    fleet = Fleet(clock, asyncio.get_running_loop())
    servers: list[SshServer] = []
    webs: list[HttpsServer] = []
    for number, name in enumerate(settings.routers):
        host = make_host(settings, name, clock, fleet)
        port = _port(name, number, settings.first_port, settings.ports)
        https_port = _port(name, number, settings.first_https_port, settings.https_ports)
        web = HttpsServer(host.router, host.now, bind=settings.host, port=https_port)
        host.followers.append(web.follow)
        server = SshServer(
            host, host_key=RouterFolder(settings.state / name).host_key(), bind=settings.host, port=port
        )
        host.followers.append(server.follow)
        await server.start()
        host.start()
        fleet.hosts.append(host)
        servers.append(server)
        webs.append(web)
    management = HttpServer(
        create_management_app(fleet, clock, journal=fleet.journal), settings.host, settings.management_port
    )
    management.start()
    endpoints = {
        "routers": {
            name: {
                "host": settings.host,
                "port": server.port,
                "username": USERNAME,
                "password": settings.password,
                "https": web.url,
            }
            for name, server, web in zip(settings.routers, servers, webs, strict=True)
        },
        "management": management.url,
    }
    with child.announced(endpoints):
        await child.ended()
    for server in servers:
        await server.stop()
    for web in webs:
        await web.stop()
    for host in fleet.hosts:
        await host.stop()
    # In a thread: it waits for the requests in hand, and those wait for this loop.
    await asyncio.to_thread(management.stop)


def _port(name: str, number: int, first: int, chosen: Mapping[str, int]) -> int:
    """A router's port: its own, or the ``number``-th from the first; 0 when any will do."""
    return chosen.get(name, first + number if first else 0)


def make_host(settings: Settings, name: str, clock: LabClock, fleet: Fleet) -> RouterHost:
    """A router with what it kept from its last run."""
    built_in = certificates_in_file(BUILT_IN.read_bytes())
    pool = PoolKeeper(built_in, refuses_unsigned=settings.trustpool_unsigned == "refuse")
    pki = Pki(WIRE_PROFILES[settings.wire], os.urandom, pool)
    router = Router(name, WORDINGS[settings.texts], ConfigStore(CONFIG), LogBuffer(NODE), pki)
    folder = RouterFolder(settings.state / name)
    folder.load(router)
    host = RouterHost(router, clock, folder, (USERNAME, settings.password), fleet.record)
    fleet.follow(host)
    return host


if __name__ == "__main__":
    main()
