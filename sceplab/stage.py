"""Where a demo is shown: titles, screens, and the check that each step is what it should be."""

from __future__ import annotations

import os
import sys

from sceplab.errors import LabError


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
