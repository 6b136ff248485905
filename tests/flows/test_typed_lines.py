"""Lines that ``sceplab router`` types at a real router: what it refuses, and characters that are keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sceplab.cli import main
from tests.flows.conftest import Processes


class Typist:
    """``sceplab router r1`` at a router without a CA."""

    def __init__(self, lab: Processes, folder: Path) -> None:
        lab.start_routers()
        self._endpoints = folder / "endpoints.json"
        nobody = {"username": "o", "password": "p"}
        here = {"ca": {"console": "http://127.0.0.1:9"}, "operator": nobody, "management": {}}
        self._endpoints.write_text(json.dumps(here | {"routers": lab.routers}))

    def __call__(self, *lines: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["router", "r1", "--endpoints", str(self._endpoints), *lines])
        return done.exit_code, done.output


@pytest.fixture
def typed(lab: Processes, tmp_path: Path) -> Typist:
    return Typist(lab, tmp_path)


REFUSED = (
    ("crypto ca authenticate nosuch",),
    ("copy http://127.0.0.1:9/x disk0:/x", ""),
    ("crypto key zeroize dsa",),
    ("show nonsense",),
    ("crypto ca",),
    ("configure", "crypto ca trustpoint myca", "enrollment url", "end", "no"),
    ("crypto ca authenticate nosuch", "show clock"),
    ("terminal monitor", "dir disk0:/none"),
)
ACCEPTED = (
    ("show clock",),
    ("crypto key generate rsa", "1024"),
    ("configure", "hostname r9", "commit", "end"),
    (
        *("configure", "domain name lab", "crypto ca trustpoint system-trustpoint", "enrollment self"),
        *("commit", "end", "crypto ca authenticate system-trustpoint"),
        "crypto ca enroll system-trustpoint",
    ),
)


def test_a_refusal_makes_the_status_1_and_news_do_not(typed: Typist) -> None:
    assert [(lines, typed(*lines)[0]) for lines in REFUSED] == [(lines, 1) for lines in REFUSED]
    for lines in ACCEPTED:
        status, said = typed(*lines)
        assert status == 0, said


def test_a_question_mark_is_typed_and_a_tab_parts_words(typed: Typist) -> None:
    url = "http://127.0.0.1:9/scep?operation=GetCACert"
    assert f"%Error opening {url}: " in typed(f"copy {url} disk0:/x", "")[1]
    status, said = typed("show\tclock")
    assert (status, "#show clock\n" in said) == (0, True)
    typed("configure", "crypto ca trustpoint myca", "description why?", "commit", "end")
    assert " description why?\n" in typed("show running-config crypto ca trustpoint")[1]
