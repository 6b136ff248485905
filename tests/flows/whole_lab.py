"""A whole lab by the command that a person types, for stories about its processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SECONDS = 60


def sceplab(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "sceplab", *words]


class Up:
    """`sceplab up` in a process of its own, with its endpoints."""

    def __init__(self, folder: Path) -> None:
        self.endpoints = folder / "endpoints.json"
        words = ["up", "--ports", "auto", "--frozen", "--state", str(folder / "state"), "--routers", "r1"]
        self.process = subprocess.Popen(
            sceplab(*words, "--endpoints", str(self.endpoints)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().decode()

    def __call__(self, *words: str) -> Any:
        """A command's JSON."""
        done = subprocess.run(
            sceplab(*words, "--endpoints", str(self.endpoints), "--json"),
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        return json.loads(done.stdout)

    def interrupt(self) -> float:
        """^C; how long the lab took to end, in seconds."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.said, _ = self.process.communicate(timeout=SECONDS)
        return time.monotonic() - started


def children(pid: int) -> list[int]:
    """The processes that it has started."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
