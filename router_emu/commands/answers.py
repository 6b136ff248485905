"""Questions that come back until they are answered."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Effect, Say


def yes_or_no(context: Context, prompt: str) -> Generator[Effect, Any, bool]:
    """True for yes (or its beginning), False for no; anything else is asked again."""
    while True:
        answer = str((yield Ask(prompt))).strip().lower()
        if answer and "yes".startswith(answer):
            return True
        if answer and "no".startswith(answer):
            return False
        yield Say(context.router.texts.answer_yes_or_no)


def number(context: Context, prompt: str, low: int, high: int, default: int) -> Generator[Effect, Any, int]:
    """A number from ``low`` to ``high``; Enter takes the default, anything else is asked again."""
    while True:
        answer = str((yield Ask(prompt))).strip()
        if not answer:
            return default
        # The length too: Python turns no more than 4300 digits into a number.
        if re.fullmatch("[0-9]{1,9}", answer) and low <= int(answer) <= high:
            return int(answer)
        yield Say(context.router.texts.answer_number.format(low=low, high=high))
