"""The trust pool of one router at work: what it holds, its policy, and its refresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from router_emu.pki.peers.paths import named
from router_emu.pki.pool import store
from router_emu.pki.pool.bundle import Bundle, BundleRefused, reading
from router_emu.pki.pool.refresh import TRIES_A_LINE, Effect, Event, Machine, State, step
from router_emu.pki.pool.store import BrokenPool, Json, TrustPool
from router_emu.pki.snapshot_keys import read_instant
from router_emu.pki.wire import NOT_SENT, Exchange, ExchangeFailed, printable, without_password
from scep_core.certificates import Certificate

# The slot of the pool's timer: no trustpoint's name begins with a space.
SLOT = " trustpool"
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class PoolPolicy:
    """What ``crypto ca trustpool policy`` says.  An empty ``cabundle_url`` is none; ``vrf`` has no effect."""

    cabundle_url: str = ""
    crl_optional: bool = False
    description: str = ""
    vrf: str = ""


@dataclass(frozen=True)
class PoolReport:
    """What the operator should know of the pool; ``what`` is one of:

    ``imported``: a bundle from ``source`` with ``count`` certificates was taken; ``details`` is its signer;
    ``refreshed``: the same by the pool's own timer;
    ``unsigned``: nobody has signed that bundle;
    ``cleaned``: what was downloaded, ``count`` certificates, is removed;
    ``not-imported``: an import from ``source`` has failed; ``details`` says why;
    ``refresh-failed``: nothing usable came from ``source``; ``details`` says why;
    ``still-failing``: the same beyond the end, for the last ``count`` tries;
    ``unattended``: ``subject`` ends at ``end``, and there is no ``cabundle url``;
    ``ended``: the same, and the end is past;
    ``broken``: what was stored could not be read; ``details`` says why.
    """

    what: str
    source: str = ""
    details: str = ""
    count: int = 0
    subject: str = ""
    end: datetime | None = None


def _ignore(_report: PoolReport, _now: datetime) -> None:
    pass


def _no_network(_url: str, _now: datetime) -> Exchange[bytes]:
    yield from ()
    raise ExchangeFailed("this router has no network", NOT_SENT)


class PoolKeeper:
    """The pool, its policy and its refresh.  ``on_report`` is told what becomes of them.

    ``fetch`` makes the exchange that downloads a URL, at an instant by which an https server is judged.  With
    ``refuses_unsigned`` a bundle needs a signature.
    """

    def __init__(self, built_in: Sequence[Certificate] = (), *, refuses_unsigned: bool = False) -> None:
        self.pool = TrustPool(tuple(built_in))
        self.policy = PoolPolicy()
        self.machine = Machine()
        self.refuses_unsigned = refuses_unsigned
        self.router = ""  # whose pool this is
        self.fetch: Callable[[str, datetime], Exchange[bytes]] = _no_network
        self.on_report: Callable[[PoolReport, datetime], None] = _ignore
        self._running: Exchange[Bundle | BundleRefused] | None = None
        self._broken = ""

    # ------------------------------------------------------------------------- by hand, by configuration

    def configure(self, policy: PoolPolicy, now: datetime) -> None:
        """Follow what is configured."""
        changed = policy.cabundle_url != self.policy.cabundle_url
        self.policy = policy
        if changed:
            self._step(Event.URL_SET if policy.cabundle_url else Event.URL_REMOVED, now)

    def read(self, data: bytes, now: datetime) -> Exchange[Bundle | BundleRefused]:
        """What this pool would take of ``data``; see ``bundle.reading``."""
        bundle = yield from reading(data, self.pool.built_in, now)
        if isinstance(bundle, Bundle) and bundle.signer is None and self.refuses_unsigned:
            return BundleRefused("nobody has signed it")
        return bundle

    def install(self, bundle: Bundle, source: str, now: datetime) -> None:
        """Take a bundle that was ``read`` in the place of all that was downloaded."""
        self._install(bundle, source, now, Event.REPLACED)

    def not_imported(self, source: str, why: str, now: datetime) -> None:
        """An import by hand came to nothing: tell whoever did not see it."""
        source = printable(without_password(source))
        self._report(PoolReport("not-imported", source, printable(why)), now)

    def clean(self, now: datetime) -> int:
        """Remove what was downloaded; how many certificates that were."""
        count = len(self.pool.downloaded)
        self.pool = self.pool.cleaned()
        self._step(Event.REPLACED, now)
        self._report(PoolReport("cleaned", count=count), now)
        return count

    def _install(self, bundle: Bundle, source: str, now: datetime, event: Event) -> None:
        source, count = printable(without_password(source)), len(bundle.certificates)
        self.pool = self.pool.with_bundle(bundle, source, now)
        self._step(event, now)
        what = "refreshed" if event is Event.DOWNLOADED else "imported"
        signer = "" if bundle.signer is None else named(bundle.signer)
        self._report(PoolReport(what, source, signer, count), now)
        if bundle.signer is None:
            self._report(PoolReport("unsigned", source), now)

    # ------------------------------------------------------------------------------------- by itself

    def ending(self) -> Certificate | None:
        """The certificate whose end the schedule counts to; None when it is none of the pool's."""
        return next((each for each in self.pool.active if each.not_after == self.machine.end), None)

    def timers(self) -> Iterator[tuple[datetime, str, str]]:
        """The instant at which something is to happen: (when, slot, what)."""
        if self.machine.wake_at is not None:
            yield self.machine.wake_at, SLOT, self.next_event

    @property
    def next_event(self) -> str:
        """What the timer is for, for people; empty when there is none."""
        machine = self.machine
        if machine.wake_at is None or machine.end is None:
            return ""
        what = "warning" if machine.state is State.UNATTENDED else "refresh"
        return f"trustpool {what}: {_distance(machine.wake_at, machine.end)} the end of {self._ending_name()}"

    def _ending_name(self) -> str:
        ending = self.ending()
        return named(ending) if ending else "what was held"

    def fire(self, now: datetime) -> Exchange[Bundle | BundleRefused] | str:
        """The timer is due: the exchange whose outcome goes to ``finish``, or what it came to."""
        if self.machine.wake_at is None:
            return "nothing to refresh any more"
        if self._step(Event.TIMER, now) is Effect.WARN:
            return "nobody refreshes it: no cabundle url"
        self._running = self._download(self.fetch(self.policy.cabundle_url, now), now)
        return self._running

    def _download(self, fetching: Exchange[bytes], now: datetime) -> Exchange[Bundle | BundleRefused]:
        return (yield from self.read((yield from fetching), now))

    def finish(
        self,
        exchange: Exchange[Bundle | BundleRefused],
        outcome: Bundle | BundleRefused | ExchangeFailed,
        now: datetime,
    ) -> str:
        """Take what came of ``exchange``; what it came to, for people."""
        if exchange is not self._running:
            return "dropped: the pool or its policy was changed meanwhile"
        if not isinstance(outcome, Bundle):
            return self._failed(str(outcome), now)
        self._install(outcome, self.policy.cabundle_url, now, Event.DOWNLOADED)
        count = len(outcome.certificates)
        return f"refreshed: {count} CA certificate{'s' if count > 1 else ''}"

    def _failed(self, why: str, now: datetime) -> str:
        if self._step(Event.FAILED, now) is Effect.REPORT_FAILED:
            source = printable(without_password(self.policy.cabundle_url))
            report = PoolReport("refresh-failed", source, why)
            if self.machine.late > 1:
                report = replace(report, what="still-failing", count=TRIES_A_LINE)
            self._report(report, now)
        return f"not refreshed: {why}"

    # ------------------------------------------------------------------------------------ restarts

    def dump(self) -> Json:
        """Everything that has to outlast a restart, as JSON values."""
        machine = self.machine
        refresh = {
            "state": str(machine.state),
            "end": machine.end.isoformat() if machine.end else None,
            "wake_at": machine.wake_at.isoformat() if machine.wake_at else None,
            "failures": machine.failures,
            "late": machine.late,
        }
        url = self.policy.cabundle_url
        about = {"router": self.router, "cabundle_url": url, "refresh": refresh}
        return store.seal(store.dump(self.pool) | about)

    def load(self, stored: Any) -> None:
        """Put what ``dump`` made into a fresh keeper; BrokenPool, and nothing is taken, if it is none."""
        values = store.unseal(stored, self.router)
        pool = store.load(self.pool.built_in, values)
        try:
            url, refresh = str(values["cabundle_url"]), values["refresh"]
            machine = Machine(
                State(refresh["state"]),
                read_instant(refresh["end"]) if refresh["end"] else None,
                read_instant(refresh["wake_at"]) if refresh["wake_at"] else None,
                int(refresh["failures"]),
                int(refresh.get("late", 0)),  # was not there at first
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenPool(f"the stored trust pool cannot be read: {error}") from error
        self.pool, self.machine = pool, machine
        self.policy = PoolPolicy(cabundle_url=url)

    def lost(self, why: str) -> None:
        """What was stored cannot be read.  The built-in ones serve, and ``recover`` tells the operator."""
        self._broken = why

    def recover(self, now: datetime) -> None:
        """At each start, when the configuration is known, and before the timers are looked at.

        After a broken store the schedule is at its end: a bundle is fetched now.  Without a URL the operator,
        who is told, has to import one.
        """
        if self._broken:
            self._report(PoolReport("broken", details=self._broken), now)
            self._broken = ""
            if self.policy.cabundle_url:
                self.machine = replace(self.machine, end=now, wake_at=now)
        self._step(Event.STARTED, now)

    # -------------------------------------------------------------------------------------- common

    def _step(self, event: Event, now: datetime) -> Effect | None:
        earliest = self.pool.earliest_end(now)
        self.machine, effect = step(self.machine, event, now, earliest.not_after if earliest else None)
        if self.machine.state is not State.FETCHING:
            self._running = None
        if effect is Effect.WARN:
            end = self.machine.end
            what = "ended" if end is not None and end < now else "unattended"
            self._report(PoolReport(what, subject=self._ending_name(), end=end), now)
        return effect

    def _report(self, report: PoolReport, now: datetime) -> None:
        self.on_report(report, now)


def _distance(instant: datetime, end: datetime) -> str:
    """``20 days before``, ``1 hour after``, ``at``."""
    away = abs(end - instant)
    number, unit = (away.days, "day") if away >= _DAY else (away // _HOUR, "hour")
    if not number:
        return "at"
    return f"{number} {unit}{'s' if number > 1 else ''} {'before' if instant < end else 'after'}"
