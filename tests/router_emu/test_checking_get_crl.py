"""GetCRL: the CRL of a certificate that names no distribution point, or none that answers."""

from __future__ import annotations

from typing import Any

import pytest

from router_emu.pki.keys import Purpose
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Verdict
from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import HttpResponse, NoResponse
from scep_core.certificates import Certificate, Extension, ext_crl_distribution_points
from scep_core.codec import Request
from scep_core.messages import Failure, GetCrl, Pending, ReplyMessage, Success
from scep_core.values import FailInfo
from tests.router_emu.crl_stage import DAY, NOW, POINT, Web, carry, make_crl
from tests.router_emu.pki_lab import URL, Lab, ScriptedCa, make_ca, make_identity


@pytest.fixture
def lab(lab: Lab, ca: ScriptedCa) -> Lab:
    """A router that has a certificate; the CA answers GetCRL with a CRL that lists number 66."""
    ca.answer = ca.issued
    lab.enrol()
    assert lab.pki.trustpoint("myca").router is not None
    answer_with(ca, Success(crls=(make_crl(ca.identity, 66),)))
    ca.messages.clear()
    return lab


def answer_with(ca: ScriptedCa, reply: ReplyMessage) -> None:
    def answer(request: Request) -> HttpResponse | NoResponse:
        return ca.reply(reply, request)

    ca.answer = answer


def peer(ca: ScriptedCa, serial_number: int = 5, *points: str) -> Certificate:
    extensions: list[Extension] = [ext_crl_distribution_points(*points)] if points else []
    return make_identity(
        "peer", "CN=r2.lab", *extensions, issuer=ca.identity, serial_number=serial_number
    ).certificate


def check(lab: Lab, certificate: Certificate) -> Verdict:
    judge = lab.router.judge(PeerPurpose.ANY, NOW)
    return carry(judge([certificate]), lab.wire)


def test_a_certificate_without_a_point(lab: Lab, ca: ScriptedCa) -> None:
    assert isinstance(check(lab, peer(ca)), Good)
    [request] = ca.messages
    assert request.message == GetCrl(ca.identity.certificate.subject, 5)
    assert request.signer == lab.pki.trustpoint("myca").router
    verdict = check(lab, peer(ca, 66))
    assert isinstance(verdict, Bad)
    assert verdict.reason is Reason.REVOKED
    assert len(ca.messages) == 1  # it is kept


def test_the_points_come_first(lab: Lab, ca: ScriptedCa) -> None:
    web = Web()
    web.pages[POINT] = make_crl(ca.identity)
    scep = lab.wire
    lab.wire = lambda request: (web if request.url == POINT else scep)(request)
    assert isinstance(check(lab, peer(ca, 5, POINT)), Good)
    assert (web.asked, ca.messages) == ([POINT], [])
    lab.type("clear crypto ca crl")
    web.pages[POINT] = "connection refused"
    assert isinstance(check(lab, peer(ca, 66, POINT)), Bad)
    assert web.asked == [POINT, POINT]
    assert len(ca.messages) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Failure(FailInfo.BAD_CERT_ID, "who is\x1b that"), "badCertId: who is? that"),
        (Failure(FailInfo.BAD_REQUEST), "badRequest"),
        (Pending(), "the answer holds no CRL"),
        (Success((make_ca().certificate,)), "the answer holds no CRL"),
    ],
    ids=["failure", "without a text", "pending", "a certificate"],
)
def test_an_answer_without_a_crl(lab: Lab, ca: ScriptedCa, reply: ReplyMessage, why: str) -> None:
    answer_with(ca, reply)
    verdict = check(lab, peer(ca))
    assert isinstance(verdict, CannotTell)
    assert verdict.why.endswith(f"could not be had from {URL} by GetCRL: {why}")


def test_an_answer_that_is_not_the_cas(lab: Lab, ca: ScriptedCa) -> None:
    forger = make_ca("forger")
    ca.signer = forger
    answer_with(ca, Success(crls=(make_crl(ca.identity),)))
    verdict = check(lab, peer(ca))
    assert isinstance(verdict, CannotTell)
    assert "signed by a stranger" in verdict.why


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"key": make_ca("forger")}, Reason.CRL_NOT_BELIEVED), ({"due": NOW - DAY}, Reason.STALE_CRL)],
)
def test_a_spoilt_crl(lab: Lab, ca: ScriptedCa, options: dict[str, Any], reason: Reason) -> None:
    answer_with(ca, Success(crls=(make_crl(ca.identity, made=NOW - 2 * DAY, **options),)))
    verdict = check(lab, peer(ca))
    assert isinstance(verdict, CannotTell)
    assert verdict.reason is reason
    assert lab.pki.crls.all() == []


def test_a_ca_that_is_not_there(lab: Lab, ca: ScriptedCa) -> None:
    lab.wire = lambda _request: NoResponse("connection refused")
    verdict = check(lab, peer(ca))
    assert isinstance(verdict, CannotTell)
    assert verdict.why.endswith("by GetCRL: connection refused")


@pytest.mark.parametrize("lost", ["key", "certificate", "url"])
def test_without_what_it_takes_nothing_is_asked(lab: Lab, ca: ScriptedCa, lost: str) -> None:
    match lost:
        case "key":
            lab.type("crypto key zeroize rsa", "yes")
        case "certificate":
            lab.pki.trustpoints["myca"] = TrustpointState(ca=ca.identity.certificate)
        case "url":
            lab.type("configure", "crypto ca trustpoint myca", "no enrollment url", "commit", "end")
    verdict = check(lab, peer(ca))
    assert isinstance(verdict, CannotTell)
    assert "there is no CRL" in verdict.why
    assert ca.messages == []


def test_usage_keys_ask_by_the_one_that_signs(lab: Lab, ca: ScriptedCa) -> None:
    lab.type("clear crypto ca certificates myca", "crypto key generate rsa usage-keys", "yes", "1024", "1024")
    ca.answer = ca.issued
    lab.type("crypto ca authenticate myca", "yes", "crypto ca enroll myca", "", "")
    held = lab.pki.trustpoint("myca").own
    assert len(held) == 2
    answer_with(ca, Success(crls=(make_crl(ca.identity),)))
    assert isinstance(check(lab, peer(ca)), Good)
    assert ca.messages[-1].signer == held[Purpose.SIGNATURE]
