"""A second lab beside the first, with its requests in PostgreSQL, and with passwords from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.compose.containers import Containers

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.compose

URL = "postgresql://ca:lab@postgresql/ca"
# What docs/containers.md says, in a file beside the project's own.
SECRETS = """\
services:
  ca:
    environment:
      SCEPLAB_OPERATOR_PASSWORD_FILE: /run/secrets/operator
      SCEPLAB_CA_DATABASE_FILE: /run/secrets/database
    secrets: [operator, database]
  routers:
    environment: {SCEPLAB_ROUTER_PASSWORD_FILE: /run/secrets/router}
    secrets: [router]
secrets:
"""


@pytest.fixture
def second(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Containers]:
    override = tmp_path / "secrets.yml"
    text = SECRETS
    for name, secret in (("operator", "of-the-operator"), ("router", "of-the-router"), ("database", URL)):
        (tmp_path / name).write_text(f"{secret}\n")
        text += f"  {name}: {{file: {tmp_path / name}}}\n"
    override.write_text(text)
    lab = Containers(engine, tmp_path, COMPOSE_PROFILES="postgresql")
    lab.environment["COMPOSE_FILE"] += f":{override}"
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


def test_two_labs_do_not_meet(lab: Containers, second: Containers) -> None:
    endpoints = json.loads(second.inside("sceplab", "endpoints"))
    assert endpoints["operator"]["password"] == "of-the-operator"
    assert {router["password"] for router in endpoints["routers"].values()} == {"of-the-router"}
    assert second.inside("ls", "/state", service="ca").split().count("requests.sqlite3") == 0
    before = lab.inside("sceplab", "requests", "list", "--json")

    request = second.enrol("r1")
    second.inside("sceplab", "requests", "approve", str(request["id"]))
    assert [fired.outcome for fired in second.advance("r1")] == ["issued"]
    second.compose("stop")
    second.compose("start", "--wait")
    assert "Status         : Available" in second.type("r1", "show crypto ca certificates")
    [kept] = json.loads(second.inside("sceplab", "requests", "list", "--json"))
    assert kept["state"] == "issued"

    assert lab.inside("sceplab", "requests", "list", "--json") == before
    assert lab.clocks().isdisjoint(second.clocks())
