"""The story of a revoked certificate, over the real CA, directory and routers."""

from __future__ import annotations

import re

import pytest

from sceplab import demo, story_revocation


def test_the_story_plays_to_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    demo.play("revocation")
    shown = capsys.readouterr().out
    assert not any(password in shown for password in story_revocation.PASSWORDS.values())
    # What came of each fetch, by r1 and then by r2.
    fetches = re.findall(r"(r\d) \| (Copy operation success|%Error opening .*)", shown)
    assert [(router, _why(text)) for router, text in fetches] == [
        ("r1", "success"),
        ("r2", "success"),
        ("r2", "success"),
        ("r2", "revoked since"),
        ("r2", "connection refused"),
        ("r2", "success"),
        ("r2", "revoked since"),
    ]


def _why(text: str) -> str:
    return next(words for words in ("success", "revoked since", "connection refused") if words in text)
