"""A row's notation, and what a table refuses at import."""

from __future__ import annotations

import pytest

from router_emu.config.text import setting_line
from router_emu.syntax.match import Incomplete, Match, resolve
from router_emu.syntax.spec import expand
from router_emu.syntax.table import Enter, Mode, Run, Setting


def spellings(spec: str) -> list[str]:
    return [
        " ".join(token if isinstance(token, str) else token.kind.label for token in sequence)
        for sequence in expand(spec)
    ]


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        ("show clock", ["show clock"]),
        ("configure [terminal | exclusive]", ["configure", "configure terminal", "configure exclusive"]),
        ("a {b | c d} e", ["a b e", "a c d e"]),
        ("a [b [c] | d:1-9]", ["a", "a b", "a b c", "a <1-9>"]),
        ("subject-name text:LINE(1-80)", ["subject-name LINE"]),
    ],
)
def test_a_spec_allows_these_lines(spec: str, lines: list[str]) -> None:
    assert spellings(spec) == lines


@pytest.mark.parametrize("spec", ["", "[a]", "a [b", "a b]", "a {b]", "a name:NOKIND"])
def test_a_spec_that_makes_no_sense_is_refused(spec: str) -> None:
    with pytest.raises(ValueError):
        expand(spec)


@pytest.mark.parametrize(
    "rows",
    [
        (Run("show clock", print), Run("show clock", print)),
        (Run("show [clock | version]", print), Run("show version", print)),
        (Setting("a n:1-9"), Setting("a n:1-8")),
        (Setting("a n:1-9"), Run("a m:1-9", print)),
    ],
)
def test_two_rows_for_one_command_are_refused(rows: tuple[Run | Setting, ...]) -> None:
    with pytest.raises(ValueError, match="two "):
        Mode("m", "#", rows)


@pytest.mark.parametrize("spec", ["a n:1-9 b", "a n:1-9 m:1-9", "a {n:1-9 b | c}", "{a | b}", "n:1-9"])
def test_a_line_of_configuration_is_keywords_and_one_argument(spec: str) -> None:
    with pytest.raises(ValueError, match="line of configuration"):
        Setting(spec)
    with pytest.raises(ValueError, match="line of configuration"):
        Enter(spec, Mode("m", "#", ()))


def test_a_setting_may_offer_a_choice_and_a_block_may_not() -> None:
    with pytest.raises(ValueError, match="no choices"):
        Enter("a [b]", Mode("m", "#", ()))
    mode = Mode("m", "#", (Setting("a b [none]"), Setting("c {none | n:1-9}"), Setting("d")))
    assert list(mode.settings) == ["a b", "c", "d"]
    typed = {}
    for line in ("a b", "a b none", "c none", "c 7", "d"):
        match = resolve(mode, line)
        assert isinstance(match, Match)
        typed[line] = match.value
        assert setting_line(mode.settings[line.removesuffix(" none").removesuffix(" 7")], match.value) == line
    assert list(typed.values()) == ["", "none", "none", 7, ""]
    for line in ("no a b", "no a b none", "no c", "no c none", "no c 7", "no d"):
        match = resolve(mode, line)
        assert isinstance(match, Match)
        assert match.negated
    assert isinstance(resolve(mode, "c"), Incomplete)
