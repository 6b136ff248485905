"""The demo, over the real CA and routers."""

import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from sceplab import demo, story_approval
from sceplab.cli import DEMOS
from sceplab.errors import LabError


def test_the_pending_approval_story_plays_to_its_end(capsys, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    demo.play("pending-approval")
    shown = capsys.readouterr().out
    assert "RP/0/RP0/CPU0:r1#crypto ca enroll myca" in shown
    assert story_approval.CHALLENGE not in shown
    assert re.findall(r"(r\d)  enrolment myca: poll (\d of \d+) -> (\w+)", shown) == [
        ("r1", "1 of 10", "pending"),
        ("r1", "2 of 10", "issued"),
        ("r2", "1 of 3", "pending"),
        ("r2", "2 of 3", "pending"),
        ("r2", "3 of 3", "expired"),
        ("r3", "1 of 10", "refused"),
    ]
    queue = shown[shown.index("The CA's queue at the end") :]
    assert re.findall(r"\| (\d)\s+(\w+)", queue) == [("1", "issued"), ("2", "pending"), ("3", "denied")]


def test_every_story_can_be_asked_for() -> None:
    assert set(DEMOS) == set(demo.STORIES)


def test_a_step_that_is_not_what_it_should_be_stops_the_demo(monkeypatch) -> None:
    """A CA that issues at once has nothing pending."""
    monkeypatch.setattr(demo, "Settings", partial(demo.Settings, decide="automatic"))
    with pytest.raises(LabError, match=r"does not: The request is pending\.") as caught:
        demo.play("pending-approval")
    kept = Path(re.search(r"kept in (\S+)\.$", str(caught.value))[1])
    assert (kept / "logs" / "ca.log").exists()
    shutil.rmtree(kept)
