"""The story of the trust pool, as docs/trustpool.md tells it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sceplab import demo, story_trustpool

PAGE = Path(__file__).parents[2] / "docs" / "trustpool.md"
BLOCK = re.compile(r"(?<=```text\n).*(?=```)", re.DOTALL)
# When the router tries, if the CA ends at noon of January 31: the chapter, "Updating the CA Trustpool".
DAYS = (11, 16, 21, 26, 27, 28, 29, 30)


def documented(shown: str) -> str:
    """The screen with the documented ports in the place of free ones."""
    for scheme, port in (("http", 8088), ("https", 8443)):
        shown = re.sub(rf"\b{scheme}://127\.0\.0\.1:\d+", f"{scheme}://127.0.0.1:{port}", shown)
    return shown.lstrip("\n")


def test_the_story_is_as_the_page_tells_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    demo.play("trustpool")
    shown = documented(capsys.readouterr().out)
    page = PAGE.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        page = BLOCK.sub(lambda _: shown, page)
        PAGE.write_text(page, encoding="utf-8")
    told = BLOCK.search(page)
    assert told
    assert shown == told[0], f"{PAGE} tells another story; see --update-golden"


def test_the_tries_that_the_story_waits_for_are_the_chapters() -> None:
    tries = story_trustpool.TRIES
    assert tries[:8] == tuple(datetime(2030, 1, day, 12, tzinfo=UTC) for day in DAYS)
    assert [f"{each:%d %H:%M}" for each in (*tries[8:10], *tries[-3:])] == [
        *("30 13:00", "30 14:00"),
        *("31 11:00", "31 12:00", "31 13:00"),
    ]
    assert len(tries) == 8 + 25
