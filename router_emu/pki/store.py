"""All that the router's PKI holds, and the enrolments that run: one object, one owner.

Nothing here waits.  ``enrol`` and ``fire`` put a ``Task`` into the outbox; whoever owns the router
takes it, carries its exchange over the network, and brings the outcome to ``finish``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from router_emu.pki.keys import KeyPair
from router_emu.pki.request import (
    Application,
    Client,
    make_application,
    own_certificate,
    send_poll,
    send_request,
)
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.pki.wire import Exchange, ExchangeFailed, WireProfile, printable
from scep_core.algorithms import RandomBytes
from scep_core.enrolment import Effect, Enrolment, Event, State, step
from scep_core.messages import Failure, Pending, ReplyMessage, Success


@dataclass(frozen=True)
class Attempt:
    """A running enrolment: its application, its machine, and the key that it is for.

    ``number`` tells it from earlier attempts at the same trustpoint, whose late answers count no
    more.
    """

    number: int
    application: Application
    machine: Enrolment
    key_label: str


@dataclass(frozen=True)
class Task:
    """An exchange to be carried over the network, for one attempt."""

    trustpoint: str
    number: int
    exchange: Exchange[ReplyMessage]


Outcome = ReplyMessage | ExchangeFailed


@dataclass(frozen=True)
class Report:
    """What the operator should know of an enrolment; the words are ``texts.enrolment_log``'s.

    ``what`` is ``pending``, ``issued``, ``refused``, ``expired``, ``cancelled`` or ``no-answer``;
    ``details`` says more where there is more to say.
    """

    what: str
    trustpoint: str
    details: str = ""


def _ignore(_report: Report, _now: datetime) -> None:
    pass


class Pki:
    """The router's keys, trustpoints and running enrolments.  ``on_report`` is told what becomes of them."""

    def __init__(self, wire: WireProfile, random_bytes: RandomBytes) -> None:
        self.wire = wire
        self.random_bytes = random_bytes
        self.keys: dict[str, KeyPair] = {}
        self.trustpoints: dict[str, TrustpointState] = {}
        self.attempts: dict[str, Attempt] = {}
        self.outbox: list[Task] = []
        # What each CA can do, asked once and remembered as IOS does (scep.md 3.1).
        self._capabilities: dict[str, frozenset[str]] = {}
        self.on_report: Callable[[Report, datetime], None] = _ignore
        self._attempts_made = 0

    # -------------------------------------------------------------------- keys and trustpoints

    def set_key(self, key: KeyPair, now: datetime) -> None:
        """Take a key pair, in the place of one of the same label.

        An enrolment for the one replaced is given up: its certificate would fit no key.
        """
        for name, attempt in list(self.attempts.items()):
            if attempt.key_label == key.label:
                self.cancel(name, now)
        self.keys[key.label] = key

    def trustpoint(self, name: str) -> TrustpointState:
        """The trustpoint's certificates; empty when it holds none."""
        return self.trustpoints.get(name, TrustpointState())

    def authenticate(self, name: str, state: TrustpointState, now: datetime) -> None:
        """Take the CA and RA certificates that the operator accepted.

        An enrolment with another CA is given up: its certificate would not belong here.
        """
        if name in self.attempts and self.trustpoint(name).ca != state.ca:
            self.cancel(name, now)
        self.trustpoints[name] = state
        self._capabilities.clear()

    def keep_only(self, configured: frozenset[str], now: datetime) -> None:
        """Forget the certificates and enrolments of trustpoints that are configured no more."""
        for name in set(self.attempts) - configured:
            self.cancel(name, now)
        for name in set(self.trustpoints) - configured:
            del self.trustpoints[name]

    # ------------------------------------------------------------------------------- enrolments

    def enrol(
        self, settings: TrustpointSettings, *, fqdn: str, challenge_password: str, now: datetime
    ) -> Application:
        """Start an enrolment; the first request is in the outbox.

        KeyError when there is no such key pair, ValueError when the subject name is none.
        """
        application = make_application(
            base_url=self.wire.base_url(settings.enrollment_url),
            trustpoint=settings.name,
            key=self.keys[settings.key_label],
            fqdn=fqdn,
            subject_name=settings.subject_name,
            challenge_password=challenge_password,
            now=now,
        )
        self._attempts_made += 1
        machine = Enrolment(settings.retry_period, settings.retry_count)
        attempt = Attempt(self._attempts_made, application, machine, settings.key_label)
        self.attempts[settings.name] = attempt
        self._step(attempt, Event.START, now)
        return application

    def fire(self, name: str, now: datetime) -> None:
        """The trustpoint's timer is due: poll, or send the request again."""
        self._step(self.attempts[name], Event.TIMER, now)

    def cancel(self, name: str, now: datetime) -> None:
        """Give a running enrolment up."""
        self._step(self.attempts[name], Event.CANCEL, now)

    def finish(self, task: Task, outcome: Outcome, now: datetime) -> str:
        """Take what came of a task; what it came to, for people.

        An answer to an attempt that is over or was replaced changes nothing.
        """
        attempt = self.attempts.get(task.trustpoint)
        if attempt is None or attempt.number != task.number:
            return "too late"
        name = task.trustpoint
        match outcome:
            case Success(certificates):
                issued = own_certificate(certificates, self.keys[attempt.key_label])
                self.trustpoints[name] = replace(self.trustpoint(name), router=issued)
                return self._step(attempt, Event.SUCCESS, now)
            case Pending():
                if attempt.machine.state is State.SENT:
                    self.on_report(Report("pending", name, attempt.application.transaction_id), now)
                return self._step(attempt, Event.PENDING, now)
            case Failure(fail_info, text):
                why = f"{fail_info.rfc_name}: {printable(text)}" if text else fail_info.rfc_name
                return self._step(attempt, Event.FAILURE, now, why)
            case ExchangeFailed():
                self.on_report(Report("no-answer", name, str(outcome)), now)
                return self._step(attempt, Event.NO_ANSWER, now, str(outcome))

    def _step(self, attempt: Attempt, event: Event, now: datetime, why: str = "") -> str:
        machine, effect = step(attempt.machine, event, now)
        attempt = replace(attempt, machine=machine)
        name = attempt.application.trustpoint
        self.attempts[name] = attempt
        match effect:
            case Effect.SEND_REQUEST | Effect.SEND_POLL:
                send = send_request if effect is Effect.SEND_REQUEST else send_poll
                key = self.keys[attempt.key_label]
                client = Client(self.wire, self.trustpoint(name), self._capabilities, self.random_bytes)
                exchange = send(client, attempt.application, key)
                self.outbox.append(Task(name, attempt.number, exchange))
            case Effect.INSTALL:
                self.on_report(Report("issued", name), now)
            case Effect.REPORT_REFUSED:
                self.on_report(Report("refused", name, why), now)
            case Effect.REPORT_EXPIRED:
                self.on_report(Report("expired", name, str(machine.retry_count)), now)
            case Effect.REPORT_CANCELLED:
                self.on_report(Report("cancelled", name), now)
        if machine.is_over:
            del self.attempts[name]
        if event is Event.NO_ANSWER and not machine.is_over:
            return f"no answer: {why}"
        return f"{machine.state}: {why}" if why and machine.is_over else str(machine.state)

    def recover(self, now: datetime) -> None:
        """After a restart: what was on its way when the router went down got no answer."""
        for attempt in list(self.attempts.values()):
            self._attempts_made = max(self._attempts_made, attempt.number)
            if attempt.machine.wake_at is None:
                self._step(attempt, Event.NO_ANSWER, now, "the router was restarted")

    def timers(self) -> list[tuple[datetime, str, str]]:
        """The instants at which something is to happen: (when, trustpoint, what)."""
        return sorted(
            (attempt.machine.wake_at, name, self._timer_name(attempt))
            for name, attempt in self.attempts.items()
            if attempt.machine.wake_at is not None
        )

    @staticmethod
    def _timer_name(attempt: Attempt) -> str:
        machine = attempt.machine
        what = "poll" if machine.state is State.PENDING else "request again,"
        number, count = machine.retries + 1, machine.retry_count
        return f"enrolment {attempt.application.trustpoint}: {what} {number} of {count}"
