"""What docker-compose.yml promises, asked of the containers that run."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.compose.containers import ROOT, Containers

pytestmark = pytest.mark.compose

SERVICES = ("ca", "ldap", "bundles", "routers")
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def published(lab: Containers, service: str) -> dict[str, list[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = lab.container(service).attrs["NetworkSettings"]["Ports"]
    return found


@pytest.mark.parametrize("service", SERVICES)
class TestEveryContainer:
    def test_is_healthy_by_our_own_command(self, lab: Containers, service: str) -> None:
        attributes = lab.container(service).attrs
        assert attributes["State"]["Health"]["Status"] == "healthy"
        assert attributes["Config"]["Healthcheck"]["Test"][:3] == ["CMD", "sceplab", "health"]

    def test_runs_as_a_user_without_a_name_and_without_capabilities(
        self, lab: Containers, service: str
    ) -> None:
        status = lab.inside("cat", "/proc/1/status", service=service)
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(facts["Uid"].split()) == set(facts["Gid"].split()) == {"10001"}
        assert {int(facts[name], 16) for name in CAPABILITIES} == {0}
        assert facts["NoNewPrivs"] == "1"

    def test_writes_to_its_volumes_and_nowhere_else(self, lab: Containers, service: str) -> None:
        container = lab.container(service)
        assert container.attrs["HostConfig"]["ReadonlyRootfs"] is True
        places = {mount["Destination"]: mount["Type"] for mount in container.attrs["Mounts"]}
        assert places == {"/lab": "volume", "/state": "volume"}
        for folder, status in (("/", 1), ("/opt/sceplab", 1), ("/state", 0), ("/lab", 0), ("/tmp", 0)):
            path = f"{folder}/written"
            done, said = container.exec_run(["sh", "-c", f"touch {path} && rm {path}"])
            assert (done != 0) == status, (folder, said)

    def test_has_an_init(self, lab: Containers, service: str) -> None:
        assert lab.container(service).attrs["HostConfig"]["Init"] is True
        assert "init" in lab.inside("cat", "/proc/1/comm", service=service)

    def test_is_reached_at_one_loopback_address_alone(self, lab: Containers, service: str) -> None:
        addresses = {each["HostIp"] for bound in published(lab, service).values() for each in bound}
        assert addresses == {lab.address}


def test_by_default_that_address_is_localhost() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    ports = [line for line in text.splitlines() if line.strip().startswith("- ${SCEPLAB_ADDRESS")]
    assert ports
    assert all("${SCEPLAB_ADDRESS:-127.0.0.1}:" in line and " # " in line for line in ports)


def test_every_published_port_of_a_service_answers(lab: Containers) -> None:
    for service in SERVICES:
        for inside, bound in published(lab, service).items():
            port = int(inside.partition("/")[0])
            with socket.create_connection((bound[0]["HostIp"], int(bound[0]["HostPort"])), timeout=5):
                assert int(bound[0]["HostPort"]) == port


def test_no_container_is_a_one_shot(lab: Containers) -> None:
    """For such a one ``up --wait`` would fail, although it has ended well."""
    config = json.loads(lab.compose("--profile", "*", "config", "--format", "json"))
    assert config["name"] == lab.project
    for name, service in config["services"].items():
        assert "healthcheck" in service, name
        conditions = {each["condition"] for each in service.get("depends_on", {}).values()}
        assert conditions <= {"service_healthy"}, name


def test_the_logs_have_no_password(lab: Containers) -> None:
    endpoints = json.loads(lab.inside("sceplab", "endpoints"))
    passwords = {endpoints["operator"]["password"]}
    passwords |= {router["password"] for router in endpoints["routers"].values()}
    logs = lab.compose("logs", "--no-color")
    assert not [each for each in passwords if each in logs]


def test_the_commands_find_the_lab_inside_and_outside(lab: Containers, tmp_path: Path) -> None:
    inside = json.loads(lab.inside("sceplab", "endpoints"))
    assert inside["ca"]["ndes"] == "http://ca:8080/certsrv/mscep/mscep.dll"
    assert set(inside["management"]) == set(SERVICES)
    assert lab.inside("sceplab", "health").split() == [
        *("ca:", "ok", "bundles:", "ok", "ldap:", "ok", "routers:", "ok")
    ]
    with lab.lab() as found:
        outside: Mapping[str, Any] = found.endpoints
    assert outside["ca"]["ndes"] == f"http://{lab.address}:8080/certsrv/mscep/mscep.dll"
    assert outside["routers"]["r2"]["host"] == lab.address
    assert outside["operator"] == inside["operator"]


def test_the_commands_work_inside(lab: Containers) -> None:
    assert "RP/0/RP0/CPU0:" in lab.inside("sceplab", "router", "r1", "show clock")
    assert "/security/pki/trs/ios.p7b" in lab.inside("sceplab", "bundles", "list", service="ca")
    assert "no-such-object" in lab.inside("sceplab", "fault", "list", "--known", service="bundles")
    assert "show clock" in lab.inside("sceplab", "journal", "--who", "r1")


def test_a_demo_plays_in_a_container_of_the_lab_and_leaves_it_alone(lab: Containers) -> None:
    before = lab.inside("sceplab", "endpoints")
    assert "ok |" in lab.inside("sceplab", "demo", "pending-approval")
    assert lab.inside("sceplab", "endpoints") == before


def test_routers_in_a_container_of_their_own_join_the_lab_and_its_time(lab: Containers) -> None:
    lab.compose("--profile", "branch", "up", "--wait", "--no-recreate", "branch")
    try:
        assert "branch: ok" in lab.inside("sceplab", "health")
        assert len(lab.clocks()) == 1
        assert "RP/0/RP0/CPU0:ios#" in lab.type("b1", "show clock")
        lab.inside("sceplab", "clock", "advance", "1d")
        assert len(lab.clocks()) == 1
    finally:
        lab.compose("rm", "--stop", "--force", "branch")
    assert "branch" not in lab.inside("sceplab", "health")
