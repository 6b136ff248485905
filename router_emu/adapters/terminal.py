"""The line discipline: keys in, echo and edited lines out.  No transport, no grammar.

Echo is byte-exact, because clients wait for their own text to come back (iosxr.md 0.3): at the end of
a line a typed character is echoed as it is, and only edits in mid-line move the cursor, with backspaces.
Keys: the arrows, ^A ^E ^B ^F, backspace, ^D, ^K ^U ^W, ^P ^N, ^L and ^R, ^C, ^Z, ^V (the next key as it
is), TAB and `?`.  Lines are never wrapped or scrolled: the client's own terminal does what it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

LONGEST_LINE = 4096
BELL = "\a"
NEWLINE = "\r\n"


class Key(Enum):
    """What the operator did that the line editor does not do by itself."""

    LINE = auto()
    HELP = auto()
    TAB = auto()
    INTERRUPT = auto()
    END = auto()


@dataclass(frozen=True)
class Event:
    """A key that matters, with the line (LINE) or its part before the cursor (HELP, TAB)."""

    key: Key
    text: str = ""


# The last character of the escape sequences that have a meaning; any other sequence is ignored.
_ESCAPES = {"A": "\x10", "B": "\x0e", "C": "\x06", "D": "\x02", "H": "\x01", "F": "\x05", "3~": "\x04"}


class Terminal:
    """One line being edited.

    ``history`` gives the lines that the up key walks through.  Feed characters to ``key``: it returns what to
    echo and an event, if the key was one.
    """

    def __init__(self, history: Callable[[], Sequence[str]]) -> None:
        self._history = history
        self._edits: dict[str, Callable[[], str]] = {
            "\x01": lambda: self._move(-self._at),  # ^A
            "\x05": lambda: self._move(len(self._line) - self._at),  # ^E
            "\x02": lambda: self._move(-1),  # ^B
            "\x06": lambda: self._move(1),  # ^F
            "\x08": lambda: self._erase(self._at - 1, self._at),
            "\x7f": lambda: self._erase(self._at - 1, self._at),
            "\x04": lambda: self._erase(self._at, self._at + 1),  # ^D
            "\x0b": lambda: self._erase(self._at, len(self._line)),  # ^K
            "\x15": lambda: self._erase(0, self._at),  # ^U
            "\x17": lambda: self._erase(self._word_start(), self._at),  # ^W
            "\x10": lambda: self._recall(1),  # ^P
            "\x0e": lambda: self._recall(-1),  # ^N
            "\x0c": self.redraw,  # ^L
            "\x12": self.redraw,  # ^R
        }
        self._escape = ""
        self._literal = False
        self.prompt("", echo=True, command=True)

    @property
    def echoes(self) -> bool:
        """Whether what is typed shows."""
        return self._echo

    def prompt(self, text: str, *, echo: bool, command: bool) -> str:
        """Begin a line after ``text``; `?`, TAB and history work in a ``command`` only.  Returns ``text``."""
        self._prompt, self._echo, self._command = text, echo, command
        self._line, self._at, self._back = "", 0, 0
        return text

    def redraw(self) -> str:
        """The prompt and the line again, on a new line."""
        return NEWLINE + self.retype()

    def retype(self) -> str:
        """The prompt and the line again, where the cursor is."""
        if not self._echo:
            return self._prompt
        return self._prompt + self._line + "\b" * (len(self._line) - self._at)

    def key(self, character: str) -> tuple[str, Event | None]:
        """Take one character; returns the echo, and what happened."""
        if self._escape:
            return self._in_escape(character), None
        if self._literal:
            self._literal = False
            return self._insert(character) if character.isprintable() else "", None
        return self._plain(character)

    def insert(self, text: str) -> str:
        """Put text in at the cursor; returns its echo."""
        return "".join(self._insert(character) for character in text)

    def _plain(self, character: str) -> tuple[str, Event | None]:
        if character in "\r\n":
            return NEWLINE, Event(Key.LINE, self._line)
        if character == "\x03":
            return NEWLINE, Event(Key.INTERRUPT)
        if character == "\x1a":
            return "", Event(Key.END)
        if character in "\x1b\x16":
            self._escape, self._literal = character.strip("\x16"), character == "\x16"
            return "", None
        if self._command and character == "?":
            return "?" + NEWLINE, Event(Key.HELP, self._line[: self._at])
        if character == "\t":
            return "", Event(Key.TAB, self._line[: self._at]) if self._command else None
        if character in self._edits:
            return self._edits[character](), None
        return self._insert(character) if character.isprintable() else "", None

    def _in_escape(self, character: str) -> str:
        """ESC [ digits letter, or ESC O letter: the sequence ends with its first other character."""
        if len(self._escape) == 1:
            self._escape = self._escape + character if character in "[O" else ""
            return ""
        if character.isdigit() or character == ";":
            self._escape += character
            return ""
        sequence, self._escape = self._escape[2:] + character, ""
        name = sequence if sequence.endswith("~") else character
        return self._edits[_ESCAPES[name]]() if name in _ESCAPES else ""

    def _insert(self, character: str) -> str:
        if len(self._line) >= LONGEST_LINE:
            return BELL
        rest = self._line[self._at :]
        self._line = self._line[: self._at] + character + rest
        self._at += 1
        return self._shown(character + rest + "\b" * len(rest))

    def _move(self, by: int) -> str:
        target = min(max(self._at + by, 0), len(self._line))
        forward = self._line[self._at : target]
        back = "\b" * (self._at - target)
        self._at = target
        return self._shown(forward + back)

    def _erase(self, start: int, stop: int) -> str:
        """Take out a piece that begins or ends at the cursor."""
        start, stop = max(start, 0), min(stop, len(self._line))
        back, rest = self._at - start, self._line[stop:]
        gone = stop - start
        self._line, self._at = self._line[:start] + rest, start
        if gone <= 0:
            return ""
        return self._shown("\b" * back + rest + " " * gone + "\b" * (len(rest) + gone))

    def _word_start(self) -> int:
        head = self._line[: self._at].rstrip()
        return head.rfind(" ") + 1

    def _recall(self, by: int) -> str:
        history = self._history() if self._command else ()
        back = min(max(self._back + by, 0), len(history))
        if back == self._back:
            return BELL
        self._back = back
        cleared = self._move(len(self._line)) + self._erase(0, len(self._line))
        return cleared + self.insert(history[-back] if back else "")

    def _shown(self, text: str) -> str:
        return text if self._echo else ""
