"""A router whose certificate ends with its CA, and the next CA that will take over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from router_emu.pki.trustpoint import TrustpointState
from router_emu.pki.wire import HttpResponse
from scep_core import http
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.codec import Request
from scep_core.messages import Success
from scep_core.next_ca import seal_next_ca
from scep_core.values import Digest
from tests.router_emu.pki_lab import CHAPTERS_CA, DIES, Answer, Lab, ScriptedCa, make_ca

START = datetime.fromisoformat("2003-09-22T21:43:14+00:00")
DUE = START + (DIES - START) / 2  # auto-enroll 50
NEXT_LIFE = (DUE, DIES + timedelta(days=5000))
SHADOW_SERIAL = 0x70


def next_ca(name: str = "next ca", life: tuple[datetime, datetime] = NEXT_LIFE) -> Identity:
    """The next generation's identity."""
    return make_ca(name, CHAPTERS_CA + " G2", life=life)


def told(*certificates: Certificate, by: Identity) -> Answer:
    """GetNextCACert's answer, signed by somebody."""
    return HttpResponse(200, http.TYPE_NEXT_CA_CERT, seal_next_ca(certificates, by, Digest.SHA256))


def announce(ca: ScriptedCa, coming: Identity, *more: Certificate) -> None:
    """Let the CA tell of the next one."""
    assert isinstance(ca.capabilities, str)
    ca.capabilities += "GetNextCACert\n"
    ca.next_ca = told(coming.certificate, *more, by=ca.identity)
    ca.recipients = [*ca.recipients, coming]


def issued_by(ca: ScriptedCa, coming: Identity) -> Callable[[Request], Answer]:
    """An answer with the next CA's certificate, signed by it."""

    def answer(request: Request) -> Answer:
        return ca.reply(Success((ca.certify(request, issuer=coming),)), request, signer=coming)

    return answer


def enrolled(lab: Lab, ca: ScriptedCa, *statements: str) -> Lab:
    """A router whose certificate lasts as long as its CA, one second before half of its life is over."""
    ca.answer, ca.life = ca.issued, (START, DIES)
    lab.enrol("auto-enroll 50", *statements)
    lab.screen.now = DUE - timedelta(seconds=1)
    ca.serial_number, ca.life = SHADOW_SERIAL, NEXT_LIFE
    return lab


def held(lab: Lab) -> TrustpointState:
    """What the trustpoint holds."""
    return lab.pki.trustpoint("myca")


def operations(ca: ScriptedCa) -> list[str]:
    """What was asked of the CA, in order."""
    return [each.url.partition("operation=")[2].partition("&")[0] for each in ca.requests]


def until_the_end(lab: Lab) -> None:
    """Let time pass until the first CA ends."""
    lab.wait(seconds=(DIES - lab.screen.now).total_seconds())
