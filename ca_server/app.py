"""The CA put together: two WSGI applications over one authority, one store, one clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask import Flask

from ca_server.api.app import create_console_app
from ca_server.api.auth import Operator
from ca_server.api.route import Desks
from ca_server.domain.approval import ApprovalDesk, Issuer
from ca_server.domain.authority import Authorities, Authority
from ca_server.domain.challenges import ChallengeDesk, Hasher
from ca_server.domain.crl_desk import CrlSettings
from ca_server.domain.enrolment import Enrolment
from ca_server.domain.ledger import Store
from ca_server.domain.places import Places
from ca_server.domain.profiles import Profiles
from ca_server.domain.requests import State
from ca_server.domain.revocation import RevocationDesk
from ca_server.domain.rollover import AuthorityKeeper, CaDesk
from ca_server.domain.service import ScepService
from ca_server.domain.tokens import TokenDesk
from ca_server.faults import CATALOGUE, INSTEAD, exposed_at
from ca_server.index import create_index
from ca_server.ndes_admin import NdesAdminSettings, create_ndes_admin
from ca_server.publication import create_publication
from ca_server.web import create_scep_app
from sceplab.clock import Clock
from sceplab.fault_http import FaultyHttp, make_faulty
from sceplab.faults import FaultBox
from sceplab.journal import Journal
from sceplab.journal_flask import changes, write_journal
from sceplab.management import Fired, Timer


@dataclass(frozen=True)
class Parts:
    """What a CA is put together from.

    ``random_bytes`` returns as many as it is asked for.  ``console_hosts`` are the DNS names, in lower case,
    under which browsers reach the console, besides addresses and names without a dot.
    """

    keeper: AuthorityKeeper
    store: Store
    hasher: Hasher = field(repr=False)
    operator: Operator
    clock: Clock
    random_bytes: Callable[[int], bytes]
    profiles: Profiles = field(default_factory=Profiles)
    places: Places = Places()
    journal: Journal | None = None
    faults: FaultBox | None = None
    crls: CrlSettings = CrlSettings()
    ndes: NdesAdminSettings = NdesAdminSettings()
    console_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Apps:
    """What to serve: ``scep`` for clients, ``console`` for operators.

    ``service`` and ``desks`` are what these stand on.  ``slow`` is to be closed when ``scep`` is served no
    more: it may still be at an answer.
    """

    scep: Flask
    console: Flask
    slow: FaultyHttp
    service: ScepService
    desks: Desks


def create_apps(parts: Parts) -> Apps:
    """Build the CA's applications."""
    authorities, store, random_bytes = parts.keeper.succession, parts.store, parts.random_bytes
    journal = parts.journal or Journal(ManagedCa.name, parts.clock)
    faults = parts.faults or FaultBox(CATALOGUE)
    issuer = Issuer(authorities, parts.places, random_bytes)
    revocation = RevocationDesk(store, authorities, parts.hasher, parts.crls)
    desks = Desks(
        approval=ApprovalDesk(store, issuer, parts.profiles, parts.hasher),
        revocation=revocation,
        challenges=ChallengeDesk(store, parts.hasher, random_bytes),
        ca=CaDesk(store, parts.keeper),
        tokens=TokenDesk(store, parts.hasher, random_bytes),
        audit=store.audit,
        profiles=parts.profiles,
    )
    service = ScepService(
        authorities=authorities,
        store=store,
        enrolment=Enrolment(store=store, profiles=parts.profiles, issuer=issuer, hasher=parts.hasher),
        crls=revocation,
        random_bytes=random_bytes,
    )
    ndes_admin = create_ndes_admin(
        desks.challenges,
        thumbprint=lambda: authorities().current(parts.clock.now()).ca.certificate.der,
        authenticate=parts.operator.is_me,
        clock=parts.clock,
        settings=parts.ndes,
    )
    console = create_console_app(desks, parts.operator, parts.clock, hosts=parts.console_hosts)
    write_journal(console, journal, changes)
    scep = create_scep_app(
        service,
        authorities,
        parts.profiles,
        parts.clock,
        journal,
        faults,
        ndes_admin,
        create_publication(revocation, authorities, parts.clock),
        create_index(store, authorities, parts.clock),
    )
    slow = make_faulty(scep, faults, journal, exposed_at(parts.profiles), INSTEAD)
    return Apps(
        scep=scep,
        console=console,
        slow=slow,
        service=service,
        desks=desks,
    )


class ManagedCa:
    """The CA as its management API sees it.

    It only ever answers, and does nothing by itself: its one timer tells when the next CA becomes current.
    The generations that have are those that fired, in their order.
    """

    name = "ca"
    is_steady = True

    def __init__(self, store: Store, authorities: Authorities, clock: Clock) -> None:
        self._store = store
        self._authorities = authorities
        self._clock = clock

    def health(self) -> Mapping[str, object]:
        """Ask the database how many requests wait."""
        return {"pending": self._store.request_counts().get(State.PENDING, 0)}

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return the next CA's, and how many CAs have followed the first."""
        succession, now = self._authorities(), self._clock.now()
        coming = succession.next(now)
        waits = (
            () if coming is None or coming.active_from is None else (_rollover(coming, coming.active_from),)
        )
        return waits, succession.current(now).number - 1

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Return the CAs that have become current since."""
        succession = self._authorities()
        current = succession.current(self._clock.now())
        fired = []
        for each in succession.authorities:
            if each.active_from is not None and after < each.number - 1 and each.number <= current.number:
                timer = _rollover(each, each.active_from)
                outcome = f"{each.ca.name} is current"
                fired.append(Fired(each.number - 1, timer.due, timer.owner, timer.name, outcome))
        return fired


def _rollover(authority: Authority, due: datetime) -> Timer:
    return Timer(due, ManagedCa.name, f"rollover to {authority.ca.name}")
