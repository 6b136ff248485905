"""Durations as people type them: ``90s``, ``2m``, ``1h30m``, ``20d``, ``2w``, ``1y``."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
# Read, but never printed: people count certificates' days.
_READ = {"y": 365 * 86400, "w": 7 * 86400} | _UNITS
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?"
)


def parse_duration(text: str) -> timedelta:
    """Read a duration: numbers with y (365 days), w, d, h, m or s, the larger units first.

    ValueError when it is none.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration such as 90s, 2m, 1h30m, 20d, 2w or 1y (365 days)")
    try:
        return timedelta(seconds=sum(float(match[unit] or 0) * size for unit, size in _READ.items()))
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
