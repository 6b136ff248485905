"""The lab in containers, once for all tests; each test takes a router that nobody has used yet.

Without an engine or ``docker compose`` the tests are skipped; with SCEPLAB_REQUIRE_COMPOSE=1 they fail.
``make compose-test`` sees to all that they need.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.compose.containers import Containers

if TYPE_CHECKING:
    import docker

ROUTERS = [f"r{number}" for number in range(1, 9)]
SECONDS = 30
_used = count()


def _without(missing: str) -> NoReturn:
    if os.environ.get("SCEPLAB_REQUIRE_COMPOSE") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def _failure(words: list[str]) -> str:
    """Why a command does not work; "" when it does."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return str(error)
    return f"'{' '.join(words)}' says: {done.stderr.strip()}" if done.returncode else ""


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The Docker engine, which is there and has ``docker compose``."""
    try:
        import docker
    except ImportError:
        _without("the package docker is not installed")
    # By the program first: the package leaves a socket open when no engine answers.
    for words in (["version"], ["compose", "version"]):
        missing = _failure(["docker", *words])
        if missing:
            _without(missing)
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def lab(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """All services, healthy, their clock frozen."""
    containers = Containers(engine, tmp_path_factory.mktemp("lab"), SCEPLAB_ROUTERS=",".join(ROUTERS))
    try:
        containers.up()
        containers.inside("sceplab", "clock", "freeze")
        yield containers
    finally:
        containers.down()


@pytest.fixture
def router() -> str:
    """The name of a router that no test has used; there are as many as have published ports."""
    return ROUTERS[next(_used)]
