"""The running lab: its services as children, its clock kept, its endpoints told in a file."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sceplab.children import Child
from sceplab.clock import ClockState, wall_time
from sceplab.errors import StartFailed
from sceplab.files import write_json
from sceplab.places import default_state, endpoints_file

READY_SECONDS = 60
# Services commit before they answer, so one that does not end in time may be killed.
END_SECONDS = 3.0


@dataclass(frozen=True)
class Ports:
    """The ports of a lab; 0 takes a free one, and AUTO_PORTS those of the last run if they still are free.

    The defaults are DESIGN's.  ``routers`` are those that a router had before, by its name, and ``https``
    those of its web server; the others count up from ``first_router`` and ``first_https``.
    """

    scep: int = 8080
    console: int = 8090
    first_router: int = 2201
    management_ca: int = 9101
    management_routers: int = 9104
    first_https: int = 2301
    routers: Mapping[str, int] = field(default_factory=dict)
    https: Mapping[str, int] = field(default_factory=dict)

    def fixed(self, routers: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Yield every port that is not to be any free one, with its use."""
        return ((use, port) for use, port in self._named(routers) if port)

    def _named(self, routers: Sequence[str]) -> Iterator[tuple[str, int]]:
        yield "SCEP", self.scep
        yield "the operators' console", self.console
        for number, name in enumerate(routers):
            counted = self.first_router and self.first_router + number
            yield f"the router {name}", self.routers.get(name, counted)
            counted = self.first_https and self.first_https + number
            yield f"the web server of {name}", self.https.get(name, counted)
        yield "the CA's management", self.management_ca
        yield "the routers' management", self.management_routers


AUTO_PORTS = Ports(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Settings:
    """What ``sceplab up`` was asked for."""

    state: Path = field(default_factory=default_state)
    endpoints: Path | None = None
    host: str = "127.0.0.1"
    ports: Ports = Ports()
    routers: tuple[str, ...] = ("r1", "r2")
    decide: str | None = None
    challenge: str | None = None
    ca_settings: Path | None = None
    ca_workers: int | None = None
    texts: str = "modern"
    wire: str = "cisco"
    frozen: bool = False

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
    return {name: [*python, *map(str, words)] for name, words in (("ca", ca), ("routers", routers))}


class Supervisor:
    """A running lab.  Use ``running_lab``; ``wait`` blocks until the lab should end."""

    def __init__(self, settings: Settings, commands: Mapping[str, Sequence[str]]) -> None:
        self._settings = settings
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self.endpoints: dict[str, Any] = {}
        self._start(commands)

    def wait(self) -> None:
        """Block until a KeyboardInterrupt; StartFailed when a service ended by itself."""
        with suppress(KeyboardInterrupt):
            raise StartFailed(self._children[self._ended.get()].epitaph())

    def stop(self) -> None:
        """End every service, at once and in any case; the endpoints file goes first."""
        if self.endpoints:
            self._settings.endpoints_file.unlink(missing_ok=True)
        for child in self._children.values():
            child.ask_to_end()
        deadline = time.monotonic() + END_SECONDS
        for child in self._children.values():
            child.wait_ended(deadline - time.monotonic())

    def _start(self, commands: Mapping[str, Sequence[str]]) -> None:
        _demand_free_ports(self._settings)
        clock_file = self._settings.state / "clock.json"
        clock = _clock_at_start(clock_file, self._settings.frozen)
        environment = {"SCEPLAB_CLOCK": json.dumps(clock.to_json()), "SCEPLAB_CLOCK_FILE": str(clock_file)}
        try:
            for name, command in commands.items():
                log = self._settings.state / "logs" / f"{name}.log"
                self._children[name] = Child(
                    name, command, environment=environment, log=log, on_end=self._ended.put
                )
            ready = {name: child.wait_ready(READY_SECONDS) for name, child in self._children.items()}
            self.endpoints = _endpoints(ready)
            write_json(self._settings.ports_file, asdict(_ports_of(self.endpoints)))
            write_json(self._settings.endpoints_file, self.endpoints)
        except BaseException:
            self.stop()
            raise


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
    commands: Callable[[Settings], Mapping[str, Sequence[str]]] = service_commands,
) -> Iterator[Supervisor]:
    """Run a lab for as long as the block lasts.  Raises StartFailed.

    ``commands`` replaces the services; the tests use it.
    """
    settings = replace(settings, state=settings.state.absolute())
    with _only_one(settings.state):
        if settings.ports == AUTO_PORTS:
            settings = replace(settings, ports=_auto_ports(settings))
        lab = Supervisor(settings, commands(settings))
        try:
            yield lab
        finally:
            lab.stop()


def _endpoints(ready: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Join what the services said into what the endpoints file says."""
    management = {name: said["management"] for name, said in ready.items()}
    ca = {key: value for key, value in ready["ca"].items() if key not in ("management", "operator")}
    return {
        "ca": ca,
        "routers": ready["routers"]["routers"],
        "management": management,
        "operator": ready["ca"]["operator"],
    }


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


def _auto_ports(settings: Settings) -> Ports:
    """Return the ports of the last run, since routers keep the CA's URL; any free ones when one is taken."""
    ports = _last_ports(settings.ports_file)
    if ports is not None:
        with suppress(StartFailed):
            _demand_free_ports(replace(settings, ports=ports))
            return ports
    return AUTO_PORTS


def _ports_of(endpoints: Mapping[str, Any]) -> Ports:
    """Return where a running lab is."""
    ca, management = endpoints["ca"], endpoints["management"]
    urls = (ca["scep"], ca["console"], management["ca"], management["routers"])
    scep, console, management_ca, management_routers = (urlsplit(url).port or 0 for url in urls)
    routers = {name: router["port"] for name, router in endpoints["routers"].items()}
    https = {name: urlsplit(router["https"]).port or 0 for name, router in endpoints["routers"].items()}
    return Ports(scep, console, 0, management_ca, management_routers, 0, routers, https)


def _last_ports(file: Path) -> Ports | None:
    """Read the ports of the last run; None when there are none that could be taken again."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        ports = Ports(**kept)
        single = [value for name, value in kept.items() if name not in ("routers", "https")]
        every = [*single, *ports.routers.values(), *ports.https.values()]
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None
    return ports if all(type(port) is int and 0 <= port < 2**16 for port in every) else None


def _demand_free_ports(settings: Settings) -> None:
    """Refuse ports that somebody else holds, in one sentence, before anything is started."""
    for use, port in settings.ports.fixed(settings.routers):
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                raise StartFailed(
                    f"Port {port}, for {use}, cannot be used ({error.strerror})."
                    "  End what holds it, or start with '--ports auto'."
                ) from error


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
