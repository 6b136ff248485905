"""The shelf: all bundles there are, and which of them is published where.  Safe to use from several threads.

What operators do is kept in the state folder before they are answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import structlog

from bundles.domain.builder import Bundle
from bundles.domain.timetable import Event, Events, Timetable
from bundles.state import StateError, StateFolder
from sceplab.clock import format_instant, parse_instant
from sceplab.management import Fired, Timer

OWNER = "bundles"
FILE = "file"  # the form of what an operator has brought
MAX_FILES = 64
MAX_PATHS = 256  # that operators may add to
MAX_EVENTS = 64  # on one path

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class ShelfError(Exception):
    """What was asked for cannot be done; ``code`` is the API's word for why."""

    code = "conflict"


class NotThere(ShelfError):
    """There is no such bundle or path."""

    code = "not-found"


class Full(ShelfError):
    """There is too much already."""

    code = "full"


@dataclass(frozen=True)
class Served:
    """What a path serves: since ``changed_at`` it has been this content."""

    path: str
    bundle: Bundle
    event: Event
    changed_at: datetime
    coming: tuple[Event, ...]


@dataclass(frozen=True)
class _Kept:
    """What is in the state folder beside the files themselves."""

    operators: Events
    reverted: Mapping[str, datetime]
    files: Mapping[str, str]  # name -> media type
    contents: Mapping[str, tuple[str, datetime]]  # name -> digest, and since when


@dataclass(frozen=True)
class _Stand:
    """What is on the shelf beside the recipes' bundles: replaced as a whole, once it is saved."""

    timetable: Timetable
    files: Mapping[str, Bundle]
    contents: Mapping[str, tuple[str, datetime]]


class Shelf:
    """The shelf over a state folder; ``built`` and ``events`` are what the recipes say."""

    def __init__(
        self, folder: StateFolder, built: Mapping[str, Bundle], events: Events, now: datetime
    ) -> None:
        self._folder = folder
        self._built = built
        self._lock = threading.Lock()
        kept = _read(folder.published())
        files = {
            name: _file(name, folder.file(kept.contents[name][0]), content_type)
            for name, content_type in kept.files.items()
        }
        all_bundles = {**built, **files}
        self._stand = _Stand(
            Timetable(events, _without_lost(kept.operators, all_bundles), kept.reverted),
            files,
            {name: _since(kept.contents.get(name), bundle, now) for name, bundle in all_bundles.items()},
        )
        self._fired: list[Fired] = []
        self._seen_until = now
        self._change(now, self._stand)

    # ------------------------------------------------------------------------- what there is

    def bundles(self) -> list[Bundle]:
        """All bundles."""
        with self._lock:
            return list(self._all())

    def bundle(self, name: str) -> Bundle:
        """One of them; NotThere."""
        with self._lock:
            return self._bundle(name)

    def served(self, path: str, now: datetime) -> Served | None:
        """What a path serves."""
        with self._lock:
            return self._served(path, now)

    def published(self, now: datetime) -> list[Served]:
        """What all paths serve that serve anything."""
        with self._lock:
            return self._published(now)

    def waiting(self, now: datetime) -> list[tuple[str, Event]]:
        """The events of all paths that wait."""
        with self._lock:
            return self._stand.timetable.switches(now, datetime.max.replace(tzinfo=now.tzinfo))

    # ------------------------------------------------------------------------- what operators do

    def publish(self, path: str, name: str, now: datetime, at: datetime | None = None) -> Served:
        """Have a path serve a bundle, from now on or, where it serves one already, from an instant to come.

        NotThere, Full.
        """
        with self._lock:
            self._bundle(name)
            self._change(now, replace(self._stand, timetable=self._with_event(path, name, now, at)))
            served = self._served(path, now)
        assert served is not None
        return served

    def take_back(self, path: str, now: datetime) -> None:
        """Have a path serve again what the recipes say; NotThere when nobody has said anything else."""
        with self._lock:
            timetable = self._stand.timetable
            if path not in timetable.operators:
                raise NotThere(f"nothing is published by hand at {path}")
            self._change(now, replace(self._stand, timetable=timetable.without_operators(path, now)))

    def add_file(
        self,
        name: str,
        content: bytes,
        content_type: str,
        now: datetime,
        path: str | None = None,
        at: datetime | None = None,
    ) -> tuple[Bundle, list[Served]]:
        """Make a file of an operator's a bundle; one that he has brought before is replaced.

        With ``path`` it is published there, as ``publish`` does: both are done, or neither.  Returns the
        bundle, and what all paths serve then.  ShelfError, NotThere, Full.
        """
        with self._lock:
            if name in self._built:
                raise ShelfError(f"{name} is a recipe's bundle")
            before = self._stand
            if name not in before.files and len(before.files) >= MAX_FILES:
                raise Full(f"there are {MAX_FILES} files already: remove one")
            bundle = _file(name, content, content_type)
            since = _since(before.contents.get(name), bundle, now)
            stand = _Stand(
                before.timetable if path is None else self._with_event(path, name, now, at),
                {**before.files, name: bundle},
                {**before.contents, name: since},
            )
            self._folder.save_file(bundle.digest, content)
            self._change(now, stand)
            return bundle, self._published(now)

    def remove_file(self, name: str, now: datetime) -> None:
        """Forget a file; NotThere, ShelfError while it is published."""
        with self._lock:
            before = self._stand
            if name not in before.files:
                raise NotThere(f"there is no file {name}")
            if users := before.timetable.users(name):
                raise ShelfError(f"{name} is published at {users[0]}")
            files = {each: bundle for each, bundle in before.files.items() if each != name}
            contents = {each: since for each, since in before.contents.items() if each != name}
            self._change(now, _Stand(before.timetable, files, contents))

    # ------------------------------------------------------------------------- the clock

    def timers(self, now: datetime) -> tuple[list[Timer], int]:
        """The switches that wait, and how many have come since the start."""
        waiting = [_timer(path, event) for path, event in self.waiting(now)]
        return waiting, len(self.fired(now))

    def fired(self, now: datetime) -> list[Fired]:
        """The switches that have come since the start."""
        with self._lock:
            self._note(now)
            return list(self._fired)

    def _note(self, now: datetime) -> None:
        for path, event in self._stand.timetable.switches(self._seen_until, now):
            timer = _timer(path, event)
            current = self._stand.timetable.current(path, event.since)
            outcome = f"{event.bundle} is published" if current == event else "another one counts"
            self._fired.append(Fired(len(self._fired) + 1, timer.due, timer.owner, timer.name, outcome))
            _log.info("switched", path=path, bundle=event.bundle)
        self._seen_until = max(now, self._seen_until)

    # ------------------------------------------------------------------------- with the lock held

    def _all(self) -> Iterator[Bundle]:
        yield from self._built.values()
        yield from self._stand.files.values()

    def _bundle(self, name: str) -> Bundle:
        found = self._built.get(name) or self._stand.files.get(name)
        if found is None:
            raise NotThere(f"there is no bundle {name}")
        return found

    def _served(self, path: str, now: datetime) -> Served | None:
        timetable = self._stand.timetable
        event, changed_at = timetable.current(path, now), timetable.changed_at(path, now)
        if event is None or changed_at is None:
            return None
        _, since = self._stand.contents[event.bundle]
        coming = tuple(timetable.coming(path, now))
        return Served(path, self._bundle(event.bundle), event, max(changed_at, since), coming)

    def _published(self, now: datetime) -> list[Served]:
        found = [self._served(path, now) for path in self._stand.timetable.paths()]
        return [each for each in found if each is not None]

    def _with_event(self, path: str, name: str, now: datetime, at: datetime | None) -> Timetable:
        """The timetable by which ``path`` serves the bundle, from ``at`` or from now on; NotThere, Full."""
        timetable = self._stand.timetable
        if at is not None and timetable.current(path, now) is None:
            raise NotThere(f"{path} serves nothing yet: publish something there first")
        events = timetable.operators.get(path, ())
        if len(events) >= MAX_EVENTS or (not events and len(timetable.operators) >= MAX_PATHS):
            raise Full("too much is published by hand already: take something back")
        event = Event(now, name) if at is None or at <= now else Event(at, name, scheduled=True)
        return timetable.with_event(path, event)

    def _change(self, now: datetime, stand: _Stand) -> None:
        """Save what is to be, and then have it so; OSError, and nothing has changed."""
        self._note(now)  # before an event that has come is taken back
        try:
            self._save(stand)
            self._stand = stand
        finally:
            self._folder.keep_files({bundle.digest for bundle in self._stand.files.values()})

    def _save(self, stand: _Stand) -> None:
        timetable = stand.timetable
        self._folder.save_published(
            {
                "events": {
                    path: [
                        {
                            "since": format_instant(each.since),
                            "bundle": each.bundle,
                            "scheduled": each.scheduled,
                        }
                        for each in events
                    ]
                    for path, events in timetable.operators.items()
                },
                "reverted": {path: format_instant(each) for path, each in timetable.reverted.items()},
                "files": {bundle.name: bundle.content_type for bundle in stand.files.values()},
                "contents": {
                    name: {"sha256": digest, "since": format_instant(since)}
                    for name, (digest, since) in stand.contents.items()
                },
            }
        )


def _without_lost(operators: Events, known: Mapping[str, Bundle]) -> Events:
    """Leave out what names a bundle that the recipes no longer have."""
    lost = {each.bundle for events in operators.values() for each in events} - known.keys()
    if lost:
        _log.warning("bundles-lost", names=sorted(lost))
    left = {path: tuple(each for each in found if each.bundle in known) for path, found in operators.items()}
    return {path: found for path, found in left.items() if found}


def _timer(path: str, event: Event) -> Timer:
    return Timer(event.since, OWNER, f"{path} becomes {event.bundle}")


def _file(name: str, content: bytes, content_type: str) -> Bundle:
    return Bundle(name, "brought by an operator", content, content_type, FILE)


def _since(before: tuple[str, datetime] | None, bundle: Bundle, now: datetime) -> tuple[str, datetime]:
    """A content's digest and age; it is new when it was another one before."""
    return before if before is not None and before[0] == bundle.digest else (bundle.digest, now)


def _read(value: Mapping[str, Any]) -> _Kept:
    def read(key: str, each: Callable[[Any], T]) -> dict[str, T]:
        return {name: each(found) for name, found in value.get(key, {}).items()}

    try:
        kept = _Kept(
            operators=read("events", lambda events: tuple(map(_event, events))),
            reverted=read("reverted", parse_instant),
            files=read("files", str),
            contents=read("contents", lambda each: (str(each["sha256"]), parse_instant(each["since"]))),
        )
        if not kept.files.keys() <= kept.contents.keys():
            raise ValueError("a file without its digest")
        return kept
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateError("published.json is damaged: remove it, and the recipes count again") from error


def _event(value: Mapping[str, Any]) -> Event:
    return Event(parse_instant(value["since"]), str(value["bundle"]), bool(value["scheduled"]))
