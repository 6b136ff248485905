"""The running lab: its services as children, its clock kept, its endpoints told in a file."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sceplab.children import Child
from sceplab.clock import ClockState, wall_time
from sceplab.endpoints import joined
from sceplab.errors import StartFailed
from sceplab.files import write_json
from sceplab.places import default_state, endpoints_file
from sceplab.ports import AUTO_PORTS, Ports, auto_ports, demand_free, keep_ports, known_ports, ports_of

READY_SECONDS = 60
# Services commit before they answer, so one that does not end in time may be killed.
END_SECONDS = 3.0


@dataclass(frozen=True)
class Settings:
    """What ``sceplab up`` was asked for."""

    state: Path = field(default_factory=default_state)
    endpoints: Path | None = None
    host: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    routers: tuple[str, ...] = ("r1", "r2")
    decide: str | None = None
    challenge: str | None = None
    ca_settings: Path | None = None
    ca_workers: int | None = None
    texts: str = "modern"
    wire: str = "cisco"
    frozen: bool = False
    https_issuer: str | None = None

    @property
    def clock_file(self) -> Path:
        """The file that keeps how the lab clock runs."""
        return self.state / "clock.json"

    @property
    def endpoints_file(self) -> Path:
        """The file that tells where the lab is."""
        return self.endpoints or endpoints_file(self.state)

    @property
    def ports_file(self) -> Path:
        """The file that keeps the ports of the last run."""
        return self.state / "ports.json"


def service_commands(settings: Settings) -> dict[str, list[str]]:
    """Return the command line of every service, by its name among the endpoints.

    What is not said there the services take from the environment, which they inherit.
    """
    # -P: a folder "ca_server" in the working directory must not take the place of ours.
    python, ports = [sys.executable, "-P", "-m"], settings.ports
    ca: list[object] = [
        "ca_server",
        "--state",
        settings.state / "ca",
        "--host",
        settings.host,
        "--port",
        ports.scep,
    ]
    ca += ["--console-port", ports.console, "--management-port", ports.management_ca]
    ca += ["--ldap-url", _url("ldap", settings.host, ports.ldap)]
    ca += ["--workers", settings.ca_workers] if settings.ca_workers else []
    ca += ["--decide", settings.decide] if settings.decide else []
    ca += ["--challenge", settings.challenge] if settings.challenge else []
    ca += ["--settings", settings.ca_settings] if settings.ca_settings else []
    routers = ["router_emu", "--state", settings.state / "routers", "--host", settings.host]
    routers += ["--routers", ",".join(settings.routers), "--first-port", ports.first_router]
    routers += ["--first-https-port", ports.first_https, "--management-port", ports.management_routers]
    for option, by_name in (("--ports", ports.routers), ("--https-ports", ports.https)):
        if by_name:
            routers += [option, ",".join(f"{name}={port}" for name, port in by_name.items())]
    routers += ["--texts", settings.texts, "--wire", settings.wire]
    bundles = ["bundles", "--state", settings.state / "bundles", "--host", settings.host, "--port"]
    bundles += [ports.bundles, "--https-port", ports.bundles_https]
    bundles += ["--management-port", ports.management_bundles]
    bundles += ["--https-issuer", settings.https_issuer] if settings.https_issuer else []
    ldap = ["ldap_mock", "--state", settings.state / "ldap", "--host", settings.host, "--port", ports.ldap]
    ldap += ["--management-port", ports.management_ldap, "--ca", _url("http", settings.host, ports.scep)]
    ldap += ["--ca-management", _url("http", settings.host, ports.management_ca)]
    # Clocks are set in this order: a router whose timer is due at once has to find the servers at its time.
    services = {"ca": ca, "bundles": bundles, "ldap": ldap, "routers": routers}
    return {name: [*python, *map(str, words)] for name, words in services.items()}


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


Commands = Callable[[Settings], Mapping[str, Sequence[str]]]


class Supervisor:
    """A running lab.  Use ``running_lab``; ``wait`` blocks until the lab should end."""

    def __init__(self, settings: Settings, commands: Commands) -> None:
        self._settings = settings
        self._commands = commands
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self.endpoints: dict[str, Any] = {}
        self._start()

    def wait(self) -> None:
        """Block until a KeyboardInterrupt; StartFailed when a service ended by itself."""
        with suppress(KeyboardInterrupt):
            raise StartFailed(self._children[self._ended.get()].epitaph())

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """End a service for as long as the block lasts; then it is back at its ports, and the clock's time.

        Meanwhile the endpoints do not name it: a ``Lab`` made of them moves the clocks of the others.
        """
        complete = self.endpoints
        child = self._children.pop(name)
        child.ask_to_end()
        child.wait_ended(END_SECONDS)
        management = {each: url for each, url in complete["management"].items() if each != name}
        self._tell({**_but(complete, name), "management": management})
        yield
        settings = replace(self._settings, ports=ports_of(complete))
        self._launch(name, self._commands(settings)[name])
        self._children[name].wait_ready(READY_SECONDS)
        self._tell(complete)

    def stop(self) -> None:
        """End every service, at once and in any case; the endpoints file goes first."""
        if self.endpoints:
            self._settings.endpoints_file.unlink(missing_ok=True)
        for child in self._children.values():
            child.ask_to_end()
        deadline = time.monotonic() + END_SECONDS
        for child in self._children.values():
            child.wait_ended(deadline - time.monotonic())

    def _start(self) -> None:
        demand_free(self._settings.ports, self._settings.host, self._settings.routers)
        _clock_at_start(self._settings.clock_file, self._settings.frozen)
        try:
            for name, command in self._commands(self._settings).items():
                self._launch(name, command)
            ready = {name: child.wait_ready(READY_SECONDS) for name, child in self._children.items()}
            endpoints = joined(ready)
            keep_ports(self._settings.ports_file, endpoints)
            self._tell(endpoints)
        except BaseException:
            self.stop()
            raise

    def _launch(self, name: str, command: Sequence[str]) -> None:
        clock = _clock_at_start(self._settings.clock_file, frozen=False)
        environment = {
            "SCEPLAB_CLOCK": json.dumps(clock.to_json()),
            "SCEPLAB_CLOCK_FILE": str(self._settings.clock_file),
        }
        log = self._settings.state / "logs" / f"{name}.log"
        self._children[name] = Child(name, command, environment=environment, log=log, on_end=self._notice_end)

    def _notice_end(self, name: str) -> None:
        if name in self._children:  # else it was asked to end, and the lab goes on
            self._ended.put(name)

    def _tell(self, endpoints: dict[str, Any]) -> None:
        """Say where the lab is."""
        self.endpoints = endpoints
        write_json(self._settings.endpoints_file, endpoints)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as ^C does: by a KeyboardInterrupt.  For the main thread."""
    # SIGINT too: a shell starts its background jobs with ^C ignored.  SIGHUP not under nohup.
    hangup = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN else set()
    former = {
        number: signal.signal(number, signal.default_int_handler)
        for number in {signal.SIGINT, signal.SIGTERM} | hangup
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def running_lab(
    settings: Settings,
    commands: Commands = service_commands,
) -> Iterator[Supervisor]:
    """Run a lab for as long as the block lasts.  Raises StartFailed.

    ``commands`` replaces the services; the tests use it.
    """
    settings = replace(settings, state=settings.state.absolute())
    with _only_one(settings.state):
        if settings.ports == AUTO_PORTS:
            ports = auto_ports(settings.ports_file, settings.host, settings.routers)
            settings = replace(settings, ports=ports)
        settings = replace(settings, ports=known_ports(settings.ports, settings.host))
        lab = Supervisor(settings, commands)
        try:
            yield lab
        finally:
            lab.stop()


def _but(things: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in things.items() if key != name}


def _clock_at_start(file: Path, frozen: bool) -> ClockState:
    """Return how the clock runs at first: as it ran at last, so that time never goes back."""
    try:
        state = ClockState.from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        state = ClockState()
    except ValueError as error:
        raise StartFailed(f"The lab's clock cannot be read from {file}: {error}.") from error
    try:
        now = state.start(wall_time())
    except ValueError as error:
        raise StartFailed(
            f"The lab's clock cannot go on as {file} says: {error}.  Use '--state' for a new lab."
        ) from error
    if frozen and state.frozen_at is None:
        instant = now.replace(microsecond=0) + timedelta(seconds=1)
        state = replace(state, mode="frozen", frozen_at=instant)
        write_json(file, state.to_json())
    return state


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold the state folder; StartFailed when another lab holds it."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartFailed(f"The state folder {state} cannot be used: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailed(
                f"A lab is already running over {state}.  Use '--state' for a second one."
            ) from None
        yield
    finally:
        os.close(descriptor)
