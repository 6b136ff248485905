"""Logs tell events with keys, and no secrets."""

import json
import logging
from datetime import UTC, datetime

import pytest
import structlog

from sceplab.clock import ClockState, LabClock
from sceplab.logs import REDACTED, configure_logging, redact


@pytest.fixture
def as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_secrets_are_hidden_wherever_they_stand() -> None:
    event = {
        "password": "x",
        "challenge_password": "y",
        "note": "z",
        "login": {"Authorization": "Basic eA=="},
    }
    assert redact(None, "info", event) == {
        "password": REDACTED,
        "challenge_password": REDACTED,
        "note": "z",
        "login": {"Authorization": REDACTED},
    }
    assert redact(None, "info", {"challenge": "absent"}) == {"challenge": "absent"}


@pytest.mark.parametrize("form", ["json", "text"])
def test_both_times_and_the_traceback_are_in_a_line(as_it_was, monkeypatch, capsys, form) -> None:
    monkeypatch.setenv("SCEPLAB_LOG", form)
    configure_logging(clock=LabClock(state=ClockState("frozen", 0, datetime(2030, 1, 1, tzinfo=UTC))))
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        structlog.get_logger("ca").exception("request-failed", password="hush")
    logging.getLogger("library").warning("careful %s", "now")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "hush" not in lines[0]
    assert "ZeroDivisionError: by zero" in lines[0]
    assert "careful now" in lines[1]
    assert all("2030-01-01T00:00:00.000000Z" in line for line in lines)
    if form == "json":
        assert json.loads(lines[0])["event"] == "request-failed"
