"""The chapter's example and its like, as an operator sees them: whole transcripts in both wordings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router_emu.adapters.storage import RouterFolder
from router_emu.commands.context import Router
from router_emu.texts import MODERN
from scep_core.codec import Request
from scep_core.messages import PkcsReq, Success
from scep_core.values import Digest
from tests.router_emu.pki_lab import ISSUED_LIFE, PASSWORD, Answer, Lab, ScriptedCa

Golden = Callable[[str, str], None]

# What the chapter's example prints for these commands; key data, fingerprints and dates are shown apart.
CHAPTER = """\
The name for the keys will be:mykey
Choose the size of the key modulus in the range of 360 to 2048 for your General Purpose Keypair
Choosing a key modulus greater than 512 may take a few minutes.
How many bits in the modulus [1024]:
Generating RSA keys ...
Done w/ crypto generate keypair
[OK]
Key label:mykey
Type     :RSA General purpose
Size     :1024
Data     :
Serial Number  :01
Subject Name   :
cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US
Issued By      :
cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US
Validity Start :07:00:00 UTC Tue Aug 19 2003
Validity End   :07:00:00 UTC Wed Aug 19 2020
Do you accept this certificate?? [yes/no]:yes
% Start certificate enrollment ... 
% Create a challenge password. You will need to verbally provide this
  password to the CA Administrator in order to revoke your certificate.
% For security reasons your password will not be saved in the configuration.
% Please make a note of it.

Password:
Re-enter Password:
Trustpoint       :myca
==========================================================
CA certificate 
  Serial Number  :01
  Subject Name   :
        cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US
  Issued By      :
        cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US
  Validity Start :07:00:00 UTC Tue Aug 19 2003
  Validity End   :07:00:00 UTC Wed Aug 19 2020
Router certificate
  Key usage      :General Purpose 
  Status         :Available 
  Serial Number  :6E
  Subject Name   :
        unstructuredName=myrouter.mydomain.com,o=Cisco Systems
  Issued By      :
        cn=Root coax-u10 Certificate Manager,ou=HFR,o=Cisco Systems,l=San Jose,st=CA,c=US
  Validity Start :21:43:14 UTC Mon Sep 22 2003
  Validity End   :21:43:14 UTC Mon Sep 29 2003
  CRL Distribution Point
        ldap://coax-u10.cisco.com/CN=Root coax-u10 Certificate Manager,O=Cisco Systems
"""  # noqa: W291


@pytest.fixture
def ca() -> ScriptedCa:
    return ScriptedCa()


@pytest.fixture
def make_lab(
    make_router: Callable[..., Router], make_screen: Callable[..., Any], ca: ScriptedCa
) -> Callable[[str], Lab]:
    return lambda wording: Lab(make_screen(make_router(wording)), ca)


def masked(text: str) -> str:
    """Without what differs from key to key; the shape of each stays."""
    return re.sub(
        r"(?m)^( *Fingerprint: ?|.*Fingerprint MD5 : | {5,9}| )((?:[0-9A-F]{2}|[0-9A-F]{4,8}|[0-9A-F]{40})"
        r"(?: (?:[0-9A-F]{2}|[0-9A-F]{4,8}))*)( ?)$",
        lambda found: found[1] + re.sub("[0-9A-F]", "#", found[2]) + found[3],
        text,
    )


def play(lab: Lab, ca: ScriptedCa) -> str:
    """The chapter's example, with what it leaves out: how the request waits."""
    modern = lab.router.texts is MODERN
    lab.type("configure", "hostname myrouter", "domain name mydomain.com", "end", "yes")
    lab.type("crypto key generate rsa mykey", "1024" if modern else "", "show crypto key mypubkey rsa")
    lab.type("configure", "crypto ca trustpoint myca", "enrollment url http://xyz-ultra5")
    lab.type("enrollment retry count 25", "enrollment retry period 2", "rsakeypair mykey")
    lab.type("subject-name o=Cisco Systems", "end", "yes")
    lab.type("show crypto ca certificates", "crypto ca authenticate myca", "yes")
    lab.type("show crypto ca certificates", "crypto ca enroll myca", PASSWORD, PASSWORD)
    lab.type("show crypto ca certificates")
    ca.answer, lab.screen.now = ca.issued, ISSUED_LIFE[0]
    lab.wait(minutes=2)
    lab.type("show crypto ca certificates", "show crypto ca certificates myca | include Status")
    lab.type("show crypto ca certificates other", "show logging | include cepki")
    return masked(lab.screen.text)


@pytest.mark.parametrize("wording", ["classic", "modern"])
def test_the_chapters_example(
    make_lab: Callable[[str], Lab], ca: ScriptedCa, golden: Golden, wording: str
) -> None:
    golden(f"pki-{wording}.txt", play(make_lab(wording), ca))


def test_classic_has_every_line_of_the_chapter_in_its_order(
    make_lab: Callable[[str], Lab], ca: ScriptedCa
) -> None:
    lines = play(make_lab("classic"), ca).splitlines()
    for wanted in CHAPTER.splitlines():
        assert wanted in lines, f"{wanted!r} is missing, or comes too early"
        del lines[: lines.index(wanted) + 1]


def test_fingerprints_are_those_of_the_certificate_and_the_request(
    make_lab: Callable[[str], Lab], ca: ScriptedCa
) -> None:
    lab = make_lab("classic")
    play(lab, ca)
    text = lab.screen.text
    octets = ca.identity.certificate.fingerprint(Digest.MD5)
    assert f"\nFingerprint:{octets.hex(' ').upper()} \nDo you accept" in text
    message = ca.messages[0].message
    assert isinstance(message, PkcsReq)
    md5 = message.csr.fingerprint(Digest.MD5).hex().upper()
    groups = " ".join(md5[at : at + 8] for at in range(0, 32, 8))
    assert f"\n    Fingerprint: {groups} \n" in text
    assert text.count(groups) == 2  # again with the pending request


def test_a_pending_request_beside_the_old_certificate(
    make_lab: Callable[[str], Lab], ca: ScriptedCa, golden: Golden
) -> None:
    lab = make_lab("modern")
    ca.answer = ca.issued
    lab.enrol("subject-name CN=r1,OU=lab")
    ca.answer = ca.pending
    lab.type("crypto ca enroll myca", "y", "", "")
    start = len(lab.screen.text)
    lab.type("show crypto ca certificates myca")
    golden("pki-again.txt", masked(lab.screen.text[start:]))


def test_the_password_is_nowhere(
    make_lab: Callable[[str], Lab], ca: ScriptedCa, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not on the screen, in the log, the history, the configuration; only in memory."""

    def refused(request: Request) -> Answer:
        return ca.reply(Success((ca.certify(request, key=ca.identity.certificate.public_key_info),)), request)

    lab = make_lab("modern")
    ca.answer = refused
    lab.enrol()
    lab.wait(minutes=2)
    lab.type("show history", "show logging", "show running-config", "show crypto ca certificates")
    RouterFolder(tmp_path).save(lab.router)
    places = [lab.screen.text, *lab.router.log.lines, (tmp_path / "configuration.json").read_text()]
    places += [json.dumps(lab.screen.session.shell.history), *capfd.readouterr()]
    for place in places:
        assert PASSWORD not in place
        assert PASSWORD.encode().hex() not in place.lower()
