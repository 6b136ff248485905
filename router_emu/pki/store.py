"""All that the router's PKI holds, and the enrolments that run: one object, one owner.

Nothing here waits.  ``enrol`` and ``fire`` put a ``Task`` into the outbox; whoever owns the router
takes it, carries its exchange over the network, and brings the outcome to its ``finish``.

Each key has an enrolment of its own, under its ``slot``: that is the trustpoint's name, for special-usage
keys with the purpose behind it.  A request that goes by cut and paste is an enrolment too: it is
PENDING until the certificate is imported, and polls nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from router_emu.pki.attempts import Attempt, CertificateRefused, Outcome, Report, Task, title_of
from router_emu.pki.keys import Algorithm, KeyPair, KeyRing, OwnKey, Purpose
from router_emu.pki.login_keys import LoginKeys
from router_emu.pki.peers.crl_cache import CrlCache
from router_emu.pki.pool import keeper
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.request import (
    Application,
    Client,
    check_issued,
    make_application,
    own_certificate,
    send_poll,
    send_request,
    slot_of,
)
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.pki.upkeep import Upkeep
from router_emu.pki.wire import NOT_BELIEVED, ExchangeFailed, WireProfile, printable
from scep_core.algorithms import RandomBytes
from scep_core.certificates import Certificate
from scep_core.enrolment import Effect, Enrolment, Event, State, step
from scep_core.messages import Failure, Pending, Success


def _ignore(_report: Report, _now: datetime) -> None:
    pass


class Pki:
    """The router's keys, trustpoints and running enrolments.  ``on_report`` is told what becomes of them.

    ``settings`` is what is configured; ``upkeep`` is what is done unasked; ``pool`` is the trust pool.
    """

    def __init__(self, wire: WireProfile, random_bytes: RandomBytes, pool: PoolKeeper | None = None) -> None:
        self.wire = wire
        self.random_bytes = random_bytes
        self.keys = KeyRing()
        self.login_keys = LoginKeys()
        self.crls = CrlCache()
        self.settings: Mapping[str, TrustpointSettings] = {}
        self.trustpoints: dict[str, TrustpointState] = {}
        self.attempts: dict[str, Attempt] = {}
        self.outbox: list[Task[Any]] = []
        self.upkeep = Upkeep(self)
        self.pool = pool or PoolKeeper()
        # What each CA can do, asked once and remembered as IOS does (scep.md 3.1).
        self._capabilities: dict[str, frozenset[str]] = {}
        self.on_report: Callable[[Report, datetime], None] = _ignore
        self._attempts_made = 0

    # -------------------------------------------------------------------- keys and trustpoints

    def set_keys(self, *keys: OwnKey, now: datetime) -> None:
        """Take a label's key, or its two, in the place of what went by it.

        An enrolment for the one replaced is given up: its certificate would fit no key.
        """
        self._give_up(keys[0].algorithm, keys[0].label, now)
        self.keys.put(*keys)

    def zeroize(self, algorithm: Algorithm, label: str, now: datetime) -> None:
        """Forget a label's keys, and give up the enrolments for them: nothing could open their answers.

        Certificates stay until they are cleared, as IOS has it [U]; that XR is alike is ours.
        """
        self._give_up(algorithm, label, now)
        self.keys.remove(algorithm, label)

    def _give_up(self, algorithm: Algorithm, label: str, now: datetime) -> None:
        for attempt in list(self.attempts.values()):
            if algorithm is Algorithm.RSA and attempt.key_label == label:
                self._step(attempt, Event.CANCEL, now)

    def trustpoint(self, name: str) -> TrustpointState:
        """The trustpoint's certificates; empty when it holds none."""
        return self.trustpoints.get(name, TrustpointState())

    def configure(self, settings: Mapping[str, TrustpointSettings], now: datetime) -> None:
        """Follow what is configured: forget certificates and enrolments of trustpoints that are no more."""
        for name in {attempt.application.trustpoint for attempt in self.attempts.values()} - settings.keys():
            self.cancel(name, now)
        for name in self.trustpoints.keys() - settings.keys():
            self.clear(name, now)
        self.settings = settings

    def authenticate(self, name: str, state: TrustpointState, now: datetime) -> None:
        """Take the CA and RA certificates that the operator accepted.

        If it is another than before, enrolments are given up, since their certificates would not belong here,
        and the next CA is forgotten.
        """
        if self.trustpoint(name).ca != state.ca:
            self.cancel(name, now)
            self.upkeep.forget(name)
            state = replace(state, next=None)
        self.trustpoints[name] = state
        self._capabilities.clear()

    def clear(self, name: str, now: datetime) -> None:
        """Forget a trustpoint's certificates, and give up what was asked of their CA."""
        self.cancel(name, now)
        self.trustpoints.pop(name, None)
        self.upkeep.forget(name)

    # ------------------------------------------------------------------------------- enrolments

    def attempts_of(self, name: str) -> tuple[Attempt, ...]:
        """The trustpoint's running enrolments: none, one, or one for each special-usage key."""
        return tuple(each for each in self.attempts.values() if each.application.trustpoint == name)

    def enrol(
        self, settings: TrustpointSettings, *, challenge_password: str, now: datetime
    ) -> tuple[Application, ...]:
        """Start an enrolment for each of the keys, in the place of one that has reached no CA.

        The first requests are in the outbox, unless they go by cut and paste.  KeyError when there is no such
        key, ValueError when a configured name is none; then nothing has been started.
        """
        base_url = "" if settings.terminal else self.wire.base_url(settings.enrollment_url)
        applications = tuple(
            make_application(settings, key, base_url=base_url, challenge_password=challenge_password, now=now)
            for key in self.keys.for_enrolment(settings.key_label)
        )
        self._give_way(settings.name, now)
        for application in applications:
            self.start(application, settings, now)
        return applications

    def start(self, application: Application, settings: TrustpointSettings, now: datetime) -> None:
        """Start one enrolment; its first request is in the outbox, unless it goes by cut and paste."""
        self._attempts_made += 1
        machine = Enrolment(settings.retry_period, settings.retry_count)
        attempt = Attempt(self._attempts_made, application, machine, settings.key_label)
        if application.by_hand:
            self.attempts[application.slot] = replace(attempt, machine=replace(machine, state=State.PENDING))
            self._report_attempt("by-hand", attempt, now)
        else:
            self._step(attempt, Event.START, now)

    def cancel(self, name: str, now: datetime) -> bool:
        """Give a trustpoint's running enrolments up; whether there were any."""
        running = self.attempts_of(name)
        for attempt in running:
            self._step(attempt, Event.CANCEL, now)
        return self.upkeep.stop_asking(name, now) or bool(running)

    def _give_way(self, name: str, now: datetime) -> None:
        """Others come in the place of a trustpoint's enrolments; of those by hand nobody needs to be told."""
        for attempt in self.attempts_of(name):
            if attempt.application.by_hand:
                del self.attempts[attempt.application.slot]
        self.cancel(name, now)

    def give_up_next(self, name: str, now: datetime) -> None:
        """Give up what was asked of a trustpoint's next CA: it is another one now."""
        for attempt in self.attempts_of(name):
            if attempt.application.to_next_ca:
                self._step(attempt, Event.CANCEL, now)

    def follow_takeover(self, name: str, now: datetime) -> None:
        """A trustpoint's next CA is the one of now: what was asked of it goes on, the rest is given up."""
        for attempt in self.attempts_of(name):
            if attempt.application.to_next_ca:
                application = replace(attempt.application, to_next_ca=False)
                self.attempts[application.slot] = replace(attempt, application=application)
            else:
                self._step(attempt, Event.CANCEL, now)

    def install(
        self, settings: TrustpointSettings, pasted: Sequence[Certificate], now: datetime
    ) -> Certificate:
        """Take the certificate for one of the trustpoint's keys among those pasted; CertificateRefused."""
        state, name = self.trustpoint(settings.name), settings.name
        for key in self.keys.for_enrolment(settings.key_label):
            certificate = own_certificate(pasted, key)
            if certificate is not None:
                break
        else:
            raise CertificateRefused(f"it is for none of the keys of {settings.key_label}")
        try:
            check_issued(certificate, state, now)
        except ValueError as error:
            raise CertificateRefused(str(error)) from error
        attempt = self.attempts.get(slot_of(name, key.purpose))
        self._hold(name, key.purpose, certificate)
        if attempt is None or not attempt.application.by_hand:
            self.report("issued", title_of(name, key.purpose), now)
        else:
            self._step(attempt, Event.SUCCESS, now)
        return certificate

    def hold_own(self, name: str, purpose: Purpose, certificate: Certificate, now: datetime) -> None:
        """Hold a certificate that the router made for itself; what was asked of a CA is given up."""
        self._give_way(name, now)
        self._hold(name, purpose, certificate)

    def _hold(self, name: str, purpose: Purpose, certificate: Certificate) -> None:
        held = self.trustpoint(name)
        self.trustpoints[name] = replace(held, own=held.holding(purpose, certificate))
        self.upkeep.next_tries.pop(slot_of(name, purpose), None)

    def _hold_shadow(self, name: str, purpose: Purpose, certificate: Certificate) -> None:
        held = self.trustpoint(name)
        assert held.next is not None  # an enrolment with it is given up when it is forgotten
        coming = replace(held.next, own=held.next.holding(purpose, certificate))
        self.trustpoints[name] = replace(held, next=coming)

    def _finish(self, slot: str, number: int, outcome: Outcome, now: datetime) -> str:
        """Take what came of an attempt's exchange; what it came to, for people.

        An answer to an attempt that is over or was replaced changes nothing.
        """
        attempt = self.attempts.get(slot)
        if attempt is None or attempt.number != number:
            return "too late"
        application, outcome = attempt.application, self._checked(attempt, outcome, now)
        match outcome:
            case Success(certificates):
                issued = own_certificate(certificates, self._key(attempt))
                assert issued is not None  # as _transact has seen
                hold = self._hold_shadow if application.to_next_ca else self._hold
                hold(application.trustpoint, application.purpose, issued)
                return self._step(attempt, Event.SUCCESS, now)
            case Pending():
                if attempt.machine.state is State.SENT:
                    self._report_attempt("pending", attempt, now)
                return self._step(replace(attempt, told=""), Event.PENDING, now)
            case Failure(fail_info, text):
                why = f"{fail_info.rfc_name}: {printable(text)}" if text else fail_info.rfc_name
                return self._step(attempt, Event.FAILURE, now, why)
            case ExchangeFailed():
                attempt = self._tell_why(attempt, outcome, now)
                return self._step(attempt, Event.NO_ANSWER, now, str(outcome))

    def _checked(self, attempt: Attempt, outcome: Outcome, now: datetime) -> Outcome:
        """The outcome, unless it is a certificate that cannot serve: of the next CA, when that takes over."""
        if isinstance(outcome, Success):
            application, held = attempt.application, self.trustpoint(attempt.application.trustpoint)
            at = max(now, held.ca.not_after) if application.to_next_ca and held.ca else now
            issued = own_certificate(outcome.certificates, self._key(attempt))
            assert issued is not None  # as _transact has seen
            try:
                check_issued(issued, self._partner(application), at)
            except ValueError as error:
                return ExchangeFailed(f"the certificate in it is refused: {error}", NOT_BELIEVED)
        return outcome

    def _step(self, attempt: Attempt, event: Event, now: datetime, why: str = "") -> str:
        machine, effect = step(attempt.machine, event, now)
        was_pending, renews = attempt.machine.state is State.PENDING, attempt.application.renews
        attempt = replace(attempt, machine=machine)
        slot = attempt.application.slot
        self.attempts[slot] = attempt
        match effect:
            case Effect.SEND_REQUEST | Effect.SEND_POLL:
                send = send_request if effect is Effect.SEND_REQUEST else send_poll
                client = Client(
                    self.wire, self._partner(attempt.application), self._capabilities, self.random_bytes
                )
                exchange = send(client, attempt.application, self._key(attempt))
                self.outbox.append(Task(slot, exchange, partial(self._finish, slot, attempt.number)))
            case Effect.INSTALL:
                self._report_attempt(
                    "shadow-issued" if attempt.application.to_next_ca else "issued", attempt, now
                )
            case Effect.REPORT_REFUSED:
                self._report_attempt("refused", attempt, now, why)
            case Effect.REPORT_EXPIRED:
                what = "renewal-expired" if renews else "expired" if was_pending else "unanswered"
                self._report_attempt(what, attempt, now, str(machine.retry_count))
            case Effect.REPORT_CANCELLED:
                self._report_attempt("cancelled", attempt, now)
        if machine.is_over:
            del self.attempts[slot]
            if renews:
                self.upkeep.after(slot, machine.state, now)
        if event is Event.NO_ANSWER and not machine.is_over:
            return f"no answer: {why}"
        return f"{machine.state}: {why}" if why and machine.is_over else str(machine.state)

    def _partner(self, application: Application) -> TrustpointState:
        """The CA that the application is for: the trustpoint's own, or its next one."""
        state = self.trustpoint(application.trustpoint)
        return (state.next or TrustpointState()) if application.to_next_ca else state

    def _key(self, attempt: Attempt) -> KeyPair:
        keys = self.keys.for_enrolment(attempt.key_label)
        return next(key for key in keys if key.purpose is attempt.application.purpose)

    def _tell_why(self, attempt: Attempt, failed: ExchangeFailed, now: datetime) -> Attempt:
        if str(failed) != attempt.told:
            self._report_attempt(failed.what, attempt, now, str(failed))
        return replace(attempt, told=str(failed))

    def _report_attempt(self, what: str, attempt: Attempt, now: datetime, details: str = "") -> None:
        title = title_of(attempt.application.trustpoint, attempt.application.purpose)
        self.report(what, title, now, details)

    def report(self, what: str, title: str, now: datetime, details: str = "") -> None:
        """Tell whoever listens; ``Report`` says what there is to tell."""
        self.on_report(Report(what, title, details), now)

    # ------------------------------------------------------------------------- timers, renewals

    def fire(self, slot: str, now: datetime) -> str | None:
        """A slot's timer is due: poll, request again, upkeep; what it came to if nothing is sent."""
        if slot == keeper.SLOT:
            return self._refresh_pool(now)
        attempt = self.attempts.get(slot)
        if attempt is None:
            return self.upkeep.fire(slot, now)
        self._step(attempt, Event.TIMER, now)
        return None

    def _refresh_pool(self, now: datetime) -> str | None:
        job = self.pool.fire(now)
        if isinstance(job, str):
            return job
        self.outbox.append(Task(keeper.SLOT, job, partial(self.pool.finish, job)))
        return None

    def recover(self, now: datetime) -> None:
        """After a restart: what was on its way when the router went down got no answer.

        A request that has to be sent again and had a challenge password is given up.
        """
        for attempt in list(self.attempts.values()):
            self._attempts_made = max(self._attempts_made, attempt.number)
            if attempt.application.request is None and attempt.machine.state is not State.PENDING:
                self._report_attempt("forgotten", attempt, now)
                self._step(attempt, Event.CANCEL, now)
            elif attempt.machine.wake_at is None and not attempt.application.by_hand:
                self._step(attempt, Event.NO_ANSWER, now, "the router was restarted")
        self.pool.recover(now)

    def timers(self) -> list[tuple[datetime, str, str]]:
        """The instants at which something is to happen: (when, slot, what)."""
        waiting = [
            (attempt.machine.wake_at, slot, self._timer_name(slot, attempt.machine))
            for slot, attempt in self.attempts.items()
            if attempt.machine.wake_at is not None
        ]
        return sorted([*waiting, *self.upkeep.timers(), *self.pool.timers()])

    @staticmethod
    def _timer_name(slot: str, machine: Enrolment) -> str:
        what = "poll" if machine.state is State.PENDING else "request again,"
        return f"enrolment {slot}: {what} {machine.retries + 1} of {machine.retry_count}"
