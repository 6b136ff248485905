"""What the router does with its certificates by itself: it renews them, and takes the next CA over.

Beside the values (``renewal``, ``rollover``) here is what is remembered between two timers: when a slot may
try again, which slots are asking for the next CA, and whose end was told of (``expiry``).  Enrolments are
started through whoever runs them.

A certificate that ends with its CA is renewed in three steps.  On its timer the next CA is asked for; when it
is held, a certificate of it is asked for, signed with the one that is there; at the end of the CA both take
over.  Each step but the last is tried again by the rule of ``renewal``, and nothing of it changes what
serves.  If no certificate came in time the CA takes over alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from router_emu import dates
from router_emu.pki.attempts import Attempt, Task, title_of
from router_emu.pki.expiry import Expiries
from router_emu.pki.keys import KeyRing
from router_emu.pki.renewal import Renewal, renewals
from router_emu.pki.request import Application, slot_of
from router_emu.pki.rollover import NextCa, get_next_ca
from router_emu.pki.trustpoint import TrustpointSettings, TrustpointState
from router_emu.pki.wire import Exchange, ExchangeFailed, WireProfile
from scep_core.enrolment import State

# Behind a trustpoint's name, these are the slots of its takeover and of the end of what it holds: no purpose
# of a key is called so.
_TAKEOVER, _EXPIRY = "rollover", "expiry"


class Enroller(Protocol):
    """Whoever holds the router's certificates and runs its enrolments."""

    wire: WireProfile
    keys: KeyRing
    settings: Mapping[str, TrustpointSettings]
    trustpoints: dict[str, TrustpointState]
    attempts: dict[str, Attempt]
    outbox: list[Task[Any]]

    def start(self, application: Application, settings: TrustpointSettings, now: datetime) -> None:
        """Start an enrolment."""

    def give_up_next(self, name: str, now: datetime) -> None:
        """Give up what was asked of a trustpoint's next CA."""

    def follow_takeover(self, name: str, now: datetime) -> None:
        """Settle the enrolments of a trustpoint that has another CA now."""

    def report(self, what: str, title: str, now: datetime, details: str = "") -> None:
        """Tell the operator."""


class Upkeep:
    """Renewals and rollovers of one router; ``next_tries`` is when a slot that failed may try again."""

    def __init__(self, enroller: Enroller) -> None:
        self._enroller = enroller
        self.expiries = Expiries()
        self.next_tries: dict[str, datetime] = {}
        self._asking: dict[str, Exchange[NextCa]] = {}
        self._told: set[str] = set()

    # ------------------------------------------------------------------------------------------- timers

    def timers(self) -> Iterator[tuple[datetime, str, str]]:
        """The instants at which something is to happen: (when, slot, what)."""
        for slot, wanted in self._wanted().items():
            due = max(wanted.due, self.next_tries.get(slot, wanted.due))
            if due <= wanted.end:
                yield due, slot, f"renewal {slot}"
        for name, state in self._enroller.trustpoints.items():
            if state.ca and state.next:
                yield state.ca.not_after, f"{name} {_TAKEOVER}", f"rollover {name}"
            end = self.expiries.due(name, state)
            if end is not None:
                yield end, f"{name} {_EXPIRY}", f"expiry {name}"

    def fire(self, slot: str, now: datetime) -> str | None:
        """A slot's timer is due; what it came to if nothing is sent."""
        name, _, what = slot.partition(" ")
        if what == _TAKEOVER:
            return self._take_over(name, now)
        if what == _EXPIRY:
            return self._tell_ends(name, now)
        wanted = self._wanted().get(slot)
        return self._renew(wanted, now) if wanted else "nothing to renew any more"

    def _wanted(self) -> dict[str, Renewal]:
        """The certificates that are to be renewed, by slot, but those that are being renewed."""
        busy = self._enroller.attempts.keys() | self._asking.keys()
        wanted = renewals(self._enroller.settings, self._enroller.trustpoints)
        return {each.slot: each for each in wanted if each.slot not in busy}

    # ----------------------------------------------------------------------------------------- renewals

    def _renew(self, wanted: Renewal, now: datetime, *, asked: bool = False) -> str | None:
        """Ask for another certificate; the one that is there serves until it has come.

        The next CA is asked for only if there is something to ask it then, and anew after a try that failed:
        its certificate may have been replaced.  ``asked`` says that this has just been done.
        """
        settings, title = wanted.settings, title_of(wanted.settings.name, wanted.purpose)
        try:
            base_url = self._enroller.wire.base_url(settings.enrollment_url)
            application = wanted.apply(self._enroller.keys, base_url, now)
        except ValueError as error:
            self._enroller.report("not-renewed", title, now, str(error))
            self._later(wanted, now)
            return f"not renewed: {error}"
        state = self._enroller.trustpoints[settings.name]
        if wanted.rolls_over and not asked and (state.next is None or wanted.slot in self.next_tries):
            exchange = get_next_ca(self._enroller.wire, base_url, settings.name, state, settings.digest)
            self._asking[wanted.slot] = exchange
            finish = partial(self._finish, wanted.slot, exchange)
            self._enroller.outbox.append(Task(wanted.slot, exchange, finish))
            return None
        self._enroller.report("rolling" if wanted.rolls_over else "renewing", title, now)
        self._enroller.start(application, settings, now)
        return None

    def after(self, slot: str, state: State, now: datetime) -> None:
        """A renewal is over.  Some CAs answer with the very certificate that was to be renewed: no hurry."""
        wanted = self._wanted().get(slot)
        if wanted is not None and (state is not State.ISSUED or wanted.due <= now):
            self._later(wanted, now)
            again = self.next_tries[slot]
            if state in (State.REFUSED, State.EXPIRED) and again <= wanted.end:
                title = title_of(wanted.settings.name, wanted.purpose)
                self._enroller.report("renewal-later", title, now, dates.long(again))

    def _later(self, wanted: Renewal, now: datetime) -> None:
        self.next_tries[wanted.slot] = wanted.next_try(now)

    def forget(self, name: str) -> None:
        """The trustpoint has other certificates now, or none: what was to come of these is of no use."""
        for slot in [each for each in self.next_tries if each.partition(" ")[0] == name]:
            del self.next_tries[slot]
        for slot in [each for each in self._asking if each.partition(" ")[0] == name]:
            del self._asking[slot]
        self._told.discard(name)
        self.expiries.forget(name)

    def stop_asking(self, name: str, now: datetime) -> bool:
        """Give up asking for a trustpoint's next CA until the next try; whether anybody was asking."""
        asking = [each for each in self._asking if each.partition(" ")[0] == name]
        for slot in asking:
            del self._asking[slot]
            self._later(self._wanted()[slot], now)
        return bool(asking)

    def _tell_ends(self, name: str, now: datetime) -> str:
        ended = self.expiries.tell(name, self._enroller.trustpoints[name], now)
        for each in ended:
            self._enroller.report(each.what, each.trustpoint, now)
        return "expired" if ended else "nothing has expired"

    # ----------------------------------------------------------------------------------------- rollover

    def _finish(
        self, slot: str, asked: Exchange[NextCa], outcome: NextCa | ExchangeFailed, now: datetime
    ) -> str:
        """Take what came of asking for the next CA, and go on; what it came to, for people."""
        if self._asking.get(slot) is not asked:
            return "too late"
        del self._asking[slot]
        wanted = self._wanted().get(slot)
        if wanted is None or not wanted.rolls_over:
            return "too late"
        name, title = wanted.settings.name, title_of(wanted.settings.name, wanted.purpose)
        held = self._enroller.trustpoints[name]
        match outcome:
            case NextCa(TrustpointState() as found):
                if held.next is None or held.next.ca != found.ca:
                    self._enroller.give_up_next(name, now)
                    self._enroller.trustpoints[name] = replace(held, next=found)
                    self._enroller.report("next-ca", name, now, dates.long(wanted.end))
                return self._renew(wanted, now, asked=True) or "the next CA is held"
            case _ if held.next is not None:  # announced no more, or not to be had just now: it still stands
                return self._renew(wanted, now, asked=True) or "the next CA is held"
            case ExchangeFailed():
                self._enroller.report(outcome.what, title, now, str(outcome))
                came_to = f"no answer: {outcome}"
            case _:
                if name not in self._told:
                    self._enroller.report("no-next-ca", name, now)
                    self._told.add(name)
                came_to = "no next CA yet"
        self._later(wanted, now)
        return came_to

    def _take_over(self, name: str, now: datetime) -> str:
        """The CA has ended: the next one is current, with the certificates that it has issued."""
        state = self._enroller.trustpoints[name]
        if state.next is None:
            return "no next CA any more"
        self._enroller.trustpoints[name] = replace(state.next, own=state.shadows)
        self.forget(name)
        self._enroller.report("rolled-over", name, now)
        self._enroller.follow_takeover(name, now)
        bare = [
            title_of(name, purpose)
            for purpose in state.own.keys() - state.shadows.keys()
            if slot_of(name, purpose) not in self._enroller.attempts
        ]
        for title in sorted(bare):
            self._enroller.report("no-shadow", title, now)
        return "the next CA has taken over" + (", without a certificate" if bare else "")
