"""The directory put together: what its LDAP server asks, and what its management port shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import structlog
from flask import Blueprint, Flask, jsonify
from flask.typing import ResponseReturnValue

from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import ROOT
from ldap_mock.faults import Faults
from ldap_mock.messages import ResultCode, Scope
from ldap_mock.server import DirectoryUnavailable, Injection
from ldap_mock.source import Snapshot, Source
from sceplab.clock import LabClock
from sceplab.faults import FaultBox
from sceplab.journal import Journal, Kind
from sceplab.management import Fired, Timer, create_management_app

NAME = "ldap"
MOST_SHOWN = 1000
# What came of it, in a line of the journal.
_OUTCOMES = {"result": "{}", "entries": "entries: {}", "fault": "fault {}", "why": "{}", "error": "{}"}

_log = structlog.get_logger("ldap_mock")


class Directory:
    """The service, as its LDAP server sees it (in its event loop) and its management API (from threads)."""

    name = NAME
    is_steady = True

    def __init__(self, source: Source, faults: Faults, box: FaultBox, journal: Journal) -> None:
        self._source, self._faults, self._box, self._journal = source, faults, box, journal
        self._shared = Shared(source.now)

    async def tree(self) -> Tree:
        """What stands now; DirectoryUnavailable."""
        return (await self._shared.call()).tree

    async def last_tree(self) -> Tree:
        """What stood when the CA was last asked; when it never was, it is asked now."""
        last = self._source.last
        try:
            return last.tree if last else await self.tree()
        except DirectoryUnavailable:
            return Tree(())

    async def injection(self, client: str) -> Injection | None:
        """The fault that this search meets; the directory is unavailable when the fault cannot be had."""
        fault = self._box.take(client)
        if fault is None:
            return None
        try:
            return await asyncio.to_thread(self._faults.injection, fault)
        except DirectoryUnavailable as error:
            _log.warning("fault-not-to-be-had", fault=fault.name, why=str(error))
            return Injection(fault.name, result=ResultCode.UNAVAILABLE)

    def log(self, event: str, **facts: object) -> None:
        """Something has happened: for the log and for the journal."""
        _log.info(event, **facts)
        who = str(facts.pop("client", ""))
        self._journal.add(Kind.LDAP, who, _summary(event, facts), details=facts)

    def health(self) -> Mapping[str, object]:
        """How much there is, and whether the CA answers."""
        return self._source.facts()

    def timers(self) -> tuple[Sequence[Timer], int]:
        """There are none: the directory asks the CA, whose clock makes the CRLs."""
        return (), 0

    def run_timers(self, _after: int) -> Sequence[Fired]:
        """So nothing fires."""
        return ()


def _summary(event: str, facts: Mapping[str, object]) -> str:
    """One line: ``search base CN=ca-1 (objectClass=*) cn -> success, entries: 1``."""
    told = [
        facts[name]
        for name in ("operation", "name", "scope", "base", "filter", "attributes")
        if name in facts
    ]
    words = [event, *(" ".join(each) if isinstance(each, tuple) else str(each) for each in told)]
    outcome = ", ".join(text.format(facts[name]) for name, text in _OUTCOMES.items() if name in facts)
    return f"{' '.join(filter(None, words))} -> {outcome}"


class Shared:
    """Calls a function in a thread, once for all who wait, and for nobody before he has asked.

    The function is told since when, by time.monotonic(), the first of them has waited.  For one event loop.
    """

    def __init__(self, function: Callable[[float], Snapshot]) -> None:
        self._function = function
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="directory")
        self._running: asyncio.Future[Snapshot] | None = None
        self._next: asyncio.Future[Snapshot] | None = None

    async def call(self) -> Snapshot:
        """The result, or the exception, of a call that began after this one."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
            self._next.add_done_callback(_notice)
        # Who is cancelled takes nothing away from the others.
        return await asyncio.shield(self._next)

    async def _after(self, former: asyncio.Future[Snapshot] | None) -> Snapshot:
        since = time.monotonic()
        if former is not None:
            await asyncio.wait([former])
        self._running, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._function, since)


def _notice(done: asyncio.Future[Snapshot]) -> None:
    """Look at an exception for which perhaps nobody waits any more, which asyncio would complain about."""
    if not done.cancelled():
        done.exception()


# ------------------------------------------------------------------------------- the management port


def create_management(
    directory: Directory, source: Source, box: FaultBox, journal: Journal, clock: LabClock
) -> Flask:
    """The lab's management API, and ``/_lab/directory``: what stands there, for people and tests."""
    app = create_management_app(directory, clock, faults=box, journal=journal)
    routes = Blueprint("directory", __name__, url_prefix="/_lab/directory")

    @routes.get("")
    def show() -> ResponseReturnValue:
        try:
            tree = source.now().tree
        except DirectoryUnavailable as error:
            return jsonify({"error": {"code": "unavailable", "message": str(error)}}), 503
        entries = tree.search(ROOT, Scope.SUBTREE)
        return jsonify(
            {"total": len(tree), "entries": [_shown(each) for each in islice(entries, MOST_SHOWN)]}
        )

    app.register_blueprint(routes)
    return app


def _shown(entry: Entry) -> dict[str, Any]:
    """An entry's name, and of each of its attributes the sizes of its values."""
    return {
        "dn": str(entry.dn),
        "classes": [each.decode() for each in entry.attributes["objectClass"]],
        "attributes": {name: list(map(len, values)) for name, values in entry.attributes.items()},
    }
