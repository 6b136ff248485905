"""The lab in containers, as this machine reaches it: asked of ``docker compose``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from sceplab.endpoints import moved
from sceplab.errors import LabError

SECONDS = 60
Address = tuple[str, int]


def published_endpoints() -> dict[str, Any]:
    """The endpoints of the lab that the Compose project of this folder runs.  Raises LabError."""
    containers = read_containers(_compose("ps", "--format", "json"))
    if not containers:
        raise LabError("No container of this folder's lab runs.  Start it with 'docker compose up --wait'.")
    inside = json.loads(_compose("exec", "-T", containers[0]["Service"], "sceplab", "endpoints"))
    published = published_ports(containers)
    outside: dict[str, Any] = moved(inside, lambda host, port: published.get((host, port), (host, port)))
    return outside


def read_containers(said: str) -> list[Mapping[str, Any]]:
    """Read what ``docker compose ps --format json`` prints: an object a line."""
    return [json.loads(line) for line in said.splitlines() if line.strip()]


def published_ports(containers: Iterable[Mapping[str, Any]]) -> dict[Address, Address]:
    """Where this machine reaches a service's port, by the service and the port inside."""
    return {
        (container["Service"], port["TargetPort"]): (port["URL"], port["PublishedPort"])
        for container in containers
        for port in container.get("Publishers") or ()
        if port["PublishedPort"]
    }


def _compose(*words: str) -> str:
    command = ["docker", "compose", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise LabError("There is no 'docker' on this machine.") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"'{' '.join(command)}' has not ended within {SECONDS} s.") from None
    if done.returncode:
        raise LabError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
    return done.stdout
