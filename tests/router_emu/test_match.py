"""Lines against rows: the recorded carets, and every row of the real grammar in every spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.cli.grammar import CONFIG, EXEC, MODES
from router_emu.cli.pipes import PIPE
from router_emu.syntax.kinds import Kind
from router_emu.syntax.match import Ambiguous, Incomplete, Invalid, Match, candidates, resolve
from router_emu.syntax.options import Listing, complete, options
from router_emu.syntax.spec import Sequence, expand
from router_emu.syntax.table import Enter, Mode, Run, Setting, Via

ALL_MODES = [*MODES.values(), PIPE]
SAMPLES = {"A.B.C.D": "192.0.2.1", "WORD": "zz9.example", "LINE": "CN=a  b, O=x"}


def sample(kind: Kind) -> str:
    """A value of a kind, as it is kept: for numbers the highest."""
    return str(kind.convert(SAMPLES.get(kind.label) or kind.label.strip("<>").split("-")[1]))


def every_line() -> list[tuple[Mode, object, Sequence, bool]]:
    found: list[tuple[Mode, object, Sequence, bool]] = []
    for mode in ALL_MODES:
        for row in mode.rows:
            if isinstance(row, Via):
                continue
            found += [(mode, row, sequence, False) for sequence in expand(row.spec)]
            if isinstance(row, Setting | Enter):
                found += [(mode, row, sequence, True) for sequence in expand(row.spec)]
            if isinstance(row, Setting) and row.bare not in row.sequences:
                found.append((mode, row, row.bare, True))
    return found


EVERY_LINE = every_line()


def in_full(sequence: Sequence, negated: bool) -> str:
    words = [token if isinstance(token, str) else sample(token.kind) for token in sequence]
    return " ".join((["no"] if negated else []) + words)


@pytest.mark.parametrize(
    ("mode", "row", "sequence", "negated"),
    EVERY_LINE,
    ids=[f"{mode.name}: {in_full(sequence, negated)}" for mode, _, sequence, negated in EVERY_LINE],
)
def test_every_line_of_every_row_is_that_row(
    mode: Mode, row: object, sequence: Sequence, negated: bool
) -> None:
    line = in_full(sequence, negated)
    match = resolve(mode, line)
    assert isinstance(match, Match)
    assert (match.row, match.negated, match.canonical) == (row, negated, line)


@given(st.sampled_from(EVERY_LINE), st.data())
def test_every_unique_abbreviation_is_the_same_line(
    line: tuple[Mode, object, Sequence, bool], data: st.DataObject
) -> None:
    mode, row, sequence, negated = line
    node, typed = mode.trie, []
    for token in (("no",) if negated else ()) + sequence:
        if isinstance(token, str):
            short = [token[:end] for end in range(1, len(token) + 1)]
            short = [word for word in short if candidates(node, word) == [token]]
            typed.append(data.draw(st.sampled_from([*short, token.upper()])))
            node = node.keywords[token]
        else:
            typed.append(sample(token.kind))
            assert node.argument is not None
            node = node.argument[1]
    match = resolve(mode, data.draw(st.sampled_from([" ", "  "])).join(typed))
    assert isinstance(match, Match)
    assert (match.row, match.canonical) == (row, in_full(sequence, negated))


WORDS = sorted({word for mode in ALL_MODES for node in mode.trie.walk() for word in node.keywords})
LINES = st.one_of(
    st.text(max_size=40),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text("ab01|!? \t-", max_size=4)), max_size=7).map(" ".join),
)


@given(st.sampled_from(ALL_MODES), LINES)
def test_any_line_has_an_answer(mode: Mode, line: str) -> None:
    outcome = resolve(mode, line)
    if isinstance(outcome, Ambiguous | Invalid):
        assert 0 <= outcome.column < len(line)
    listing = options(mode, line)
    if isinstance(listing, Listing):
        assert listing.options or listing.may_end
    completed = complete(mode, line)
    assert completed == line or isinstance(options(mode, completed), Listing)


# iosxr.md 3.3, recorded on XRv9k 6.5.3: the spaces before the caret, less the prompt's width.
@pytest.mark.parametrize(
    ("mode", "line", "column"),
    [
        (EXEC, "end", 20 - 18),
        (EXEC, "unknown", 18 - 18),
        (CONFIG, "terminal width 512", 28 - 26),
        (CONFIG, "terminal length 0", 28 - 26),
        (CONFIG, "configure terminal", 34 - 26),
        (CONFIG, "configure exclusive", 34 - 26),
        (CONFIG, "show version", 31 - 26),
    ],
)
def test_the_caret_is_where_xr_was_recorded_to_put_it(mode: Mode, line: str, column: int) -> None:
    assert resolve(mode, line) == Invalid(column)


ROWS = Mode(
    "rows",
    "#",
    (
        Run("show crypto ca certificates [name:WORD]", print),
        Run("configure [terminal | exclusive]", print),
        Run("crypto ca enroll name:WORD", print),
        Run("clear logging buffer", print),
        Setting("enrollment url url:URL"),
        Setting("enrollment retry period minutes:1-60"),
        Setting("subject-name text:LINE"),
        Setting("crl optional"),
        Run("crl", print),
    ),
)


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("sh cr ca cert TP1", "show crypto ca certificates TP1"),
        ("SH CR CA CERT", "show crypto ca certificates"),
        ("conf t", "configure terminal"),
        ("conf", "configure"),
        ("no enr url", "no enrollment url"),
        ("no enr url http://ca/", "no enrollment url http://ca/"),
        ("subject-name CN=a,  O=b  c ", "subject-name CN=a,  O=b  c"),
        ("crl", "crl"),
        ("crl o", "crl optional"),
    ],
)
def test_a_line_is_written_out(line: str, canonical: str) -> None:
    match = resolve(ROWS, line)
    assert isinstance(match, Match)
    assert match.canonical == canonical


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("show", Incomplete()),
        ("clear logg", Incomplete()),
        ("enrollment url", Incomplete()),
        ("c", Ambiguous(0)),
        ("  cr", Ambiguous(2)),
        ("enrollment retry period 61", Invalid(24)),
        ("enrollment retry period 0", Invalid(24)),
        ("enrollment retry period 1²", Invalid(24)),
        ("show crypto cb", Invalid(13)),
        ("conf t now", Invalid(7)),
        ("no show", Invalid(4)),
    ],
)
def test_a_line_that_is_none(line: str, outcome: object) -> None:
    assert resolve(ROWS, line) == outcome


@pytest.mark.parametrize(
    ("line", "labels", "may_end"),
    [
        ("", ["clear", "configure", "crl", "crypto", "enrollment", "no", "show", "subject-name"], False),
        ("c", ["clear", "configure", "crl", "crypto"], False),
        ("conf ", ["exclusive", "terminal"], True),
        ("show crypto ca certificates ", ["WORD"], True),
        ("show crypto ca certificates x ", [], True),
        ("no enr ", ["retry", "url"], False),
        ("no enr url ", ["WORD"], True),
        ("enrollment retry period ", ["<1-60>"], False),
        ("subject-name CN=a ", ["LINE"], True),
    ],
)
def test_what_may_come_next(line: str, labels: list[str], may_end: bool) -> None:
    listing = options(ROWS, line)
    assert isinstance(listing, Listing)
    assert [option.label for option in listing.options] == labels
    assert listing.may_end == may_end


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("sh", "show "),
        ("sh  cry", "sh  crypto "),
        ("c", "c"),
        ("show", "show "),
        ("show ", "show "),
        ("nonsense cry", "nonsense cry"),
        ("crypto ca enroll my", "crypto ca enroll my"),
    ],
)
def test_tab_completes_what_is_certain(line: str, completed: str) -> None:
    assert complete(ROWS, line) == completed
