"""The journals of all services in one order: by the wall clock, which the lab's machines share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sceplab.clock import format_instant
from sceplab.errors import LabError
from sceplab.journal import Entry, Wanted
from sceplab.places import read_endpoints
from sceplab.remote import RemoteService

# How long all services together are listened to when there is nothing new; in seconds.
TURN_SECONDS = 0.5


class LabJournal:
    """The journals of a lab's services, or of the one called ``only``.  Raises LabError."""

    def __init__(self, endpoints: Mapping[str, Mapping[str, str]], only: str | None = None) -> None:
        urls = endpoints["management"]
        if only is not None and only not in urls:
            raise LabError(f"The lab has no service {only!r}; it has {', '.join(urls)}.")
        self._services = [RemoteService(name, url) for name, url in urls.items() if only in (None, name)]
        self._seen: dict[str, int] = {}

    @classmethod
    def find_lab(cls, path: Path | None = None, only: str | None = None) -> LabJournal:
        """Those of the running lab, found as the commands do; NoLab when there is none."""
        return cls(read_endpoints(path), only)

    def __enter__(self) -> LabJournal:
        return self

    def __exit__(self, *exception: object) -> None:
        for service in self._services:
            service.close()

    def find(self, wanted: Wanted, most: int) -> list[Entry]:
        """The entries that are wanted, oldest first: the last ``most`` of all."""
        found: list[Entry] = []
        for service in self._services:
            entries, self._seen[service.name] = service.journal(_query(wanted, most))
            found += entries
        return _in_order(found)[-most:]

    def wait_for(self, wanted: Wanted, seconds: float = 10) -> Entry:
        """The last entry that is wanted; where there is none yet, wait for it.  LabError when none comes."""
        deadline = time.monotonic() + seconds
        turn = {"wait": TURN_SECONDS / len(self._services)}
        while True:
            for service in self._services:
                entries, _ = service.journal(_query(wanted, 1) | turn)
                if entries:
                    return entries[-1]
            if time.monotonic() > deadline:
                raise LabError(f"Nothing of that kind came into the journal within {seconds:g} s.")

    def follow(self, wanted: Wanted, most: int) -> Iterator[Entry]:
        """The same, and then what comes, for ever."""
        yield from self.find(wanted, most)
        while True:
            found: list[Entry] = []
            for service in self._services:
                query = _query(wanted, most) | {
                    "after": self._seen[service.name],
                    "wait": TURN_SECONDS / len(self._services),
                }
                entries, _ = service.journal(query)
                if entries:
                    self._seen[service.name] = entries[-1].sequence
                found += entries
            yield from _in_order(found)


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda each: (each.wall, each.service, each.sequence))


def _query(wanted: Wanted, most: int) -> dict[str, object]:
    """What stands in the URL; ``after`` is each service's own."""
    query: dict[str, object] = {"limit": most}
    for key in ("kind", "who", "transaction", "text"):
        if value := getattr(wanted, key):
            query[key] = value
    if wanted.since is not None:
        query["since"] = format_instant(wanted.since)
    return query
