"""A router without adapters, and a screen that shows its shell as an operator sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router_emu.cli.grammar import CONFIG
from router_emu.cli.session import Output, Session
from router_emu.commands.context import Router
from router_emu.config.store import ConfigStore
from router_emu.pki.store import Pki
from router_emu.pki.wire import CISCO
from router_emu.syslog import LogBuffer
from router_emu.texts import NODE, WORDINGS
from tests.router_emu.pki_lab import Lab, ScriptedCa

THE_CHAPTERS_DAY = datetime(2003, 9, 18, 17, 33, 23, 45000, tzinfo=UTC)


class Screen:
    """Types lines into a session and keeps everything that shows, each line one second after the other."""

    def __init__(self, router: Router, line: str = "vty0") -> None:
        self.now = THE_CHAPTERS_DAY
        self.router = router
        self.session = Session(router, user="admin", line=line, peer="192.0.2.7", now=self.now)
        self.output = self.session.start()
        self.text = self.output.text + self.output.prompt

    def __call__(self, *lines: str) -> Output:
        for line in lines:
            self.now += timedelta(seconds=1)
            self.text += (line if self.output.echo else "") + "\n"
            self.take(self.session.feed(line, self.now))
        return self.output

    def take(self, output: Output) -> Output:
        self.output = output
        self.text += output.text.replace("\r", "") + output.prompt
        return output


@pytest.fixture
def make_router() -> Callable[[str], Router]:
    def make(wording: str = "modern") -> Router:
        return Router("r1", WORDINGS[wording], ConfigStore(CONFIG), LogBuffer(NODE), Pki(CISCO, os.urandom))

    return make


@pytest.fixture
def router(make_router: Callable[..., Router]) -> Router:
    return make_router()


@pytest.fixture
def screen(router: Router) -> Screen:
    return Screen(router)


@pytest.fixture
def make_screen() -> type[Screen]:
    return Screen


@pytest.fixture
def ca() -> ScriptedCa:
    return ScriptedCa()


@pytest.fixture
def lab(router: Router, make_screen: Callable[..., Any], ca: ScriptedCa) -> Lab:
    return Lab(make_screen(router), ca)
