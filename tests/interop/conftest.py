"""A CA in a process of its own, as `sceplab up` runs it, for other people's programs to enrol at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sceplab.children import Child
from sceplab.client import Lab
from tests.programs import SECONDS, Ca


@pytest.fixture(scope="session")
def run_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ca]]:
    """Start a CA that decides ``manual`` or ``automatic``; one of each lasts for the whole run."""
    running: dict[str, Ca] = {}
    with ExitStack() as stack:

        def run(decide: str) -> Ca:
            if decide not in running:
                running[decide] = _start(stack, tmp_path_factory.mktemp(decide), decide)
            return running[decide]

        yield run


def _start(stack: ExitStack, folder: Path, decide: str) -> Ca:
    command = [sys.executable, "-P", "-m", "ca_server", "--state", str(folder / "ca"), "--decide", decide]
    command += ["--port", "0", "--console-port", "0", "--management-port", "0"]
    child = Child("ca", command, environment={}, log=folder / "ca.log", on_end=lambda name: None)
    stack.callback(child.wait_ended, 5)
    stack.callback(child.ask_to_end)
    ready: dict[str, Any] = dict(child.wait_ready(SECONDS))
    endpoints = {"ca": ready, "management": {"ca": ready["management"]}, "operator": ready["operator"]}
    return Ca(ready["scep"], ready["ndes"], stack.enter_context(Lab({**endpoints, "routers": {}})))


@pytest.fixture
def ca(run_ca: Callable[[str], Ca]) -> Ca:
    """A CA with a queue."""
    return run_ca("manual")


@pytest.fixture
def granting_ca(run_ca: Callable[[str], Ca]) -> Ca:
    """A CA that grants at once."""
    return run_ca("automatic")
