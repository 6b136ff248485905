"""Durations as people type them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceplab.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2m", 120),
        ("20d", 1728000),
        ("1h30m", 5400),
        ("1d2h3m4s", 93784),
        ("2w", 14 * 86400),
        ("3y", 3 * 365 * 86400),
        ("1y2w3d", 382 * 86400),
        ("0.5s", 0.5),
        ("2M", 120),
    ],
)
def test_durations_are_read(text, seconds) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "2", "m", "30m1h", "-2m", "2 m", "1.5h", "1.5y", "2w1y", "9" * 20 + "d"]
)
def test_other_texts_are_refused(text) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


def test_years_are_printed_in_days() -> None:
    assert format_duration(parse_duration("1y1w")) == "372d"


@given(st.integers(0, 10**8))
def test_what_is_printed_is_read(seconds) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
