"""What goes wrong in a router's process, a full disk or a bug of ours, ends neither sessions nor timers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from router_emu.adapters import host as host_module
from router_emu.adapters import storage
from router_emu.commands.context import Router
from tests.router_emu.pki_stage import Stage, until

Story = Callable[[Stage], Awaitable[None]]
Logs = list[Any]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
def play(
    make_router: Callable[[], Router], make_screen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Story], None]:
    """Run a story on a stage, where what failed is tried again at once."""
    monkeypatch.setattr(host_module, "RETRY", 0.01)

    def run(story: Story) -> None:
        async def whole() -> None:
            async with Stage(make_router, make_screen, tmp_path / "r1").open() as stage:
                await story(stage)

        asyncio.run(whole())

    return run


def said(logs: Logs, event: str) -> int:
    return len([each for each in logs if each["event"] == event])


def test_a_full_disk_holds_a_poll_back_until_there_is_room(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    write, tries = storage.write_json, 0

    def fail(path: Path, value: object) -> None:
        nonlocal tries
        tries += 1
        raise OSError(28, "No space left on device")

    async def story(stage: Stage) -> None:
        due = await stage.pending()
        monkeypatch.setattr(storage, "write_json", fail)
        stage.clock.set_state(mode="frozen", frozen_at=due)
        await until(lambda: tries > 3)
        session = stage.session()
        assert not session.feed("show clock", stage.host.now()).failed
        stage.host.after_command()
        assert stage.ca.kinds == ["PkcsReq"]  # nothing is sent that a restart would not know of
        monkeypatch.setattr(storage, "write_json", write)
        await until(lambda: said(logs, "a router is saved again"))
        fired = await stage.run_timers()
        assert fired == [(1, "r1", "enrolment myca: poll 1 of 3", "pending")]
        assert stage.ca.kinds == ["PkcsReq", "CertPoll"]
        assert said(logs, "a router cannot be saved; nothing is sent") == 1
        told = [line for line in stage.host.router.log.lines if "SAVED" in line]
        assert [line.partition("%")[2].split(" ")[0] for line in told] == [
            "MGBL-CONFIG-2-NOTSAVED",
            "MGBL-CONFIG-5-SAVED",
        ]
        assert "by a restart: No space left on device." in told[0]
        await stage.restart()
        name = stage.host.router.pki.timers()[0][2]
        assert name == "enrolment myca: poll 2 of 3"

    play(story)


def test_whoever_changes_what_cannot_be_saved_is_told(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = storage.write_json

    def fail(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    async def story(stage: Stage) -> None:
        monkeypatch.setattr(host_module, "RETRY", 1000)

        def typed(line: str) -> str:
            assert not session.feed(line, stage.host.now()).failed
            return stage.host.after_command()

        session = stage.session()
        monkeypatch.setattr(storage, "write_json", fail)
        lines = ("show clock", "configure", "hostname one", "commit", "do show clock")
        told = [typed(each) for each in lines]
        lost = (
            "% What has changed cannot be saved and would be lost by a restart: No space left on device. "
            "It is tried again"
        )
        assert told == ["", "", "", lost, ""]
        assert [typed(each) for each in ("hostname two", "commit")] == ["", lost]
        monkeypatch.setattr(storage, "write_json", write)
        assert [typed(each) for each in ("hostname three", "commit")] == ["", ""]

    play(story)


def test_the_end_saves_what_could_not_be_saved_before(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = storage.write_json

    def fail(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    async def story(stage: Stage) -> None:
        monkeypatch.setattr(host_module, "RETRY", 1000)
        session = stage.session()
        monkeypatch.setattr(storage, "write_json", fail)
        for line in ("configure", "hostname edge", "commit"):
            session.feed(line, stage.host.now())
            stage.host.after_command()
        monkeypatch.setattr(storage, "write_json", write)
        await stage.restart()
        assert stage.host.router.hostname == "edge"

    play(story)


def test_a_server_that_raises_ends_nothing(play: Callable[[Story], None], logs: Logs) -> None:
    async def story(stage: Stage) -> None:
        followed = []

        def raise_() -> None:
            raise ZeroDivisionError

        stage.host.followers += [raise_, lambda: followed.append(1)]
        due = await stage.pending()
        stage.clock.set_state(mode="frozen", frozen_at=due)
        assert await stage.run_timers() == [(1, "r1", "enrolment myca: poll 1 of 3", "pending")]
        assert followed
        assert said(logs, "a server cannot follow its router") == len(followed)

    play(story)


def test_a_timer_that_raises_stops_no_other(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    async def story(stage: Stage) -> None:
        due = await stage.pending()
        pki, fired = stage.host.router.pki, []
        timers = [(due, "broken", "enrolment broken"), (due, "whole", "enrolment whole")]

        def fire(slot: str, _now: object) -> str:
            if slot == "broken":
                raise ZeroDivisionError
            fired.append(slot)
            return "done"

        with monkeypatch.context() as patch:
            patch.setattr(pki, "timers", lambda: timers[len(fired) // 2 :])
            patch.setattr(pki, "fire", fire)
            stage.clock.set_state(mode="frozen", frozen_at=due)
            await until(lambda: fired)
            assert said(logs, "a timer raised")
        assert ("enrolment myca: poll 1 of 3", "pending") in [each[2:] for each in await stage.run_timers()]

    play(story)


def test_an_answer_that_raises_is_as_if_none_had_come(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    async def story(stage: Stage) -> None:
        pki, asked = stage.host.router.pki, []
        finish = pki._finish

        def raise_once(*arguments: Any) -> str:
            asked.append(arguments)
            if len(asked) == 1:
                raise ZeroDivisionError
            return finish(*arguments)

        monkeypatch.setattr(pki, "_finish", raise_once)
        await stage.pending()
        assert said(logs, "an answer raised") == 1
        assert "NOTSENT" in stage.host.router.log.lines[-1]

    play(story)
