"""Two labs side by side, by the command that a person types; the demo by the command, too."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.flows.whole_lab import SECONDS, Up, children, sceplab


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Up, Up]]:
    with ExitStack() as stack:
        labs = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            up = Up(tmp_path / name)
            stack.enter_context(up.process)  # waits, and closes its pipe
            stack.callback(up.process.kill)
            labs.append(up)
        yield labs[0], labs[1]


def test_side_by_side(two: tuple[Up, Up]) -> None:
    one, other = two
    assert "The lab is up" in one.first_line
    assert "The lab is up" in other.first_line
    mode = one.endpoints.stat().st_mode & 0o777
    assert mode == 0o600  # it holds the passwords
    ndes = [json.loads(up.endpoints.read_text())["ca"]["ndes"] for up in two]
    assert ndes[0] != ndes[1]
    one("router", "r1", *("configure", "hostname r1", "domain name lab.example"),
        *("crypto ca trustpoint myca", f"enrollment url {ndes[0]}", "commit", "end"),
        *("crypto key generate rsa", "1024", "crypto ca authenticate myca", "yes"),
        *("crypto ca enroll myca", "pw", "pw"))  # fmt: skip
    fired = one("clock", "next")["fired"]
    assert [each["outcome"] for each in fired] == ["pending"]
    assert [each["state"] for each in one("requests", "list")] == ["pending"]
    assert other("requests", "list") == []
    waiting = [each["name"] for each in other("clock", "show")["timers"]]
    assert [name for name in waiting if not name.startswith("trustpool ")] == []
    services = children(one.process.pid)
    assert len(services) == 4
    one.interrupt()
    assert one.process.returncode == 0
    assert not one.endpoints.exists()
    assert not any(Path(f"/proc/{child}").exists() for child in services)
    assert other("clock", "show")["clock"]["mode"] == "frozen"  # untouched


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_a_killed_lab_leaves_nothing_behind(two: tuple[Up, Up]) -> None:
    one, _ = two
    services = children(one.process.pid)
    assert len(services) == 4
    one.process.kill()
    one.process.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while any(_runs(child) for child in services):
        assert time.monotonic() < deadline, "a service outlived its lab"


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
def test_the_demo_plays_to_its_end() -> None:
    done = subprocess.run(
        sceplab("demo", "pending-approval"),
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said + done.stderr.decode()
    for sentence in (
        "poll 1 of 10 -> pending",
        "poll 2 of 10 -> issued",
        "poll 3 of 3 -> expired",
        "refused: badRequest: not on the list of routers for this lab",
        "All steps were as they should be.",
    ):
        assert sentence in said
