"""`enrollment terminal`: the chapter's "Configure Certificate Enrollment Using Cut-and-Paste"."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations

import pytest

from router_emu.adapters.vty import INTERACTIVE, PLAIN, Style, Vty
from router_emu.pki.keys import KeyPair, Purpose
from router_emu.pki.pasted import read_certificates
from router_emu.texts import MODERN
from scep_core import certificates, cms
from scep_core.certificates import Certificate, build_certificate
from scep_core.cms import Identity
from scep_core.csr import Csr, read_csr
from scep_core.values import Digest
from tests.router_emu.pki_lab import (
    BORN,
    DIES,
    PASSWORD,
    Lab,
    ScriptedCa,
    awaited,
    make_ca,
    make_identity,
    pem_lines,
)

Golden = Callable[[str, str], None]
AUTHENTICATE, ENROLL = "crypto ca authenticate myca", "crypto ca enroll myca"
IMPORT = "crypto ca import myca certificate"
CA = make_ca()


@pytest.fixture
def by_hand(lab: Lab) -> Lab:
    """A router whose trustpoint enrols by hand, its CA's certificate pasted."""
    lab.configure("no enrollment url", "enrollment terminal")
    assert lab.type(AUTHENTICATE, *pem_lines(CA.certificate), "quit").prompt == MODERN.authenticate_question
    lab.type("yes")
    assert lab.pki.trustpoint("myca").ca == CA.certificate
    return lab


def sign(
    key: KeyPair, issuer: Identity = CA, *, life: tuple[datetime, datetime] = (BORN, DIES)
) -> Certificate:
    return build_certificate(
        serial_number=7,
        issuer=issuer.certificate.subject,
        subject=CA.certificate.subject,
        public_key_info=key.public_key_info,
        not_before=life[0],
        not_after=life[1],
        extensions=[],
        key=issuer.key,
        digest=Digest.SHA256,
    )


def printed_requests(text: str) -> list[Csr]:
    blocks = re.findall(r"Certificate Request follows:\n\n([^-]*?)\n\n---End - This line not", text)
    return [read_csr(base64.b64decode(block, validate=False)) for block in blocks]


def test_the_whole_way(by_hand: Lab, ca: ScriptedCa, golden: Golden) -> None:
    by_hand.type(ENROLL, PASSWORD, PASSWORD, "yes", "no")
    [request] = printed_requests(by_hand.screen.text)
    assert request.challenge_password == PASSWORD
    assert request.public_key_info == by_hand.key().public_key_info
    assert awaited(by_hand.pki) == []
    by_hand.restart()
    assert "Pending" in by_hand.type("show crypto ca certificates").text
    output = by_hand.type(IMPORT, *pem_lines(sign(by_hand.key())), "quit")
    assert (output.text, output.failed) == (MODERN.imported + "\n", False)
    shown = by_hand.type("show crypto ca certificates").text
    assert (shown.count("Available"), shown.count("Pending")) == (1, 0)
    assert [line.partition(" : ")[0] for line in by_hand.log] == [
        "SECURITY-CEPKI-6-CERTBYHAND",
        "SECURITY-CEPKI-6-CERTRET",
    ]
    assert ca.requests == []
    text = re.sub(r"\b[0-9A-F]{40}|[0-9A-F]{8}( [0-9A-F]{8}){3}\b", "(fingerprint)", by_hand.screen.text)
    golden("pki-by-hand.txt", re.sub(r"(?m)^M[\w+/=]{63}\n([\w+/=]+\n)+", "(base64)\n", text))


def test_the_request_is_shown_as_often_as_asked_for(by_hand: Lab) -> None:
    assert by_hand.type(ENROLL, "", "").prompt == MODERN.request_question
    by_hand.type("yes", "yes", "no")
    one, other = printed_requests(by_hand.screen.text)
    assert one == other
    by_hand.type(ENROLL, "", "", "no")  # nothing is pending at a CA, so it may be typed again
    assert len(printed_requests(by_hand.screen.text)) == 2
    assert len(by_hand.pki.attempts_of("myca")) == 1


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_usage_keys_in_any_order(by_hand: Lab, order: tuple[int, ...]) -> None:
    """The chapter: "It does not matter which certificate is pasted first."."""
    by_hand.type("crypto key generate rsa usage-keys", "yes", "1024", "1024")
    by_hand.type(ENROLL, "", "", "yes", "no", "yes", "no")
    requests = printed_requests(by_hand.screen.text)
    keys = by_hand.pki.keys.for_enrolment("the_default")
    assert [each.public_key_info for each in requests] == [key.public_key_info for key in keys]
    for done, index in enumerate(order, start=1):
        assert not by_hand.type(IMPORT, *pem_lines(sign(keys[index])), "").failed
        assert len(by_hand.pki.trustpoint("myca").own) == done
        assert len(by_hand.pki.attempts) == 2 - done
    assert by_hand.pki.trustpoint("myca").own[Purpose.ENCRYPTION].public_key_info == keys[1].public_key_info


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _key: sign(KeyPair("x", CA.key, BORN)), "it is for none of the keys of the_default."),
        (
            lambda key: sign(key, make_ca("stranger")),
            "the CA has not issued it: the signature does not",
        ),
        (
            lambda key: sign(key, make_ca("stranger", "CN=x")),
            "the CA has not issued it: the issuer's name",
        ),
        (
            lambda key: sign(key, life=(BORN, datetime(2003, 9, 18, 17, tzinfo=UTC))),
            "it is valid from 07:00:00 UTC Tue Aug 19 2003 to 17:00:00 UTC Thu Sep 18 2003, not at 21:43:",
        ),
    ],
)
def test_what_is_not_ours_is_refused(by_hand: Lab, make: Callable[[KeyPair], Certificate], why: str) -> None:
    by_hand.type(ENROLL, "", "", "no")
    output = by_hand.type(IMPORT, *pem_lines(make(by_hand.key())), "quit")
    assert output.failed
    assert output.text.startswith("% The certificate is refused: " + why)
    assert (by_hand.pki.trustpoint("myca").own, len(by_hand.pki.attempts)) == ({}, 1)
    by_hand.type(IMPORT, *pem_lines(sign(by_hand.key())), "quit")
    assert by_hand.pki.trustpoint("myca").router is not None


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["quit"], "nothing was pasted"),
        (["", "quit"], "nothing was pasted"),
        ([*pem_lines(CA.certificate)[:-1], "quit"], "a line -----BEGIN ...----- has no line -----END"),
        ([*(pem_lines(CA.certificate) * 2)[:-1], ""], "a line -----BEGIN ...----- has"),
        (["hello there!", ""], "it is neither PEM nor base64"),
        (["aGVsbG8=", "quit"], "neither a certificate nor a bag of certificates"),
        ([*pem_lines(CA.certificate)[:-3], "-----END CERTIFICATE-----", "quit"], "neither a certificate"),
    ],
)
def test_garbage_is_refused(by_hand: Lab, lines: list[str], why: str) -> None:
    for command in (IMPORT, AUTHENTICATE):
        output = by_hand.type(command, *(["yes"] if command == AUTHENTICATE else []), *lines)
        assert output.failed
        assert output.text.startswith("% The certificate cannot be read: " + why)


def test_forms_of_a_paste() -> None:
    """PEM, several, with text around; bare base64; a bag."""
    other = make_ca("stranger", "CN=other").certificate
    pem = "\n".join(["Certificate:", "  Version: 3", *pem_lines(CA.certificate), *pem_lines(other)])
    assert read_certificates(pem) == (CA.certificate, other)
    assert read_certificates("\n".join(pem_lines(other)[1:-1])) == (other,)
    bag = base64.b64encode(cms.degenerate((CA.certificate, other))).decode()
    assert set(read_certificates(bag)) == {CA.certificate, other}


class TestAuthenticate:
    def test_bare_base64_and_an_empty_line(self, lab: Lab) -> None:
        lab.configure("enrollment terminal")
        lab.type(AUTHENTICATE, "", *pem_lines(CA.certificate)[1:-1], "", "no")
        assert lab.pki.trustpoints == {}

    def test_no_ca_is_refused(self, lab: Lab) -> None:
        lab.configure("enrollment terminal")
        output = lab.type(AUTHENTICATE, *pem_lines(make_identity("ca", "CN=no ca").certificate), "quit")
        assert MODERN.authenticate_refused.format(why="the answer holds no CA certificate") in output.text

    def test_nothing_is_asked_of_a_ca(self, lab: Lab, ca: ScriptedCa) -> None:
        """`enrollment terminal` counts more than a url."""
        lab.configure("enrollment terminal").type(AUTHENTICATE, *pem_lines(CA.certificate), "quit", "yes")
        lab.type(ENROLL, "", "", "no")
        assert ca.requests == []

    def test_an_interrupt_in_the_paste(self, lab: Lab) -> None:
        lab.configure("enrollment terminal").type(AUTHENTICATE, *pem_lines(CA.certificate)[:3])
        lab.screen.take(lab.screen.session.interrupt(lab.screen.now))
        assert lab.pki.trustpoints == {}
        assert not lab.type("show clock").failed


def test_import_needs_the_terminal_and_a_ca(lab: Lab, ca: ScriptedCa) -> None:
    assert MODERN.no_trustpoint.format(name="myca") in lab.type(IMPORT).text
    lab.configure()
    assert MODERN.import_not_terminal.format(name="myca") in lab.type(IMPORT).text
    lab.type("configure", "crypto ca trustpoint myca", "enrollment terminal", "commit", "end")
    assert MODERN.not_authenticated.format(name="myca") in lab.type(IMPORT).text


def test_the_issued_certificate_may_come_with_its_chain(by_hand: Lab) -> None:
    by_hand.type(ENROLL, "", "", "no")
    by_hand.type(IMPORT, *pem_lines(CA.certificate), *pem_lines(sign(by_hand.key())), "quit")
    router = by_hand.pki.trustpoint("myca").router
    assert router is not None
    assert not router.extension(certificates.BASIC_CONSTRAINTS)


@pytest.mark.parametrize("style", [INTERACTIVE, PLAIN], ids=["keys", "lines"])
def test_a_paste_in_one_piece(by_hand: Lab, style: Style) -> None:
    """Terminals send a paste faster than anybody reads the question that it answers."""
    vty = Vty(by_hand.screen.session, lambda: by_hand.screen.now, style)
    vty.start()
    lines = [IMPORT, *pem_lines(sign(by_hand.key())), "quit", "show clock", ""]
    shown = vty.receive("\r\n".join(lines).encode()).decode()
    assert by_hand.pki.trustpoint("myca").router is not None
    assert MODERN.imported in shown
    assert "UTC Mon Sep 22 2003" in shown.partition(MODERN.imported)[2]


def test_pyats_can_answer(lab: Lab) -> None:
    """Its ``configure_pki_authenticate_certificate`` answers what it recognises (iosxr.md 1.5)."""
    certificate = "\n".join([*pem_lines(CA.certificate), "quit"])
    answers = (
        (r'.*End with a blank line or the word "quit" on a line by itself', certificate),
        (r".*Are you sure you want to do this\? \[yes/no\] ", "yes"),
        (r".*Do you accept this certificate\? \[yes/no\]:.*", "yes"),
    )
    lab.configure("enrollment terminal")
    for asked in (2, 3):
        output = lab.type(AUTHENTICATE)
        dialogue = []
        while not output.prompt.endswith("#"):
            screen = output.text + output.prompt
            answer = next(text for pattern, text in answers if re.match(pattern, screen, re.DOTALL))
            dialogue.append(answer)
            output = lab.type(*answer.split("\n"))
        assert len(dialogue) == asked
        assert lab.pki.trustpoint("myca").ca == CA.certificate
