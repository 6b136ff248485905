"""A terminal line in bytes: pages, jobs, what is typed ahead, log lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router_emu.adapters.vty import ONE_COMMAND, PLAIN, Style, Vty
from router_emu.cli.session import Session
from router_emu.commands.context import Context, Position, Router
from router_emu.commands.flow import Ask, Flow, Perform, Say
from router_emu.syntax.match import Args
from router_emu.syntax.table import Mode, Run
from router_emu.texts import MODERN

Screen = Any  # the class in conftest.py
PROMPT = "RP/0/RP0/CPU0:ios#"


def work(context: Context, args: Args) -> Flow:
    """Work, then ask in secret."""
    yield Say("working")
    result = yield Perform("job")
    yield Say(str(result))
    password = yield Ask("Password: ", echo=False)
    context.router.log.add(context.now, "cepki", "TEST-6-DONE", f"{len(password)} characters")


def lines(context: Context, args: Args) -> str:
    return "\n".join(f"line {number}" for number in range(1, 8))


def broken(context: Context, args: Args) -> str:
    raise ZeroDivisionError


TEST_MODE = Mode("test", "#", (Run("work", work), Run("lines", lines), Run("broken", broken)))


@pytest.fixture
def make_vty(screen: Screen) -> Callable[..., Vty]:
    def make(style: Style | None = None, height: int = 0, *, mode: Mode | None = TEST_MODE) -> Vty:
        session: Session = screen.session
        session.shell.terminal.timestamps = False
        if mode:
            session.shell.stack = [Position(mode)]
        vty = Vty(session, lambda: screen.now, style or Style(), height)
        vty.start()
        return vty

    return make


def typed(vty: Vty, text: str) -> str:
    return vty.receive(text.encode()).decode()


class TestKeys:
    def test_help_prints_and_types_the_line_again(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty(mode=None)
        assert typed(vty, "show ver?") == f"show ver?\r\nversion\r\n{PROMPT}show ver"
        assert typed(vty, "\t") == "sion "
        assert typed(vty, "?") == f"?\r\n  |     Output Modifiers\r\n  <cr>\r\n{PROMPT}show version "
        assert typed(vty, "\x03") == f"\r\n{PROMPT}"

    def test_control_z_ends_configuration(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty(mode=None)
        assert typed(vty, "\x1a") == ""
        typed(vty, "configure\rhostname a\r")
        assert typed(vty, "half a line\x1a") == f"half a line\r\n{MODERN.uncommitted}"
        assert typed(vty, "?\x03") == "?\r\nRP/0/RP0/CPU0:ios(config)#"

    @pytest.mark.parametrize("packets", [["\r", "\n"], ["\r\n"], ["\r\0"], ["\r", "\0"], ["\n"], ["\r"]])
    def test_every_kind_of_return_is_one(self, make_vty: Callable[..., Vty], packets: list[str]) -> None:
        vty = make_vty()
        assert "".join(typed(vty, packet) for packet in packets) == f"\r\n{PROMPT}"
        assert typed(vty, "\r") == f"\r\n{PROMPT}"

    def test_characters_may_come_in_pieces(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty()
        assert b"".join(vty.receive(bytes([byte])) for byte in "ü".encode()).decode() == "ü"
        assert vty.receive(b"\xff\r").decode().startswith("\N{REPLACEMENT CHARACTER}\r\n")


class TestPages:
    def test_space_enter_and_q(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty(height=2)
        more, wipe = " --More-- ", "\r          \r"
        assert typed(vty, "lines\r") == f"lines\r\nline 1\r\nline 2\r\n{more}"
        assert typed(vty, "x") == ""
        assert typed(vty, " ") == f"{wipe}line 3\r\nline 4\r\n{more}"
        assert typed(vty, "\r\n") == f"{wipe}line 5\r\n{more}"
        assert typed(vty, " ") == f"{wipe}line 6\r\nline 7\r\n{PROMPT}"
        typed(vty, "lines\r")
        assert typed(vty, "q") == f"{wipe}{PROMPT}"

    def test_the_date_is_no_line_of_the_page(self, make_vty: Callable[..., Vty], screen: Screen) -> None:
        vty = make_vty(height=6)
        screen.session.shell.terminal.timestamps = True
        assert typed(vty, "lines\r").endswith(
            "UTC\r\nline 1\r\nline 2\r\nline 3\r\nline 4\r\nline 5\r\nline 6\r\n --More-- "
        )

    @pytest.mark.parametrize(("length", "height"), [(0, 2), (None, 0), (7, 2)])
    def test_no_page_is_too_long(
        self, make_vty: Callable[..., Vty], screen: Screen, length: int | None, height: int
    ) -> None:
        vty = make_vty(height=height)
        screen.session.shell.terminal.length = length
        assert typed(vty, "lines\r").endswith(f"line 7\r\n{PROMPT}")


class TestJobs:
    def test_what_is_typed_ahead_waits_and_runs_in_order(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty()
        assert typed(vty, "work\rsecret\rlines\r") == "work\r\nworking\r\n"
        assert vty.job == "job"
        assert typed(vty, "lin") == ""
        assert vty.backlog == len("secret\rlines\rlin")
        shown = vty.finish("result").decode()
        assert shown.startswith(f"result\r\nPassword: \r\n{PROMPT}lines\r\nline 1\r\n")
        assert shown.endswith(f"line 7\r\n{PROMPT}lin")
        assert (vty.job, vty.backlog) == (None, 0)

    def test_an_interrupt_gives_the_job_up(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty()
        typed(vty, "work\r")
        assert typed(vty, "lines\r\x03wo") == f"\r\n{PROMPT}wo"
        assert vty.cancelled
        assert vty.job is None

    def test_an_exception_costs_the_command_only(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty()
        assert typed(vty, "broken\r") == f"broken\r\n{MODERN.internal_error}\r\n{PROMPT}"
        typed(vty, "work\r")
        assert vty.fail(OSError()).decode() == f"{MODERN.internal_error}\r\n{PROMPT}"
        assert vty.failed

    def test_a_lost_client_leaves_nothing(self, make_vty: Callable[..., Vty], router: Router) -> None:
        vty = make_vty(mode=None)
        typed(vty, "configure exclusive\rhostname a\rend\r")
        vty.close()
        assert router.config.sessions == []
        assert typed(vty, "yes\r") == ""


class TestMonitor:
    def test_log_lines_come_between_and_the_typed_line_stays(
        self, make_vty: Callable[..., Vty], screen: Screen, router: Router
    ) -> None:
        vty = make_vty()
        assert vty.log_line("unseen") == b""
        screen.session.shell.terminal.monitor = True
        typed(vty, "lin")
        assert vty.log_line("news").decode() == f"\r\nnews\r\n{PROMPT}lin"
        typed(vty, "\x15work\r")
        assert vty.log_line("news") == b"news\r\n"

    def test_no_log_line_breaks_into_a_command_or_a_page(
        self, make_vty: Callable[..., Vty], screen: Screen, router: Router
    ) -> None:
        vty = make_vty(height=5)
        screen.session.shell.terminal.monitor = True
        sent = []
        router.log.subscribe(lambda line: sent.append(vty.log_line(line)))
        typed(vty, "work\r")
        vty.finish("done")
        assert typed(vty, "four\r").endswith(f"%TEST-6-DONE : 4 characters\r\n{PROMPT}")
        assert sent == [b""]
        typed(vty, "lines\r")
        assert vty.log_line("news") == b""
        assert typed(vty, " ").endswith(f"line 7\r\nnews\r\n{PROMPT}")


@pytest.mark.parametrize(
    ("style", "shown"),
    [(Style(), f"\r\n% full\r\n{PROMPT}lin"), (PLAIN, f"\n% full\n{PROMPT}lin"), (ONE_COMMAND, "% full\n")],
    ids=["terminal", "lines", "one command"],
)
def test_a_notice_is_shown_to_who_does_not_monitor_too(
    make_vty: Callable[..., Vty], style: Style, shown: str
) -> None:
    vty = make_vty(style)
    typed(vty, "lin")
    assert vty.notice("% full").decode() == shown


def test_a_notice_at_the_end_has_no_prompt_below(make_vty: Callable[..., Vty]) -> None:
    vty = make_vty(mode=None)
    typed(vty, "exit\r")
    assert vty.closed
    assert vty.notice("% full") == b"% full\r\n"


class TestWithoutTerminal:
    def test_lines_are_echoed_whole_and_never_paged(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty(PLAIN, height=2)
        assert typed(vty, "li") == ""
        assert typed(vty, "nes\n").startswith("lines\nline 1\nline 2\nline 3\n")
        assert typed(vty, "wo?\n") == f"wo?\nwork\n{PROMPT}"
        typed(vty, "work\nsecret?\n")
        assert vty.finish("done").decode() == f"done\nPassword: \n{PROMPT}"

    def test_one_command_shows_its_output_alone(self, make_vty: Callable[..., Vty]) -> None:
        vty = make_vty(ONE_COMMAND)
        assert typed(vty, "work\n") == "working\n"
        assert not vty.idle
        assert vty.finish("done").decode() == "done\nPassword: "
        assert vty.asking
        assert typed(vty, "secret\n") == "\n"
        assert vty.idle
        assert not vty.failed
        typed(vty, "nonsense\n")
        assert vty.failed
