"""A CA in a process of its own, as `sceplab up` runs it, for other people's programs to enrol at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from sceplab.children import Child
from sceplab.client import Lab
from tests.interop.foreign_ca import Device
from tests.interop.jscep_client import Jscep
from tests.programs import SECONDS, Ca, RunCa, program

# Beside the built-in profiles, an NDES that tells strongSwan what it wants to hear.
SETTINGS = """
[profiles.cisco-legacy]
rules = [{ name = "refuse me*", then = "refuse" }]

[profiles.ndes-aes]
like = "ndes"
capabilities = ["POSTPKIOperation", "Renewal", "SHA-512", "SHA-384", "SHA-256", "SHA-1", "AES", "DES3"]
"""


@pytest.fixture(scope="session")
def run_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunCa]:
    """Start a CA with these arguments and settings; one of each lasts for the whole run."""
    running: dict[tuple[str, ...], Ca] = {}
    with ExitStack() as stack:

        def run(*arguments: str, settings: str = SETTINGS) -> Ca:
            key = (*arguments, settings)
            if key not in running:
                folder = tmp_path_factory.mktemp("ca")
                (folder / "settings.toml").write_text(settings)
                running[key] = _start(stack, folder, "--settings", str(folder / "settings.toml"), *arguments)
            return running[key]

        yield run


def _start(stack: ExitStack, folder: Path, *arguments: str) -> Ca:
    command = [sys.executable, "-P", "-m", "ca_server", "--state", str(folder / "ca"), *arguments]
    command += ["--port", "0", "--console-port", "0", "--management-port", "0"]
    child = Child("ca", command, environment={}, log=folder / "ca.log", on_end=lambda name: None)
    stack.callback(child.wait_ended, 5)
    stack.callback(child.ask_to_end)
    ready: dict[str, Any] = dict(child.wait_ready(SECONDS))
    endpoints = {"ca": ready, "management": {"ca": ready["management"]}, "operator": ready["operator"]}
    return Ca(ready["scep"], ready["ndes"], stack.enter_context(Lab({**endpoints, "routers": {}})))


@pytest.fixture
def ca(run_ca: RunCa) -> Ca:
    """A CA with a queue."""
    return run_ca("--decide", "manual")


@pytest.fixture
def granting_ca(run_ca: RunCa) -> Ca:
    """A CA that grants at once."""
    return run_ca("--decide", "automatic")


@pytest.fixture(scope="session")
def jscep() -> Iterator[Jscep]:
    """jscep's client."""
    with closing(Jscep()) as client:
        yield client


@pytest.fixture
def pki() -> str:
    """strongSwan's."""
    return program("pki")


@pytest.fixture
def cisco(tmp_path: Path) -> Iterator[Device]:
    """A router that speaks as IOS-XE does."""
    with closing(Device(tmp_path / "cisco", "cisco")) as device:
        yield device


@pytest.fixture
def rfc8894(tmp_path: Path) -> Iterator[Device]:
    """A router that speaks as the RFC asks."""
    with closing(Device(tmp_path / "rfc8894", "rfc8894")) as device:
        yield device


@pytest.fixture(params=["cisco", "rfc8894"])
def device(request: pytest.FixtureRequest) -> Device:
    """Either."""
    found: Device = request.getfixturevalue(request.param)
    return found
