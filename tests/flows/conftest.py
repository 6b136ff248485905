"""The lab's services as processes of their own that a story can kill and start again."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sceplab.advance import LabTime
from sceplab.children import Child
from sceplab.client import Lab
from sceplab.clock import ClockState, parse_instant
from sceplab.management import Fired
from sceplab.remote import RemoteService
from sceplab.router_shell import RouterShell

NOON = parse_instant("2026-11-23T12:00:00Z")
FROZEN = ClockState("frozen", 0.0, NOON)
SECONDS = 60
ANY_MANAGEMENT = ("--management-port", "0")


class Processes:
    """A CA and routers, under a lab clock that outlives them; ports stay those of the first start."""

    def __init__(self, folder: Path, clock: ClockState = FROZEN) -> None:
        self._folder = folder
        self._children: dict[str, Child] = {}
        self._ready: dict[str, Any] = {}
        self._clock = clock
        # Not port 0: a CA that is started again has to be where the routers look for it.
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]

    # ---------------------------------------------------------------------- life and death

    def start_ca(self, *options: str) -> None:
        ports = ("--port", str(self._port), "--console-port", "0", *ANY_MANAGEMENT)
        self._start("ca", "ca_server", *ports, *options)

    def start_routers(self, names: str = "r1", *, wire: str = "cisco", texts: str = "modern") -> None:
        more = ["--routers", names, "--first-port", "0", "--first-https-port", "0", "--wire", wire]
        more += ["--texts", texts, *ANY_MANAGEMENT]
        self._start("routers", "router_emu", *more)

    def _start(self, name: str, module: str, *more: str) -> None:
        self._children[name] = Child(
            name,
            [sys.executable, "-P", "-m", module, "--state", str(self._folder / name), *more],
            environment={"SCEPLAB_CLOCK": json.dumps(self._clock.to_json())},
            log=self._folder / f"{name}.log",
            on_end=lambda _name: None,
        )
        self._ready[name] = dict(self._children[name].wait_ready(SECONDS))

    def kill(self, name: str) -> None:
        """SIGKILL: no warning, nothing is written that is not written yet."""
        self._children.pop(name).wait_ended(0)

    def end(self) -> None:
        for child in self._children.values():
            child.ask_to_end()
        for child in self._children.values():
            child.wait_ended(5)

    # --------------------------------------------------------------------------- the story

    @property
    def ndes(self) -> str:
        url: str = self._ready["ca"]["ndes"]
        return url

    @property
    def operator(self) -> Lab:
        """The CA's operator; made anew, since a restarted CA has another console port."""
        return Lab({**self.endpoints, "routers": {}})

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where a command finds the CA and the routers."""
        ca, routers = self._ready["ca"], self._ready.get("routers", {})
        return {
            "ca": ca,
            "operator": ca["operator"],
            "management": {name: self._ready[name]["management"] for name in self._children},
            "routers": routers.get("routers", {}),
        }

    @property
    def routers(self) -> dict[str, Any]:
        """Where the routers are, and how to log in."""
        found: dict[str, Any] = self._ready["routers"]["routers"]
        return found

    def router(self, name: str = "r1") -> RouterShell:
        return RouterShell(name, **self.routers[name])

    def type(self, *lines: str, router: str = "r1") -> str:
        """Log in, type lines, log out; everything that was on the screen."""
        with self.router(router) as shell:
            return shell.greeting.text + "".join(shell.run(line).text for line in lines)

    def enrol(
        self,
        router: str = "r1",
        *,
        period: int = 1,
        count: int = 10,
        url: str | None = None,
        more: tuple[str, ...] = (),
    ) -> str:
        """From a fresh router to a request that was sent, to NDES if no other ``url`` is given."""
        self.type(
            *("configure", f"hostname {router}", "domain name lab.example", "crypto ca trustpoint myca"),
            *(f"enrollment url {url or self.ndes}", f"enrollment retry period {period}"),
            *(f"enrollment retry count {count}", *more, "commit", "end"),
            *("crypto key generate rsa", "1024", "crypto ca authenticate myca", "yes"),
            router=router,
        )
        return self.type("crypto ca enroll myca", "Lab-Only-1", "Lab-Only-1", router=router)

    def advance(self, by: timedelta) -> list[Fired]:
        """Move every running service's clock; what fired."""
        services = [RemoteService(name, self._ready[name]["management"]) for name in self._children]
        try:
            time = LabTime(services)
            fired = list(time.advance(by))
            self._clock = time.read().state
        finally:
            for service in services:
                service.close()
        return fired


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    try:
        yield processes
    finally:
        processes.end()
