"""The process's password: from the environment, from a file, or made at the first start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sceplab.children import Child

SECONDS = 60
COMMAND = [sys.executable, "-P", "-m", "router_emu", "--first-port", "0", "--first-https-port", "0"]
COMMAND += ["--management-port", "0", "--state"]


def password(folder: Path, **environment: str) -> str:
    """The password that routers say is theirs."""
    command = [*COMMAND, str(folder / "state")]
    log = folder / "routers.log"
    child = Child("routers", command, environment=environment, log=log, on_end=lambda _name: None)
    try:
        said: str = child.wait_ready(SECONDS)["routers"]["r1"]["password"]
    finally:
        child.ask_to_end()
        child.wait_ended(5)
    assert said not in log.read_text()
    return said


def test_the_password_is_that_of_a_file_or_else_the_one_that_was_made(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of-the-file\n")
    assert password(tmp_path, SCEPLAB_ROUTER_PASSWORD_FILE=str(file)) == "of-the-file"
    made = password(tmp_path)
    assert len(made) >= 12
    assert password(tmp_path) == made


@pytest.mark.parametrize("given", ["SCEPLAB_ROUTER_PASSWORD", "no file"])
def test_a_password_that_cannot_be_had_is_said_in_a_sentence(tmp_path: Path, given: str) -> None:
    environment = {given: "pw"} if given.isupper() else {}
    done = subprocess.run(
        [*COMMAND, str(tmp_path)],
        env=os.environ | environment | {"SCEPLAB_ROUTER_PASSWORD_FILE": str(tmp_path / "nowhere")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    why = "both set" if environment else "cannot be read: No such file"
    assert done.stderr.startswith("router_emu: SCEPLAB_ROUTER_PASSWORD")
    assert why in done.stderr
