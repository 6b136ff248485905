"""Faults by name: what a client meets while one is switched on, and that all is as before when it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import structlog.testing

from ldap_mock.faults import CATALOGUE, ELSEWHERE
from ldap_mock.messages import ResultCode
from sceplab.journal import Kind, Wanted
from tests.ldap_mock.published_ca import CA, crl
from tests.ldap_mock.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, tmp_path)


def test_without_one_all_is_well(stage: Stage) -> None:
    assert stage.crl() == stage.ca.crls["ca-1"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no-such-object", ResultCode.NO_SUCH_OBJECT),
        ("busy", ResultCode.BUSY),
        ("referral", ResultCode.REFERRAL),
    ],
)
def test_another_result_is_answered(stage: Stage, fault: str, code: ResultCode) -> None:
    stage.box.add(fault, count=1)
    [result] = stage.search()
    assert result.code == code
    assert result.referrals == ((ELSEWHERE,) if fault == "referral" else ())
    assert stage.crl() == stage.ca.crls["ca-1"]


def test_an_answer_breaks_off(stage: Stage) -> None:
    stage.box.add("truncated", count=1)
    with pytest.raises(AssertionError, match="inside a message"):
        stage.search()
    assert stage.crl() == stage.ca.crls["ca-1"]


def test_a_connection_is_reset(stage: Stage) -> None:
    stage.box.add("reset", count=1)
    with pytest.raises(ConnectionResetError):
        stage.search()
    assert stage.crl() == stage.ca.crls["ca-1"]


def test_a_slow_answer_takes_as_long_as_it_is_told(stage: Stage) -> None:
    stage.box.add("slow", count=1, value=0.3)
    began = time.monotonic()
    assert stage.crl() == stage.ca.crls["ca-1"]
    assert time.monotonic() - began >= 0.3


def test_the_crl_comes_under_another_name(stage: Stage) -> None:
    stage.box.add("wrong-attribute", count=1)
    entry, result = stage.search()
    assert result.code == ResultCode.SUCCESS
    crls = [stage.ca.crls["ca-1"]]
    assert entry.attributes == {"deltaRevocationList": crls, "crossCertificatePair": crls}


@pytest.mark.parametrize(
    ("fault", "asked"),
    [("stale-crl", "expired"), ("forged-crl", "wrong-signer"), ("huge-crl", "huge")],
)
def test_a_bad_crl_is_made_by_the_ca_and_once_for_as_long_as_nothing_changes(
    stage: Stage, fault: str, asked: str
) -> None:
    stage.box.add(fault, count=3)
    assert stage.crl() == stage.crl() == f"ca-1 {asked}".encode()
    assert [path for path, _ in stage.ca.answers].count(f"/_lab/crl/ca-1.crl?as={asked}") == 1
    stage.ca.crls["ca-1"] = crl(2)
    assert stage.crl() == f"ca-1 {asked}".encode()
    assert [path for path, _ in stage.ca.answers].count(f"/_lab/crl/ca-1.crl?as={asked}") == 2
    assert stage.crl() == stage.ca.crls["ca-1"]


def test_a_bad_crl_that_cannot_be_had_is_no_good_one(stage: Stage) -> None:
    stage.crl()
    stage.box.add("stale-crl", count=1)
    stage.serving.close()
    with structlog.testing.capture_logs() as logged:
        [result] = stage.search()
    assert result.code == ResultCode.UNAVAILABLE
    assert "fault-not-to-be-had" in [each["event"] for each in logged]
    assert stage.crl() == stage.ca.crls["ca-1"]  # the directory has a copy of that


def test_a_fault_for_one_client_leaves_others_alone(stage: Stage) -> None:
    stage.box.add("busy", client="192.0.2.1")
    assert stage.crl() == stage.ca.crls["ca-1"]


def test_every_fault_can_be_switched_on_and_is_labelled(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged, ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        known = [each["name"] for each in stage.management.get("/_lab/faults").json["catalogue"]]
        assert known == [each.name for each in CATALOGUE]
        for name in known:
            brief = {"value": 0.01} if name == "slow" else {}
            answer = stage.management.post("/_lab/faults", json={"name": name, "count": 1} | brief)
            assert answer.status_code == 201
            with suppress(AssertionError, ConnectionResetError):
                stage.search()
            assert stage.management.get("/_lab/faults").json["active"] == []
        assert stage.crl() == stage.ca.crls["ca-1"]
    searches = [each.get("fault") for each in logged if each["event"] == "search"]
    assert sorted(searches, key=str) == sorted([None, *known], key=str)
    told = [each for each in stage.journal.find(Wanted(), 100) if each.kind == Kind.LDAP]
    assert {each.who for each in told} == {"127.0.0.1"}
    summaries = {each.details.get("fault"): each.summary for each in told}
    asked = f"search base {CA} (objectClass=*) certificateRevocationList authorityRevocationList"
    assert summaries[None] == f"{asked} -> success, entries: 1"
    assert summaries["busy"] == f"{asked} -> busy, entries: 0, fault busy"
    assert summaries.keys() == {None, *known}
