"""What becomes of an enrolment: every kind of answer, in every state, over the pretend wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from router_emu.pki.wire import HttpResponse
from scep_core import http
from scep_core.certificates import build_certificate, ext_basic_constraints
from scep_core.cms import Identity
from scep_core.codec import Request
from scep_core.csr import public_key_info
from scep_core.messages import Failure, Pending, Success
from scep_core.values import Digest, FailInfo
from tests.router_emu.pki_lab import BORN, DIES, PASSWORD, Answer, Lab, ScriptedCa, awaited, make_ca, rsa_key

PENDING = (
    "SECURITY-CEPKI-6-CERTPENDING : "
    "Certificate enrollment request is pending at Certificate Authority for trustpoint myca"
)
ISSUED = "SECURITY-CEPKI-6-CERTRET : Certificate received from Certificate Authority for trustpoint myca"
REFUSED = (
    "SECURITY-CEPKI-6-CERTREJECT : "
    "Certificate enrollment request was rejected by Certificate Authority for trustpoint myca: "
)
EXPIRED = (
    "SECURITY-CEPKI-4-CERTTIMEOUT : Certificate enrollment timed out for trustpoint myca: "
    "no certificate after 3 retries. "
    "Contact the CA's administrator to get the request approved, and then enroll again"
)
UNANSWERED = (
    "SECURITY-CEPKI-4-CERTTIMEOUT : Certificate enrollment timed out for trustpoint myca: "
    "no answer that counts after 3 retries. Enroll again when Certificate Authority answers"
)
UNREACHABLE = (
    "SECURITY-CEPKI-4-CAUNREACHABLE : No answer from Certificate Authority for trustpoint myca: timed out"
)
HTTP_ERROR = (
    "SECURITY-CEPKI-4-HTTPERROR : Certificate Authority answered with an HTTP error for trustpoint myca: "
)
NOT_BELIEVED = "SECURITY-CEPKI-3-NOTBELIEVED : An answer that cannot be believed came for trustpoint myca: "
NOT_SENT = "SECURITY-CEPKI-3-NOTSENT : Nothing was sent to Certificate Authority for trustpoint myca: "
NOT_ISSUED = NOT_BELIEVED + "the certificate in it is refused: the CA has not issued it: "


def only_certificate(lab: Lab) -> int | None:
    held = lab.pki.trustpoint("myca").router
    return None if held is None else held.serial_number


class TestOutcomes:
    def test_issued_at_once(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.answer = ca.issued
        lab.enrol()
        assert (ca.kinds, lab.log, lab.pki.attempts) == (["PkcsReq"], [ISSUED], {})
        held = lab.pki.trustpoint("myca").router
        assert held is not None
        assert held.public_key_info == lab.key().public_key_info
        lab.wait(hours=1)
        assert ca.kinds == ["PkcsReq"]

    def test_pending_then_issued(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        sent_at = lab.screen.now
        [(due, trustpoint, name)] = awaited(lab.pki)
        assert (due, trustpoint) == (sent_at + timedelta(minutes=2), "myca")
        assert name == "enrolment myca: poll 1 of 3"
        lab.wait(seconds=119)
        assert ca.kinds == ["PkcsReq"]
        lab.wait(seconds=1)
        assert ca.kinds == ["PkcsReq", "CertPoll"]
        assert awaited(lab.pki) == [(sent_at + timedelta(minutes=4), "myca", "enrolment myca: poll 2 of 3")]
        ca.answer = ca.issued
        lab.wait(minutes=2)
        assert (ca.kinds, lab.log) == (["PkcsReq", "CertPoll", "CertPoll"], [PENDING, ISSUED])
        assert only_certificate(lab) == 0x6E

    def test_pending_too_long(self, lab: Lab, ca: ScriptedCa) -> None:
        """Three retries of two minutes: over after six minutes."""
        lab.enrol()
        lab.wait(minutes=5, seconds=59)
        assert "myca" in lab.pki.attempts
        lab.wait(seconds=1)
        assert lab.pki.attempts == {}
        assert ca.kinds == ["PkcsReq", *["CertPoll"] * 3]
        assert lab.log == [PENDING, EXPIRED]
        assert awaited(lab.pki) == []

    def test_issued_at_the_last_retry(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        lab.wait(minutes=5)
        ca.answer = ca.issued
        lab.wait(minutes=1)
        assert lab.log == [PENDING, ISSUED]

    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            (Failure(FailInfo.BAD_REQUEST, "not on my network"), "badRequest: not on my network"),
            (Failure(FailInfo.BAD_MESSAGE_CHECK), "badMessageCheck"),
            (Failure(FailInfo.BAD_ALG, "wétt\u0443p"), "badAlg: wétt\u0443p"),
        ],
    )
    @pytest.mark.parametrize("polls", [0, 1])
    def test_denied(self, lab: Lab, ca: ScriptedCa, failure: Failure, words: str, polls: int) -> None:
        lab.authenticate()
        if polls == 0:
            ca.answer = lambda request: ca.reply(failure, request)
        lab.type("crypto ca enroll myca", PASSWORD, PASSWORD)
        ca.answer = lambda request: ca.reply(failure, request)
        lab.wait(hours=1)
        assert lab.log[-1] == REFUSED + words
        assert lab.pki.attempts == {}
        assert ca.kinds == ["PkcsReq", *["CertPoll"] * polls]
        assert only_certificate(lab) is None

    def test_a_reason_cannot_forge_the_log(self, lab: Lab, ca: ScriptedCa) -> None:
        text = "no\nRP/0/RP0/CPU0: forged \x1b[2J\r\u202e"
        ca.answer = lambda request: ca.reply(Failure(FailInfo.BAD_REQUEST, text), request)
        lab.enrol()
        line = lab.router.log.lines[-1]
        assert line.isprintable()
        assert "badRequest: no" in line


class TestSilence:
    def test_a_lost_request_is_sent_again(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.answer = ca.silent
        lab.enrol()
        assert lab.log == [UNREACHABLE]
        assert [name for _, _, name in awaited(lab.pki)] == ["enrolment myca: request again, 1 of 3"]
        lab.wait(minutes=2)
        ca.answer = ca.pending
        lab.wait(minutes=2)
        ca.answer = ca.issued
        lab.wait(minutes=2)
        assert ca.kinds == ["PkcsReq", "PkcsReq", "PkcsReq", "CertPoll"]
        assert lab.log == [UNREACHABLE, PENDING, ISSUED]  # one reason is told once
        first, second = ca.messages[:2]
        assert first.message == second.message
        assert first.head.transaction_id == second.head.transaction_id
        assert first.head.sender_nonce != second.head.sender_nonce

    def test_a_lost_poll_is_a_poll_spent(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        ca.answer = ca.silent
        lab.wait(minutes=2)
        ca.answer = ca.pending
        lab.wait(minutes=4)
        assert ca.kinds == ["PkcsReq", *["CertPoll"] * 3]
        assert lab.log == [PENDING, UNREACHABLE, EXPIRED]

    def test_a_ca_that_is_down_all_the_time(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.answer = ca.silent
        lab.enrol()
        lab.wait(hours=1)
        assert ca.kinds == ["PkcsReq"] * 4
        assert lab.log == [UNREACHABLE, UNANSWERED]

    def test_another_reason_is_told_and_then_the_first_one_again(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.answer = ca.silent
        lab.authenticate().type("crypto ca enroll myca", "", "")
        lab.restart()  # it is remembered over that
        lab.wait(minutes=2)
        assert lab.log == [UNREACHABLE]
        ca.answer = lambda _request: HttpResponse(500, "text/html", b"")
        lab.wait(minutes=2)
        ca.answer = ca.silent
        lab.wait(minutes=2)
        assert lab.log == [UNREACHABLE, HTTP_ERROR + "HTTP status 500", UNREACHABLE, UNANSWERED]


def stranger(ca: ScriptedCa, request: Request) -> Answer:
    """Signed by another key under the CA's own name and serial number, its certificate along."""
    return ca.reply(Success((ca.certify(request),)), request, signer=make_ca("stranger"))


def other_ca(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Pending(), request, signer=make_ca("stranger", "CN=other", serial_number=9))


def forged(ca: ScriptedCa, request: Request) -> Answer:
    """With the CA's own certificate along, but another key."""
    signer = Identity(ca.identity.certificate, rsa_key("stranger"))
    return ca.reply(Failure(FailInfo.BAD_REQUEST), request, signer=signer)


def wrong_nonce(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Success((ca.certify(request),)), request, sender_nonce=bytes(16))


def no_nonce(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Failure(FailInfo.BAD_REQUEST), request, sender_nonce=None)


def wrong_transaction(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Failure(FailInfo.BAD_REQUEST), request, transaction_id="0" * 32)


def another_key(ca: ScriptedCa, request: Request) -> Answer:
    key = public_key_info(rsa_key("stranger").public_key())
    return ca.reply(Success((ca.certify(request, key=key),)), request)


def another_issuer(ca: ScriptedCa, request: Request) -> Answer:
    """The CA's name, but not its signature."""
    return ca.reply(Success((ca.certify(request, issuer=make_ca("stranger")),)), request)


def our_own_certificate(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Success((request.signer,)), request)


def a_crl_alone(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Success((), (b"\x30\x00",)), request)


def sealed_for_another(ca: ScriptedCa, request: Request) -> Answer:
    return ca.reply(Success((ca.certify(request),)), request, sealed_for=make_ca("stranger").certificate)


def an_echo(ca: ScriptedCa, _request: Request) -> Answer:
    """Our own message, come back."""
    query = http.parse_query(ca.requests[-1].url.partition("?")[2].encode())
    return HttpResponse(200, http.TYPE_PKI_MESSAGE, http.decode_get_message(query.message or b""))


def body(status: int, octets: bytes) -> Callable[[ScriptedCa, Request], Answer]:
    return lambda _ca, _request: HttpResponse(status, "text/html", octets)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (stranger, NOT_BELIEVED + "the reply is signed by a stranger"),
        (forged, NOT_BELIEVED + "the signature does not match"),
        (other_ca, NOT_BELIEVED + "the reply is signed by a stranger"),
        (wrong_nonce, NOT_BELIEVED + "the reply does not echo the nonce"),
        (no_nonce, NOT_BELIEVED + "the reply does not echo the nonce"),
        (wrong_transaction, NOT_BELIEVED + "the reply belongs to another transaction"),
        (another_key, NOT_BELIEVED + "no certificate for our key in it"),
        (another_issuer, NOT_ISSUED + "the signature does not match"),
        (our_own_certificate, NOT_ISSUED + "the issuer's name is another"),
        (a_crl_alone, NOT_BELIEVED + "no certificate for our key in it"),
        (sealed_for_another, NOT_BELIEVED + "the message could not be opened"),
        (an_echo, NOT_BELIEVED + "the reply is signed by a stranger"),
        (body(200, b"<html>"), NOT_BELIEVED + "not a CMS signed message"),
        (body(200, b""), NOT_BELIEVED + "not a CMS signed message"),
        (body(404, b""), HTTP_ERROR + "HTTP status 404"),
        (body(500, b"oops"), HTTP_ERROR + "HTTP status 500"),
    ],
)
def test_what_must_not_be_believed_is_no_answer(
    lab: Lab, ca: ScriptedCa, answer: Callable[[ScriptedCa, Request], Answer], line: str
) -> None:
    """At the request and at a poll alike: logged, a retry spent, and the true answer still counts."""
    ca.answer = lambda request: answer(ca, request)
    lab.enrol()
    assert lab.log == [line]
    ca.answer = ca.pending
    lab.wait(minutes=2)
    ca.answer = lambda request: answer(ca, request)
    lab.wait(minutes=2)
    assert lab.log == [line, PENDING, line]
    assert only_certificate(lab) is None
    ca.answer = ca.issued
    lab.wait(minutes=2)
    assert only_certificate(lab) == 0x6E


class TestRaMode:
    def test_the_ca_itself_may_sign_too(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.use_ras()
        ca.answer = lambda request: ca.reply(Success((ca.certify(request),)), request, signer=ca.identity)
        lab.enrol()
        assert lab.log == [ISSUED]

    def test_the_chain_may_come_along_in_any_order(self, lab: Lab, ca: ScriptedCa) -> None:
        signing, _ = ca.use_ras()
        ca.answer = lambda request: ca.reply(
            Success((ca.identity.certificate, signing.certificate, ca.certify(request))), request
        )
        lab.enrol()
        assert only_certificate(lab) == 0x6E


def test_a_request_that_cannot_be_sealed_is_no_answer(lab: Lab, ca: ScriptedCa) -> None:
    """An RA whose key cannot receive: the enrolment must not hang for ever."""
    lab.authenticate()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = build_certificate(
        serial_number=2,
        issuer=ca.identity.certificate.subject,
        subject=ca.identity.certificate.subject,
        public_key_info=public_key_info(key.public_key()),
        not_before=BORN,
        not_after=DIES,
        extensions=[ext_basic_constraints(True)],
        key=key,
        digest=Digest.SHA256,
    )
    held = lab.pki.trustpoint("myca")
    lab.pki.trustpoints["myca"] = replace(held, ca=certificate)
    lab.type("crypto ca enroll myca", PASSWORD, PASSWORD)
    lab.wait(hours=1)
    assert lab.pki.attempts == {}
    assert lab.log[0].startswith(NOT_SENT)
    assert lab.log[-1] == UNANSWERED


def test_two_trustpoints_do_not_mind_each_other(lab: Lab, ca: ScriptedCa) -> None:
    lab.enrol()
    lab.type("configure", "crypto ca trustpoint other", "enrollment url http://ca.lab", "commit", "end")
    lab.type("crypto ca authenticate other", "yes", "crypto ca enroll other", "", "")
    assert [name for _, name, _ in awaited(lab.pki)] == ["other", "myca"]  # its period is the default
    ca.answer = lambda request: (
        ca.issued(request) if "cgi-bin" in ca.requests[-1].url else ca.pending(request)
    )
    lab.wait(minutes=1)
    assert lab.pki.trustpoint("other").router is not None
    assert only_certificate(lab) is None
    assert set(lab.pki.attempts) == {"myca"}
