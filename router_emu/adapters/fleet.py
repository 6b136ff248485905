"""All routers of one process, as the management API sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count

from router_emu.adapters import http
from router_emu.adapters.host import RouterHost
from router_emu.pki.wire import (
    HttpRequest,
    HttpResponse,
    LdapEntries,
    LdapSearch,
    NoResponse,
    without_password,
    without_passwords,
)
from sceplab.clock import LabClock
from sceplab.journal import Journal, Kind
from sceplab.management import Fired, Timer


class Fleet:
    """The routers' ``ManagedService``; its methods are called from a server's threads."""

    name = "routers"
    is_steady = False  # a CA's answer sets the next poll

    def __init__(self, clock: LabClock, loop: asyncio.AbstractEventLoop) -> None:
        self.hosts: list[RouterHost] = []
        self.journal = Journal(self.name, clock)
        self._clock = clock
        self._loop = loop
        self._fired: list[Fired] = []
        self._numbers = count(1)

    def record(self, owner: str, name: str, outcome: str) -> None:
        """A timer has fired, and its exchange is over.  Called in the loop."""
        self._fired.append(Fired(next(self._numbers), self._clock.now(), owner, name, outcome))
        self.journal.add(Kind.TIMER, owner, f"{name} -> {outcome}")

    def follow(self, host: RouterHost) -> None:
        """Have the journal tell what a router's operators type, what it asks others, and what it logs."""
        router, journal = host.router, self.journal

        def typed(operator: str, line: str) -> None:
            journal.add(Kind.COMMAND, router.name, f"{operator}: {without_passwords(line)}")

        def asked(what: HttpRequest | LdapSearch, answer: http.Answered) -> None:
            transaction = what.transaction_id if isinstance(what, HttpRequest) else ""
            line = f"{_asked(what)} -> {_answered(answer)}"
            journal.add(_kind(what), router.name, line, transaction=transaction)

        router.on_command = typed
        router.log.subscribe(lambda line: journal.add(Kind.LOG, router.name, line))
        host.note = asked

    def health(self) -> Mapping[str, object]:
        """Which routers there are."""
        return {"routers": [host.name for host in self.hosts]}

    def timers(self) -> tuple[Sequence[Timer], int]:
        """The timers that wait, and the number of the last one fired."""
        return asyncio.run_coroutine_threadsafe(self._timers(), self._loop).result()

    async def _timers(self) -> tuple[Sequence[Timer], int]:
        timers = [
            Timer(due, host.name, name) for host in self.hosts for due, _, name in host.router.pki.timers()
        ]
        return sorted(timers, key=lambda timer: timer.due), self._fired[-1].sequence if self._fired else 0

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Fire what is due in every router and wait until no exchange is on its way."""
        return asyncio.run_coroutine_threadsafe(self._run(after), self._loop).result()

    async def _run(self, after: int) -> Sequence[Fired]:
        await asyncio.gather(*(host.run_due() for host in self.hosts))
        return self._fired[after:]  # they count up from 1


def _kind(what: HttpRequest | LdapSearch) -> Kind:
    if isinstance(what, LdapSearch):
        return Kind.LDAP
    return Kind.SCEP if "?operation=" in what.url else Kind.HTTP


def _asked(what: HttpRequest | LdapSearch) -> str:
    if isinstance(what, LdapSearch):
        return f"search {what.host}:{what.port} for {what.base}"
    # A PKIOperation by GET has the whole message there, which the CA's journal keeps.
    url = without_password(what.url).partition("operation=PKIOperation&message=")
    shown = f"{url[0]}operation=PKIOperation" if url[1] else url[0]
    return f"{what.method} {shown}"


def _answered(answer: http.Answered) -> str:
    match answer:
        case HttpResponse():
            return f"{answer.status}, {len(answer.body)} octets"
        case LdapEntries():
            told = f"result {answer.result}" if answer.result else f"entries: {len(answer.entries)}"
            return f"{told}, {answer.text}" if answer.text else told
        case NoResponse():
            return answer.why
