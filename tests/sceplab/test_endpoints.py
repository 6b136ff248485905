"""Services that are hosts of their own: what they say in a shared folder, and how the commands find them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sceplab import compose
from sceplab.child import announced
from sceplab.cli import main
from sceplab.endpoints import joined, moved
from sceplab.errors import LabError, NoLab
from sceplab.places import read_endpoints

CA = {
    "scep": "http://0.0.0.0:8080",
    "console": "http://0.0.0.0:8090",
    "management": "http://0.0.0.0:9101",
    "operator": {"username": "operator", "password": "pw"},
}
ROUTER = {
    "host": "0.0.0.0",
    "port": 2201,
    "username": "admin",
    "password": "pw",
    "https": "https://0.0.0.0:2301",
}
SERVICES: dict[str, dict[str, Any]] = {
    "routers": {"routers": {"r1": ROUTER}, "management": "http://0.0.0.0:9104"},
    "branch": {"routers": {"b1": {**ROUTER, "port": 2211}}, "management": "http://0.0.0.0:9105"},
    "ca": CA,
    "ldap": {"ldap": "ldap://0.0.0.0:3890", "management": "http://0.0.0.0:9102"},
    "bundles": {"http": "http://0.0.0.0:8088", "management": "http://0.0.0.0:9103"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the services share."""
    folder = tmp_path / "endpoints"
    monkeypatch.setenv("SCEPLAB_ENDPOINTS", str(folder))
    monkeypatch.delenv("SCEPLAB_CHILD", raising=False)
    return folder


def say(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCEPLAB_NAME", name)
    return announced(SERVICES[name])


def test_what_the_services_say_is_joined_and_routers_come_last() -> None:
    endpoints = joined(SERVICES)
    assert list(endpoints["management"]) == ["ca", "bundles", "ldap", "branch", "routers"]
    assert set(endpoints["routers"]) == {"r1", "b1"}
    assert endpoints["operator"] == CA["operator"]
    assert endpoints["ca"] == {"scep": CA["scep"], "console": CA["console"]}
    assert endpoints["ldap"] == "ldap://0.0.0.0:3890"
    assert endpoints["bundles"] == {"http": "http://0.0.0.0:8088"}


def test_a_service_says_where_it_is_by_its_name_and_prints_no_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with say("ca", monkeypatch), say("routers", monkeypatch):
        endpoints = read_endpoints()
        assert endpoints["ca"]["scep"] == "http://ca:8080"
        assert endpoints["routers"]["r1"] == {**ROUTER, "host": "routers", "https": "https://routers:2301"}
        assert endpoints["management"] == {"ca": "http://ca:9101", "routers": "http://routers:9104"}
        assert stat.S_IMODE((folder / "ca.json").stat().st_mode) == 0o600
    assert capsys.readouterr().out == "".join(
        f"{name} is ready; {folder / name}.json says where\n" for name in ("ca", "routers")
    )


def test_a_service_that_ends_leaves_the_clocks_to_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with say("routers", monkeypatch):
        with say("ca", monkeypatch):
            pass
        endpoints = read_endpoints()
        assert set(endpoints["management"]) == {"routers"}
        assert endpoints["ca"]["scep"] == "http://ca:8080"


def test_without_a_ca_there_is_no_lab_yet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with say("ldap", monkeypatch), pytest.raises(NoLab):
        read_endpoints()


@pytest.mark.usefixtures("folder")
def test_a_child_of_sceplab_up_speaks_to_its_parent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCEPLAB_CHILD", "1")
    with say("ldap", monkeypatch):
        assert json.loads(capsys.readouterr().out) == {"ready": SERVICES["ldap"]}


def test_an_address_is_moved_wherever_it_stands() -> None:
    places = {"a": "ldap://ldap:3890/x?y", "b": {"host": "ldap", "port": 3890}, "c": "not://", "d": None}
    assert moved(places, lambda host, port: ("::1", port + 1)) == {
        "a": "ldap://[::1]:3891/x?y",
        "b": {"host": "::1", "port": 3891},
        "c": "not://",
        "d": None,
    }


def test_published_ports_are_those_of_the_containers_that_publish() -> None:
    said = (
        '{"Service": "ca", "Publishers": [{"URL": "127.0.0.1", "TargetPort": 8080, "PublishedPort": 18080},'
        ' {"URL": "", "TargetPort": 9101, "PublishedPort": 0}]}\n{"Service": "ldap", "Publishers": null}\n'
    )
    containers = compose.read_containers(said)
    assert compose.published_ports(containers) == {("ca", 8080): ("127.0.0.1", 18080)}


def test_without_docker_or_containers_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="no 'docker'"):
        compose.published_endpoints()
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 0\n")
    docker.chmod(0o700)
    with pytest.raises(LabError, match="No container"):
        compose.published_endpoints()
    docker.write_text("#!/bin/sh\necho no engine >&2; exit 1\n")
    result = CliRunner().invoke(main, ["endpoints", "--compose"])
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: 'docker compose ps --format json' failed: no engine\n",
    )


def test_endpoints_are_printed_or_written_for_the_owner_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lab.json"
    with say("ca", monkeypatch):
        printed = CliRunner().invoke(main, ["endpoints"])
        written = CliRunner().invoke(main, ["endpoints", "--output", str(file)])
        refused = CliRunner().invoke(main, ["endpoints", "--output", str(folder / "ca.json" / "x")])
    assert json.loads(printed.stdout) == json.loads(file.read_text())
    assert written.stdout == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert refused.exit_code == 1


def test_health_is_that_of_a_url_or_of_all_services(tmp_path: Path, serve, monkeypatch) -> None:
    well, unwell = serve("r1"), serve("r2")
    monkeypatch.setattr(unwell.service, "health", lambda: 1 / 0)
    urls = {"r1": well.server.url, "r2": unwell.server.url, "r3": "http://127.0.0.1:9"}
    file = tmp_path / "lab.json"
    file.write_text(json.dumps({"management": urls}))
    one = CliRunner().invoke(main, ["health", urls["r1"]])
    assert (one.exit_code, one.stdout) == (0, f"{urls['r1']}: ok\n")
    every = CliRunner().invoke(main, ["health", "--endpoints", str(file)])
    assert every.exit_code == 1
    assert [line.partition(" (")[0] for line in every.stdout.splitlines()] == [
        *("r1: ok", "r2: not well", "r3: not well")
    ]
    shown = CliRunner().invoke(main, ["health", urls["r1"], "--json"])
    assert json.loads(shown.stdout)[urls["r1"]]["service"] == "r1"
