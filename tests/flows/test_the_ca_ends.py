"""The end of a CA as docs/router.md tells of it: its commands are typed, and do what stands behind them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from sceplab.cli import main
from tests.flows.conftest import Processes

GUIDE = Path(__file__).parents[2] / "docs" / "router.md"
LINE = re.compile(r"^\$ sceplab (.*?)(?: +# (.*))?$", re.MULTILINE)


def guide() -> list[tuple[list[str], str]]:
    """The block's commands, and what each is to say."""
    section = (
        GUIDE.read_text(encoding="utf-8").partition("## When the CA itself ends")[2].partition("\n## ")[0]
    )
    [block] = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [(shlex.split(words), said) for words, said in LINE.findall(block)]


def test_the_guides_block_plays_as_written(
    lab: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.start_ca()
    lab.start_routers()
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps(lab.endpoints))
    monkeypatch.setenv("SCEPLAB_ENDPOINTS", str(file))

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        return done.output

    (advance, _), *others = guide()
    run(*advance)
    lab.enrol(url=f"{lab.endpoints['ca']['scep']}/scep", more=("auto-enroll 80",))
    with lab.operator as operator:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        operator.approve(request["id"])
    for words, said in others:
        shown = run(*words)
        if words == ["clock", "next"]:
            assert said in shown
    assert "G2" in lab.type("show crypto ca certificates")
    assert len([words for words, _ in others if words == ["clock", "next"]]) == 5
