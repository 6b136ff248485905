"""`crypto ca export`: what is in the file, and when there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from router_emu.pki.keys import DEFAULT_LABEL, Algorithm, Purpose
from tests.programs import program
from tests.router_emu.pki_lab import Lab, ScriptedCa

EXPORT = "crypto ca export myca pkcs12 disk0:/r1.p12"
SECRET = "Open-Sesame"


@pytest.fixture
def enrolled(lab: Lab, ca: ScriptedCa) -> Lab:
    ca.answer = ca.issued
    lab.enrol()
    assert lab.pki.trustpoint("myca").router is not None
    return lab


def test_the_file_holds_key_certificate_and_ca(enrolled: Lab) -> None:
    output = enrolled.type(EXPORT)
    assert (output.prompt, output.echo) == ("Password: ", False)
    assert enrolled.type(SECRET).echo is False
    assert enrolled.type(SECRET).text.endswith("Exported PKCS12 file to disk0:/r1.p12\n")
    assert SECRET not in enrolled.screen.text
    content = pkcs12.load_pkcs12(enrolled.files["disk0:/r1.p12"], SECRET.encode())
    held = enrolled.pki.trustpoint("myca")
    assert held.router is not None
    assert held.ca is not None
    assert content.cert is not None
    assert (content.cert.friendly_name, content.cert.certificate.public_bytes(Encoding.DER)) == (
        b"myca",
        held.router.der,
    )
    assert [each.certificate.public_bytes(Encoding.DER) for each in content.additional_certs] == [held.ca.der]
    assert content.key is not None
    assert (
        content.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        == held.router.public_key_info
    )


def test_with_usage_keys_those_that_sign_are_exported(lab: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    lab.configure()
    lab.type("crypto key generate rsa usage-keys", "yes", "1024", "1024")
    lab.type("crypto ca authenticate myca", "yes", "crypto ca enroll myca", "", "")
    lab.type(EXPORT, SECRET, SECRET)
    content = pkcs12.load_pkcs12(lab.files["disk0:/r1.p12"], SECRET.encode())
    assert content.cert is not None
    signing = lab.pki.trustpoint("myca").own[Purpose.SIGNATURE]
    assert content.cert.certificate.public_bytes(Encoding.DER) == signing.der


@pytest.mark.parametrize(
    ("answers", "said"),
    [(("a", "b"), "% No export: the passwords do not match."), (("", ""), "% No export: the file needs a")],
)
def test_a_password_must_be_given_twice_alike(enrolled: Lab, answers: tuple[str, str], said: str) -> None:
    output = enrolled.type(EXPORT, *answers)
    assert output.failed
    assert said in output.text
    assert "disk0:/r1.p12" not in enrolled.files


def test_what_cannot_be_exported(enrolled: Lab) -> None:
    output = enrolled.type("crypto ca export other pkcs12 disk0:/x")
    assert output.failed
    enrolled.pki.zeroize(Algorithm.RSA, DEFAULT_LABEL, enrolled.screen.now)
    assert "can be exported: the key of its certificate is gone\n" in enrolled.type(EXPORT).text
    enrolled.type("clear crypto ca certificates myca")
    assert "can be exported: it holds no certificate" in enrolled.type(EXPORT).text


def test_the_key_may_go_while_the_password_is_asked_for(enrolled: Lab) -> None:
    enrolled.type(EXPORT, SECRET)
    enrolled.pki.zeroize(Algorithm.RSA, DEFAULT_LABEL, enrolled.screen.now)
    assert enrolled.type(SECRET).failed
    assert "disk0:/r1.p12" not in enrolled.files


@pytest.mark.interop
def test_openssl_opens_the_file(enrolled: Lab, tmp_path: Path) -> None:
    enrolled.type(EXPORT, SECRET, SECRET)
    file = tmp_path / "r1.p12"
    file.write_bytes(enrolled.files["disk0:/r1.p12"])
    command = [program("openssl"), "pkcs12", "-in", str(file), "-passin", "stdin", "-info", "-nodes"]
    opened = subprocess.run(
        command, input=f"{SECRET}\n".encode(), capture_output=True, check=True, timeout=30
    )
    assert b"MAC: sha256" in opened.stderr
    assert b"AES-256-CBC" in opened.stderr
    assert opened.stdout.count(b"BEGIN CERTIFICATE") == 2
    assert opened.stdout.count(b"BEGIN PRIVATE KEY") == 1
