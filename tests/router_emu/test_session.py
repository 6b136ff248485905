"""The shell's dialogue, without a terminal: screens as an operator sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.cli.grammar import CONFIG
from router_emu.cli.session import Session
from router_emu.commands.context import Context, Position, Router
from router_emu.commands.flow import Ask, Flow, Perform, Say
from router_emu.config.store import CommitError, ConfigStore
from router_emu.config.tree import BlockKey
from router_emu.pki.store import Pki
from router_emu.pki.wire import CISCO
from router_emu.syntax.match import Args
from router_emu.syntax.table import Mode, Run
from router_emu.syslog import LogBuffer
from router_emu.texts import MODERN, NODE, CliRefusal

CAPTION = "RP/0/RP0/CPU0"
Golden = Callable[[str, str], None]
Screen = Any  # the class in conftest.py


def test_a_configuration_session(screen: Screen, golden: Golden) -> None:
    screen(
        "show running-config hostname",
        "configure",
        "hostname myrouter",
        "domain name mydomain.com",
        "crypto ca trustpoint myca",
        "enrollment url http://ca.domain.com/certsrv/mscep/mscep.dll",
        "enrollment retry period 2",
        "enrollment retry count 25",
        "enrollment retry period 61",
        "! a comment",
        "subject-name CN=myrouter,  O=Lab",
        "do show clock",
        "show configuration",
        "commit",
        "show configuration",
        "commit",
        "no enr retry count",
        "exit",
        "no domain name mydomain.com",
        "show configuration",
        "abort",
        "show running-config",
        "show running-config domain",
        "show run crypto ca trustpoint other",
        "show configuration commit list",
        "show configuration commit changes 1000000001",
        "show run | include enrollment",
        "show run | exclude e",
        "show run | begin ^domain",
        "show run | include [",
        "show logging",
        "show version",
        "show history | include show run",
        "terminal exec prompt no-timestamp",
        "show clock",
        "exit",
    )
    golden("configuration.txt", screen.text)


def test_the_chapters_example(
    make_router: Callable[..., Router], make_screen: Callable[..., Screen], golden: Golden
) -> None:
    screen = make_screen(make_router("classic"))
    screen("configure", "hostname myrouter", "domain name mydomain.com", "end", "yes")
    screen("show running-config hostname", "show configuration commit list", "configure", "commit", "end")
    golden("chapter.txt", screen.text)


def test_mistakes(screen: Screen, golden: Golden) -> None:
    screen("end", "unknown", "show", "show vers x", "t", "sh r", "show clock | x", "show clock |")
    screen("  show  nothing", "hostname x", "conf", "no", "hostname -x", "c", "crypto ca trustpoint a b")
    screen("do", "do nothing", "en", "do show clock")
    golden("mistakes.txt", screen.text)


@pytest.mark.parametrize(
    ("wording", "answer", "committed", "left"),
    [
        ("modern", "yes", True, True),
        ("modern", "Y", True, True),
        ("modern", "no", False, True),
        ("modern", "", False, False),
        ("modern", "cancel", False, False),
        ("classic", "", True, True),
        ("classic", "no", False, True),
        ("classic", "c", False, False),
    ],
)
@pytest.mark.parametrize("way_out", ["end", "exit"])
def test_the_uncommitted_question(
    make_router: Callable[..., Router],
    make_screen: Callable[..., Screen],
    wording: str,
    answer: str,
    committed: bool,
    left: bool,
    way_out: str,
) -> None:
    router = make_router(wording)
    screen = make_screen(router)
    asked = screen("configure", "hostname new", way_out)
    assert asked.question
    assert asked.prompt == router.texts.uncommitted
    assert screen("perhaps").prompt == router.texts.uncommitted
    output = screen(answer)
    assert not output.question
    assert router.hostname == ("new" if committed else "ios")
    assert output.prompt == f"{CAPTION}:{router.hostname}{'#' if left else '(config)#'}"
    assert screen.session.configuring != left
    assert bool(router.config.sessions) != left


def test_without_changes_there_is_no_question(screen: Screen) -> None:
    assert screen("configure", "end").prompt == f"{CAPTION}:ios#"
    assert screen("configure", "crypto ca trustpoint a", "exit").prompt == f"{CAPTION}:ios(config)#"


class TestModes:
    def test_a_line_of_an_outer_mode_goes_there(self, screen: Screen) -> None:
        output = screen("configure", "crypto ca trustpoint a", "hostname b")
        assert output.prompt.endswith("(config)#")
        assert screen("crypto ca trustpoint a", "crypto ca trustpoint c").prompt.endswith("(config-trustp)#")
        assert screen("exit").prompt.endswith(":ios(config)#")

    def test_root_and_removing_the_block_one_is_in(self, screen: Screen) -> None:
        assert screen("configure", "crypto ca trustpoint a", "root").prompt.endswith("(config)#")
        assert screen("crypto ca trustpoint a", "no crypto ca trustpoint a").prompt.endswith("(config)#")
        assert screen("end").prompt.endswith(":ios#")

    def test_long_host_names_are_cut_in_configuration(self, screen: Screen) -> None:
        name = "a-very-long-name-for-one-router"
        output = screen("configure", f"hostname {name}", "commit")
        assert output.prompt == f"{CAPTION}:a-very-long-name-(config)#"
        assert len(output.prompt) - len("(config)#") == 31
        assert screen("end").prompt == f"{CAPTION}:{name}#"

    def test_help_and_tab_look_outward_too(self, screen: Screen) -> None:
        screen("configure", "crypto ca trustpoint a")
        session = screen.session
        assert " Define a CA trustpoint\n" in session.help("crypto ca ")
        assert session.complete("host") == "hostname "
        assert session.complete("do sh") == "do show "
        assert session.help("do terminal ex ") == "  prompt  EXEC prompt parameters\n"
        assert session.help("no enrollment retry ") == session.help("enrollment retry ")


@pytest.mark.parametrize(
    "opener",
    [
        ["terminal width 511", "terminal length 0"],  # netmiko
        ["terminal length 0", "terminal width 512"],  # scrapli 1
        ["term width 512", "term len 0"],  # scrapli 2
        ["terminal length 0", "terminal width 512", "terminal exec prompt no-timestamp"],  # Ansible
        ["terminal length 0", "terminal width 0"],  # unicon
    ],
)
def test_what_clients_send_first_is_taken(screen: Screen, opener: list[str]) -> None:
    for line in opener:
        output = screen(line)
        assert (output.failed, output.prompt) == (False, f"{CAPTION}:ios#")
    assert screen.session.shell.terminal.length == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("e", "exit\n"),
        ("term e", "exec\n"),
        ("terminal length ", "  <0-512>  Number of lines on screen (0 for no pausing)\n"),
        ("show clock ", "  |     Output Modifiers\n  <cr>\n"),
        ("configure ex ", "  <cr>\n"),
        ("show clock | i", "include\n"),
        ("show clock | inc ", "  LINE  Regular expression\n"),
        ("nonsense ", "\r" + " " * 18 + "^\n" + MODERN.invalid + "\n"),
        ("show clock | x ", "\r" + " " * (18 + 13) + "^\n" + MODERN.invalid + "\n"),
        ("show c x", '% Ambiguous command:  "show c x"\n'),
    ],
)
def test_the_question_mark(screen: Screen, line: str, text: str) -> None:
    assert screen.session.help(line) == text


def test_an_exclusive_session_and_the_table_of_sessions(
    router: Router, make_screen: Callable[..., Screen], golden: Golden
) -> None:
    one, other = make_screen(router, "vty0"), make_screen(router, "vty1")
    one("configure exclusive", "hostname a")
    refused = other("configure exclusive")
    assert refused.failed
    assert not other.session.configuring
    other("configure", "hostname b", "commit")
    one("commit", "end")
    stale = other("commit")
    assert stale.question
    assert other("").prompt.endswith("(config)#")
    other("commit", "yes", "end")
    assert router.hostname == "b"
    golden("two-operators.txt", other.text)


def test_a_refused_commit_says_why(screen: Screen, router: Router, golden: Golden) -> None:
    path = (BlockKey("crypto ca trustpoint", "myca"),)
    router.config.checks.append(
        lambda tree: [
            CommitError(path, "rsakeypair", "'cepki' detected the 'warning' condition 'No such key pair'")
        ]
    )
    screen("configure", "crypto ca trustpoint myca", "rsakeypair none", "show configuration failed")
    screen("commit", "show configuration failed", "end", "yes", "abort")
    golden("refused-commit.txt", screen.text)


@pytest.mark.parametrize("line", ["do configure", "do configure exclusive", "do exit", "do logout"])
def test_a_session_edits_one_candidate(screen: Screen, router: Router, line: str) -> None:
    screen("configure", "hostname kept")
    assert screen(line).failed
    assert "% Not from within a configuration session." in screen.text
    assert len(router.config.sessions) == 1
    screen("commit", "end")
    assert router.hostname == "kept"
    assert router.config.sessions == []


def test_a_pattern_that_takes_for_ever_is_broken_off(screen: Screen) -> None:
    screen("a" * 44 + "!", "show history | include (a|aa)+$")
    assert screen.output.failed
    assert "% Error parsing piping string. Quitting" in screen.text
    assert not screen("show clock").failed


def test_a_lost_session_gives_up_its_lock(screen: Screen, router: Router) -> None:
    screen("configure exclusive", "hostname a", "end")
    screen.session.close()
    assert router.config.sessions == []
    assert router.hostname == "ios"


@dataclass(frozen=True)
class Errand:
    name: str


def talk(context: Context, args: Args) -> Flow:
    """Ask, work, ask in secret, refuse."""
    yield Say("one\ntwo")
    name = yield Ask("Name: ")
    try:
        result = yield Perform(Errand(name))
    except OSError as error:
        raise CliRefusal(f"% {error}") from error
    yield Say(f"{result} at {context.now:%S}")
    secret = yield Ask("Password: ", echo=False)
    if secret != "?":
        raise CliRefusal("% wrong")
    yield Say("")


@pytest.fixture
def talker(screen: Screen) -> Iterator[Screen]:
    mode = Mode("talk", "#", (Run("talk", talk), Run("break", lambda context, args: 1 // 0)))
    screen.session.shell.stack = [Position(mode)]
    return screen


class TestFlows:
    def test_effects_come_and_results_go(self, talker: Screen) -> None:
        session, now = talker.session, talker.now
        output = talker("talk")
        assert output.text.endswith("\none\ntwo\n")
        assert (output.prompt, output.echo, output.question) == ("Name: ", True, True)
        working = talker("errand")
        assert (working.job, working.prompt, working.text) == (Errand("errand"), "", "")
        with pytest.raises(RuntimeError):
            session.feed("x", now)
        output = session.resume("done", now.replace(second=59))
        assert (output.text, output.prompt, output.echo) == ("done at 59\n", "Password: ", False)
        output = session.feed("?", now)
        assert (output.text, output.failed, output.question) == ("\n", False, False)

    def test_a_refusal_ends_the_command(self, talker: Screen) -> None:
        session, now = talker.session, talker.now
        talker("talk", "x")
        session.resume("", now)
        output = session.feed("no", now)
        assert (output.text, output.failed) == ("% wrong\n", True)
        assert not session.feed("", now).failed

    def test_what_a_job_raises_reaches_the_command(self, talker: Screen) -> None:
        session, now = talker.session, talker.now
        talker("talk", "x")
        assert session.throw(OSError("no route"), now).text == "% no route\n"
        talker("talk", "x")
        with pytest.raises(ZeroDivisionError):
            session.throw(ZeroDivisionError(), now)
        assert session.recover().text == MODERN.internal_error + "\n"
        with pytest.raises(RuntimeError):
            session.resume("late", now)

    def test_an_interrupt_leaves_the_question(self, talker: Screen) -> None:
        session, now = talker.session, talker.now
        talker("talk")
        output = session.interrupt(now)
        assert (output.text, output.prompt) == ("", f"{CAPTION}:ios#")
        assert session.feed("", now).prompt == f"{CAPTION}:ios#"

    def test_classic_parts_output_from_its_command_by_an_empty_line(
        self, make_router: Callable[..., Router], make_screen: Callable[..., Screen]
    ) -> None:
        screen = make_screen(make_router("classic"))
        screen.session.shell.stack = [Position(Mode("talk", "#", (Run("talk", talk),)))]
        assert screen("talk").text == "\none\ntwo\n"


WORDS = ["show", "clock", "configure", "hostname", "x", "no", "crypto", "ca", "trustpoint", "commit"]
WORDS += ["end", "exit", "yes", "|", "include", "do", "abort", "!"]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=12))
def test_no_dialogue_breaks_the_session(lines: list[str]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    router = Router("r1", MODERN, ConfigStore(CONFIG), LogBuffer(NODE), Pki(CISCO, os.urandom))
    session = Session(router, user="admin", line="vty0", peer="192.0.2.7", now=now)
    for line in lines:
        session.help(line)
        session.complete(line)
        output = session.feed(line, now)
        if output.closed:
            return
        assert output.prompt
        assert session.configuring == bool(router.config.sessions)
