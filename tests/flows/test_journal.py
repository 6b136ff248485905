"""An enrolment as the journal tells it: who typed, asked, answered, decided, in the order in which it was."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from sceplab.diagram import as_text, diagram
from sceplab.journal import Entry, Wanted
from sceplab.journal_reader import LabJournal
from tests.flows.conftest import Processes


def told(entries: list[Entry]) -> list[str]:
    return [f"{each.service} {each.kind}: {each.summary}" for each in entries]


def in_order(entries: list[str], *parts: str) -> None:
    """Each part stands in a line after the one that has the part before it."""
    rest = iter(entries)
    for part in parts:
        assert any(part in line for line in rest), f"{part} in {entries}"


@pytest.mark.parametrize("workers", [1, 2])
def test_an_enrolment_is_told_in_its_order(lab: Processes, workers: int) -> None:
    lab.start_ca("--workers", str(workers))
    lab.start_routers("r1")
    lab.enrol("r1")
    with lab.operator as operator, LabJournal(lab.endpoints) as journals:
        request = operator.wait_for_request(lambda each: each["state"] == "pending")
        lab.advance(timedelta(minutes=1))
        operator.approve(request["id"])
        lab.advance(timedelta(minutes=1))
        journals.wait_for(Wanted(text="CertPoll -> SUCCESS"))  # what workers send is under way for a moment
        entries = journals.find(Wanted(), 1000)
        of_request = journals.find(Wanted(transaction=request["transaction_id"].lower()), 100)
        lines = told(entries)
        in_order(
            lines,
            "routers command: admin on vty0: crypto ca authenticate myca",
            "ca scep: GET /certsrv/mscep/mscep.dll/pkiclient.exe?operation=GetCACert -> 200",
            "routers command: admin on vty0: crypto ca enroll myca",
            "ca scep: PKCSReq -> PENDING",
            "ca scep: CertPoll -> PENDING",
            "routers timer: enrolment myca: poll 1 of 10 -> pending",
            f"ca management: POST /api/requests/{request['id']}/approve -> 200",
            "ca scep: CertPoll -> SUCCESS",
            "routers timer: enrolment myca: poll 2 of 10 -> issued",
        )
        assert [line for line in told(of_request) if line.startswith("ca ")] == [
            "ca scep: PKCSReq -> PENDING",
            "ca scep: CertPoll -> PENDING",
            f"ca management: POST /api/requests/{request['id']}/approve -> 200",
            "ca scep: CertPoll -> SUCCESS",
        ]
        drawn = as_text(diagram(of_request))
        assert [line.split()[:3] for line in drawn.splitlines()][:1] == [["r1", "ca", "operator"]]
        arrows = [re.sub(r"[-.|\s]+", " ", line[25:]).strip() for line in drawn.splitlines()[1:]]
        assert arrows == [
            *("PKCSReq >", "< PENDING", "CertPoll >", "< PENDING", "< approve (200)"),
            *("CertPoll >", "< SUCCESS"),
        ]
        of_routers = [each for each in entries if each.service == "routers" and each.kind != "management"]
        assert {each.who for each in of_routers} == {"r1"}
        assert [each.at for each in of_request] == sorted(each.at for each in of_request)
        assert of_request[-1].at - of_request[0].at >= timedelta(minutes=2)
        assert "Lab-Only-1" not in str([each.to_json() for each in entries])
