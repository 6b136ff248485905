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
_used = count()


def _without(missing: str) -> NoReturn:
    if os.environ.get("SCEPLAB_REQUIRE_COMPOSE") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The Docker engine, which is there and has ``docker compose``."""
    try:
        import docker
    except ImportError:
        _without("the package docker is not installed")
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        _without(f"no Docker engine answers: {error}")
    try:
        found = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    except FileNotFoundError:
        found = 1
    if found:
        client.close()
        _without("there is no 'docker compose'")
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
    """The name of a router that no test has used."""
    return ROUTERS[next(_used)]
