"""Fakes for the lab's own tests: a managed service, and a lab of small child processes."""

import asyncio
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from sceplab.clock import ClockState, LabClock
from sceplab.faults import FaultBox
from sceplab.journal import Journal
from sceplab.management import Fired, Timer, create_management_app
from sceplab.remote import RemoteService
from sceplab.serving import HttpServer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeService:
    """A managed service whose timers are a list; ``rearm`` says which timers a firing sets."""

    def __init__(self, name: str, state: ClockState) -> None:
        self.name = name
        self.is_steady = False
        self.clock = LabClock(state=state)
        self.waiting: list[Timer] = []
        self.history: list[Fired] = []
        self.rearm: Callable[[Timer], list[Timer]] = lambda timer: []

    def health(self) -> dict[str, object]:
        return {"waiting": len(self.waiting)}

    def timers(self) -> tuple[list[Timer], int]:
        return list(self.waiting), len(self.history)

    def run_timers(self, after: int) -> list[Fired]:
        now = self.clock.now()
        for timer in sorted(self.waiting, key=lambda timer: timer.due):
            if timer.due <= now:
                self.waiting.remove(timer)
                self.history.append(Fired(len(self.history) + 1, now, timer.owner, timer.name, "done"))
                self.waiting += self.rearm(timer)
        return self.history[after:]


class Served:
    """A fake service behind real HTTP."""

    def __init__(self, service: FakeService, faults: FaultBox | None, journal: Journal | None) -> None:
        self.service = service
        app = create_management_app(service, service.clock, faults, journal)
        self.server = HttpServer(app, threads=2)
        self.server.start()
        self.remote = RemoteService(service.name, self.server.url)

    def close(self) -> None:
        self.remote.close()
        self.server.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serve a fake service: ``serve("ca")``, with its clock frozen at NOON unless told otherwise."""
    with ExitStack() as stack:

        def start(
            name: str,
            state: ClockState | None = None,
            faults: FaultBox | None = None,
            journal: Journal | None = None,
        ) -> Served:
            served = Served(FakeService(name, state or ClockState("frozen", 0, NOON)), faults, journal)
            stack.callback(served.close)
            return served

        yield start


@pytest.fixture(scope="session")
def child_command() -> Callable[..., list[str]]:
    """Return the command line of a fake child: ``child_command("ca", "--dies")``."""
    script = Path(__file__).with_name("fake_child.py")
    return lambda name, *options: [sys.executable, str(script), name, *options]


KEY = asyncssh.generate_private_key("ssh-ed25519")


class FakeRouter(asyncssh.SSHServer):
    """Just enough of a router's terminal: echo, a prompt, questions, passwords, paging."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("admin", "pw")


PROMPT = "RP/0/RP0/CPU0:r1#"
REFUSED = "% Invalid input detected at '^' marker.\r\n"


async def fake_session(process: asyncssh.SSHServerProcess) -> None:
    """Answer a few commands; a page's second half comes after a space, a slow screen in pieces."""
    out, typed = process.stdout, b""

    async def line(echo: bool = True) -> str:
        nonlocal typed
        while b"\r" not in typed:
            typed += await process.stdin.read(100) or b"\r"
        word, _, typed = typed.partition(b"\r")
        out.write((word if echo else b"") + b"\r\n")
        return word.decode()

    def say(text: str) -> None:
        out.write(text.encode())

    say(PROMPT)
    while (command := await line()) not in ("exit", ""):
        match command:
            case "enroll":
                say("% Create a challenge password.\r\nPassword: ")
                first = await line(echo=False)
                say("Re-enter Password: ")
                say("[OK]\r\n" if first == await line(echo=False) else "% They differ.\r\n")
            case "authenticate":
                say("Do you accept this certificate? [yes/no]:")
                say("accepted\r\n" if await line() == "yes" else "not accepted\r\n")
            case "import":
                say(
                    "\r\nEnter the certificate.\r\n"
                    'End with a blank line or the word "quit" on a line by itself\r\n\r\n'
                )
                lines = [await line()]
                while lines[-1] != "quit" and (lines == [""] or lines[-1]):
                    lines.append(await line())
                say(f"{len(lines) - 1} lines\r\n")
            case "import key":
                say("Enter the public key\r\n")
                lines = [await line()]
                while lines[-1] not in ("", "quit"):
                    lines.append(await line())
                say(f"{len(lines) - 1} lines\r\n")
            case "odd question":
                say("Are you sure? ")
                await line()
            case "long":
                say("one\r\n --More-- ")
                assert await process.stdin.read(1) == b" "
                say("\rtwo\r\n")
            case "slow":
                for piece in ("Done w/ crypto generate keypair\r\n[OK]", "\r\nSubject", " Name:", "\r\ncn=x"):
                    say(piece)
                    await process.stdout.drain()
                    await asyncio.sleep(0)
                say("\r\n")
            case _:
                say(f"      ^\r\n{REFUSED}")
        say(PROMPT)
    process.exit(0)


@pytest.fixture(scope="session")
def router_port() -> Iterator[int]:
    """Run the fake router's SSH server in a thread; return its port."""
    started: queue.SimpleQueue = queue.SimpleQueue()

    async def run() -> None:
        end = asyncio.Event()
        server = await asyncssh.create_server(
            FakeRouter, "127.0.0.1", 0, server_host_keys=[KEY], process_factory=fake_session,
            line_editor=False, encoding=None,
        )  # fmt: skip
        started.put((asyncio.get_running_loop(), end, server.get_port()))
        async with server:
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, end, port = started.get(timeout=10)
    yield port
    loop.call_soon_threadsafe(end.set)
    thread.join()
