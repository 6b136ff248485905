"""The single owner of one router: sessions, due timers and answers from the network, one at a time.

Everything here runs in one event loop.  A router's state is touched by no other thread; what takes
time (an exchange, a key) runs beside it and comes back with its result.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from router_emu.adapters import http, ldap
from router_emu.adapters.disks import Disks
from router_emu.adapters.storage import RouterFolder
from router_emu.adapters.syslog_udp import SyslogSender
from router_emu.cli.session import Session
from router_emu.commands import ssh_server
from router_emu.commands.context import Router
from router_emu.commands.disk import ListFolder, LookUp, ReadFile, WriteFile
from router_emu.commands.ssh_server import HostKeys
from router_emu.pki.attempts import Task
from router_emu.pki.keys import GenerateKey, generate
from router_emu.pki.peers.verdict import Good, PeerPurpose
from router_emu.pki.wire import NOT_SENT, ExchangeFailed, HttpRequest, LdapSearch, Work, printable
from scep_core.certificates import Certificate
from sceplab.clock import ClockState, LabClock

_log = structlog.get_logger(__name__)

# Real seconds until what failed is tried again: a save on a full disk, or timers that met a bug of ours.
RETRY = 1.0
_INTERNAL_ERROR = ExchangeFailed("internal error of the emulator", NOT_SENT)

# Told when a timer's work is over: the router, the timer's name, what came of it.
OnFired = Callable[[str, str, str], None]


class RouterHost:
    """One router at work; ``on_fired`` hears of every timer that fired, once its exchange is over."""

    def __init__(
        self,
        router: Router,
        clock: LabClock,
        folder: RouterFolder,
        credentials: tuple[str, str],
        on_fired: OnFired,
    ) -> None:
        self.router = router
        self.name = router.name
        self._clock = clock
        self._folder = folder
        self._credentials = credentials
        self._on_fired = on_fired
        self._changed = asyncio.Event()
        self._syslog = SyslogSender(router.log.lost)
        self._lacking = ""
        self._unsaved = ""  # why what has changed cannot be saved, if so
        # Told of all that the router asks the network, and of what comes of it.
        self.note: http.Note = http.no_note
        folder.disks.now = clock.now
        # Called when anything may have changed: servers that follow the configuration.
        self.followers: list[Callable[[], None]] = []
        self._exchanges: set[asyncio.Task[None]] = set()
        self._timer_loop: asyncio.Task[None] | None = None
        self._timers_fired: dict[str, str] = {}  # by slot, those whose exchange is yet to begin
        self._save_again: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None

    # ------------------------------------------------------------------------------- life

    def start(self) -> None:
        """Take up what a restart interrupted, and watch the timers.  Call it in the event loop."""
        loop = asyncio.get_running_loop()
        self.disks.locate("/")  # makes them, for whoever puts a file there by hand

        def clock_moved(_state: ClockState) -> None:  # called in a server's thread
            loop.call_soon_threadsafe(self._changed.set)

        self._unsubscribe = self._clock.subscribe(clock_moved)
        self.router.log.send = self._syslog.send
        # Configuration and PKI are two files: a crash may have left a trustpoint in the latter alone.
        self.router.follow_configuration(self.now())
        self.router.pki.recover(self.now())
        self._settle()
        self._timer_loop = loop.create_task(self._watch_timers())

    async def stop(self) -> None:
        """Stop at once; what is on its way is dropped and taken up at the next start."""
        if self._unsubscribe:
            self._unsubscribe()
        tasks = [*self._exchanges, *([self._timer_loop] if self._timer_loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._save_again is not None and not self._is_saved():
            self._save_again.cancel()
        await self._syslog.stop()

    # --------------------------------------------------------- what the SSH server asks for

    def host_key(self) -> bytes:
        """The router's SSH host key, in PEM."""
        return self._folder.host_key()

    def now(self) -> datetime:
        """Lab time."""
        return self._clock.now()

    def authenticate(self, username: str, password: str) -> bool:
        """Whether this is the router's user, compared in constant time."""
        user, secret = self._credentials
        right_user = hmac.compare_digest(username.encode(), user.encode())
        return hmac.compare_digest(password.encode(), secret.encode()) and right_user

    def may_log_in(self, username: str, public_key: bytes) -> bool:
        """Whether this key was imported for the user; SSH's blob."""
        return any(key.ssh_blob == public_key for key in self.router.pki.login_keys.of(username))

    async def may_log_in_by(self, username: str, chain: Sequence[Certificate]) -> bool:
        """Whether the chain's first certificate is the user's, and good; else the router's log says why."""
        router, now = self.router, self.now()
        if not chain:
            return False
        why = ssh_server.why_not_his(router.config.running, chain[0], username)
        if not why:
            trustpoints = ssh_server.user_trustpoints(router.config.running)
            judge = router.judge(PeerPurpose.CLIENT, now, trustpoints=trustpoints)
            verdict = await http.carry(judge(chain), self.note, as_one=True)
            why = "" if isinstance(verdict, Good) else verdict.why
        if why:
            mnemonic, text = router.texts.ssh_user_refused
            router.log.add(now, "SSHD_", mnemonic, text.format(user=printable(username), why=why))
        return not why

    def host_keys(self) -> HostKeys:
        """What the SSH server shows of itself now; the log says once why a certificate is not there."""
        offered = ssh_server.host_keys(self.router.config.running, self.router.pki)
        if offered.lacks and offered.lacks != self._lacking:
            mnemonic, text = self.router.texts.ssh_no_certificate
            self.router.log.add(self.now(), "SSHD_", mnemonic, text.format(why=offered.lacks))
        self._lacking = offered.lacks
        return offered

    @property
    def disks(self) -> Disks:
        """The router's disks."""
        return self._folder.disks

    def open_session(self, *, user: str, line: str, peer: str) -> Session:
        """A shell for an operator who has logged in."""
        return Session(self.router, user=user, line=line, peer=peer, now=self.now())

    async def perform(self, job: object) -> object:
        """Do what a command waits for, without holding up the others."""
        match job:
            case HttpRequest() | LdapSearch():
                answer = await (ldap.send(job) if isinstance(job, LdapSearch) else http.send(job, self.note))
                self.note(job, answer)
                return answer
            case Work(do):
                return await asyncio.to_thread(do)
            case GenerateKey():
                return await asyncio.to_thread(generate, job, os.urandom)
            case ReadFile(path, most):
                return await asyncio.to_thread(self._folder.disks.read, path, most)
            case WriteFile(path, data):
                return await asyncio.to_thread(self._folder.disks.write, path, data)
            case LookUp(path):
                return await asyncio.to_thread(self._folder.disks.look_up, path)
            case ListFolder(path):
                return await asyncio.to_thread(self._folder.disks.entries, path)
            case _:
                raise TypeError(f"no way to do {job!r}")

    def after_command(self) -> str:
        """A command may have changed anything: keep it, and start what it wants started.

        What the operator has to be told: that what this very command has changed cannot be saved.
        """
        kept = self._folder.wanted
        self.router.follow_configuration(self.now())
        self._settle()
        if not self._unsaved or self._folder.wanted == kept:
            return ""
        return "% " + self.router.texts.state_not_saved[1].format(why=self._unsaved)

    def subscribe_log(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Hear of each new log line (`terminal monitor`)."""
        return self.router.log.subscribe(callback)

    # -------------------------------------------------------------------- timers, exchanges

    def _settle(self, timers: dict[str, str] | None = None) -> None:
        """Save first, so that nothing is on the wire that a restart would not know of; then send.

        What cannot be saved is not sent either: both are tried again.  No server's trouble stops that.
        """
        self._timers_fired |= timers or {}
        if self._is_saved():
            outbox, self.router.pki.outbox = self.router.pki.outbox, []
            for task in outbox:
                running = asyncio.get_running_loop().create_task(
                    self._exchange(task, self._timers_fired.pop(task.slot, None))
                )
                self._exchanges.add(running)
                running.add_done_callback(self._exchanges.discard)
            self._timers_fired.clear()
        for follow in self.followers:
            try:
                follow()
            except Exception:
                _log.exception("a server cannot follow its router", router=self.name)
        self._changed.set()

    def _is_saved(self) -> bool:
        """Save; when that fails, say so once, and settle again in a while."""
        failed_before, self._save_again = self._save_again, None
        if failed_before is not None:
            failed_before.cancel()
        try:
            self._folder.save(self.router)
        except Exception as error:  # no disk space, say
            self._unsaved = (isinstance(error, OSError) and error.strerror) or "internal error"
            if failed_before is None:
                _log.exception("a router cannot be saved; nothing is sent", router=self.name, why=str(error))
                self._tell(self.router.texts.state_not_saved, why=self._unsaved)
            self._save_again = asyncio.get_running_loop().call_later(RETRY, self._settle)
            return False
        self._unsaved = ""
        if failed_before is not None:
            _log.info("a router is saved again", router=self.name)
            self._tell(self.router.texts.state_saved)
        return True

    def _tell(self, message: tuple[str, str], **values: str) -> None:
        mnemonic, text = message
        self.router.log.add(self.now(), "config", mnemonic, text.format(**values))

    async def _exchange(self, task: Task[Any], timer: str | None) -> None:
        outcome = await self._carry(task)
        came_to = self._finish(task, outcome)
        _log.info("exchange", router=self.name, task=task.slot.strip(), outcome=came_to)
        if timer is not None:
            self._on_fired(self.name, timer, came_to)
        self._settle()

    def _finish(self, task: Task[Any], outcome: Any) -> str:
        try:
            return task.finish(outcome, self.now())
        except Exception:  # a bug of ours: as if nothing had come, so that whoever waits goes on
            _log.exception("an answer raised", router=self.name, task=task.slot.strip())
            return task.finish(_INTERNAL_ERROR, self.now())

    async def _carry(self, task: Task[Any]) -> Any:
        try:
            return await http.carry(task.exchange, self.note)
        except ExchangeFailed as failure:
            return failure
        except Exception:  # a bug of ours, which must not leave the enrolment waiting for ever
            _log.exception("an exchange raised", router=self.name, task=task.slot.strip())
            return _INTERNAL_ERROR

    def fire_due(self) -> None:
        """Fire the timers that are due now; what one of them raises stops none of the others."""
        now, fired, raised = self.now(), {}, None
        for due, slot, name in self.router.pki.timers():
            if due <= now:
                try:
                    came_to = self.router.pki.fire(slot, now)
                except Exception as error:
                    raised = error
                    continue
                fired[slot] = name
                if came_to is not None:  # nothing is on its way whose end could be told
                    self._on_fired(self.name, name, came_to)
        if fired:
            self._settle(fired)
        if raised is not None:
            raise raised

    async def run_due(self) -> None:
        """Fire what is due, and wait until no exchange is on its way."""
        self.fire_due()
        while self._exchanges:
            await asyncio.wait(self._exchanges)
            self.fire_due()

    async def _watch_timers(self) -> None:
        while True:
            self._changed.clear()
            try:
                delay = self._until_the_next()
            except Exception:  # a bug of ours, which must not end all timers
                _log.exception("a timer raised", router=self.name)
                delay = RETRY
            with suppress(TimeoutError):
                # Not wait_for: Python 3.11's loses a cancellation that comes together with the event.
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    def _until_the_next(self) -> float | None:
        """Fire what is due; real seconds until the next timer, None when only a change can bring it."""
        self.fire_due()
        waiting = self.router.pki.timers()
        if self._clock.state().mode == "frozen" or not waiting:
            return None
        return max(0.0, (waiting[0][0] - self.now()).total_seconds())
