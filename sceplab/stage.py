"""Where a demo is shown: titles, screens, a router's terminal, and checks that each step is right."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

from sceplab.client import Lab
from sceplab.durations import format_duration
from sceplab.errors import LabError
from sceplab.management import Fired
from sceplab.printing import clock_line, fired_line
from sceplab.router_shell import RouterShell, Screen


class Stage:
    """Prints for a person; colour on a terminal alone, and never with NO_COLOR."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def title(self, text: str) -> None:
        """Print a headline."""
        print(f"\n{self._paint(text, '1')}\n", flush=True)

    def say(self, text: str) -> None:
        """Print a sentence."""
        print(text, flush=True)

    def screen(self, text: str, owner: str = "") -> None:
        """Print what stands on somebody's screen."""
        edge = self._paint(f"  {owner:>2} |", "36" if owner else "33")
        for line in text.split("\n"):
            print(f"{edge} {line}".rstrip(), flush=True)

    def check(self, holds: bool, sentence: str) -> None:
        """Say that the sentence holds; LabError when it does not."""
        if not holds:
            raise LabError(f"The demo stops here, for this should hold and does not: {sentence}")
        print(self._paint(f"  ok | {sentence}", "32"), flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


class Terminal:
    """A router's terminal, shown on the stage as a person would see it."""

    def __init__(self, stage: Stage, name: str, shell: RouterShell) -> None:
        self.name = name
        self._stage, self._shell = stage, shell
        # The last line, prompt or question, is shown with what is typed after it.
        self._line = shell.greeting.text
        stage.check(shell.greeting.at_prompt, f"{name} lets the operator in by SSH.")

    def types(self, *lines: str) -> Screen:
        """Type lines, show the screen; return the last one."""
        for line in lines:
            screen = self._shell.run(line)
            shown, _, self._line = (self._line + screen.text).rpartition("\n")
            self._stage.screen(shown, owner=self.name)
        return screen

    def reads(self, line: str) -> str:
        """Type a line that the stage does not show, and what comes; return the screen."""
        return self._shell.run(line).text

    def says(self, message: str, words: str, meaning: str) -> None:
        """Check that the router's log has ``words`` among its lines with ``message``."""
        log = self.types(f"show logging | include {message}").text
        self._stage.check(words.lower() in log.lower(), meaning)

    def leaves(self) -> None:
        """Log out."""
        self.types("exit")


def move_clock(stage: Stage, lab: Lab, by: timedelta, *, most: int | None = None) -> list[Fired]:
    """Move the lab clock, and show what fires: all, or the first lines and the last, ``most`` of them."""
    stage.screen(f"$ sceplab clock advance {format_duration(by)}")
    fired = list(lab.time.advance(by))
    lines = [fired_line(each) for each in fired]
    if most is not None and len(lines) > most:
        lines[most - 1 : -1] = [f"... {len(lines) - most} more ..."]
    for line in [*lines, clock_line(lab.time.read())]:
        stage.screen(line)
    return fired
