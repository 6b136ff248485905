"""A user's key on its way: up by SFTP or scp, imported, used for a login, taken away."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from router_emu.adapters.host import RouterHost
from router_emu.adapters.ssh import SshServer
from router_emu.adapters.storage import RouterFolder
from router_emu.commands.context import Router
from sceplab.clock import ClockState, LabClock
from tests.programs import program
from tests.router_emu.pki_stage import until

PASSWORD = "sesame"
IMPORT = "crypto key import authentication rsa"


@dataclass
class Stage:
    """A router at work over a folder, and its SSH port."""

    folder: Path
    make_router: Callable[[], Router]
    port: int = 0
    clock: LabClock = field(default_factory=LabClock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        router, folder = self.make_router(), RouterFolder(self.folder)
        folder.load(router)
        host = RouterHost(router, self.clock, folder, ("admin", PASSWORD), lambda *_: None)
        server = SshServer(host, host_key=folder.host_key(), bind="127.0.0.1", port=0)
        await server.start()
        host.start()
        self.port = server.port
        try:
            yield
        finally:
            await server.stop()
            await host.stop()
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})  # the client's end, too

    @property
    def disk(self) -> Path:
        return self.folder / "disks" / "disk0:"

    def client(self, username: str = "admin", **options: Any) -> Any:
        options = {"password": PASSWORD, "client_keys": None} | options
        return asyncssh.connect(
            "127.0.0.1", self.port, username=username, known_hosts=None, config=None, **options
        )

    async def type(self, command: str, answer: str = "") -> str:
        async with self.client() as connection:
            done = await connection.run(command, input=answer)
            return str(done.stdout)


Story = Callable[[Stage], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture
def stage(tmp_path: Path, make_router: Callable[[], Router]) -> Stage:
    return Stage(tmp_path / "r1", make_router)


@pytest.fixture
def play(stage: Stage) -> Play:
    def run(story: Story) -> None:
        async def whole() -> None:
            async with stage.running():
                await story(stage)

        asyncio.run(whole())

    return run


@pytest.fixture(scope="module")
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048)


def blob(key: asyncssh.SSHKey) -> bytes:
    return base64.b64decode(key.export_public_key().split()[1])


class TestLogin:
    def test_a_key_lets_in_who_it_is_for_until_it_is_taken_away(
        self, play: Play, key: asyncssh.SSHKey
    ) -> None:
        async def story(stage: Stage) -> None:

            (stage.disk / "key.b64").write_bytes(blob(key))
            by_key = {"password": None, "client_keys": [key]}
            with pytest.raises(asyncssh.PermissionDenied):
                await stage.client(**by_key)
            await stage.type(f"{IMPORT} username eve disk0:/key.b64")
            with pytest.raises(asyncssh.PermissionDenied):
                await stage.client(**by_key)
            async with stage.client("eve", **by_key) as connection:
                assert "Key label: eve" in (await connection.run("show crypto key authentication rsa")).stdout
            with pytest.raises(asyncssh.PermissionDenied):
                await stage.client("eve")
            other = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
            with pytest.raises(asyncssh.PermissionDenied):
                await stage.client("eve", password=None, client_keys=[other])
            await stage.type("crypto key zeroize authentication rsa username eve", "yes\n")
            with pytest.raises(asyncssh.PermissionDenied):
                await stage.client("eve", **by_key)

        play(story)

    def test_a_key_pasted_at_a_terminal(self, play: Play, key: asyncssh.SSHKey) -> None:
        async def story(stage: Stage) -> None:
            pem = key.export_public_key("pkcs1-pem").decode()
            async with stage.client() as connection:
                process = await connection.create_process(term_type="vt100")
                await process.stdout.readuntil("#")
                process.stdin.write(f"{IMPORT} general-keys\r")
                await process.stdout.readuntil("Enter the public key\r\n")
                process.stdin.write(pem.replace("\n", "\r") + "\r")
                shown = await process.stdout.readuntil("#")
                assert shown.startswith(pem.replace("\n", "\r\n"))
                assert "%" not in shown
            async with stage.client(password=None, client_keys=[key]) as connection:
                assert (await connection.run("show clock")).exit_status == 0

        play(story)

    def test_after_a_restart(self, play: Play, stage: Stage, key: asyncssh.SSHKey) -> None:
        async def before(stage: Stage) -> None:
            await stage.type(IMPORT, key.export_public_key("pkcs1-pem").decode() + "\n")

        async def after(stage: Stage) -> None:
            async with stage.client(password=None, client_keys=[key]) as connection:
                assert (await connection.run("show clock")).exit_status == 0

        play(before)
        play(after)
        assert stat.S_IMODE((stage.folder / "pki.json").stat().st_mode) == 0o600


class TestSftp:
    def test_there_and_back(self, play: Play, tmp_path: Path) -> None:
        async def story(stage: Stage) -> None:
            async with stage.client() as connection, connection.start_sftp_client() as sftp:
                assert await sftp.getcwd() == "/disk0:"
                async with sftp.open(
                    "harddisk:/a", "wb", attrs=asyncssh.SFTPAttrs(permissions=0o777)
                ) as file:
                    await file.write(b"hello")
                await sftp.chmod("/harddisk:/a", 0o666)
                await sftp.mkdir("folder")
                await sftp.rename("/harddisk:/a", "/disk0:/folder/b")
                assert sorted(await sftp.listdir("/disk0:/folder")) == [".", "..", "b"]
                async with sftp.open("folder/b", "rb") as file:
                    assert await file.read() == b"hello"
            written = stage.disk / "folder" / "b"
            assert stat.S_IMODE(written.stat().st_mode) == 0o600
            assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
            assert "Directory of disk0:\n" in await stage.type("dir")
            assert await stage.type("dir disk0:/folder | include b$")
            (stage.disk / os.fsdecode(b"bell\a\xff")).touch()
            assert "\n    1 -rw-------" in (told := await stage.type("dir"))
            assert "\a" not in told
            assert "cannot be read" in await stage.type("dir flash:")

        play(story)

    def test_a_file_is_of_the_labs_time_unless_the_client_tells_another(
        self, play: Play, stage: Stage
    ) -> None:
        stage.clock = LabClock(state=ClockState("frozen", frozen_at=datetime(2036, 2, 29, 12, tzinfo=UTC)))

        async def story(stage: Stage) -> None:
            async with stage.client() as connection, connection.start_sftp_client() as sftp:
                async with sftp.open("new", "wb") as file:
                    await file.write(b"hello")
                async with sftp.open("old", "wb") as file:
                    await file.utime((0, 1000))
                async with sftp.open("old", "rb") as file:
                    await file.read()
            assert (stage.disk / "new").stat().st_mtime == stage.clock.now().timestamp()
            assert (stage.disk / "old").stat().st_mtime == 1000
            assert " Feb 29 12:00 new\n" in await stage.type("dir")

        play(story)

    def test_a_router_that_goes_down_in_mid_file(self, play: Play, stage: Stage) -> None:
        async def story(stage: Stage) -> None:
            connection = await stage.client()
            sftp = await connection.start_sftp_client()
            file = await sftp.open("half", "wb")
            await file.write(b"he")

        play(story)
        assert (stage.disk / "half").read_bytes() == b"he"

    def test_no_way_out(self, play: Play, tmp_path: Path) -> None:
        async def story(stage: Stage) -> None:

            (stage.disk / "out").symlink_to(tmp_path)
            (tmp_path / "file").write_text("outside")
            async with stage.client() as connection, connection.start_sftp_client() as sftp:
                for path in (
                    "/pki.json",
                    "../../pki.json",
                    "/disk0:/../../pki.json",
                    "/disk0:/out/file",
                    "/x",
                ):
                    for mode in ("rb", "wb"):
                        with pytest.raises(asyncssh.SFTPError):
                            await sftp.open(path, mode)
                    with pytest.raises(asyncssh.SFTPError):
                        await sftp.remove(path)
                with pytest.raises(asyncssh.SFTPError):
                    await sftp.symlink("/etc", "/disk0:/etc")
                with pytest.raises(asyncssh.SFTPError):
                    await sftp.link("/disk0:/out", "/disk0:/more")
                with pytest.raises(asyncssh.SFTPError):
                    await sftp.readlink("/disk0:/out")
            assert (tmp_path / "file").read_text() == "outside"
            assert [path.name for path in stage.disk.iterdir()] == ["out"]

        play(story)


@pytest.mark.interop
class TestOpenSsh:
    """The stock programs, all with one key pair made by ssh-keygen."""

    @pytest.mark.parametrize("upload", ["scp", "scp -O", "sftp"])
    def test_upload_import_login_zeroize(self, play: Play, tmp_path: Path, upload: str) -> None:
        askpass = tmp_path / "askpass"
        askpass.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
        askpass.chmod(0o700)
        secret = tmp_path / "id_rsa"

        async def run(*words: str, stdin: bytes = b"") -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                program(words[0]),
                *words[1:],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"},
            )
            async with asyncio.timeout(30):
                said, _ = await process.communicate(stdin)
            return process.returncode, said.decode()

        async def story(stage: Stage) -> None:
            options = ["-F", "none", "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no"]
            options += ["-o", "LogLevel=ERROR"]
            assert (await run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(secret)))[
                0
            ] == 0
            binary = tmp_path / "id_rsa_pub.b64"
            binary.write_bytes(base64.b64decode((tmp_path / "id_rsa.pub").read_text().split()[1]))
            port, target = str(stage.port), "admin@127.0.0.1"
            if upload == "sftp":
                put = f"put {binary} /harddisk:/key.b64\nls -l harddisk:\n".encode()
                status, said = await run(
                    "sftp", *options, "-o", "BatchMode=no", "-P", port, "-b", "-", target, stdin=put
                )
            else:
                name, *mode = upload.split()
                status, said = await run(
                    name, *mode, *options, "-P", port, str(binary), f"{target}:harddisk:/key.b64"
                )
            assert (status, "denied" in said) == (0, False), said

            async def by_password(command: str, stdin: bytes = b"") -> str:
                return (await run("ssh", *options, "-p", port, target, command, stdin=stdin))[1]

            async def by_key() -> tuple[int | None, str]:
                alone = ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", str(secret)]
                return await run(
                    "ssh", *options, *alone, "-p", port, target, "show version | include Version"
                )

            assert (await by_key())[0] == 255
            assert "%" not in await by_password(f"{IMPORT} harddisk:/key.b64")
            status, said = await by_key()
            assert status == 0, said
            assert "Cisco IOS XR" in said
            await by_password("crypto key zeroize authentication rsa", b"yes\n")
            assert (await by_key())[0] == 255

        play(story)
