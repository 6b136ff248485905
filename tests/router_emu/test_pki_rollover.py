"""The certificate ends with its CA: the next CA is asked for, issues in the shadow, and takes over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from router_emu.commands.context import Router
from router_emu.pki import snapshot
from router_emu.pki.keys import Purpose
from router_emu.pki.peers.verdict import trusts
from scep_core.messages import PkcsReq, RenewalReq
from tests.router_emu.pki_lab import DIES, Lab, ScriptedCa, awaited, make_ra
from tests.router_emu.pki_stage import Stage, until
from tests.router_emu.rollover_stage import (
    DUE,
    NEXT_LIFE,
    SHADOW_SERIAL,
    START,
    announce,
    enrolled,
    held,
    issued_by,
    next_ca,
    operations,
    until_the_end,
)

END = "07:00:00 UTC Wed Aug 19 2020"


def test_the_next_ca_issues_in_the_shadow_and_takes_over_at_the_end(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    old, coming = held(lab), next_ca()
    announce(ca, coming)
    ca.answer = issued_by(ca, coming)
    asked = len(ca.requests)
    lab.wait(seconds=1)
    assert operations(ca)[asked:] == ["GetCACaps", "GetNextCACert", "PKIOperation"]
    question = ca.requests[asked + 1]
    assert parse_qs(urlsplit(question.url).query) == {"operation": ["GetNextCACert"], "message": ["myca"]}
    sent = ca.messages[-1]
    assert isinstance(sent.message, PkcsReq)
    assert (sent.signer, sent.recipient.certificate) == (old.router, coming.certificate)
    assert (held(lab).ca, held(lab).own) == (old.ca, old.own)  # they go on serving
    assert awaited(lab.pki) == [(DIES, "myca rollover", "rollover myca")]
    until_the_end(lab)
    now = held(lab)
    assert (now.ca, now.next) == (coming.certificate, None)
    assert now.router is not None
    assert now.router.serial_number == SHADOW_SERIAL
    assert lab.log[-4:] == [
        "SECURITY-CEPKI-6-NEXTCA : Next CA certificate received for trustpoint myca; it takes over on " + END,
        "SECURITY-CEPKI-6-CERTROLLOVER : Certificate of the next CA is requested for trustpoint myca",
        "SECURITY-CEPKI-6-SHADOWCERTRET : Certificate of the next CA received for trustpoint myca",
        "SECURITY-CEPKI-5-CAROLLOVER : The CA has ended and the next CA has taken over for trustpoint myca",
    ]
    [(due, slot, name)] = awaited(lab.pki)
    assert (due, slot, name) == (NEXT_LIFE[0] + (NEXT_LIFE[1] - NEXT_LIFE[0]) / 2, "myca", "renewal myca")


def test_it_goes_by_renewalreq_where_that_is_configured(lab: Lab, ca: ScriptedCa) -> None:
    ca.capabilities = "Renewal\nSHA-256\n"
    enrolled(lab, ca, "renewal-message-type renewalreq")
    announce(ca, next_ca())
    ca.answer = issued_by(ca, next_ca())
    lab.wait(seconds=1)
    assert isinstance(ca.messages[-1].message, RenewalReq)
    assert held(lab).shadows.keys() == {Purpose.GENERAL}


def test_a_certificate_that_ends_before_its_ca_is_renewed_by_it(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    ca.life = (DUE, DIES - timedelta(seconds=1))
    lab.type("clear crypto ca certificates myca", "crypto ca authenticate myca", "yes")
    lab.type("crypto ca enroll myca", "", "")
    asked = len(ca.requests)
    lab.screen.now = awaited(lab.pki)[0][0]
    lab.wait(seconds=1)
    assert operations(ca)[asked:] == ["PKIOperation"]


def test_ras_of_the_next_ca_receive_and_answer(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    signing, encryption = (make_ra(use, coming) for use in ("digital_signature", "key_encipherment"))
    announce(ca, coming, signing.certificate, encryption.certificate)
    ca.recipients = [encryption]
    ca.answer = lambda request: ca.pending(request)
    ca.signer = signing
    lab.wait(seconds=1)
    assert "CERTPENDING" in lab.log[-1]
    assert held(lab).next is not None
    assert held(lab).next.encryption == encryption.certificate  # type: ignore[union-attr]


@pytest.mark.parametrize("phase", ["asking", "sent", "pending", "shadow"])
def test_a_restart_loses_nothing(lab: Lab, ca: ScriptedCa, phase: str) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    announce(ca, coming)
    ca.signer = coming
    ca.answer = {"sent": ca.silent, "pending": ca.pending}.get(phase, issued_by(ca, coming))
    lab.hold = phase == "asking"
    lab.wait(seconds=1)
    before = held(lab)
    lab.restart()
    assert held(lab) == before
    assert (before.next is None) == (phase == "asking")
    lab.hold = False
    ca.answer = issued_by(ca, coming)
    lab.wait(minutes=3)
    assert held(lab).shadows
    lab.restart()
    until_the_end(lab)
    assert held(lab).ca == coming.certificate
    assert held(lab).router is not None


def test_what_a_version_without_rollovers_kept_is_read(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    stored = json.loads(json.dumps(snapshot.dump(lab.pki)))
    for each in stored["trustpoints"].values():
        del each["next"]
    before = held(lab)
    lab.pki.trustpoints.clear()
    snapshot.load(lab.pki, stored)
    assert held(lab) == before


def test_it_is_shown_and_cleared(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    ca.answer, ca.signer = ca.pending, next_ca()
    lab.wait(seconds=1)
    shown = lab.type("show crypto ca certificates").text
    assert "CA certificate (Rollover)\n" in shown.replace("\r", "")
    assert (
        "Router certificate (Rollover)\n  Key usage      : General Purpose\n  Status         : Pending"
        in (shown.replace("\r", ""))
    )
    ca.answer = issued_by(ca, next_ca())
    lab.wait(minutes=2)
    shown = lab.type("show crypto ca certificates").text.replace("\r", "")
    assert (
        "Router certificate (Rollover)\n  Key usage      : General Purpose\n  Status         : Available"
        in shown
    )
    lab.type("clear crypto ca certificates myca")
    assert held(lab).next is None
    assert awaited(lab.pki) == []


def test_the_same_ca_accepted_again_keeps_the_next_one(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    ca.answer = issued_by(ca, next_ca())
    lab.wait(seconds=1)
    before = held(lab)
    lab.type("crypto ca authenticate myca", "yes", "yes")
    assert held(lab) == before


def test_another_ca_is_refused_and_the_refusal_says_what_helps(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    ca.certificates = (next_ca().certificate,)
    lab.type("crypto ca authenticate myca")
    assert lab.type("yes").text.strip().endswith("'clear crypto ca certificates myca' forgets it.")


def test_usage_keys_roll_over_one_by_one(lab: Lab, ca: ScriptedCa) -> None:
    lab.configure("auto-enroll 50").type("crypto key generate rsa usage-keys", "yes", "1024", "1024")
    ca.answer, ca.life = ca.issued, (lab.screen.now, DIES)
    lab.type("crypto ca authenticate myca", "yes", "crypto ca enroll myca", "", "")
    coming = next_ca()
    announce(ca, coming)
    ca.answer, ca.life = issued_by(ca, coming), NEXT_LIFE
    lab.screen.now = awaited(lab.pki)[-1][0]
    lab.wait(seconds=1)
    assert held(lab).shadows.keys() == {Purpose.SIGNATURE, Purpose.ENCRYPTION}
    assert len([line for line in lab.log if "NEXTCA" in line]) == 1
    until_the_end(lab)
    assert held(lab).own.keys() == {Purpose.SIGNATURE, Purpose.ENCRYPTION}
    assert held(lab).ca == coming.certificate


def test_peers_of_the_next_ca_are_trusted_before_it_takes_over(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    ca.answer = issued_by(ca, next_ca())
    [before] = trusts(lab.pki.settings, lab.pki.trustpoints)
    lab.wait(seconds=1)
    [during] = trusts(lab.pki.settings, lab.pki.trustpoints)
    until_the_end(lab)
    [after] = trusts(lab.pki.settings, lab.pki.trustpoints)
    old, new = ca.identity.certificate, next_ca().certificate
    assert [each.anchors for each in (before, during, after)] == [(old,), (old, new), (new,)]


def test_one_timer_does_it_all_on_a_real_wire(
    make_router: Callable[[], Router], make_screen: Any, tmp_path: Path
) -> None:
    """The lab clock waits until the next CA is held and its certificate has come, too."""

    async def story() -> None:
        async with Stage(make_router, make_screen, tmp_path / "r1").open() as stage:
            coming, session = next_ca(), stage.session()
            for line in ("configure", "crypto ca trustpoint myca", "auto-enroll 50", "commit", "end"):
                session.feed(line, stage.host.now())
            stage.host.after_command()
            stage.ca.answer, stage.ca.life = stage.ca.issued, (START, DIES)
            stage.enroll("")
            await until(lambda: stage.host.router.pki.trustpoint("myca").own)
            announce(stage.ca, coming)
            stage.ca.answer, stage.ca.life = issued_by(stage.ca, coming), NEXT_LIFE
            stage.clock.set_state(mode="frozen", frozen_at=DUE)
            assert await stage.run_timers() == [(1, "r1", "renewal myca", "the next CA is held")]
            assert stage.host.router.pki.trustpoint("myca").shadows
            await stage.restart()
            stage.clock.set_state(frozen_at=DIES)
            fired = await stage.run_timers(after=1)
            assert fired == [(2, "r1", "rollover myca", "the next CA has taken over")]

    asyncio.run(story())
