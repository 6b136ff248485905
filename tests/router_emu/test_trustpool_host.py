"""The trust pool in a router at work: timers, exchanges, restarts, and the process that makes the router."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from router_emu.__main__ import Settings, main, make_host
from router_emu.adapters import storage
from router_emu.adapters.fleet import Fleet
from router_emu.adapters.ssh import SshServer
from router_emu.config import text
from router_emu.pki.pool import bundle as bundle_module
from router_emu.pki.pool.bundle import Bundle, BundleRefused, read_bundle
from sceplab.clock import ClockState, LabClock
from tests.router_emu.pool_stage import EPOCH, built_in, install, shipped

SETTINGS = Settings(
    state=Path("/"),
    host="127.0.0.1",
    routers=("r1",),
    first_port=0,
    ports={},
    first_https_port=0,
    https_ports={},
    management_port=0,
    texts="modern",
    wire="cisco",
    trustpool_unsigned="accept",
    password="sesame",
)
REFRESH = "trustpool refresh: {} the end of CN=Lab Services CA,O=scep-lab"
DUE = EPOCH + timedelta(days=10)  # of the bundle that is expiring


class Stage:
    """A router over a folder, a web that serves ``page`` wherever it is asked, a clock that is moved."""

    def __init__(self, folder: Path) -> None:
        self._settings = replace(SETTINGS, state=folder)
        self.clock = LabClock(state=ClockState("frozen", frozen_at=EPOCH))
        self.page = b""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        self.fleet = Fleet(self.clock, asyncio.get_running_loop())
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.start()
            port = server.sockets[0].getsockname()[1]
            lines = f"crypto ca trustpool policy\n cabundle url http://127.0.0.1:{port}/ios.p7b\n"
            config = self.host.router.config
            config.running = text.read(config.schema, lines)
            install(self.host.router.pki.pool, shipped()["expiring"].content, "disk0:/x")
            self.host.after_command()
            try:
                yield self
            finally:
                await self.host.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self.page:
            writer.write(b"HTTP/1.0 200 -\r\n\r\n" + self.page)
        writer.close()

    def start(self) -> None:
        self.host = make_host(self._settings, "r1", self.clock, self.fleet)
        self.fleet.hosts[:] = [self.host]
        self.host.start()

    async def at(self, instant: datetime) -> list[tuple[str, str]]:
        """What fires at an instant, and what came of it."""
        done = (await asyncio.to_thread(self.fleet.timers))[1]
        self.clock.set_state(mode="frozen", frozen_at=instant)
        fired = await asyncio.to_thread(self.fleet.run_timers, done)
        return [(each.name, each.outcome) for each in fired]

    async def timers(self) -> list[tuple[datetime, str]]:
        return [(each.due, each.name) for each in (await asyncio.to_thread(self.fleet.timers))[0]]


def test_the_pool_is_refreshed_on_its_timer(tmp_path: Path) -> None:
    async def story() -> None:
        async with Stage(tmp_path).open() as stage:
            assert await stage.timers() == [(DUE, REFRESH.format("20 days before"))]
            stage.page = shipped()["successor"].content
            assert await stage.at(DUE) == [
                (REFRESH.format("20 days before"), "refreshed: 11 CA certificates")
            ]
            [(due, _)] = await stage.timers()
            assert due > DUE + timedelta(days=365)

    asyncio.run(story())


def test_a_refresh_that_fails_is_told_and_tried_again_over_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        async with Stage(tmp_path).open() as stage:
            stage.page = shipped()["broken-signature"].content
            [(_, outcome)] = await stage.at(DUE)
            assert outcome.startswith("not refreshed: ")
            again = [(DUE + timedelta(days=5), REFRESH.format("15 days before"))]
            assert await stage.timers() == again
            held = stage.host.router.pki.pool.dump()
            await stage.host.stop()
            stage.start()
            assert stage.host.router.pki.pool.dump() == held
            assert await stage.timers() == again
            stage.page = b""
            [(_, outcome)] = await stage.at(again[0][0])
            assert outcome.startswith("not refreshed: ")
            stage.page = shipped()["successor"].content
            [(_, outcome)] = await stage.at(DUE + timedelta(days=10))
            assert outcome == "refreshed: 11 CA certificates"

    asyncio.run(story())


def test_a_fresh_router_waits_for_the_end_of_what_is_built_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with Stage(tmp_path).open() as stage:
            stage.host.router.pki.pool.clean(stage.clock.now())
            [(due, _)] = await stage.timers()
            assert due == min(each.not_after for each in built_in()) - timedelta(days=20)

    asyncio.run(story())


def test_an_import_on_a_full_disk_does_not_pass_for_one_that_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        async with Stage(tmp_path).open() as stage:
            host = stage.host
            host.disks.write("disk0:/core", shipped()["core"].content)
            server = SshServer(host, host_key=host.host_key(), bind="127.0.0.1", port=0)
            await server.start()
            monkeypatch.setattr(storage, "write_json", fail)
            async with asyncssh.connect(
                "127.0.0.1", server.port, username="admin", password="sesame", known_hosts=None, config=None
            ) as connection:
                done = await connection.run("crypto ca trustpool import url disk0:/core")
            await server.stop()
            monkeypatch.undo()
            *_, succeeded, lost = done.stdout.splitlines()
            assert "import succeeded: 3 certificates" in succeeded
            assert lost.startswith(
                "% What has changed cannot be saved and would be lost by a restart: No space"
            )
            assert done.exit_status == 1

    asyncio.run(story())


def test_a_bundle_that_takes_long_to_read_holds_nobody_up(tmp_path: Path) -> None:
    """It is read in a thread, be it for the timer or for an operator."""

    async def story() -> None:
        async with Stage(tmp_path).open() as stage:
            stage.page = shipped()["hundreds"].content
            reader = stage.host.router.pki.pool
            threads = set()

            def read(*arguments: Any) -> Bundle:
                threads.add(threading.current_thread())
                return read_bundle(*arguments)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(bundle_module, "read_bundle", read)
                [(_, outcome)] = await stage.at(DUE)
                assert outcome == "refreshed: 300 CA certificates"
                job = next(reader.read(stage.page, EPOCH))
                assert isinstance(await stage.host.perform(job), Bundle)
            assert threads
            assert threading.main_thread() not in threads

    asyncio.run(story())


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_what_the_inventory_says_of_unsigned_bundles(tmp_path: Path, policy: str) -> None:
    settings = replace(SETTINGS, state=tmp_path, trustpool_unsigned=policy)
    loop = asyncio.new_event_loop()
    clock = LabClock(state=ClockState("frozen", frozen_at=EPOCH))
    pool = make_host(settings, "r1", clock, Fleet(clock, loop)).router.pki.pool
    loop.close()
    assert pool.pool.built_in == built_in()
    if policy == "accept":
        install(pool, shipped()["full-unsigned"].content)
    else:
        with pytest.raises(BundleRefused):
            install(pool, shipped()["full-unsigned"].content)
    install(pool, shipped()["full"].content)


def test_the_environment_says_what_an_unsigned_bundle_may_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`sceplab up` hands its environment on to the routers."""
    arguments = ["--state", str(tmp_path)]
    assert main.make_context("router_emu", arguments.copy()).params["trustpool_unsigned"] == "accept"
    monkeypatch.setenv("SCEPLAB_ROUTER_TRUSTPOOL_UNSIGNED", "refuse")
    assert main.make_context("router_emu", arguments.copy()).params["trustpool_unsigned"] == "refuse"
