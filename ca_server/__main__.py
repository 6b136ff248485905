"""``python -m ca_server``: the CA as a process, with its three ports, or as several behind the first two."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ca_server.api.auth import Operator
from ca_server.app import ManagedCa, Parts, create_apps
from ca_server.bad_crls import create_bad_crls
from ca_server.domain.authority import KeyKind, Shape, Succession
from ca_server.domain.challenges import ChallengeRule, Hasher
from ca_server.domain.crl_desk import CrlDesk
from ca_server.domain.places import CURRENT_CRL, Places
from ca_server.domain.policy import Decide
from ca_server.faults import CATALOGUE
from ca_server.settings import Settings, SettingsError, read_settings
from ca_server.state import StateError, StateFolder
from ca_server.store import SqlStore, StoreError
from sceplab.child import announced, wait_for_end
from sceplab.clock import ClockState, LabClock, wall_time
from sceplab.environment import SecretError, secret_from_environment
from sceplab.faults import FaultBox
from sceplab.journal import Journal
from sceplab.logs import configure_logging
from sceplab.management import create_management_app
from sceplab.serving import HttpServer, Listener
from sceplab.shared_clock import SharedClock
from sceplab.shared_faults import SharedFaultBox
from sceplab.shared_journal import SharedJournal
from sceplab.start_clock import start_clock_option
from sceplab.workers import Workers, WorkersFailed

PASSWORD_VARIABLE = "SCEPLAB_OPERATOR_PASSWORD"
DATABASE_VARIABLE = "SCEPLAB_CA_DATABASE"
STATIC_CHALLENGE_VARIABLE = "SCEPLAB_CA_STATIC_CHALLENGE"
MAX_WORKERS = 64
_PUBLIC_URL = re.compile(r"https?://[^/?#\s]+(/[^?#\s]*)?")
_LDAP_URL = re.compile(r"ldaps?://[^/?#\s]+/?")


@dataclass(frozen=True)
class Options:
    """What the command line says, each by the name of its option."""

    state: Path
    host: str
    port: int
    console_port: int
    console_hosts: str
    management_port: int
    workers: int
    decide: str | None
    challenge: str | None
    certificate_days: int | None
    settings: Path | None
    key: str
    issuing_ca: bool
    public_url: str | None
    ldap_url: str | None
    operator: str
    start_clock: ClockState = field(repr=False)


def _public_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    if url and not (url.isascii() and url.isprintable() and _PUBLIC_URL.fullmatch(url)):
        raise click.BadParameter("http://host or https://host, with a port and a path if need be")
    return url


def _ldap_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    if url and not (url.isascii() and url.isprintable() and _LDAP_URL.fullmatch(url)):
        raise click.BadParameter("ldap://host or ldaps://host, with a port if need be")
    return url.rstrip("/") if url else None


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
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
    "--port",
    default=8080,
    envvar="SCEPLAB_CA_PORT",
    show_envvar=True,
    help="SCEP, CRLs and NDES's page; 0: any.",
)
@click.option(
    "--console-port",
    default=8090,
    envvar="SCEPLAB_CA_CONSOLE_PORT",
    show_envvar=True,
    help="The operators' API; 0: any.",
)
@click.option(
    "--console-hosts",
    default="",
    envvar="SCEPLAB_CA_CONSOLE_HOSTS",
    show_envvar=True,
    help="DNS names of the operators' API, with commas between; addresses and short names go without.",
)
@click.option(
    "--management-port",
    default=9101,
    envvar="SCEPLAB_CA_MANAGEMENT_PORT",
    show_envvar=True,
    help="The lab's management, clock and health; 0: any.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    envvar="SCEPLAB_CA_WORKERS",
    show_envvar=True,
    help="Processes that serve SCEP and the API.",
)
@click.option(
    "--decide",
    type=click.Choice([*map(str, Decide)]),
    envvar="SCEPLAB_CA_DECIDE",
    show_envvar=True,
    help="Who decides about requests, where the settings do not say it.  [default: manual]",
)
@click.option(
    "--challenge",
    type=click.Choice([*map(str, ChallengeRule)]),
    envvar="SCEPLAB_CA_CHALLENGE",
    show_envvar=True,
    help="What is asked of challenge passwords, likewise.  [default: ignored]",
)
@click.option(
    "--certificate-days",
    type=click.IntRange(1, 3650),
    envvar="SCEPLAB_CA_CERTIFICATE_DAYS",
    show_envvar=True,
    help="Lifetime of clients' certificates, likewise.  [default: 365]",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="SCEPLAB_CA_SETTINGS",
    show_envvar=True,
    help="A TOML file of profiles; docs/ca.md tells what can stand in it.",
)
@click.option(
    "--key",
    type=click.Choice([*map(str, KeyKind)]),
    default=str(KeyKind.RSA_2048),
    envvar="SCEPLAB_CA_KEY",
    show_envvar=True,
    help="The keys of a new CA; IOS XR takes no RSA key of more than 2048 bits.",
)
@click.option(
    "--issuing-ca/--root-only",
    default=False,
    envvar="SCEPLAB_CA_ISSUING_CA",
    show_envvar=True,
    help="Whether a new CA stands under a root.",
)
@click.option(
    "--public-url",
    callback=_public_url,
    envvar="SCEPLAB_CA_PUBLIC_URL",
    show_envvar=True,
    help="How clients reach the SCEP port; stands in certificates.  [default: http://HOST:PORT]",
)
@click.option(
    "--ldap-url",
    callback=_ldap_url,
    envvar="SCEPLAB_CA_LDAP_URL",
    show_envvar=True,
    help="A directory that has the CRL as well: ldap://host:port.  [default: none]",
)
@click.option(
    "--operator",
    default="operator",
    envvar="SCEPLAB_OPERATOR",
    show_envvar=True,
    help="The operator's name, for the API and NDES's page.",
)
@start_clock_option
def main(**options: Any) -> None:
    """Run the lab's CA until SIGTERM or ^C.

    Secrets are taken from the environment, each as NAME or from the file that NAME_FILE names:
    SCEPLAB_OPERATOR_PASSWORD, the operator's password, else made at the first start and kept in the state
    folder; SCEPLAB_CA_DATABASE, the database's URL, else SQLite in the state folder;
    SCEPLAB_CA_STATIC_CHALLENGE, the challenge password for --challenge static.
    """
    _run(Options(**options))


def _run(options: Options) -> None:
    os.umask(0o077)
    workers, start = options.workers, options.start_clock
    clock = LabClock(state=start) if workers == 1 else SharedClock(workers, state=start)
    configure_logging(clock=clock)
    with ExitStack() as stack:
        scep, console = (
            stack.enter_context(Listener(options.host, port)) for port in (options.port, options.console_port)
        )
        journal = Journal(ManagedCa.name, clock) if workers == 1 else SharedJournal(ManagedCa.name, clock)
        faults = FaultBox(CATALOGUE) if workers == 1 else SharedFaultBox(CATALOGUE)
        ca = _Ca(options, clock, journal, faults, scep, console)
        # Before the workers, so that they find a database that is ready.
        ca.open_store().close()
        stack.enter_context(Workers(workers, ca.serve))
        if isinstance(journal, SharedJournal):
            stack.enter_context(journal)
        store = stack.enter_context(closing(ca.open_store()))
        service = ManagedCa(store, ca.authorities, clock)
        managed = create_management_app(service, clock, faults, journal)
        managed.register_blueprint(create_bad_crls(CrlDesk(store, ca.authorities), clock))
        management = stack.enter_context(HttpServer(managed, options.host, options.management_port))
        operator = ca.operator
        endpoints = {
            "scep": scep.url,
            "ndes": f"{scep.url}/certsrv/mscep/mscep.dll",
            "crl": f"{scep.url}{CURRENT_CRL}",
            "console": console.url,
            "management": management.url,
            "operator": {"username": operator.username, "password": operator.password},
        }
        with announced(endpoints):
            wait_for_end()


class _Ca:
    """What all processes of the CA have in common."""

    def __init__(
        self,
        options: Options,
        clock: LabClock,
        journal: Journal,
        faults: FaultBox,
        scep: Listener,
        console: Listener,
    ) -> None:
        self._clock, self._journal, self._faults = clock, journal, faults
        self._scep, self._console = scep, console
        folder = StateFolder(options.state)
        self._database = secret_from_environment(DATABASE_VARIABLE) or folder.database_url
        self._places = Places(
            base_url=(options.public_url or scep.url).rstrip("/"), ldap_url=options.ldap_url
        )
        shape = Shape(KeyKind(options.key), with_root=options.issuing_ca)
        self._keeper = folder.authorities(shape, self._places, now=clock.now())
        password = secret_from_environment(PASSWORD_VARIABLE) or folder.operator_password()
        self.operator = Operator(options.operator, password)
        self._hasher = Hasher(folder.hash_key())
        self._settings = _settings(options, self._hasher)
        self._console_hosts = tuple(
            name.strip().lower() for name in options.console_hosts.split(",") if name.strip()
        )

    def authorities(self) -> Succession:
        """All generations of the CA."""
        return self._keeper.succession()

    def open_store(self) -> SqlStore:
        """Open the database."""
        return SqlStore(self._database, wall_time)

    @contextmanager
    def serve(self, worker: int) -> Iterator[None]:
        """Serve in one process; ``worker`` is 0 in the only one."""
        if isinstance(self._clock, SharedClock):
            self._clock.join(worker)
        if isinstance(self._journal, SharedJournal):
            self._journal.join()
        with closing(self.open_store()) as store:
            apps = create_apps(
                Parts(
                    keeper=self._keeper,
                    store=store,
                    hasher=self._hasher,
                    operator=self.operator,
                    clock=self._clock,
                    random_bytes=os.urandom,
                    profiles=self._settings.profiles,
                    places=self._places,
                    journal=self._journal,
                    faults=self._faults,
                    ndes=self._settings.ndes,
                    console_hosts=self._console_hosts,
                )
            )
            # What is there now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            with (
                closing(apps.slow),
                HttpServer(apps.scep, listener=self._scep),
                HttpServer(apps.console, listener=self._console),
            ):
                yield


def _settings(options: Options, hasher: Hasher) -> Settings:
    said: Mapping[str, object | None] = {
        "decide": options.decide,
        "challenge": options.challenge,
        "certificate_days": options.certificate_days,
    }
    defaults = {name: value for name, value in said.items() if value is not None}
    try:
        text = "" if options.settings is None else options.settings.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{options.settings} is no UTF-8 text") from error
    static_challenge = secret_from_environment(STATIC_CHALLENGE_VARIABLE)
    return read_settings(text, hasher, defaults, static_challenge, has_directory=options.ldap_url is not None)


def run() -> None:
    """Run ``main``; what an operator can mend ends in one sentence and exit code 1."""
    try:
        main()
    except (StateError, StoreError, SettingsError, SecretError, WorkersFailed, OSError) as error:
        sys.exit(f"ca_server: {error}")


if __name__ == "__main__":
    run()
