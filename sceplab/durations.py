"""Durations as people type them: ``90s``, ``2m``, ``1h30m``, ``20d``."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")


def parse_duration(text: str) -> timedelta:
    """Read a duration: numbers with d, h, m or s, the larger units first; ValueError when it is none."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration such as 90s, 2m, 1h30m or 20d")
    try:
        return timedelta(seconds=sum(float(match[unit] or 0) * size for unit, size in _UNITS.items()))
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def format_duration(duration: timedelta) -> str:
    """Print a duration as ``parse_duration`` reads it, to the second: ``1h30m``."""
    rest = round(duration.total_seconds())
    words = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"
