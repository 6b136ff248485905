"""One router and its process at work: real sockets, real threads, a clock that is set."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog

from router_emu.adapters import host as host_module
from router_emu.adapters import http
from router_emu.commands.context import Router
from router_emu.pki.keys import Algorithm, GenerateKey
from router_emu.pki.wire import HttpRequest
from sceplab.clock import ClockState
from tests.router_emu.pki_lab import PASSWORD, awaited, rsa_key
from tests.router_emu.pki_stage import Stage, until

COMMAND = [sys.executable, "-m", "router_emu", "--first-port", "0", "--first-https-port", "0"]
COMMAND += ["--management-port", "0"]
Story = Callable[[Stage], Awaitable[None]]


@pytest.fixture
def play(make_router: Callable[[], Router], make_screen: Any, tmp_path: Path) -> Callable[[Story], None]:
    """Run a story on a stage, and expect no task to outlive it."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with Stage(make_router, make_screen, tmp_path / "r1").open() as stage:
                await story(stage)

        asyncio.run(whole())

    return run


class TestTimers:
    def test_a_timer_fires_without_anybody_asking(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            due = await stage.pending()
            stage.ca.answer = stage.ca.issued
            stage.set_clock(due - timedelta(seconds=0.05))
            await until(lambda: stage.host.router.pki.trustpoint("myca").router)
            assert stage.ca.kinds == ["PkcsReq", "CertPoll"]
            assert await stage.run_timers() == [(1, "r1", "enrolment myca: poll 1 of 3", "issued")]
            assert await stage.run_timers(after=1) == []
            assert await stage.awaited() == ([], 1)

        play(story)

    def test_a_frozen_clock_stops_it(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            due = await stage.pending()
            stage.clock.set_state(mode="frozen", frozen_at=due - timedelta(microseconds=1))
            assert await stage.run_timers() == []
            [timer], last = await stage.awaited()
            assert (timer.due, timer.owner, timer.name, last) == (due, "r1", "enrolment myca: poll 1 of 3", 0)
            stage.clock.set_state(frozen_at=due)
            assert await stage.run_timers() == [(1, "r1", "enrolment myca: poll 1 of 3", "pending")]
            assert stage.ca.kinds == ["PkcsReq", "CertPoll"]

        play(story)

    def test_run_timers_waits_for_what_is_on_its_way(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            due = await stage.pending()
            stage.gate.clear()
            stage.clock.set_state(mode="frozen", frozen_at=due)  # the router's own loop fires it
            await until(lambda: len(stage.ca.messages) == 2)
            running = asyncio.create_task(stage.run_timers())
            assert await stage.awaited() == ([], 0)
            assert not running.done()
            stage.gate.set()
            assert await running == [(1, "r1", "enrolment myca: poll 1 of 3", "pending")]

        play(story)

    def test_an_enrolment_from_its_first_to_its_last_retry(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            await stage.pending()
            fired = []
            while awaited(stage.host.router.pki):
                stage.clock.set_state(mode="frozen", frozen_at=awaited(stage.host.router.pki)[0][0])
                fired += await stage.run_timers(after=len(fired))
            assert [(number, outcome) for number, _, _, outcome in fired] == [
                (1, "pending"),
                (2, "pending"),
                (3, "expired"),
            ]
            assert "CERTTIMEOUT" in stage.host.router.log.lines[-1]

        play(story)


class TestRenewal:
    def test_it_is_a_timer_like_others(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            pki = stage.host.router.pki
            stage.ca.answer = stage.ca.issued
            stage.enroll()
            await until(lambda: pki.trustpoint("myca").router)
            session = stage.session()
            for line in ("configure", "crypto ca trustpoint myca", "auto-enroll 50", "commit"):
                session.feed(line, stage.host.now())
                stage.host.after_command()
            [(due, _, _)] = awaited(pki)
            stage.clock.set_state(mode="frozen", frozen_at=due)
            assert await stage.run_timers() == [(1, "r1", "renewal myca", "issued")]
            pki.zeroize(Algorithm.RSA, "the_default", stage.host.now())
            stage.clock.set_state(frozen_at=awaited(pki)[0][0])
            why = "not renewed: the certificate's key is no more"
            assert await stage.run_timers(after=1) == [(2, "r1", "renewal myca", why)]
            await stage.restart()  # and the next try is remembered
            assert awaited(stage.host.router.pki)[0][0] > stage.host.now()

        play(story)


class TestRestart:
    def test_a_timer_that_became_due_meanwhile_fires_at_once(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            due = await stage.pending()
            await stage.host.stop()
            stage.set_clock(due + timedelta(days=1))
            stage.ca.answer = stage.ca.issued
            stage.start()
            await until(lambda: stage.host.router.pki.trustpoint("myca").router)
            assert stage.ca.kinds == ["PkcsReq", "CertPoll"]

        play(story)

    def test_an_exchange_that_hangs_is_dropped_and_taken_up_again(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(stage: Stage) -> None:
            stage.gate.clear()
            stage.enroll("")
            await until(lambda: stage.ca.requests)
            async with asyncio.timeout(http.TIMEOUT / 2):
                await stage.host.stop()
            stage.gate.set()
            stage.start()
            [(due, _, name)] = awaited(stage.host.router.pki)
            assert name == "enrolment myca: request again, 1 of 3"
            stage.clock.set_state(mode="frozen", frozen_at=due)
            assert await stage.run_timers() == [(1, "r1", name, "pending")]

        play(story)

    def test_a_change_in_the_same_moment_does_not_hold_up_the_end(
        self, play: Callable[[Story], None]
    ) -> None:
        """Python 3.11's ``wait_for`` would lose the cancellation, and ``stop`` never return."""

        async def story(stage: Stage) -> None:
            await stage.pending()
            stage.host.after_command()
            async with asyncio.timeout(5):
                await stage.restart()

        play(story)

    def test_nothing_is_on_the_wire_that_the_disk_does_not_know(
        self, play: Callable[[Story], None], tmp_path: Path
    ) -> None:
        async def story(stage: Stage) -> None:
            states = []

            def look(request: Any) -> Any:
                stored = json.loads((tmp_path / "r1" / "pki.json").read_text())
                [attempt] = stored["attempts"]
                states.append((attempt["state"], attempt["retries"]))
                return stage.ca.pending(request)

            stage.ca.answer = look
            due = await stage.pending()
            stage.clock.set_state(mode="frozen", frozen_at=due)
            await stage.run_timers()
            assert states == [("sent", 0), ("pending", 1)]

        play(story)

    def test_a_trustpoint_that_is_configured_no_more_is_forgotten(
        self, play: Callable[[Story], None], tmp_path: Path
    ) -> None:
        """The configuration is written before the PKI: a crash may come between the two."""

        async def story(stage: Stage) -> None:
            due = await stage.pending()
            await stage.host.stop()
            path = tmp_path / "r1" / "configuration.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"running": "hostname r1"}))
            stage.set_clock(due)
            stage.start()
            assert stage.host.router.pki.attempts == {}
            assert await stage.run_timers() == []
            assert stage.ca.kinds == ["PkcsReq"]

        play(story)


class TestJobs:
    def test_a_key_in_the_making_holds_up_nobody(
        self, play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, finish = threading.Event(), threading.Event()

        def slow(job: GenerateKey, _random_bytes: object) -> object:
            begun.set()
            assert finish.wait(10)
            return rsa_key("slow", job.bits)

        monkeypatch.setattr(host_module, "generate", slow)

        async def story(stage: Stage) -> None:
            one, other = stage.session(), stage.session()
            one.feed("crypto key generate rsa slow", stage.host.now())
            job = one.feed("1024", stage.host.now()).job
            making = asyncio.create_task(stage.host.perform(job))
            await until(begun.is_set)
            assert other.feed("show clock", stage.host.now()).text
            await stage.pending()  # a whole exchange
            assert not making.done()
            finish.set()
            one.resume(await making, stage.host.now())
            stage.host.after_command()
            assert stage.host.router.pki.keys.for_enrolment("slow")[0].key == rsa_key("slow")
            await stage.restart()
            assert stage.host.router.pki.keys.labels(Algorithm.RSA) == ["slow", "the_default"]

        play(story)

    def test_what_it_can_do(self, play: Callable[[Story], None]) -> None:
        async def story(stage: Stage) -> None:
            answer = await stage.host.perform(
                HttpRequest("GET", f"http://127.0.0.1:{stage.port}/?operation=GetCACaps")
            )
            assert b"SHA-256" in answer.body  # type: ignore[attr-defined]
            key = await stage.host.perform(GenerateKey(Algorithm.RSA, 512))
            assert key.key_size == 512  # type: ignore[attr-defined]
            with pytest.raises(TypeError):
                await stage.host.perform("tea")
            assert stage.host.authenticate("admin", "sesame")
            for user, password in (("admin", ""), ("", "sesame"), ("admin", "sesamé"), ("root", "sesame")):
                assert not stage.host.authenticate(user, password)

        play(story)

    def test_an_error_of_ours_is_no_answer(
        self, play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An enrolment never waits for ever for an exchange that is dead."""

        async def broken(_request: HttpRequest) -> None:
            raise ZeroDivisionError

        async def story(stage: Stage) -> None:
            monkeypatch.setattr(http, "send", broken)
            with structlog.testing.capture_logs() as logs:
                await stage.pending()
            assert [each["event"] for each in logs if each["log_level"] == "error"] == ["an exchange raised"]
            assert "NOTSENT" in stage.host.router.log.lines[-1]

        play(story)


def test_the_password_is_in_no_log(play: Callable[[Story], None]) -> None:
    async def story(stage: Stage) -> None:
        with structlog.testing.capture_logs() as logs:
            due = await stage.pending()
            stage.ca.answer = stage.ca.denied
            stage.clock.set_state(mode="frozen", frozen_at=due)
            await stage.run_timers()
        assert [each["outcome"] for each in logs] == ["pending", "refused: badRequest: not on my network"]
        assert PASSWORD not in repr(logs)

    play(story)


def test_a_process_ends_at_once_though_an_exchange_hangs(
    play: Callable[[Story], None], tmp_path: Path
) -> None:
    """SIGTERM while the lab waits in `POST /_lab/timers/run` for a CA that says nothing."""

    async def story(stage: Stage) -> None:
        due = await stage.pending()
        await stage.host.stop()
        stage.gate.clear()
        asked = len(stage.ca.requests)
        clock = ClockState("frozen", 0.0, due).to_json()
        process = subprocess.Popen(
            [*COMMAND, "--state", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"SCEPLAB_CLOCK": json.dumps(clock), "SCEPLAB_ROUTER_PASSWORD": "sesame"},
        )
        try:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
            management = json.loads(line)["ready"]["management"]
            await until(lambda: len(stage.ca.requests) > asked)
            waiting = asyncio.create_task(
                asyncio.to_thread(
                    requests.post, f"{management}/_lab/timers/run", json={"after": 0}, timeout=30
                )
            )
            await asyncio.to_thread(requests.get, f"{management}/_lab/timers", timeout=30)
            assert not waiting.done()
            process.send_signal(signal.SIGTERM)
            _, log = await asyncio.to_thread(process.communicate, timeout=http.TIMEOUT / 2)
            await asyncio.wait([waiting])
            waiting.exception()
        finally:
            process.kill()
            await asyncio.to_thread(process.communicate)
        assert process.returncode == 0
        assert "Traceback" not in log
        assert PASSWORD not in log

    play(story)
