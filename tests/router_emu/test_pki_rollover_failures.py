"""A rollover that goes wrong: nothing there yet, nothing to believe, no certificate in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from router_emu.pki.keys import KeyPair
from router_emu.pki.rollover import NextCa
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import HttpResponse, NoResponse
from scep_core.certificates import build_certificate, ext_basic_constraints
from scep_core.values import Digest
from tests.router_emu.pki_lab import DIES, Answer, Lab, ScriptedCa, awaited, make_ca, make_identity, rsa_key
from tests.router_emu.rollover_stage import (
    DUE,
    NEXT_LIFE,
    announce,
    enrolled,
    held,
    issued_by,
    next_ca,
    operations,
    told,
    until_the_end,
)


def test_a_next_ca_that_is_not_there_yet_is_asked_for_daily_and_told_once(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    lab.wait(days=3)
    assert [line for line in lab.log if "NONEXTCA" in line] == lab.log[-1:]
    assert operations(ca).count("GetNextCACert") == 0
    [(due, _, name)] = awaited(lab.pki)
    assert name == "renewal myca"
    assert timedelta() < due - lab.screen.now <= timedelta(days=1)
    announce(ca, next_ca())
    ca.answer = issued_by(ca, next_ca())
    lab.wait(days=1)
    assert held(lab).shadows
    assert "CERTREJECT" not in " ".join(lab.log)


def crowd(ca: ScriptedCa) -> Answer:
    """More certificates than anybody has: finding the CA's takes a signature for each pair."""
    leaf = make_identity("leaf", "CN=leaf", issuer=next_ca())
    return told(next_ca().certificate, *[leaf.certificate] * 64, by=ca.identity)


HOSTILE: dict[str, Callable[[ScriptedCa], Answer]] = {
    "signed by a stranger": lambda ca: told(next_ca().certificate, by=make_ca("stranger")),
    "signed by itself": lambda ca: told(next_ca().certificate, by=next_ca()),
    "expired": lambda ca: told(
        next_ca(life=(DUE - timedelta(9), DUE - timedelta(1))).certificate, by=ca.identity
    ),
    "ends before this one": lambda ca: told(
        next_ca(life=(DUE, DIES - timedelta(1))).certificate, by=ca.identity
    ),
    "begins too late": lambda ca: told(
        next_ca(life=(DIES + timedelta(1), DIES + timedelta(9))).certificate, by=ca.identity
    ),
    "the same again": lambda ca: told(ca.identity.certificate, by=ca.identity),
    "a crowd": crowd,
    "not a CA": lambda ca: told(make_identity("leaf", "CN=leaf", life=NEXT_LIFE).certificate, by=ca.identity),
    "no certificates": lambda ca: told(by=ca.identity),
    "empty": lambda ca: HttpResponse(200, "application/x-x509-next-ca-cert", b""),
    "HTML": lambda ca: HttpResponse(200, "text/html", b"<html>Welcome to IIS</html>"),
    "a bare certificate": lambda ca: HttpResponse(
        200, "application/x-x509-ca-cert", next_ca().certificate.der
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_take_over_is_not_believed(lab: Lab, ca: ScriptedCa, what: str) -> None:
    enrolled(lab, ca)
    before = held(lab)
    announce(ca, next_ca())
    ca.next_ca = HOSTILE[what](ca)
    lab.wait(seconds=1)
    assert held(lab) == before
    assert "SECURITY-CEPKI-3-NOTBELIEVED" in lab.log[-1]
    assert "the next CA is not believed" in lab.log[-1]
    assert awaited(lab.pki) == [(DUE + timedelta(days=1), "myca", "renewal myca")]


@pytest.mark.parametrize(
    ("answer", "mnemonic"), [(HttpResponse(404, "", b""), "HTTPERROR"), (NoResponse("gone"), "CAUNREACHABLE")]
)
def test_a_ca_that_does_not_answer_is_asked_again(
    lab: Lab, ca: ScriptedCa, answer: HttpResponse | NoResponse, mnemonic: str
) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    there, ca.next_ca = ca.next_ca, answer
    lab.wait(seconds=1)
    assert mnemonic in lab.log[-1]
    ca.next_ca = there
    lab.wait(days=1)
    assert held(lab).next is not None


@pytest.mark.parametrize("answer", ["denied", "silent", "pending", "issued"])
def test_a_shadow_certificate_that_does_not_come_is_tried_for_again(
    lab: Lab, ca: ScriptedCa, answer: str
) -> None:
    """ "issued" is by the CA of now, which is not whom we asked."""
    enrolled(lab, ca)
    coming = next_ca()
    announce(ca, coming)
    ca.answer, ca.signer = getattr(ca, answer), coming
    lab.wait(minutes=7)
    [(due, slot, _), takeover] = awaited(lab.pki)
    assert slot == "myca"
    assert timedelta(hours=23) < due - lab.screen.now <= timedelta(days=1)
    assert takeover == (DIES, "myca rollover", "rollover myca")
    assert not held(lab).shadows
    assert operations(ca).count("GetNextCACert") == 1
    ca.answer = issued_by(ca, coming)
    lab.wait(days=1)
    assert held(lab).shadows
    assert operations(ca).count("GetNextCACert") == 2  # it may be another one by now
    assert sum("NEXTCA " in line for line in lab.log) == 1


def test_a_next_ca_that_was_replaced_is_found_out(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    ca.answer, ca.signer = ca.denied, next_ca()
    lab.wait(seconds=1)
    assert held(lab).next == TrustpointState(ca=next_ca().certificate)
    other = next_ca("another next ca")
    announce(ca, other)
    ca.recipients = [ca.identity, other]  # nobody opens what is sealed for the first one
    ca.answer = issued_by(ca, other)
    lab.wait(days=1)
    until_the_end(lab)
    assert held(lab).ca == other.certificate
    assert held(lab).own


def test_a_next_ca_that_is_announced_no_more_still_stands(lab: Lab, ca: ScriptedCa) -> None:
    """Ours is told of no more once it issues, before the CA of now has ended."""
    enrolled(lab, ca)
    coming, capabilities = next_ca(), ca.capabilities
    announce(ca, coming)
    ca.answer, ca.signer = ca.denied, coming
    lab.wait(seconds=1)
    ca.capabilities, ca.answer = capabilities, issued_by(ca, coming)
    lab.wait(days=1)
    assert held(lab).shadows
    assert "NONEXTCA" not in " ".join(lab.log)


def test_a_next_ca_that_nothing_can_be_sealed_for(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    key = ec.generate_private_key(ec.SECP256R1())
    name = next_ca().certificate.subject
    elliptic = build_certificate(
        serial_number=9,
        issuer=name,
        subject=name,
        public_key_info=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        not_before=NEXT_LIFE[0],
        not_after=NEXT_LIFE[1],
        extensions=[ext_basic_constraints(True)],
        key=key,
        digest=Digest.SHA256,
    )
    announce(ca, next_ca())
    ca.next_ca = told(elliptic, by=ca.identity)
    lab.wait(seconds=1)
    assert held(lab).next is None
    assert "NOTBELIEVED" in lab.log[-1]
    assert "no request can be sealed for its key" in lab.log[-1]


def test_asking_for_the_next_ca_can_be_cancelled(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    lab.screen.now = DUE
    assert lab.pki.fire("myca", DUE) is None
    task = lab.pki.outbox.pop()
    lab.screen("crypto ca cancel-enroll myca")
    assert "There is no enrollment" not in lab.screen.text
    assert task.finish(NextCa(TrustpointState(ca=next_ca().certificate)), DUE) == "too late"
    assert (held(lab).next, lab.pki.outbox) == (None, [])
    assert [name for _, _, name in awaited(lab.pki)] == ["renewal myca"]


def test_without_a_shadow_certificate_the_next_ca_takes_over_alone(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    announce(ca, coming)
    ca.answer, ca.signer = ca.denied, coming
    lab.wait(seconds=1)
    lab.screen.now = DIES
    assert lab.pki.fire("myca rollover", DIES) == "the next CA has taken over, without a certificate"
    assert lab.log[-1].endswith("the next CA has issued none for trustpoint myca. Enroll again")
    assert (held(lab).ca, held(lab).own) == (coming.certificate, {})
    assert awaited(lab.pki) == []
    ca.answer = issued_by(ca, coming)
    lab.type("crypto ca enroll myca", "", "")
    assert held(lab).router is not None


def test_a_request_that_is_pending_at_the_end_goes_on(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca, "enrollment retry period 60", "enrollment retry count 100")
    coming = next_ca()
    announce(ca, coming)
    ca.answer, ca.signer = ca.denied, coming
    lab.wait(seconds=1)
    lab.screen.now = DIES - timedelta(hours=1)
    ca.answer = ca.pending
    assert lab.pki.fire("myca", lab.screen.now) is None
    lab.settle()
    lab.wait(hours=2)
    assert "CAROLLOVER" in lab.log[-1]
    assert held(lab).own == {}
    ca.answer = issued_by(ca, coming)
    lab.restart()
    lab.wait(hours=1)
    assert held(lab).router is not None
    assert lab.log[-1].startswith("SECURITY-CEPKI-6-CERTRET ")


def test_an_answer_that_comes_after_the_trustpoint_was_cleared_is_too_late(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    lab.hold = True
    lab.wait(seconds=1)
    assert awaited(lab.pki) == []  # while it is on its way nothing is due
    lab.type("clear crypto ca certificates myca")
    assert lab.deliver() == ["too late"]
    assert held(lab).next is None


def test_a_shadow_certificate_for_a_key_that_was_replaced_does_not_count(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    announce(ca, coming)
    ca.answer = issued_by(ca, coming)
    lab.wait(seconds=1)
    ca.answer, ca.life = ca.issued, (DUE, DIES)
    lab.pki.set_keys(KeyPair("the_default", rsa_key("new"), lab.screen.now), now=lab.screen.now)
    lab.type("crypto ca enroll myca", "yes", "", "")
    assert not held(lab).shadows
    ca.answer, ca.life = issued_by(ca, coming), NEXT_LIFE
    until_the_end(lab)
    router = held(lab).router
    assert router is not None
    assert router.public_key_info == lab.key().public_key_info


def test_without_auto_enroll_nothing_is_asked(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    announce(ca, next_ca())
    lab.type("configure", "crypto ca trustpoint myca", "no auto-enroll", "commit", "end")
    asked = len(ca.requests)
    until_the_end(lab)
    assert len(ca.requests) == asked
    assert awaited(lab.pki) == []


def test_the_answer_may_hold_the_ca_of_now_and_more_than_one_after_it(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    shorter = next_ca("another", (DUE, DIES + timedelta(1)))
    announce(ca, coming)
    ca.next_ca = told(ca.identity.certificate, shorter.certificate, coming.certificate, by=ca.identity)
    ca.answer = issued_by(ca, coming)
    lab.wait(seconds=1)
    assert held(lab).next is not None
    assert held(lab).next.ca == coming.certificate
    assert held(lab).shadows


def test_the_next_ca_may_have_the_name_and_key_of_the_one_of_now(lab: Lab, ca: ScriptedCa) -> None:
    """Then each has signed the other, and neither is above the other."""
    enrolled(lab, ca)
    coming = make_ca(life=NEXT_LIFE, serial_number=2)
    announce(ca, coming)
    ca.next_ca = told(ca.identity.certificate, coming.certificate, by=ca.identity)
    lab.wait(seconds=1)
    assert held(lab).next is not None
    assert (held(lab).next.ca, held(lab).next.above) == (coming.certificate, ())


@pytest.mark.parametrize(
    "life",
    [(DUE, DIES - timedelta(1)), (DIES + timedelta(1), DIES + timedelta(9))],
    ids=["ends too early", "begins too late"],
)
def test_a_shadow_certificate_has_to_be_valid_at_the_takeover(
    lab: Lab, ca: ScriptedCa, life: tuple[datetime, datetime]
) -> None:
    enrolled(lab, ca)
    coming = next_ca()
    announce(ca, coming)
    ca.answer, ca.life = issued_by(ca, coming), life
    lab.wait(seconds=1)
    assert not held(lab).shadows
    assert "NOTBELIEVED" in lab.log[-1]
    assert lab.log[-1].endswith("not at 07:00:00 UTC Wed Aug 19 2020")
    ca.life = (DIES, NEXT_LIFE[1])
    lab.wait(minutes=2)
    assert held(lab).shadows
