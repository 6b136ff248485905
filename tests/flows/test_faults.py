"""Faults switched on by the operator's command, between a CA of two processes and a router of its own."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from sceplab.cli import main
from sceplab.journal import Wanted
from sceplab.journal_reader import LabJournal
from tests.flows.conftest import Processes


@pytest.mark.parametrize("workers", [1, 2])
def test_an_enrolment_in_spite_of_all(lab: Processes, tmp_path: Path, workers: int) -> None:
    """Two answers say PENDING, one has a bad signature, one is lost."""
    lab.start_ca("--workers", str(workers), "--decide", "automatic")
    lab.start_routers("r1")
    (tmp_path / "endpoints.json").write_text(json.dumps(lab.endpoints))

    def fault(*words: str) -> str:
        done = CliRunner().invoke(main, ["fault", *words, "--endpoints", str(tmp_path / "endpoints.json")])
        assert done.exit_code == 0, done.output
        return done.output

    assert "iis-query-limit" in fault("list", "ca", "--known")
    fault("add", "ca", "fail-badTime", "--client", "192.0.2.1")
    fault("add", "ca", "pending", "--next", "2")
    fault("add", "ca", "bad-signature", "--next", "1")
    lab.enrol("r1")
    lab.advance(timedelta(minutes=2))
    fault("add", "ca", "lost-answer", "--next", "1")
    log = lab.type("show logging")
    assert "CERTPENDING" in log
    assert "An answer that cannot be believed came for trustpoint myca: the signature does not match" in log
    assert "CERTRET" not in log
    lab.advance(timedelta(minutes=2))
    log = lab.type("show logging")
    assert "No answer from Certificate Authority for trustpoint myca: the answer is not HTTP" in log
    assert "CERTRET" in log
    assert "fail-badTime" in fault("list", "ca")
    assert fault("clear") == "1 fault switched off.\n"
    with LabJournal(lab.endpoints) as journals:
        journals.wait_for(Wanted(text="CertPoll -> SUCCESS", kind="scep"))
        told = [each.summary for each in journals.find(Wanted(kind="scep"), 100) if "->" in each.summary]
    assert [line for line in told if line.startswith(("PKCSReq", "CertPoll"))] == [
        "PKCSReq -> PENDING (fault pending)",
        "CertPoll -> PENDING (fault pending)",
        "CertPoll -> SUCCESS (fault bad-signature)",
        "CertPoll -> SUCCESS (fault lost-answer)",
        "CertPoll -> SUCCESS",
    ]
