"""`auto-enroll`: when a certificate is renewed, by which message, and what a failure leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from router_emu.pki.keys import KeyPair
from router_emu.pki.renewal import renewals
from scep_core.messages import PkcsReq, RenewalReq
from tests.router_emu.pki_lab import ISSUED_LIFE, Lab, ScriptedCa, awaited, rsa_key

START, END = ISSUED_LIFE  # seven days
DUE = datetime(2003, 9, 26, 9, 43, 14, tzinfo=UTC)  # half of them over
RENEWING = "SECURITY-CEPKI-6-CERTRENEW : Certificate renewal is started for trustpoint myca"


def enrolled(lab: Lab, ca: ScriptedCa, *statements: str) -> Lab:
    """A router with a certificate, half of whose life is over in a second; the CA will issue another."""
    ca.answer = ca.issued
    lab.enrol("auto-enroll 50", *statements)
    assert awaited(lab.pki) == [(DUE, "myca", "renewal myca")]
    lab.screen.now = DUE - timedelta(seconds=1)
    ca.serial_number, ca.life = 0x6F, (DUE, DUE + timedelta(days=7))
    return lab


def serial(lab: Lab) -> int:
    held = lab.pki.trustpoint("myca").router
    assert held is not None
    return held.serial_number


@pytest.mark.parametrize(
    ("statement", "message"),
    [("no renewal-message-type", PkcsReq), ("renewal-message-type renewalreq", RenewalReq)],
)
def test_it_is_renewed_at_its_percentage(
    lab: Lab, ca: ScriptedCa, statement: str, message: type[PkcsReq | RenewalReq]
) -> None:
    """Cisco's is a PKCSReq signed with the certificate that is renewed (scep.md 3.3), for the same key."""
    ca.capabilities = "Renewal\nSHA-256\n"
    enrolled(lab, ca, statement)
    old = lab.pki.trustpoint("myca").router
    lab.wait(seconds=1)
    assert serial(lab) == 0x6F
    sent = ca.messages[-1]
    assert type(sent.message) is message
    assert isinstance(sent.message, PkcsReq | RenewalReq)
    assert sent.signer == old
    assert sent.message.csr.challenge_password is None
    assert sent.message.csr.public_key_info == sent.signer.public_key_info
    assert sent.message.csr.subject == ca.messages[0].message.csr.subject  # type: ignore[union-attr]
    assert lab.log[1:] == [RENEWING, lab.log[0]]
    assert awaited(lab.pki) == [(DUE + timedelta(days=3.5), "myca", "renewal myca")]


def test_a_ca_that_knows_no_renewal_gets_a_pkcsreq(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca, "renewal-message-type renewalreq").wait(seconds=1)
    assert isinstance(ca.messages[-1].message, PkcsReq)
    assert serial(lab) == 0x6F


def test_the_old_certificate_serves_until_the_new_one_is_there(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    ca.answer = ca.pending
    lab.wait(seconds=1)
    old = lab.pki.trustpoint("myca").router
    lab.restart()
    lab.wait(minutes=2)
    assert (serial(lab), ca.kinds[-1]) == (0x6E, "CertPoll")
    assert ca.messages[-1].signer == old  # the poll, too, and after a restart
    ca.answer = ca.issued
    lab.wait(minutes=2)
    assert serial(lab) == 0x6F


@pytest.mark.parametrize("answer", ["denied", "silent", "pending"])
def test_a_failure_is_tried_again_a_day_later(lab: Lab, ca: ScriptedCa, answer: str) -> None:
    enrolled(lab, ca)
    ca.answer = getattr(ca, answer)
    lab.wait(minutes=7)
    [(due, slot, name)] = awaited(lab.pki)
    assert (slot, name) == ("myca", "renewal myca")
    assert timedelta(days=1) - timedelta(minutes=7) < due - lab.screen.now <= timedelta(days=1)
    assert serial(lab) == 0x6E
    lab.restart()
    assert awaited(lab.pki) == [(due, slot, name)]
    ca.answer = ca.issued
    lab.wait(days=1)
    assert serial(lab) == 0x6F


AGAIN = "Certificate renewal is tried again on 09:49:14 UTC Sat Sep 27 2003 for trustpoint myca"
TIMED_OUT = (
    "SECURITY-CEPKI-4-CERTTIMEOUT : "
    "Certificate renewal timed out for trustpoint myca: no certificate after 3 retries"
)


@pytest.mark.parametrize(
    ("answer", "why"),
    [("silent", "SECURITY-CEPKI-4-CAUNREACHABLE"), ("pending", "SECURITY-CEPKI-6-CERTPENDING")],
)
def test_a_renewal_that_times_out_is_told_in_four_lines(
    lab: Lab, ca: ScriptedCa, answer: str, why: str
) -> None:
    """Nobody has to enroll again, and no administrator is to be asked."""
    enrolled(lab, ca)
    ca.answer = getattr(ca, answer)
    lab.wait(minutes=7)
    begun, reason, *end = lab.log[1:]
    assert begun == RENEWING
    assert reason.startswith(why)
    assert end == [TIMED_OUT, "SECURITY-CEPKI-6-CERTRENEWLATER : " + AGAIN]


def test_a_refused_renewal_says_when_it_is_tried_again(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    ca.answer = ca.denied
    lab.wait(seconds=1)
    assert "CERTREJECT" in lab.log[-2]
    assert lab.log[-1].endswith(AGAIN.replace("09:49:14", "09:43:14"))


def test_what_is_not_tried_again_is_not_promised(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca, "enrollment retry period 60")
    ca.answer = ca.denied
    lab.wait(days=30)
    promises = [line for line in lab.log if "CERTRENEWLATER" in line]
    assert len(promises) == ca.kinds.count("PkcsReq") - 2  # but the first request, and the last try


def test_a_ca_that_answers_with_the_same_certificate_is_not_asked_again_at_once(
    lab: Lab, ca: ScriptedCa
) -> None:
    """Draft-nourse's CAs recognise key and subject; without a pause the router would never be at rest."""
    enrolled(lab, ca)
    ca.serial_number, ca.life = 0x6E, (START, END)
    lab.wait(seconds=1)
    assert serial(lab) == 0x6E
    assert awaited(lab.pki) == [(DUE + timedelta(days=1), "myca", "renewal myca")]


def test_it_ends_with_the_certificate(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    ca.answer = ca.denied
    lab.wait(days=30)
    assert awaited(lab.pki) == []
    tries = ca.kinds.count("PkcsReq") - 1
    assert 3 <= tries < 20
    assert serial(lab) == 0x6E


def test_without_its_key_it_cannot_be_renewed(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    lab.pki.set_keys(KeyPair("the_default", rsa_key("new"), lab.screen.now), now=lab.screen.now)
    [(_, slot, _)] = awaited(lab.pki)
    lab.screen.now = DUE
    assert lab.pki.fire(slot, DUE) == "not renewed: the certificate's key is no more"
    assert lab.log[-1].endswith(
        "Certificate cannot be renewed for trustpoint myca: the certificate's key is no more"
    )
    assert awaited(lab.pki)[0][0] == DUE + timedelta(days=1)


@pytest.mark.parametrize("statement", ["no auto-enroll", "enrollment terminal"])
def test_nothing_is_renewed_unasked(lab: Lab, ca: ScriptedCa, statement: str) -> None:
    enrolled(lab, ca)
    lab.type("configure", "crypto ca trustpoint myca", statement, "commit", "end")
    assert awaited(lab.pki) == []


def test_a_percentage_already_over_is_due_at_once(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    lab.type("configure", "crypto ca trustpoint myca", "auto-enroll 1", "commit", "end")
    assert awaited(lab.pki)[0][0] < lab.screen.now


def test_next_tries_come_closer_but_not_for_ever(lab: Lab, ca: ScriptedCa) -> None:
    enrolled(lab, ca)
    [wanted] = renewals(lab.pki.settings, lab.pki.trustpoints)
    assert wanted.due == DUE
    assert wanted.next_try(END - timedelta(days=5)) == END - timedelta(days=4)
    assert wanted.next_try(END - timedelta(hours=10)) == END - timedelta(hours=5)
    assert wanted.next_try(END) == END + timedelta(minutes=2)  # the retry period
    with pytest.raises(ValueError, match="expired"):
        wanted.apply(lab.pki.keys, "http://ca", END + timedelta(seconds=1))
