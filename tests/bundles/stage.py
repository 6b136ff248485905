"""A bundle server in this process, over a clock that only the test moves; and one in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask

from bundles.app import Place, create_apps, load_recipes
from bundles.domain.builder import Builder, Bundle
from bundles.domain.recipes import KeyKind
from bundles.state import StateFolder
from scep_core.algorithms import PrivateKey
from sceplab.children import Child
from sceplab.clock import ClockState, LabClock

START = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SECONDS = 60  # of real time, for a process to start
ALL = ("lab", "faults", "changing", "certifi")
PLACE = Place("http://bundles.lab:8088", ("bundles.lab", "localhost", "127.0.0.1"))


class Stage:
    """The server's applications over a folder; ``again`` is a second start."""

    def __init__(self, folder: Path, recipes: Sequence[str] = ALL, now: datetime = START) -> None:
        self.folder, self.recipes = folder, recipes
        self.clock = LabClock(state=ClockState("frozen", frozen_at=now))
        found, files = load_recipes(recipes)
        apps = create_apps(StateFolder(folder), found, files, PLACE, self.clock)
        self.public, self.management = apps.public.test_client(), apps.management.test_client()
        self.public_app: Flask = apps.public

    def again(self, recipes: Sequence[str] | None = None) -> Stage:
        """The same after a restart."""
        return Stage(self.folder, recipes or self.recipes, self.clock.now())

    def advance(self, duration: timedelta) -> None:
        self.clock.set_state(mode="frozen", frozen_at=self.clock.now() + duration)

    def get(self, path: str, **headers: str) -> Any:
        return self.public.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    @cached_property
    def published(self) -> Mapping[str, bytes]:
        """What every path serves."""
        paths = [each["path"] for each in self.public.get("/index.json").json["published"]]
        return {path: self.public.get(path).data for path in paths}


def build(folder: Path, recipes: Sequence[str] = ALL, epoch: datetime = START) -> dict[str, Bundle]:
    """All bundles of some recipes, with the keys of a folder."""
    found, files = load_recipes(recipes)
    return Builder(found, keys=StateFolder(folder).key, files=files, epoch=epoch).bundles()


def no_key(name: str, kind: KeyKind) -> PrivateKey:
    raise AssertionError(f"{name} asks for a key")


@contextmanager
def running(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """A server in a process; yields where it is."""
    command = [sys.executable, "-P", "-m", "bundles", "--state", str(folder / "state")]
    command += ["--port", "0", "--https-port", "0", "--management-port", "0", *options]
    child = Child(
        "bundles",
        command,
        environment=environment or {},
        log=folder / "bundles.log",
        on_end=lambda name: None,
    )
    try:
        yield dict(child.wait_ready(SECONDS))
    finally:
        child.ask_to_end()
        child.wait_ended(5)
