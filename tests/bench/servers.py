"""The servers that are measured, as processes: this project's CA, and micromdm's scepserver."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import requests

from scep_core.certificates import Certificate, read_certificate
from scep_core.http import parse_ca_certificates

SCEPSERVER = "github.com/micromdm/scep/v2/cmd/scepserver@v2.3.0"
BUILD_SECONDS = 300
READY_SECONDS = 60
_TICK = os.sysconf("SC_CLK_TCK")


class Server(ABC):
    """A SCEP server that runs until ``stop``; ``scep`` is where PKIOperation is posted."""

    name: str
    scep: str

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def ca(self) -> Certificate:
        """Its CA certificate; from a server with several, the one that can sign others."""
        answer = requests.get(self.scep.partition("?")[0], params={"operation": "GetCACert"}, timeout=20)
        answer.raise_for_status()
        if "ra-cert" in answer.headers["Content-Type"]:
            return parse_ca_certificates(answer.content)[-1]
        return read_certificate(answer.content)

    def cpu_seconds(self) -> float:
        """The time that its processes have been given so far, user and system."""
        return sum(_times(process) for process in _tree(self.process.pid))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    @abstractmethod
    def durable(self) -> str:
        """What is on the disk when a client has its answer."""


class OurCa(Server):
    """``python -m ca_server`` over a folder of its own; SQLite, every answer committed before it is sent."""

    def __init__(self, folder: Path, decide: str, workers: int, *words: str) -> None:
        self.name = f"ca_server ({decide})"
        self._folder = folder
        command = [sys.executable, "-m", "ca_server", "--state", str(folder), "--decide", decide, *words]
        command += [
            word for port in ("port", "console-port", "management-port") for word in (f"--{port}", "0")
        ]
        if workers > 1:
            command += ["--workers", str(workers)]
        with (folder.parent / f"{folder.name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "SCEPLAB_CHILD": "1"},
            )
        super().__init__(process)
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"ca_server did not start: {Path(log.name).read_text()}")
        self.ready: dict[str, Any] = json.loads(line)["ready"]
        self.scep = f"{self.ready['scep']}/scep?operation=PKIOperation"

    @property
    def database(self) -> Path:
        """The SQLite file in its folder."""
        return next(self._folder.rglob("*.sqlite3"))

    def durable(self) -> str:
        return "request, certificate and audit, synced"


class MicromdmScepserver(Server):
    """micromdm's server over its file depot; it has no queue, and asks for no challenge unless told to."""

    name = "micromdm scepserver"

    def __init__(self, program: Path, folder: Path) -> None:
        depot = folder / "depot"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [program, "ca", "-init", "-depot", depot, "-keySize", "2048"],
            check=True,
            **quiet,  # type: ignore[call-overload]
        )
        port = _free_port()
        address = f"127.0.0.1:{port}"
        command: list[str | Path] = [program, "-depot", depot, "-http-addr", address, "-allowrenew", "0"]
        with (folder / "scepserver.log").open("wb") as log:
            super().__init__(subprocess.Popen(command, stderr=log, stdout=log))
        try:
            self._wait_ready(address)
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self, address: str) -> None:
        self.scep = f"http://{address}/scep?operation=PKIOperation"
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.ca()
                return
            except requests.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def durable(self) -> str:
        return "a certificate's file and a line of its index, not synced"


def build_scepserver(folder: Path) -> Path | None:
    """The program, built from its Go module when Go is here; None without Go, or without the module."""
    program = folder / "scepserver"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [go, "install", SCEPSERVER],
        env={**os.environ, "GOBIN": str(folder.absolute())},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if built.returncode:
        print(f"scepserver could not be built: {built.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return program


def _free_port() -> int:
    """A port for a server that cannot say which one it took."""

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(place.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(place.parent.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _times(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
