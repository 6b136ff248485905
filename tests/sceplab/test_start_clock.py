"""How a service's clock runs at its start."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sceplab.clock import ClockState, LabClock, parse_instant
from sceplab.management import create_management_app
from sceplab.start_clock import start_clock_option

NOON = parse_instant("2040-01-01T12:00:00Z")
FROZEN = ClockState("frozen", 0.0, NOON, 3)


def started(*words: str) -> tuple[str, list[ClockState]]:
    """What a service prints and starts with."""
    found: list[ClockState] = []

    @click.command()
    @start_clock_option
    def service(start_clock: ClockState) -> None:
        found.append(start_clock)

    return CliRunner().invoke(service, words).stderr, found


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "clock.json"
    monkeypatch.setenv("SCEPLAB_CLOCK_FILE", str(file))
    return file


def test_it_shows_wall_time_where_nothing_is_said(kept: Path) -> None:
    assert started() == ("", [ClockState()])


def test_one_that_joins_later_takes_the_time_that_another_was_set_to(kept: Path, serve) -> None:
    other = LabClock()
    client = create_management_app(serve("r1").service, other).test_client()
    assert client.put("/_lab/clock", json=FROZEN.to_json()).status_code == 200
    assert started() == ("", [other.state()])


def test_what_it_is_told_counts_more(kept: Path) -> None:
    kept.write_text(json.dumps(ClockState("offset", 60.0).to_json()))
    assert started("--start-clock", json.dumps(FROZEN.to_json())) == ("", [FROZEN])


@pytest.mark.parametrize("text", ["noon", '{"mode": "fast"}', '{"offset": 1e12}', "[]"])
def test_what_is_no_clock_is_refused_in_a_sentence(kept: Path, text: str) -> None:
    assert "not a clock state: " in started("--start-clock", text)[0]
    kept.write_text(text)
    assert "not a clock state: " in started()[0]


def test_a_file_that_cannot_be_read_is_named(kept: Path) -> None:
    kept.mkdir()
    assert f"{kept} cannot be read" in started()[0]
