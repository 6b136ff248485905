"""What a command works on: the router, and the session it was typed in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from hashlib import sha256

from router_emu import dates
from router_emu.commands import http_client, logging, peer_checks, ssh_server, trustpoints, trustpool_policy
from router_emu.config.store import ConfigSession, ConfigStore
from router_emu.config.tree import Path
from router_emu.pki.attempts import Report
from router_emu.pki.peers.checking import judge_by
from router_emu.pki.peers.verdict import PeerPurpose
from router_emu.pki.pool.bundle import MOST_OCTETS
from router_emu.pki.pool.keeper import PoolReport
from router_emu.pki.store import Pki
from router_emu.pki.wire import Exchange, Judge
from router_emu.syntax.table import Mode
from router_emu.syslog import LogBuffer
from router_emu.texts import DEFAULT_HOSTNAME, Texts


def _ignore(_operator: str, _line: str) -> None:
    pass


@dataclass
class Router:
    """One router: what all its sessions share."""

    name: str
    texts: Texts
    config: ConfigStore
    log: LogBuffer
    pki: Pki
    # Hears of each command: on which line by whom, and what was typed, without what is secret in it.
    on_command: Callable[[str, str], None] = field(default=_ignore, repr=False)

    def __post_init__(self) -> None:
        self.pki.on_report = self.log_enrolment
        self.pki.pool.on_report = self.log_pool
        self.pki.pool.fetch = self.fetch_bundle
        self.pki.pool.router = self.name
        self.config.checks += [ssh_server.check, trustpoints.check, trustpool_policy.check]

    @property
    def serial_number(self) -> str:
        """The chassis's, which ``serial-number`` puts into requests: made of the name, and ours."""
        return "LAB" + sha256(self.name.encode()).hexdigest()[:8].upper()

    @property
    def hostname(self) -> str:
        """The committed host name."""
        return self.config.running.text("hostname") or DEFAULT_HOSTNAME

    @property
    def fqdn(self) -> str:
        """Host name and domain name, which certificates carry (the chapter, "Configure Router Hostname")."""
        domain = self.config.running.text("domain name")
        return f"{self.hostname}.{domain}" if domain else self.hostname

    def follow_configuration(self, now: datetime) -> None:
        """Let log and PKI know what is configured; what trustpoints that are no more held is forgotten."""
        running, serial = self.config.running, self.serial_number
        self.log.forwarding = logging.read(running)
        self.pki.configure(trustpoints.read_all(running, fqdn=self.fqdn, device_serial=serial), now)
        self.pki.pool.configure(trustpool_policy.read(running), now)

    def judge(
        self,
        purpose: PeerPurpose,
        now: datetime,
        host: str = "",
        trustpoints: Collection[str] | None = None,
    ) -> Judge:
        """A judge of peers by what is configured and held now; see ``checking.judge_by``.

        With a ``host`` the certificate must be for that name.  Without ``trustpoints`` all of them count, and
        for servers the trust pool: its CAs are those of the world, whose certificates let nobody in here.
        """
        running = self.config.running
        with_pool = trustpoints is None and purpose is PeerPurpose.SERVER
        checker = peer_checks.checker(running, self.pki, trustpoints, with_pool=with_pool)
        return judge_by(checker, purpose, now, peer_checks.name_to_check(running, host))

    def fetch(self, url: str, most: int, now: datetime) -> Exchange[bytes]:
        """At most so many bytes from a URL, as `http client` is configured now; see ``http_client.fetch``."""

        def judge_of(host: str) -> Judge:
            return self.judge(PeerPurpose.SERVER, now=now, host=host)

        return http_client.fetch(url, most, http_client.read_settings(self.config.running), judge_of)

    def fetch_bundle(self, url: str, now: datetime) -> Exchange[bytes]:
        """A bundle for the trust pool."""
        return self.fetch(url, MOST_OCTETS, now)

    def log_enrolment(self, report: Report, now: datetime) -> None:
        """Tell in the log what became of an enrolment."""
        mnemonic, text = self.texts.enrolment_log[report.what]
        text = text.format(name=report.trustpoint, details=report.details)
        self.log.add(now, "cepki", mnemonic, text)

    def log_pool(self, report: PoolReport, now: datetime) -> None:
        """Tell in the log what became of the trust pool."""
        mnemonic, text = self.texts.trustpool_log[report.what]
        values = {field.name: getattr(report, field.name) for field in fields(report)}
        end = dates.long(report.end) if report.end else ""
        self.log.add(now, "cepki", mnemonic, text.format(**values | {"end": end}))


@dataclass(frozen=True)
class Position:
    """Where a session stands: a mode, and in configuration the block that is edited."""

    mode: Mode
    path: Path = ()


@dataclass
class TerminalSettings:
    """What the `terminal` commands set.  A length of None is that of the client's window, 0 is no limit."""

    length: int | None = None
    monitor: bool = False
    timestamps: bool = True


@dataclass
class Shell:
    """What one session remembers between commands; handlers may change it.

    ``stack`` ends with the place that the prompt shows; its first place is exec mode.
    """

    stack: list[Position]
    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    history: list[str] = field(default_factory=list)
    candidate: ConfigSession | None = None
    closed: bool = False

    def editing(self) -> ConfigSession:
        """The configuration session; RuntimeError outside configuration mode."""
        if self.candidate is None:
            raise RuntimeError("this command belongs to configuration mode")
        return self.candidate

    def leave_configuration(self) -> None:
        """Back to exec mode, forgetting the candidate."""
        del self.stack[1:]
        if self.candidate is not None:
            self.candidate.close()
            self.candidate = None


@dataclass
class Context:
    """A command's surroundings.  ``now`` is that of the line, or of the answer that resumed it.

    ``line`` is the terminal line (``"vty0"``), ``peer`` the operator's address.
    """

    router: Router
    user: str
    line: str
    peer: str
    now: datetime
    shell: Shell
