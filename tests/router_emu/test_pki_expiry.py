"""The end of a certificate: one line in the log, a timer of the lab's, and a word in `show`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu.commands.context import Router
from router_emu.pki import snapshot
from router_emu.pki.expiry import Expiries
from router_emu.pki.trustpoint import TrustpointState
from tests.router_emu import rollover_stage
from tests.router_emu.pki_lab import BORN, DIES, ISSUED_LIFE, Lab, ScriptedCa, make_ca
from tests.router_emu.pki_stage import Stage, until

SECOND = timedelta(seconds=1)
END = ISSUED_LIFE[1]
OURS = (
    "SECURITY-CEPKI-3-CERTEXPIRED : Certificate has expired for trustpoint myca. "
    "If no enrollment is pending, enroll again"
)
THE_CAS = (
    "SECURITY-CEPKI-3-CACERTEXPIRED : CA certificate has expired for trustpoint myca. "
    "Clear the trustpoint's certificates, authenticate and enroll again"
)


@pytest.fixture
def enrolled(lab: Lab, ca: ScriptedCa) -> Lab:
    """A router with a certificate that nobody renews."""
    ca.answer = ca.issued
    return lab.enrol()


def ends(lab: Lab) -> list[str]:
    """What the log says of ends."""
    return [line for line in lab.log if "EXPIRED" in line]


def test_it_is_told_once_its_last_second_is_over(enrolled: Lab) -> None:
    assert enrolled.pki.timers() == [(END + SECOND, "myca expiry", "expiry myca")]
    enrolled.wait(seconds=(END - enrolled.screen.now).total_seconds())
    assert ends(enrolled) == []
    enrolled.wait(seconds=1)
    assert ends(enrolled) == [OURS]
    assert enrolled.pki.timers() == [(DIES + SECOND, "myca expiry", "expiry myca")]
    enrolled.wait(days=8000)
    assert ends(enrolled) == [OURS, THE_CAS]
    assert enrolled.pki.timers() == []


def test_what_was_told_is_not_told_after_a_restart(enrolled: Lab) -> None:
    enrolled.wait(days=30)
    told = enrolled.log
    enrolled.restart()
    enrolled.wait(days=30)
    assert enrolled.log == told


def test_what_ended_while_the_router_was_down_is_told_when_it_is_up(enrolled: Lab) -> None:
    enrolled.screen.now = DIES + timedelta(days=1)
    enrolled.restart()
    enrolled.wait()
    assert ends(enrolled) == [OURS, THE_CAS]


def test_what_an_earlier_version_kept_is_read(enrolled: Lab) -> None:
    stored = json.loads(json.dumps(snapshot.dump(enrolled.pki)))
    del stored["expiries_told"]
    snapshot.load(enrolled.pki, stored)
    assert enrolled.pki.timers() == [(END + SECOND, "myca expiry", "expiry myca")]


def test_another_certificate_has_an_end_of_its_own(enrolled: Lab, ca: ScriptedCa) -> None:
    enrolled.wait(days=30)
    ca.life = (enrolled.screen.now, enrolled.screen.now + timedelta(days=7))
    enrolled.type("crypto ca enroll myca", "yes", "", "")
    assert enrolled.pki.timers() == [
        (ca.life[1].replace(microsecond=0) + SECOND, "myca expiry", "expiry myca")
    ]
    enrolled.wait(days=30)
    assert ends(enrolled) == [OURS, OURS]
    assert len(enrolled.pki.upkeep.expiries.told) == 1


def test_a_renewal_in_time_is_no_end(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    lab.enrol("auto-enroll 50")
    ca.serial_number, ca.life = 0x6F, (ISSUED_LIFE[0], END + timedelta(days=700))
    lab.wait(days=30)
    assert ends(lab) == []


def test_renewals_that_fail_end_with_a_line(lab: Lab, ca: ScriptedCa) -> None:
    """After that nothing is promised; the last try is over a little later."""
    ca.answer = ca.issued
    lab.enrol("auto-enroll 50")
    ca.answer = ca.silent
    lab.wait(days=30)
    end = lab.log.index(OURS)
    assert "CERTRENEWLATER" in " ".join(lab.log[:end])
    assert all("CERTTIMEOUT" in line for line in lab.log[end + 1 :])


def test_a_next_ca_that_takes_over_in_time_is_no_end(lab: Lab, ca: ScriptedCa) -> None:
    rollover_stage.enrolled(lab, ca)
    coming = rollover_stage.next_ca()
    rollover_stage.announce(ca, coming)
    ca.answer = rollover_stage.issued_by(ca, coming)
    lab.wait(seconds=1)
    rollover_stage.until_the_end(lab)
    lab.wait(days=1)
    assert ends(lab) == []


def test_with_no_next_ca_both_ends_are_told(lab: Lab, ca: ScriptedCa) -> None:
    rollover_stage.enrolled(lab, ca)
    rollover_stage.until_the_end(lab)
    lab.wait(seconds=1)
    assert lab.log[-2:] == [OURS, THE_CAS]


def test_a_trustpoint_that_is_cleared_has_no_end(enrolled: Lab) -> None:
    enrolled.wait(days=30)
    enrolled.type("clear crypto ca certificates myca")
    assert enrolled.pki.timers() == []
    assert enrolled.pki.upkeep.expiries.told == set()


def test_a_certificate_without_an_end_has_none() -> None:
    """RFC 5280 section 4.1.2.5: 99991231235959Z; a second later there is no calendar."""
    for_ever = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    held = TrustpointState(ca=make_ca(life=(BORN, for_ever)).certificate)
    assert Expiries().due("myca", held) is None
    assert Expiries().due("myca", replace(held, ca=make_ca().certificate)) == DIES + SECOND


def test_show_says_expired(enrolled: Lab) -> None:
    enrolled.screen.now = END - SECOND  # typing takes one
    assert "Status         : Available" in enrolled.type("show crypto ca certificates").text
    assert "Status         : Expired" in enrolled.type("show crypto ca certificates").text


def test_the_lab_clock_stops_there(
    make_router: Callable[[], Router], make_screen: Any, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Stage(make_router, make_screen, tmp_path / "r1").open() as stage:
            stage.ca.answer = stage.ca.issued
            stage.enroll("")
            await until(lambda: stage.host.router.pki.trustpoint("myca").own)
            [timer], _ = await asyncio.to_thread(stage.fleet.timers)
            assert (timer.due, timer.owner, timer.name) == (END + SECOND, "r1", "expiry myca")
            stage.clock.set_state(mode="frozen", frozen_at=timer.due)
            assert await stage.run_timers() == [(1, "r1", "expiry myca", "expired")]
            await stage.restart()
            assert await stage.run_timers(after=1) == []

    asyncio.run(story())
