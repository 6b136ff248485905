"""A lab that the real ``docker compose`` runs from the file: a project and an address of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceplab.client import Lab
from sceplab.management import Fired

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.models.networks import Network

ROOT = Path(__file__).parents[2]
SECONDS = 300
PASSWORD = "Lab-Only-1"
MINUTE = timedelta(minutes=1)
_numbers = count()
ASK_CLOCKS = """\
import json, sys, urllib.request
for url in sys.argv[1:]:
    with urllib.request.urlopen(url + "/_lab/clock", timeout=5) as answer:
        print(json.load(answer)["now"])
"""


class Containers:
    """A project, of ``docker compose`` and of the engine's API.  Outside, a second lab does not meet it."""

    def __init__(self, engine: docker.DockerClient, folder: Path, **environment: str) -> None:
        self.engine, self._folder = engine, folder
        process, number = os.getpid() % 0xFFFF, next(_numbers)
        self.project = f"sceplab-test-{process}-{number}"
        # All of 127.0.0.0/8 is this machine: the documented ports are free there.
        self.address = f"127.{100 + number}.{process >> 8}.{process & 255}"
        self.environment = {
            "COMPOSE_FILE": str(ROOT / "docker-compose.yml"),
            "COMPOSE_PROJECT_NAME": self.project,
            "SCEPLAB_ADDRESS": self.address,
            "SCEPLAB_IMAGE": "scep-lab-test",
            # Engines before 25 ask no more often while a container starts.
            "SCEPLAB_HEALTH_INTERVAL": "1s",
            **environment,
        }

    def compose(self, *words: str) -> str:
        """What a command of ``docker compose`` prints; AssertionError with all that it says when it fails."""
        return self._run(["docker", "compose", *words])

    def up(self) -> None:
        """Bring everything up, as a user does, and wait; what the services say is in the failure."""
        try:
            self.compose("up", "--wait", "--wait-timeout", "180")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('logs', '--no-color')}") from error

    def down(self) -> None:
        """Leave nothing behind but the image."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")

    def inside(self, *words: str, service: str = "routers") -> str:
        """What a command prints in a service's container."""
        return self.compose("exec", "-T", service, *words)

    def container(self, service: str) -> Container:
        """The service's container, as the engine knows it."""
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        [found] = self.engine.containers.list(all=True, filters={"label": labels})
        return found

    @property
    def network(self) -> Network:
        """The network that the containers share."""
        [found] = self.engine.networks.list(names=[f"{self.project}_default"])
        return found

    @contextmanager
    def stopped(self, service: str) -> Iterator[None]:
        """A service that is not there for as long as the block lasts."""
        self.compose("stop", service)
        try:
            yield
        finally:
            self.compose("start", "--wait", service)

    @contextmanager
    def lab(self) -> Iterator[Lab]:
        """The lab as it is just now, found by the command that a user types on this machine."""
        file = self._folder / "endpoints.json"
        words = [sys.executable, "-P", "-m", "sceplab", "endpoints", "--compose", "--output", str(file)]
        self._run(words)
        with Lab.find(file) as lab:
            yield lab

    def type(self, router: str, *lines: str) -> str:
        """Log in to a router from this machine, type lines; the whole screen."""
        with self.lab() as lab, lab.router(router) as shell:
            return shell.greeting.text + "".join(shell.run(line).text for line in lines)

    def enrol(self, router: str, *, profile: str = "compat", retries: int = 10) -> Mapping[str, Any]:
        """A fresh router's request, which is pending."""
        self.type(
            router,
            *("configure", f"hostname {router}", "domain name lab.example", "crypto ca trustpoint myca"),
            *(f"enrollment url http://ca:8080/scep/{profile}", f"subject-name CN={router},O=Lab"),
            *("enrollment retry period 1", f"enrollment retry count {retries}", "commit", "end"),
            *("crypto key generate rsa", "1024", "crypto ca authenticate myca", "yes"),
            *("crypto ca enroll myca", PASSWORD, PASSWORD),
        )
        with self.lab() as lab:
            return lab.wait_for_request(lambda each: f"CN={router}" in each["subject"].split(","))

    def advance(self, router: str, by: timedelta = MINUTE) -> list[Fired]:
        """Move the lab clock, of all services that run; what has fired of the router's."""
        with self.lab() as lab:
            return [fired for fired in lab.time.advance(by) if fired.owner == router]

    def clocks(self) -> set[str]:
        """What the services' clocks show, asked from inside."""
        urls = json.loads(self.inside("sceplab", "endpoints"))["management"].values()
        return set(self.inside("python", "-c", ASK_CLOCKS, *urls).split())

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words,
            env=os.environ | self.environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
        return done.stdout
