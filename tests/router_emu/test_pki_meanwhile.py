"""What an operator does while an enrolment runs: nothing late, nothing of another CA gets in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router_emu.pki.keys import KeyPair
from router_emu.pki.wire import HttpResponse
from scep_core.enrolment import State
from scep_core.messages import PkcsReq
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa, awaited, make_ca, rsa_key

PENDING = (
    "SECURITY-CEPKI-6-CERTPENDING : "
    "Certificate enrollment request is pending at Certificate Authority for trustpoint myca"
)
CANCELLED = "SECURITY-CEPKI-6-CERTCANCEL : Certificate enrollment was cancelled for trustpoint myca"


def only_certificate(lab: Lab) -> int | None:
    held = lab.pki.trustpoint("myca").router
    return None if held is None else held.serial_number


def test_another_enroll_is_refused(lab: Lab, ca: ScriptedCa) -> None:
    lab.enrol()
    output = lab.type("crypto ca enroll myca")
    assert (output.failed, output.question) == (True, False)
    assert lab.router.texts.already_enrolling.format(name="myca") in output.text
    assert ca.kinds == ["PkcsReq"]


@pytest.mark.parametrize("answer", ["silent", "broken", "404"])
def test_an_enrolment_that_reached_nobody_may_be_typed_again(lab: Lab, ca: ScriptedCa, answer: str) -> None:
    """Unreachable, HTTP error, an answer that is not believed: the command starts over, at once."""
    ca.answer = {
        "silent": ca.silent,
        "broken": lambda _request: HttpResponse(200, "text/html", b"<html>"),
        "404": lambda _request: HttpResponse(404, "text/html", b""),
    }[answer]
    lab.enrol()
    assert lab.pki.attempts["myca"].machine.state is State.NONEXISTENT
    ca.answer = ca.issued
    lab.type("crypto ca enroll myca", "another", "another")
    assert only_certificate(lab) == 0x6E
    message = ca.messages[-1].message
    assert isinstance(message, PkcsReq)
    assert message.csr.challenge_password == "another"
    assert (lab.pki.attempts, awaited(lab.pki)) == ({}, [])


def test_a_denied_or_expired_enrolment_may_be_typed_again(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.denied
    lab.enrol()
    ca.answer = ca.pending
    lab.type("crypto ca enroll myca", "", "")
    lab.wait(hours=1)
    assert "Contact the CA's administrator" in lab.log[-1]
    ca.answer = ca.issued
    lab.type("crypto ca enroll myca", "", "")
    assert only_certificate(lab) == 0x6E


@pytest.mark.parametrize("in_flight", [False, True])
def test_cancel_enroll(lab: Lab, ca: ScriptedCa, in_flight: bool) -> None:
    lab.authenticate()
    assert lab.type("crypto ca cancel-enroll myca").failed
    lab.hold = in_flight
    lab.type("crypto ca enroll myca", "", "", "crypto ca cancel-enroll myca")
    assert lab.log == [PENDING, CANCELLED][in_flight:]
    ca.answer = ca.issued
    assert lab.deliver() == ["too late"] * in_flight
    assert (only_certificate(lab), lab.pki.attempts, awaited(lab.pki)) == (None, {}, [])
    lab.hold = False
    lab.type("crypto ca enroll myca", "", "")
    assert only_certificate(lab) == 0x6E


def test_two_operators_at_the_password_question(
    lab: Lab, ca: ScriptedCa, make_screen: Callable[..., Any]
) -> None:
    lab.authenticate()
    other = Lab(make_screen(lab.router, "vty1"), ca)
    for each in (lab, other):
        each.type("crypto ca enroll myca", PASSWORD)
    lab.type(PASSWORD)
    assert other.type(PASSWORD).failed
    assert ca.kinds == ["PkcsReq"]


@pytest.mark.parametrize("in_flight", [False, True])
def test_the_trustpoint_is_removed(lab: Lab, ca: ScriptedCa, in_flight: bool) -> None:
    lab.enrol()
    ca.answer = ca.issued
    lab.hold = in_flight
    if in_flight:
        lab.wait(minutes=2)
    lab.type("configure", "no crypto ca trustpoint myca")
    assert "myca" in lab.pki.attempts  # not before the commit
    lab.type("commit", "end")
    assert lab.log == [PENDING, CANCELLED]
    assert lab.deliver() == ["too late"] * in_flight
    assert (lab.pki.attempts, lab.pki.trustpoints, awaited(lab.pki)) == ({}, {}, [])
    assert lab.log == [PENDING, CANCELLED]


def test_the_key_is_replaced(lab: Lab, ca: ScriptedCa) -> None:
    lab.enrol()
    old = lab.key()
    lab.hold = True
    lab.wait(minutes=2)
    lab.pki.set_keys(KeyPair("another", old.key, old.created), now=lab.screen.now)
    assert "myca" in lab.pki.attempts
    lab.pki.set_keys(KeyPair("the_default", rsa_key("new"), lab.screen.now), now=lab.screen.now)
    assert lab.log == [PENDING, CANCELLED]
    ca.answer = ca.issued
    assert lab.deliver() == ["too late"]
    assert only_certificate(lab) is None
    lab.hold = False
    lab.type("crypto ca enroll myca", "", "")
    assert only_certificate(lab) == 0x6E
    assert ca.messages[-1].head.transaction_id != ca.messages[0].head.transaction_id


def test_a_late_answer_to_an_attempt_that_was_replaced(lab: Lab, ca: ScriptedCa) -> None:
    lab.authenticate()
    lab.hold = True
    lab.type("crypto ca enroll myca", PASSWORD, PASSWORD)
    lab.pki.cancel("myca", lab.screen.now)
    lab.type("crypto ca enroll myca", PASSWORD, PASSWORD)
    first, second = lab.held
    ca.answer = ca.denied
    assert first.finish(lab.carry(first), lab.screen.now) == "too late"
    ca.answer = ca.pending
    assert second.finish(lab.carry(second), lab.screen.now) == "pending"
    assert lab.log == [CANCELLED, PENDING]


def test_after_success_enroll_asks(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    lab.enrol()
    ca.answer = ca.pending
    question = lab.router.texts.enroll_again
    assert lab.type("crypto ca enroll myca").prompt == question
    assert lab.type("what?").prompt == question
    assert not lab.type("no").question
    assert ca.kinds == ["PkcsReq"]
    lab.type("crypto ca enroll myca", "yes", PASSWORD, PASSWORD)
    assert ca.kinds == ["PkcsReq", "PkcsReq"]
    assert only_certificate(lab) == 0x6E  # the old one serves until the new one comes


def test_the_same_ca_accepted_again_keeps_everything(lab: Lab, ca: ScriptedCa) -> None:
    """Also when the certificate comes while the question is open."""
    lab.enrol()
    lab.type("crypto ca authenticate myca", "yes")
    ca.answer = ca.issued
    lab.wait(minutes=2)
    lab.type("yes")
    assert only_certificate(lab) == 0x6E


@pytest.mark.parametrize("in_flight", [False, True])
def test_another_ca_ends_the_enrolment_with_the_old_one(lab: Lab, ca: ScriptedCa, in_flight: bool) -> None:
    lab.enrol()
    lab.hold = in_flight
    lab.wait(minutes=2)
    new = make_ca("new ca", "CN=new")
    ca.certificates = (new.certificate,)
    ca.answer = ca.issued
    lab.type("crypto ca authenticate myca", "yes", "yes")
    lab.deliver()
    lab.wait(hours=1)
    held = lab.pki.trustpoint("myca")
    assert (held.ca, held.router) == (new.certificate, None)
    assert lab.log == [PENDING, CANCELLED]


def test_another_ca_is_refused_when_the_certificate_comes_during_the_question(
    lab: Lab, ca: ScriptedCa
) -> None:
    lab.enrol()
    ca.certificates = (make_ca("new ca", "CN=new").certificate,)
    lab.type("crypto ca authenticate myca", "yes")
    ca.answer = ca.issued
    lab.wait(minutes=2)
    output = lab.type("yes")
    assert output.failed
    held = lab.pki.trustpoint("myca")
    assert (held.ca, only_certificate(lab)) == (ca.identity.certificate, 0x6E)
