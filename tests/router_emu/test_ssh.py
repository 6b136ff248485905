"""The SSH server, with asyncssh's own client, the stock OpenSSH client, and netmiko."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import netmiko
import pytest
import structlog

from router_emu.adapters.disks import Disks
from router_emu.adapters.ssh import SshServer
from router_emu.cli.grammar import EXEC
from router_emu.cli.session import Session
from router_emu.commands.context import Context, Position, Router
from router_emu.commands.flow import Ask, Flow, Perform, Say
from router_emu.commands.ssh_server import HostKeys
from router_emu.syntax.match import Args
from router_emu.syntax.table import Mode, Run
from scep_core.certificates import Certificate
from tests.programs import program

PASSWORD = "correct horse"
PROMPT = "RP/0/RP0/CPU0:ios#"
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_private_key()


def work(context: Context, args: Args) -> Flow:
    """A command that works, and then asks."""
    result = yield Perform("job")
    yield Say(f"job: {result}")
    answer = yield Ask("Sure? ")
    yield Say(f"answer: {answer}")


MODE = Mode("exec", "#", (*EXEC.rows, Run("work", work)))


class Host:
    """The least router that can be logged in to.  Jobs wait for ``result``."""

    name = "r1"

    def __init__(self, router: Router) -> None:
        self.router = router
        self.disks = Disks(Path("/nowhere"))
        self.sessions: list[Session] = []
        self.lines: list[str] = []
        self.commands = 0
        self.trouble = ""
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.performing = asyncio.Event()
        self.cancelled = asyncio.Event()

    def authenticate(self, username: str, password: str) -> bool:
        return (username, password) == ("admin", PASSWORD)

    def may_log_in(self, username: str, public_key: bytes) -> bool:
        return False

    async def may_log_in_by(self, username: str, chain: Sequence[Certificate]) -> bool:
        return False

    def host_keys(self) -> HostKeys:
        return HostKeys()

    def open_session(self, *, user: str, line: str, peer: str) -> Session:
        session = Session(self.router, user=user, line=line, peer=peer, now=self.now())
        session.shell.stack = [Position(MODE)]
        self.sessions.append(session)
        self.lines.append(line)
        return session

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def perform(self, job: object) -> object:
        assert job == "job"
        self.performing.set()
        try:
            return await asyncio.shield(self.result)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def after_command(self) -> str:
        self.commands += 1
        return self.trouble

    def subscribe_log(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return self.router.log.subscribe(callback)


@asynccontextmanager
async def serving(router: Router) -> AsyncIterator[tuple[Host, SshServer]]:
    host = Host(router)
    server = SshServer(host, host_key=HOST_KEY, bind="127.0.0.1", port=0)
    await server.start()
    try:
        yield host, server
    finally:
        await server.stop()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def client(server: SshServer, password: str = PASSWORD) -> Any:
    return asyncssh.connect(
        "127.0.0.1", server.port, username="admin", password=password, known_hosts=None, config=None
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def scenario(router: Router, story: Callable[[Host, SshServer], Any]) -> None:
    """Run an asynchronous story against a server, and expect no task to outlive it."""

    async def run() -> None:
        async with serving(router) as (host, server):
            await story(host, server)

    asyncio.run(run())


def test_a_shell_with_a_pseudo_terminal(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        async with client(server) as connection:
            process = await connection.create_process(term_type="vt100", term_size=(80, 4))
            await process.stdout.readuntil(PROMPT)
            process.stdin.write("show vers\t\r")
            assert "Cisco IOS XR" in await process.stdout.readuntil(" --More-- ")
            process.change_terminal_size(80, 40)
            process.stdin.write(" ")
            await process.stdout.readuntil(PROMPT)
            process.stdin.write("terminal monitor\r")
            await process.stdout.readuntil(PROMPT)
            router.log.add(host.now(), "cepki", "TEST-6-NEWS", "news")
            assert "%TEST-6-NEWS : news\r\n" in await process.stdout.readuntil(PROMPT)
            process.stdin.write("exit\r")
            await process.wait_closed()
            assert process.exit_status == 0
            assert host.commands >= 3

    scenario(router, story)


def test_one_command_with_its_status_answers_and_jobs(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        host.result.set_result("done")
        async with client(server) as connection:
            done = await connection.run("show clock")
            assert (done.exit_status, done.stdout.count("UTC")) == (0, 2)
            done = await connection.run("show nothing")
            assert (done.exit_status, done.stdout.splitlines()[-1]) == (
                1,
                "% Invalid input detected at '^' marker.",
            )
            done = await connection.run("work", input="yes\n")
            assert (done.exit_status, done.stdout.splitlines()[1:]) == (
                0,
                ["job: done", "Sure? ", "answer: yes"],
            )
            done = await connection.run("work", stdin=asyncssh.DEVNULL)
            assert done.exit_status == 1
        await until(lambda: all(session.shell.closed for session in host.sessions))

    scenario(router, story)


def test_what_a_command_has_changed_and_cannot_be_kept_is_told(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        host.trouble = "% No space"
        host.result.set_result("done")
        async with client(server) as connection:
            done = await connection.run("show clock")
            *_, shown, told = done.stdout.splitlines()
            assert "UTC" in shown
            assert (done.exit_status, told) == (1, host.trouble)
            done = await connection.run("work", input="yes\n")
            assert done.stdout.endswith("answer: yes\n% No space\n")
            assert done.exit_status == 1
            process = await connection.create_process(term_type="vt100")
            process.stdin.write("show clock\r")
            assert (await process.stdout.readuntil("% No space\r\n" + PROMPT)).count(PROMPT) == 3

    scenario(router, story)


def test_lines_are_numbered_and_used_again(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        async with client(server) as connection:
            first = await connection.create_process(term_type="vt100")
            await first.stdout.readuntil(PROMPT)
            await connection.run("show clock")
            await connection.run("show clock")
            assert host.lines == ["vty0", "vty1", "vty1"]

    scenario(router, story)


def test_a_client_that_vanishes_in_mid_command(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        connection = await client(server)
        asked = await connection.create_process(term_type="vt100")
        asked.stdin.write("configure exclusive\rhostname lost\rend\r")
        await asked.stdout.readuntil("[cancel]:")
        working = await connection.create_process(term_type="vt100")
        working.stdin.write("work\rconfigure\rhostname lost\rcommit\r")
        await host.performing.wait()
        connection.abort()
        await asyncio.wait_for(host.cancelled.wait(), 10)
        await until(lambda: all(session.shell.closed for session in host.sessions))
        assert router.config.sessions == []
        assert router.hostname == "ios"
        async with client(server) as again:
            assert (await again.run("show clock")).exit_status == 0

    scenario(router, story)


def test_control_c_gives_up_a_job(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        async with client(server) as connection:
            process = await connection.create_process(term_type="vt100")
            await process.stdout.readuntil(PROMPT)
            process.stdin.write("work\rshow clock\r")
            await host.performing.wait()
            process.stdin.write("\x03")
            await asyncio.wait_for(host.cancelled.wait(), 10)
            assert "clock" not in await process.stdout.readuntil(PROMPT)
            host.result.set_result("later")
            process.stdin.write("work\r")
            assert "job: later\r\n" in await process.stdout.readuntil("Sure? ")

    scenario(router, story)


def test_stop_drops_open_sessions_at_once(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        connection = await client(server)
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("work\r")
        await host.performing.wait()
        await asyncio.wait_for(server.stop(), 2)
        await asyncio.wait_for(connection.wait_closed(), 2)
        assert host.cancelled.is_set()

    scenario(router, story)


def test_a_wrong_password_is_refused_and_logged_nowhere(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        with structlog.testing.capture_logs() as logs, pytest.raises(asyncssh.PermissionDenied):
            await client(server, "s3cret-guess")
        assert [entry["router"] for entry in logs] == ["r1"]
        assert "s3cret" not in str(logs)
        assert "s3cret" not in str(router.log.lines)

    scenario(router, story)


def test_the_banner_is_a_routers(router: Router) -> None:
    async def story(host: Host, server: SshServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.readline() == b"SSH-2.0-Cisco-2.0\r\n"
        writer.close()
        await writer.wait_closed()

    scenario(router, story)


@pytest.fixture
def port(router: Router) -> Iterator[int]:
    """A server in a thread of its own, for clients that block."""
    ready: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []
    started = threading.Event()

    async def run() -> None:
        async with serving(router) as (_, server):
            end = asyncio.Event()
            ready.append((server.port, asyncio.get_running_loop(), end))
            started.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(10)
    number, loop, end = ready[0]
    yield number
    loop.call_soon_threadsafe(end.set)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.interop
class TestOpenSsh:
    @pytest.fixture
    def ssh(self, port: int, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
        askpass = tmp_path / "askpass"
        askpass.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
        askpass.chmod(0o700)
        options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR"]

        def run(
            *command: str, typed: str = "", pseudo_terminal: bool = False
        ) -> subprocess.CompletedProcess[str]:
            words = [
                program("ssh"),
                "-F",
                "none",
                "-p",
                str(port),
                "-l",
                "admin",
                "-tt" if pseudo_terminal else "-T",
            ]
            words += [word for option in options for word in ("-o", option)]
            return subprocess.run(
                [*words, "127.0.0.1", *command],
                input=typed,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                env={**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"},
            )

        return run

    def test_a_command(self, ssh: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = ssh("show version | include Version")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[1].startswith("Cisco IOS XR Software, Version ")
        assert ssh("show nothing").returncode == 1

    def test_a_shell_from_a_pipe(self, ssh: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = ssh(typed="configure\nhostname piped\nend\nyes\nshow running-config hostname\n")
        assert done.returncode == 0
        assert "hostname piped\n\nRP/0/RP0/CPU0:piped#" in done.stdout

    def test_a_pseudo_terminal(
        self, ssh: Callable[..., subprocess.CompletedProcess[str]], router: Router
    ) -> None:
        done = ssh(typed="configure\nhostname typed\nend\nyes\nexit\n", pseudo_terminal=True)
        assert done.returncode == 0
        assert f"{PROMPT}configure\n" in done.stdout.replace("\r", "")
        assert router.hostname == "typed"


@pytest.mark.interop
def test_netmiko(port: int, router: Router) -> None:
    with netmiko.ConnectHandler(
        device_type="cisco_xr", host="127.0.0.1", port=port, username="admin", password=PASSWORD
    ) as connection:
        assert connection.find_prompt() == PROMPT
        assert "Cisco IOS XR" in connection.send_command("show version")
        sent = connection.send_config_set(
            ["crypto ca trustpoint myca", "enrollment url http://ca/certsrv/mscep/mscep.dll", "bad line"]
        )
        assert "% Invalid input detected" in sent
        connection.commit()
        connection.exit_config_mode()
        assert "enrollment url" in connection.send_command("show running-config crypto ca trustpoint")
        connection.send_config_set(["hostname forgotten"])
        connection.exit_config_mode()
        assert not connection.check_config_mode()
    assert router.hostname == "ios"
    myca = router.config.running.block("crypto ca trustpoint", "myca")
    assert myca is not None
    assert myca.text("enrollment url") == "http://ca/certsrv/mscep/mscep.dll"
