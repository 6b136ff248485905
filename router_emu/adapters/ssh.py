"""The router's SSH server: asyncssh below, a ``Vty`` for each session above."""

# ruff: noqa: ARG002  (the signatures of the callbacks are asyncssh's)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import asyncssh
import structlog

from router_emu.adapters.disks import Disks
from router_emu.adapters.ssh_certificates import key_pairs, sent_chain
from router_emu.adapters.ssh_files import ShellOrFiles
from router_emu.adapters.vty import INTERACTIVE, ONE_COMMAND, PLAIN, Vty
from router_emu.cli.session import Session
from router_emu.commands.ssh_server import HostKeys
from scep_core.certificates import Certificate

# As real routers introduce themselves, `SSH-2.0-Cisco-2.0` (iosxr.md 3.1 [T]).
BANNER = "Cisco-2.0"
# Characters that may wait for a running command; then the client's window is left to fill up.
MOST_TYPED_AHEAD = 65536
_log = structlog.get_logger(__name__)
_Verify = Callable[[str, bytes, bytes, bytes], Awaitable[bool]]
# The chain in the request that a task is about; None when it is about a bare key.
_shown: ContextVar[Sequence[Certificate] | None] = ContextVar("shown", default=None)


class RouterHost(Protocol):
    """What the SSH server needs of the process that holds the router."""

    name: str

    def authenticate(self, username: str, password: str) -> bool:
        """Whether these are an operator's."""

    def may_log_in(self, username: str, public_key: bytes) -> bool:
        """Whether the user may log in by this key, given as SSH's blob; he has yet to show that it is his."""

    async def may_log_in_by(self, username: str, chain: Sequence[Certificate]) -> bool:
        """The same by a certificate, the first of the chain that the client sent."""

    def host_keys(self) -> HostKeys:
        """What the server shows of itself now."""

    def open_session(self, *, user: str, line: str, peer: str) -> Session:
        """A new session of the shell."""

    @property
    def disks(self) -> Disks:
        """What SFTP and scp reach."""

    def now(self) -> datetime:
        """The lab's time."""

    async def perform(self, job: object) -> object:
        """Do the long work that a command asked for."""

    def after_command(self) -> str:
        """Called when state may have changed; what the operator has to be told of that, if anything."""

    def subscribe_log(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Have ``callback`` called, in the event loop's thread, with each new line of the router's log."""


@dataclass
class _Open:
    """What is open at one server, and whose it is."""

    host: RouterHost
    logins: set[_Login] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)


class SshServer:
    """Listens for operators of one router.  ``host_key`` is a private key, as asyncssh reads it."""

    def __init__(self, router_host: RouterHost, *, host_key: bytes, bind: str, port: int) -> None:
        self._open = _Open(router_host)
        self._key, self._bind, self._asked_port = host_key, bind, port
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._offered = HostKeys()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._acceptor is None:
            raise RuntimeError("the SSH server is not started")
        return self._acceptor.get_port()

    async def start(self) -> None:
        """Listen."""
        self._offered = self._open.host.host_keys()
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self._open),
            self._bind,
            self._asked_port,
            server_host_keys=key_pairs(self._key, self._offered),
            server_version=BANNER,
            line_editor=False,
            encoding=None,
            agent_forwarding=False,
            # A client whose machine died is noticed within minutes, and its session closed.
            keepalive_interval=60,
        )

    def follow(self) -> None:
        """The router may have changed: connections from now on see the certificate of now."""
        offered = self._open.host.host_keys()
        if self._acceptor is not None and offered != self._offered:
            self._offered = offered
            self._acceptor.update(server_host_keys=key_pairs(self._key, offered))

    async def stop(self) -> None:
        """Stop listening and drop every open session at once."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        for login in tuple(self._open.logins):
            login.drop()
        await self._acceptor.wait_closed()
        self._acceptor = None


class _Login(asyncssh.SSHServer):
    """One connection: who it is, by password or by a key that was imported for him."""

    def __init__(self, open_here: _Open) -> None:
        self._open = open_here
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._open.logins.add(self)
        # asyncssh has no callback for X.509, and its own check goes by the wall clock and knows no CRLs.
        conn._validate_x509_certificate_chain = self._show  # type: ignore[method-assign]
        conn.validate_public_key = partial(self._by_key, conn.validate_public_key)  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.logins.discard(self)

    def drop(self) -> None:
        """Cut the connection."""
        if self._connection is not None:
            self._connection.abort()

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        right = self._open.host.authenticate(username, password)
        if not right:
            # Neither name nor password: people type the one where the other is asked for.
            _log.info("an SSH login was refused", router=self._open.host.name)
        return right

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._open.host.may_log_in(username, key.public_data)

    async def _show(
        self, username: str, cert: asyncssh.public_key.SSHX509CertificateChain
    ) -> asyncssh.SSHKey | None:
        """The key of a certificate, for asyncssh to verify a signature with; who may log in, we say then."""
        try:
            _shown.set(sent_chain(cert.public_data))
        except ValueError:
            return None
        return cert.key

    async def _by_key(
        self, verify: _Verify, username: str, blob: bytes, signed: bytes, signature: bytes
    ) -> bool:
        """Whether the user may log in, or may be asked for a signature while there is none.

        A certificate is judged, and its CRLs are fetched, once its key has signed: anybody may have seen it.
        """
        _shown.set(None)
        right = await verify(username, blob, signed, signature)
        chain = _shown.get()
        if not right or not signed or chain is None:
            return right
        return await self._open.host.may_log_in_by(username, chain)

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        if self._connection is None:
            raise RuntimeError("a session before the connection")
        user = str(self._connection.get_extra_info("username"))
        peer = str(self._connection.get_extra_info("peername")[0])
        return ShellOrFiles(_Channel(self._open, user, peer), self._open.host.disks)


class _Channel(asyncssh.SSHServerSession[bytes]):
    """One shell, or one command, on a connection."""

    def __init__(self, open_here: _Open, user: str, peer: str) -> None:
        self._open, self._host, self._user, self._peer = open_here, open_here.host, user, peer
        self._command: str | None = None
        self._vty: Vty | None = None
        self._work: asyncio.Task[None] | None = None
        self._end_of_input = False
        self._undo: list[Callable[[], None]] = []

    # --- what the client asks for ---

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def session_started(self) -> None:
        lines = self._open.lines
        number = next(number for number in range(len(lines) + 1) if number not in lines)
        lines.add(number)
        self._undo.append(lambda: lines.discard(number))
        session = self._host.open_session(user=self._user, line=f"vty{number}", peer=self._peer)
        with_pty = self._channel.get_terminal_type() is not None
        style = ONE_COMMAND if self._command is not None else INTERACTIVE if with_pty else PLAIN
        height = self._channel.get_terminal_size()[1]
        vty = self._vty = Vty(session, self._host.now, style, height)
        self._undo.append(self._host.subscribe_log(lambda line: self._write(vty.log_line(line))))
        self._write(vty.start())
        if self._command is not None:
            self._take(self._command.encode() + b"\n")

    # --- what it sends ---

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._take(data)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._vty is not None:
            self._vty.height = height

    def eof_received(self) -> bool:
        """A shell whose input ended is left when all typed ahead is done; a question then has no answer."""
        self._end_of_input = True
        self._settle()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._work is not None:
            self._work.cancel()
        for undo in self._undo:
            undo()
        if self._vty is not None:
            self._vty.close()
            self._host.after_command()

    # --- the terminal line ---

    def _take(self, data: bytes) -> None:
        vty = self._vty
        if vty is None or vty.closed:
            return
        self._write(vty.receive(data))
        if vty.cancelled:
            vty.cancelled = False
            if self._work is not None:
                self._work.cancel()
                self._work = None
        if vty.acted:
            vty.acted = False
            self._keep(vty)
        self._settle()

    def _settle(self) -> None:
        """Begin the job that the line waits for, or end the session when it is over."""
        vty = self._vty
        if vty is None or self._channel.is_closing():
            return
        if vty.job is not None:
            if self._work is None:
                self._work = asyncio.get_running_loop().create_task(self._perform(vty, vty.job))
            if vty.backlog > MOST_TYPED_AHEAD:
                self._channel.pause_reading()
            return
        self._channel.resume_reading()
        if vty.closed or (vty.idle and (self._command is not None or self._end_of_input)):
            self._channel.exit(1 if vty.failed and self._command is not None else 0)
        elif vty.asking and self._end_of_input:
            self._channel.exit(1)

    async def _perform(self, vty: Vty, job: object) -> None:
        """Do one job and give its result to the line; a lost client or ^C cancels it."""
        try:
            result = await self._host.perform(job)
        except Exception as error:
            shown = vty.fail(error)
        else:
            shown = vty.finish(result)
        self._work = None
        self._write(shown)
        self._keep(vty)
        self._settle()

    def _keep(self, vty: Vty) -> None:
        """Have kept what a command has changed; when that is not done, the operator must not miss it."""
        trouble = self._host.after_command()
        if trouble:
            vty.failed = True
            self._write(vty.notice(trouble))

    def _write(self, data: bytes) -> None:
        if data and not self._channel.is_closing():
            self._channel.write(data)
