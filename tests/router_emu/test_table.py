"""A row's notation, and what a table refuses at import."""

from __future__ import annotations

import pytest

from router_emu.config.text import difference, lines, read, setting_line
from router_emu.config.tree import Block, merge
from router_emu.syntax.match import Incomplete, Invalid, Match, resolve
from router_emu.syntax.options import Listing, complete, options
from router_emu.syntax.spec import expand
from router_emu.syntax.table import Enter, Listed, Mode, Run, Setting


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


@pytest.mark.parametrize("spec", ["{a | b}", "n:1-9"])
def test_a_line_of_configuration_begins_with_a_keyword(spec: str) -> None:
    with pytest.raises(ValueError, match="line of configuration"):
        Setting(spec)
    with pytest.raises(ValueError, match="line of configuration"):
        Enter(spec, Mode("m", "#", ()))


@pytest.mark.parametrize("spec", ["a n:1-9 b", "a n:1-9 m:1-9", "a [b]"])
def test_a_block_has_one_argument_and_no_choices(spec: str) -> None:
    with pytest.raises(ValueError, match="opens a block"):
        Enter(spec, Mode("m", "#", ()))


@pytest.mark.parametrize("spec", ["a", "a b", "a n:1-9 b", "a n:1-9 c d:1-9", "a {n:1-9 | x}"])
def test_a_listed_line_is_a_name_and_pairs_that_it_fills(spec: str) -> None:
    with pytest.raises(ValueError, match="listed line"):
        Listed(spec, fill=(("b", "0"),))


def test_a_setting_may_offer_a_choice() -> None:
    mode = Mode("m", "#", (Setting("a b [none]"), Setting("c {none | n:1-9}"), Setting("d")))
    assert list(mode.settings) == ["a b", "c", "d"]
    typed = {}
    for line in ("a b", "a b none", "c none", "c 7", "d"):
        match = resolve(mode, line)
        assert isinstance(match, Match)
        typed[line] = match.value
        assert setting_line(match.key, match.value) == line
    assert list(typed.values()) == ["", "none", "none", 7, ""]
    for line in ("no a b", "no a b none", "no c", "no c none", "no c 7", "no d"):
        match = resolve(mode, line)
        assert isinstance(match, Match)
        assert match.negated
    assert isinstance(resolve(mode, "c"), Incomplete)


PEERS = Listed(
    "peer host:HOST [port {default | n:1-9}] [level {high | low}]",
    fill=(("port", "default"), ("level", "low")),
)
PROXY = Setting("proxy host:HOST port n:1-9")
SEVERAL = Mode("m", "#", (Setting("peer default {on | off}"), PEERS, PROXY))


def read_back(*lines: str) -> Block:
    return read(SEVERAL, "\n".join(lines))


def test_listed_lines_stand_by_their_names_with_all_their_words() -> None:
    block = read_back("proxy p port 7", "pe b lev hi", "peer a", "peer b port 2", "peer default on")
    assert list(lines(block)) == [
        "peer default on",
        "peer a port default level low",
        "peer b port 2 level low",
        "proxy p port 7",
    ]
    assert block.listed("peer")["b"] == {"port": "2", "level": "low"}
    assert list(block.listed("peer")) == ["a", "b"]


def test_a_listed_line_is_taken_away_by_its_name() -> None:
    for line in ("no peer a", "no peer a port 3", "no peer a level high"):
        match = resolve(SEVERAL, line)
        assert isinstance(match, Match)
        assert (match.negated, match.key) == (True, "peer a")
    assert isinstance(resolve(SEVERAL, "no peer"), Incomplete)
    match = resolve(SEVERAL, "no proxy")
    assert isinstance(match, Match)
    assert match.negated


def test_the_difference_of_listed_lines_names_each() -> None:
    before, after = read_back("peer a", "peer b", "proxy p port 7"), read_back("peer b port 4", "peer c")
    assert list(difference(before, after)) == [
        "no peer a",
        "peer b port 4 level low",
        "peer c port default level low",
        "no proxy",
    ]


def test_two_operators_add_a_line_each() -> None:
    base, mine, theirs = read_back("peer a"), read_back("peer a", "peer b"), read_back("peer c")
    assert list(merge(base, mine, theirs).listed("peer")) == ["b", "c"]


def test_what_is_offered_after_a_name() -> None:
    listing = options(SEVERAL, "peer a ")
    assert isinstance(listing, Listing)
    assert ([option.label for option in listing.options], listing.may_end) == (["level", "port"], True)
    assert complete(SEVERAL, "peer a le") == "peer a level "


@pytest.mark.parametrize("host", ["192.0.2.300", "192.0.2", "a:b", "-a", "a..b", "x" * 254, "a,b"])
def test_what_is_no_host(host: str) -> None:
    assert isinstance(resolve(SEVERAL, f"peer {host}"), Invalid)


@pytest.mark.parametrize(
    ("host", "kept"),
    [("2001:DB8::0:1", "2001:db8::1"), ("syslog.lab.example", "syslog.lab.example"), ("7up", "7up")],
)
def test_what_is_a_host(host: str, kept: str) -> None:
    match = resolve(SEVERAL, f"peer {host}")
    assert isinstance(match, Match)
    assert match.key == f"peer {kept}"


def test_no_ends_where_the_words_can_mean_one_setting_alone() -> None:
    mode = Mode("m", "#", (
        Setting("peer verify disable"),
        Setting("source {ipv4 | ipv6} name:WORD"),
        Setting("way local"),
        Setting("way self"),
        Listed("trust user name:WORD"),
        Enter("block name:WORD", Mode("b", "(b)#", ())),
    ))  # fmt: skip
    for line, key in (
        ("no peer", "peer verify disable"),
        ("no peer verify", "peer verify disable"),
        ("no source ipv6", "source"),
        ("no trust", "trust user"),
        ("no trust user", "trust user"),
    ):
        match = resolve(mode, line)
        assert isinstance(match, Match)
        assert (match.negated, match.key) == (True, key)
    for line in ("no", "no way", "no block", "peer verify"):
        assert isinstance(resolve(mode, line), Incomplete)


def test_a_strangers_word_is_no_name_and_marks_where_the_lab_ends() -> None:
    mode = Mode("m", "#", (Listed("peer host:HOST"),), strangers=("peer group",))
    for line, column in (("peer GROUP", 5), ("no peer group x", 8), ("peer group-1 x", 13)):
        assert resolve(mode, line) == Invalid(column)
    assert isinstance(resolve(mode, "peer groups"), Match)
