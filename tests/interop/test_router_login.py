"""The stock OpenSSH client and netmiko's `cisco_xr` driver log in to a running lab's router."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from netmiko import ConnectHandler

from sceplab.ports import AUTO_PORTS
from sceplab.supervisor import Settings, Supervisor, running_lab
from tests.programs import SECONDS, program

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    settings = Settings(state=tmp_path_factory.mktemp("lab"), ports=AUTO_PORTS, routers=("r1",))
    with running_lab(settings) as running:
        yield running


@pytest.fixture
def r1(lab: Supervisor) -> Mapping[str, Any]:
    router: Mapping[str, Any] = lab.endpoints["routers"]["r1"]
    return router


def ssh(
    r1: Mapping[str, Any], folder: Path, *words: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """The stock client; it gets the password from a program, as it would from a desktop's dialog."""
    answer = folder / "password"
    answer.write_text("#!/bin/sh\nprintf '%s\\n' \"$ROUTER_PASSWORD\"\n")
    answer.chmod(0o700)
    options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={folder / 'known'}", "LogLevel=ERROR"]
    command = [program("ssh"), "-F", "none", "-p", str(r1["port"]), f"{r1['username']}@{r1['host']}"]
    for option in options:
        command[1:1] = ["-o", option]
    environment = {
        **os.environ,
        "SSH_ASKPASS": str(answer),
        "SSH_ASKPASS_REQUIRE": "force",
        "ROUTER_PASSWORD": r1["password"],
    }
    return subprocess.run(
        [*command, *words],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_openssh_runs_one_command(r1: Mapping[str, Any], tmp_path: Path) -> None:
    done = ssh(r1, tmp_path, "show version")
    assert done.returncode == 0, done.stderr
    assert "Cisco IOS XR Software, Version" in done.stdout
    assert ssh(r1, tmp_path, "show nothing").returncode != 0


def test_openssh_types_a_session(r1: Mapping[str, Any], tmp_path: Path) -> None:
    lines = ["configure", "hostname typed", "commit", "end", "show running-config hostname", "exit"]
    done = ssh(r1, tmp_path, stdin="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    assert "hostname typed" in done.stdout


def test_openssh_with_a_wrong_password_is_refused(r1: Mapping[str, Any], tmp_path: Path) -> None:
    done = ssh({**r1, "password": "wrong"}, tmp_path, "-o", "NumberOfPasswordPrompts=1", "show version")
    assert done.returncode == 255
    assert "Version" not in done.stdout


def test_netmiko_configures_a_trustpoint(lab: Supervisor, r1: Mapping[str, Any]) -> None:
    connection = ConnectHandler(
        device_type="cisco_xr",
        host=r1["host"],
        port=r1["port"],
        username=r1["username"],
        password=r1["password"],
    )
    with connection:
        connection.send_config_set(
            [
                "hostname netmiko",
                "domain name lab.example",
                "crypto ca trustpoint nm",
                f"enrollment url {lab.endpoints['ca']['ndes']}",
                "enrollment retry count 3",
            ],
            exit_config_mode=False,
        )
        connection.commit()
        connection.exit_config_mode()
        connection.set_base_prompt()
        assert "enrollment retry count 3" in connection.send_command(
            "show running-config crypto ca trustpoint nm"
        )
        made = connection.send_command("crypto key generate rsa nmkey", expect_string=r"\]: ?$")
        assert "How many bits in the modulus" in made
        assert "[OK]" in connection.send_command_timing("1024", read_timeout=SECONDS)
        shown = connection.send_command("crypto ca authenticate nm", expect_string=r"\[yes/no\]: ?$")
        assert "Do you accept this certificate?" in shown
        connection.send_command("yes", expect_string=r"#")
        assert "CA certificate" in connection.send_command("show crypto ca certificates nm")
