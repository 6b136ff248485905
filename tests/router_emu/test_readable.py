"""A certificate that nobody can work with is refused where it comes in; one that is merely odd is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from router_emu.pki.identity import NoIdentity, export_identity
from router_emu.pki.keys import Purpose
from router_emu.texts import MODERN
from scep_core.codec import Request
from scep_core.messages import Success
from tests.router_emu.odd_certificates import REAL, UNREADABLE, Odd
from tests.router_emu.pki_lab import Answer, Lab, ScriptedCa, make_ca, pem_lines
from tests.router_emu.rollover_stage import NEXT_LIFE, announce, enrolled, held

AUTHENTICATE = "crypto ca authenticate myca"
SHOW = "show crypto ca certificates"


def issuing(ca: ScriptedCa, odd: Odd) -> None:
    """Have the CA issue such certificates."""

    def answer(request: Request) -> Answer:
        issued = odd.issued_by(ca.identity, request.signer.public_key_info)
        return ca.reply(Success((issued,)), request)

    ca.answer = answer


@pytest.mark.parametrize("what", UNREADABLE)
class TestUnreadable:
    def test_it_is_no_ca(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        odd = UNREADABLE[what]
        ca.certificates = (odd.as_ca("ca").certificate,)
        output = lab.configure().type(AUTHENTICATE)
        assert output.failed
        why = MODERN.authenticate_refused.format(why=f"a certificate of the answer cannot be used: {odd.why}")
        assert output.text.endswith(why + "\n")
        assert lab.pki.trustpoints == {}

    def test_it_is_no_ra_and_no_ca_above(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        odd = UNREADABLE[what]
        key = make_ca("ra").certificate.public_key_info
        root = odd.as_ca("root")
        below = make_ca("ca", "CN=issuing", issuer=root)
        lab.configure()
        for more in (
            (odd.issued_by(ca.identity, key), ca.identity.certificate),
            (root.certificate, below.certificate),
        ):
            ca.certificates = more
            assert "a certificate of the answer cannot be used: " in lab.type(AUTHENTICATE).text
            assert lab.screen.output.failed
        assert lab.pki.trustpoints == {}

    def test_it_is_not_taken_as_ours(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        issuing(ca, UNREADABLE[what])
        lab.enrol()
        assert "NOTBELIEVED" in lab.log[-1]
        assert lab.log[-1].endswith(f"the certificate in it is refused: {UNREADABLE[what].why}")
        assert held(lab).own == {}
        ca.answer = ca.issued
        lab.wait(minutes=2)
        assert held(lab).router is not None

    def test_it_is_not_taken_from_a_paste(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        lab.authenticate()
        lab.type("configure", "crypto ca trustpoint myca", "enrollment terminal", "commit", "end")
        pasted = UNREADABLE[what].issued_by(ca.identity, lab.key().public_key_info)
        output = lab.type("crypto ca import myca certificate", *pem_lines(pasted), "quit")
        assert output.failed
        assert UNREADABLE[what].why in output.text
        assert held(lab).own == {}

    def test_it_is_no_next_ca(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        enrolled(lab, ca)
        announce(ca, UNREADABLE[what].as_ca("next ca", NEXT_LIFE))
        lab.wait(seconds=1)
        assert "NOTBELIEVED" in lab.log[-1]
        assert UNREADABLE[what].why in lab.log[-1]
        assert held(lab).next is None

    def test_a_state_that_holds_it_is_shown(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        """As an earlier version, which took it, has left it."""
        lab.authenticate()
        own = UNREADABLE[what].issued_by(ca.identity, lab.key().public_key_info)
        lab.pki.trustpoints["myca"] = replace(held(lab), own={Purpose.GENERAL: own})
        lab.restart()
        shown = lab.type(SHOW).text
        assert not lab.screen.output.failed
        assert ("a name that cannot be read" in shown) is (what == "no name")


@pytest.mark.parametrize("what", REAL)
class TestReal:
    def test_it_is_taken_and_shown(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        issuing(ca, REAL[what])
        lab.enrol()
        assert held(lab).router is not None
        lab.type(SHOW)
        assert not lab.screen.output.failed

    def test_a_ca_of_that_name_or_number_is_taken(self, lab: Lab, ca: ScriptedCa, what: str) -> None:
        identity = replace(REAL[what], extensions=(), version=None).as_ca("ca")
        ca.certificates = (identity.certificate,)
        lab.configure().type(AUTHENTICATE, "yes")
        assert held(lab).ca == identity.certificate


def test_a_stranger_in_the_bag_that_cannot_be_read_does_not_matter(lab: Lab, ca: ScriptedCa) -> None:
    stranger = UNREADABLE["no name"].issued_by(
        make_ca("other", "CN=other"), ca.identity.certificate.public_key_info
    )
    ca.certificates = (stranger, ca.identity.certificate)
    lab.configure().type(AUTHENTICATE, "yes")
    assert held(lab).ca == ca.identity.certificate
    assert held(lab).ra == ()


def test_a_certificate_of_another_version_is_not_exported(lab: Lab, ca: ScriptedCa) -> None:
    lab.authenticate()
    own = UNREADABLE["version 6"].issued_by(ca.identity, lab.key().public_key_info)
    state = replace(held(lab), own={Purpose.GENERAL: own})
    with pytest.raises(NoIdentity, match="a certificate is not well-formed"):
        export_identity("myca", state, lab.pki.keys, b"password")


@pytest.mark.parametrize("life", [(-2, -1), (1, 2)], ids=["expired", "not yet valid"])
def test_a_certificate_comes_in_its_life_or_not_at_all(
    lab: Lab, ca: ScriptedCa, life: tuple[int, int]
) -> None:
    lab.authenticate()
    now = lab.screen.now.replace(microsecond=0)
    ca.answer, ca.life = ca.issued, (now + timedelta(days=life[0]), now + timedelta(days=life[1]))
    lab.type("crypto ca enroll myca", "", "")
    assert "NOTBELIEVED" in lab.log[-1]
    assert "the certificate in it is refused: it is valid from " in lab.log[-1]
    assert held(lab).own == {}


def test_a_ca_whose_clock_is_ahead_is_believed_at_the_next_try(lab: Lab, ca: ScriptedCa) -> None:
    lab.authenticate()
    ca.answer, ca.life = ca.issued, (lab.screen.now + timedelta(minutes=1), ca.life[1])
    lab.type("crypto ca enroll myca", "", "")
    assert held(lab).own == {}
    lab.wait(minutes=2)
    assert held(lab).router is not None
