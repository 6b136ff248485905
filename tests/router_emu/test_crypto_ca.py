"""`crypto ca authenticate` and `crypto ca enroll`: what is refused, what is asked, what is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from router_emu.pki.keys import KeyPair, generate_rsa
from router_emu.pki.trustpoint import CaCertificateRefused, Offered, TrustpointState, choose_ca
from router_emu.pki.wire import HttpResponse, NoResponse
from router_emu.texts import MODERN
from scep_core import certificates, cms, http, names
from scep_core.messages import PkcsReq
from scep_core.values import Digest
from tests.router_emu.pki_lab import (
    BORN,
    DIES,
    PASSWORD,
    URL,
    Lab,
    ScriptedCa,
    make_ca,
    make_identity,
    make_ra,
)

AUTHENTICATE, ENROLL = "crypto ca authenticate myca", "crypto ca enroll myca"


def refusal(lab: Lab, *lines: str) -> str:
    """The complaint that the last line ends in; the session is back at its prompt."""
    output = lab.type(*lines)
    assert (output.failed, output.question, output.prompt[-1]) == (True, False, "#")
    return output.text.splitlines()[-1]


class TestAuthenticate:
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_ndes_in_any_order(self, lab: Lab, ca: ScriptedCa, order: tuple[int, ...]) -> None:
        signing, encryption = ca.use_ras(order)
        lab.authenticate()
        held = lab.pki.trustpoint("myca")
        assert held.ca == ca.identity.certificate
        assert set(held.ra) == {signing.certificate, encryption.certificate}
        assert held.encryption == encryption.certificate
        lab.type(ENROLL, "", "")
        assert isinstance(ca.messages[0].message, PkcsReq)
        assert ca.messages[0].recipient == encryption
        assert set(lab.pki.attempts) == {"myca"}  # the RA's signature is believed

    def test_without_ras_requests_are_sealed_for_the_ca(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        assert ca.messages[0].recipient == ca.identity

    def test_ras_of_others_are_left_out(self, lab: Lab, ca: ScriptedCa) -> None:
        """Those that the accepted CA has not signed, whatever name they give as their issuer's."""
        other = make_ca("stranger")
        impostors = [make_ra(use, other, subject="CN=x") for use in ("digital_signature", "key_encipherment")]
        ca.certificates = [*(each.certificate for each in impostors), ca.identity.certificate]
        lab.authenticate()
        assert lab.pki.trustpoint("myca") == TrustpointState(ca.identity.certificate)

    def test_the_ca_that_issued_the_ras_is_meant(self, lab: Lab, ca: ScriptedCa) -> None:
        signing, encryption = ca.use_ras()
        root = make_ca("stranger", "CN=the root above")
        ca.certificates = [
            root.certificate,
            signing.certificate,
            encryption.certificate,
            ca.identity.certificate,
        ]
        lab.authenticate()
        assert lab.pki.trustpoint("myca").ca == ca.identity.certificate

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (NoResponse("connection refused"), "connection refused"),
            (HttpResponse(404, "text/html", b"no"), "HTTP status 404"),
            (HttpResponse(200, "text/html", b"no"), "neither a certificate nor a bag of certificates"),
            (HttpResponse(200, "", b""), "neither a certificate nor a bag of certificates"),
            (HttpResponse(200, http.TYPE_CA_RA_CERT, cms.degenerate(())), "a bag without certificates"),
        ],
    )
    def test_no_certificate_came(
        self, lab: Lab, ca: ScriptedCa, answer: HttpResponse | NoResponse, why: str
    ) -> None:
        ca.certificates = answer
        said = refusal(lab.configure(), AUTHENTICATE)
        assert said == MODERN.authenticate_failed.format(name="myca", why=why)
        assert lab.pki.trustpoints == {}

    @pytest.mark.parametrize(
        ("identity", "why"),
        [
            (make_identity("ca", "CN=no ca"), "the answer holds no CA certificate"),
            (
                make_identity("ca", "CN=no ca", certificates.ext_basic_constraints(False)),
                "the answer holds no CA certificate",
            ),
            (
                make_ca(life=(BORN, datetime(2003, 9, 18, 17, tzinfo=UTC))),
                "the CA certificate is not valid at this time",
            ),
            (
                make_ca(life=(datetime(2003, 9, 23, tzinfo=UTC), DIES)),
                "the CA certificate is not valid at this time",
            ),
        ],
        ids=["no basicConstraints", "CA:FALSE", "expired", "not yet valid"],
    )
    def test_a_certificate_that_is_refused(
        self, lab: Lab, ca: ScriptedCa, identity: cms.Identity, why: str
    ) -> None:
        ca.certificates = (identity.certificate,)
        said = refusal(lab.configure(), AUTHENTICATE)
        assert said == MODERN.authenticate_refused.format(why=why)
        assert lab.pki.trustpoints == {}

    def test_the_first_and_the_last_second_of_a_ca(self) -> None:
        certificate = make_ca().certificate
        for now in (BORN, DIES):
            assert choose_ca([certificate], now) == Offered(certificate)
        for now in (BORN.replace(hour=6), DIES.replace(hour=8)):
            with pytest.raises(CaCertificateRefused):
                choose_ca([certificate], now)

    @pytest.mark.parametrize("answer", ["no", "n", "NO "])
    def test_no_leaves_nothing_behind(self, lab: Lab, answer: str) -> None:
        lab.configure()
        lab.type(AUTHENTICATE, answer)
        assert lab.pki.trustpoints == {}
        assert refusal(lab, ENROLL) == MODERN.not_authenticated.format(name="myca")

    def test_wrong_answers_ask_again(self, lab: Lab) -> None:
        lab.configure().type(AUTHENTICATE)
        for wrong in ("", "perhaps", "yesno", "?", "crypto ca enroll myca"):
            output = lab.type(wrong)
            assert output.text == MODERN.answer_yes_or_no + "\n"
            assert output.prompt == MODERN.authenticate_question
        lab.type("Y")
        assert lab.pki.trustpoint("myca").ca is not None

    def test_an_interrupt_leaves_nothing_behind(self, lab: Lab) -> None:
        lab.configure().type(AUTHENTICATE)
        output = lab.screen.take(lab.screen.session.interrupt(lab.screen.now))
        assert output.prompt.endswith(":r1#")
        assert lab.pki.trustpoints == {}
        lab.type(AUTHENTICATE, "yes")
        assert lab.pki.trustpoint("myca").ca is not None

    def test_an_interrupt_while_the_ca_is_asked(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.configure()
        assert lab.screen(AUTHENTICATE).job is not None
        lab.screen.take(lab.screen.session.interrupt(lab.screen.now))
        with pytest.raises(RuntimeError):
            lab.screen.session.resume(NoResponse("late"), lab.screen.now)
        assert lab.type(AUTHENTICATE).question

    def test_removing_the_trustpoint_during_the_question(
        self, lab: Lab, ca: ScriptedCa, make_screen: Callable[..., Any]
    ) -> None:
        lab.configure().type(AUTHENTICATE)
        other = Lab(make_screen(lab.router, "vty1"), ca)
        other.type("configure", "no crypto ca trustpoint myca", "commit", "end")
        assert refusal(lab, "yes") == MODERN.no_trustpoint.format(name="myca")
        assert lab.pki.trustpoints == {}

    def test_the_lowest_of_a_chain_is_the_ca(self, lab: Lab, ca: ScriptedCa) -> None:
        """Root and issuing CA, in any order: both are shown, and accepted with one answer."""
        root = make_ca("root", "CN=the root")
        issuing = make_ca("ca", "CN=issuing", issuer=root)
        ca.identity = ca.signer = issuing
        ca.recipients, ca.answer = [issuing], ca.issued
        lab.configure()
        for order in ((root, issuing), (issuing, root)):
            ca.certificates = [each.certificate for each in order]
            shown = lab.type(AUTHENTICATE).text
            names_shown = [line for line in shown.splitlines() if line.startswith("CN=")]
            assert names_shown == ["CN=issuing", "CN=the root", "CN=the root", "CN=the root"]
            assert shown.count("SHA1 Fingerprint:") == 2
            lab.type("yes")
            held = lab.pki.trustpoint("myca")
            assert (held.ca, held.above, held.ra) == (issuing.certificate, (root.certificate,), ())
            lab.type("clear crypto ca certificates myca")
        lab.type(AUTHENTICATE, "yes", ENROLL, "", "")
        assert lab.pki.trustpoint("myca").router is not None
        lab.restart()
        assert lab.pki.trustpoint("myca").above == (root.certificate,)
        shown = lab.type("show crypto ca certificates").text
        assert shown.count("CA certificate") == 2

    def test_an_expired_root_is_refused(self, lab: Lab, ca: ScriptedCa) -> None:
        root = make_ca("root", "CN=the root", life=(BORN, datetime(2003, 9, 1, tzinfo=UTC)))
        ca.certificates = (make_ca("ca", "CN=issuing", issuer=root).certificate, root.certificate)
        said = refusal(lab.configure(), AUTHENTICATE)
        assert said == MODERN.authenticate_refused.format(why="the CA certificate is not valid at this time")

    def test_a_second_time_asks_first(self, lab: Lab, ca: ScriptedCa) -> None:
        """pyATS's "Are you sure you want to do this? [yes/no] "; no leaves everything as it was."""
        lab.authenticate()
        ca.certificates = (make_ca("new ca", "CN=new").certificate,)
        asked = len(ca.requests)
        output = lab.type(AUTHENTICATE)
        assert output.prompt == "Are you sure you want to do this? [yes/no] "
        lab.type("no")
        assert len(ca.requests) == asked
        lab.type(AUTHENTICATE, "yes", "no")
        assert lab.pki.trustpoint("myca").ca == ca.identity.certificate
        lab.type(AUTHENTICATE, "yes", "yes")
        assert lab.pki.trustpoint("myca").ca == ca.certificates[0]

    def test_another_ca_is_refused_once_there_is_a_certificate(self, lab: Lab, ca: ScriptedCa) -> None:
        ca.answer = ca.issued
        lab.enrol()
        ca.certificates = (make_ca("stranger").certificate,)
        assert refusal(lab, AUTHENTICATE, "yes") == MODERN.authenticate_other_ca.format(name="myca")
        assert lab.pki.trustpoint("myca").ca == ca.identity.certificate

    def test_a_name_cannot_draw_on_the_screen(self, lab: Lab, ca: ScriptedCa) -> None:
        """It is shown before anybody has accepted the certificate: it must not fake a fingerprint."""
        evil = names.build_name([[(names.COMMON_NAME, "x\nSHA1 Fingerprint:\n   00\x1b[1A\x9b")]])
        real = make_ca()
        certificate = certificates.build_certificate(
            serial_number=1,
            issuer=evil,
            subject=evil,
            public_key_info=real.certificate.public_key_info,
            not_before=BORN,
            not_after=DIES,
            extensions=real.certificate.extensions,
            key=real.key,
            digest=Digest.SHA256,
        )
        ca.certificates = (certificate,)
        shown = lab.configure().type(AUTHENTICATE).text
        assert all(line.isprintable() for line in shown.splitlines())
        assert [line.strip() for line in shown.splitlines()].count("SHA1 Fingerprint:") == 1
        assert "CN=x?SHA1 Fingerprint:?   00?[1A?" in shown


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://ca.lab/scep", MODERN.bad_enrollment_url),
        ("ca.lab", MODERN.bad_enrollment_url),
        ("http://", MODERN.bad_enrollment_url),
        ("http://ca:99999/", MODERN.bad_enrollment_url),
        ("http://ca:0/", MODERN.bad_enrollment_url),
        ("http://[::1/", MODERN.bad_enrollment_url),
    ],
)
def test_urls_that_cannot_be_used(lab: Lab, ca: ScriptedCa, url: str, sentence: str) -> None:
    lab.configure(url=url)
    for command in (AUTHENTICATE, ENROLL):
        assert refusal(lab, command) == sentence.format(url=url)
    assert ca.requests == []


def test_a_password_in_a_url_that_cannot_be_used_is_not_shown(lab: Lab) -> None:
    lab.configure(url="https://noc:sEcReT@ca.lab/")
    for command in (AUTHENTICATE, ENROLL):
        assert refusal(lab, command) == MODERN.bad_enrollment_url.format(url="https://ca.lab/")


class TestEnroll:
    def test_what_has_to_be_there_first(self, lab: Lab) -> None:
        assert refusal(lab, ENROLL) == MODERN.no_trustpoint.format(name="myca")
        lab.type("configure", "crypto ca trustpoint myca", "commit", "end")
        assert refusal(lab, ENROLL) == MODERN.no_enrollment_url.format(name="myca")
        lab.type("configure", "crypto ca trustpoint myca", f"enrollment url {URL}", "commit", "end")
        assert refusal(lab, ENROLL) == MODERN.not_authenticated.format(name="myca")
        lab.type(AUTHENTICATE, "yes")
        assert refusal(lab, ENROLL) == MODERN.no_key.format(label="the_default")
        lab.type("configure", "crypto ca trustpoint myca", "rsakeypair mykey", "commit", "end")
        lab.type("crypto key generate rsa", "1024")
        assert refusal(lab, ENROLL) == MODERN.no_key.format(label="mykey")
        lab.type("crypto key generate rsa mykey", "1024")
        assert refusal(lab, ENROLL) == MODERN.no_domain_name
        lab.type("configure", "domain name lab.example", "commit", "end")
        assert lab.type(ENROLL).prompt == MODERN.password_question
        assert lab.pki.attempts == {}

    def test_passwords_that_differ_are_asked_three_times(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.authenticate()
        lab.type(ENROLL)
        for _ in range(2):
            output = lab.type("one")
            assert (output.prompt, output.echo) == (MODERN.password_again, False)
            output = lab.type("two")
            assert (output.prompt, output.echo) == (MODERN.password_question, False)
            assert output.text.splitlines()[-1] == MODERN.password_mismatch
        assert refusal(lab, "one", "") == MODERN.password_given_up
        assert (ca.messages, lab.pki.attempts) == ([], {})
        lab.type(ENROLL, "one", "two", PASSWORD, PASSWORD)
        message = ca.messages[0].message
        assert isinstance(message, PkcsReq)
        assert message.csr.challenge_password == PASSWORD

    def test_an_interrupt_at_the_password(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.authenticate()
        lab.type(ENROLL, PASSWORD)
        lab.screen.take(lab.screen.session.interrupt(lab.screen.now))
        assert (ca.messages, lab.pki.attempts) == ([], {})
        assert lab.type("show clock").text.endswith("2003\n")

    def test_the_configuration_counts_as_of_the_command(self, lab: Lab, ca: ScriptedCa) -> None:
        """A running enrolment keeps its retry count; the next takes the new one."""
        lab.enrol()
        trustpoint = ("configure", "crypto ca trustpoint myca")
        lab.type(*trustpoint, "enrollment retry count 1", "commit", "end")
        lab.wait(minutes=5)
        assert ca.kinds == ["PkcsReq", "CertPoll", "CertPoll"]
        lab.wait(minutes=1)
        lab.type(ENROLL, "", "")
        lab.wait(hours=1)
        assert ca.kinds[4:] == ["PkcsReq", "CertPoll"]

    def test_a_key_too_short_to_sign(self, lab: Lab) -> None:
        """360 bits, the least of the chapter, hold no SHA-256 signature (RFC 8017 section 9.2)."""
        lab.authenticate()
        key = generate_rsa(360, os.urandom)
        lab.pki.set_keys(KeyPair("the_default", key, lab.screen.now), now=lab.screen.now)
        said = refusal(lab, ENROLL, "", "")
        assert said.startswith("% The certificate request cannot be made: ")
        assert "subject" not in said
        assert lab.pki.attempts == {}
