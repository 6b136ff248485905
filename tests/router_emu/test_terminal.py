"""Keys and their echo, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_emu.adapters.terminal import LONGEST_LINE, Event, Key, Terminal

HISTORY = ("show clock", "configure")
UP, DOWN, RIGHT, LEFT, HOME, END, DELETE = (f"\x1b[{end}" for end in ("A", "B", "C", "D", "H", "F", "3~"))


def type_in(keys: str, *, echo: bool = True, command: bool = True) -> tuple[str, list[Event]]:
    terminal = Terminal(lambda: HISTORY)
    terminal.prompt("#", echo=echo, command=command)
    echoed, events = "", []
    for key in keys:
        shown, event = terminal.key(key)
        echoed += shown
        events += [event] if event else []
    return echoed, events


def on_screen(text: str) -> str:
    """What a dumb terminal shows of the last line after ``text``."""
    cells: list[str] = []
    at = 0
    for character in text.split("\r\n")[-1].replace("\a", ""):
        if character == "\b":
            at -= 1
            continue
        cells[at : at + 1] = [character]
        at += 1
    return "".join(cells).rstrip()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("show", "show"),
        ("shox\bw", "show"),
        ("shox\x7fw", "show"),
        ("how\x01s", "show"),
        ("hoy\x01s\x05\bw", "show"),
        ("sow\x02\x02h", "show"),
        ("ow" + LEFT + LEFT + "sh" + END, "show"),
        ("ow" + HOME + "s" + RIGHT + LEFT + "h", "show"),
        ("show" + RIGHT + RIGHT, "show"),
        ("shxow" + LEFT * 3 + DELETE, "show"),
        ("shxow\x02\x02\x02\x04", "show"),
        ("show xyz\x02\x02\x02\x02\x0b", "show"),
        ("xyz show\x02\x02\x02\x02\x15", "show"),
        ("show clock  \x17\x17", ""),
        ("show clock\x17", "show "),
        ("\b\x7f\x04show\x04", "show"),
        ("s\x1b[99;9xhow", "show"),
        ("s\x1bxhow", "show"),
        ("s\x1bOChow", "show"),
        ("\x00\x07show", "show"),
        ("naïve ключ", "naïve ключ"),
        (UP, "configure"),
        (UP + UP, "show clock"),
        (UP + UP + UP + "s", "show clocks"),
        (UP + UP + DOWN, "configure"),
        ("typed" + UP + DOWN, ""),
        ("a\x16?b", "a?b"),
    ],
)
def test_editing(keys: str, line: str) -> None:
    assert type_in(keys + "\r")[1] == [Event(Key.LINE, line)]
    assert on_screen(type_in(keys)[0]) == line.rstrip()


@given(st.text("ab \x01\x02\x04\x05\x06\x08\x0b\x0e\x10\x15\x17", max_size=30))
def test_the_screen_shows_the_line(keys: str) -> None:
    line = type_in(keys + "\r")[1][0].text
    assert on_screen(type_in(keys)[0]) == line.rstrip()


def test_plain_typing_is_echoed_as_it_is() -> None:
    assert type_in("show clock\r")[0] == "show clock\r\n"


def test_passwords_leave_no_trace() -> None:
    echoed, events = type_in("se\x02?c\tret" + UP + "\b!\r", echo=False, command=False)
    assert echoed.strip("\a") == "\r\n"
    assert [event.key for event in events] == [Key.LINE]
    assert events[0].text == "s?cre!e"


def test_keys_that_others_act_on() -> None:
    assert type_in("show ?") == ("show ?\r\n", [Event(Key.HELP, "show ")])
    assert type_in("sh\t") == ("sh", [Event(Key.TAB, "sh")])
    assert type_in("show\x02\x02\t")[1] == [Event(Key.TAB, "sh")]
    assert type_in("sh\x03") == ("sh\r\n", [Event(Key.INTERRUPT)])
    assert type_in("sh\x1a")[1] == [Event(Key.END)]


def test_redraw_keeps_the_cursor() -> None:
    terminal = Terminal(lambda: ())
    terminal.prompt("#", echo=True, command=True)
    for key in "abc\x02":
        terminal.key(key)
    assert terminal.key("\x0c") == ("\r\n#abc\b", None)
    assert terminal.key("\x12") == ("\r\n#abc\b", None)


def test_a_line_has_an_end() -> None:
    echoed, events = type_in("x" * (LONGEST_LINE + 5) + "\r")
    assert events[0].text == "x" * LONGEST_LINE
    assert echoed.endswith("x" + "\a" * 5 + "\r\n")
