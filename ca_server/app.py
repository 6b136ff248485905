"""The CA put together: two WSGI applications over one authority, one store, one clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask

from ca_server.console import Operator, create_console_app
from ca_server.domain.approval import ApprovalDesk, Issuer
from ca_server.domain.authority import Authority
from ca_server.domain.ledger import Store
from ca_server.domain.policy import Policy
from ca_server.domain.requests import State
from ca_server.domain.service import ScepService
from ca_server.web import create_scep_app
from sceplab.clock import Clock
from sceplab.management import Fired, Timer


@dataclass(frozen=True)
class Apps:
    """What to serve: ``scep`` for clients, ``console`` for operators.  Any WSGI server will do."""

    scep: Flask
    console: Flask


def create_apps(
    *,
    authority: Authority,
    store: Store,
    policy: Policy,
    operator: Operator,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
) -> Apps:
    """Build the CA's applications."""
    issuer = Issuer(authority, policy, random_bytes)
    service = ScepService(
        authority=authority, store=store, policy=policy, issuer=issuer, random_bytes=random_bytes
    )
    return Apps(
        scep=create_scep_app(service, authority, clock),
        console=create_console_app(ApprovalDesk(store, issuer), operator, clock),
    )


class ManagedCa:
    """The CA as its management API sees it.  It has no timers: it only ever answers."""

    name = "ca"

    def __init__(self, store: Store) -> None:
        self._store = store

    def health(self) -> Mapping[str, object]:
        """Ask the database how many requests wait."""
        return {"pending": len(self._store.requests(State.PENDING))}

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return none."""
        return (), 0

    def run_timers(self, after: int) -> Sequence[Fired]:  # noqa: ARG002
        """Return none."""
        return ()
