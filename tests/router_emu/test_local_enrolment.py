"""`enrollment local`: by files on the router's disks."""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from router_emu.commands.disk import DiskRefusal, Entry, WriteFile
from router_emu.pki.keys import Purpose
from router_emu.texts import MODERN
from scep_core import cms
from scep_core.certificates import Certificate, build_certificate
from scep_core.csr import Csr, read_csr
from scep_core.values import Digest
from sceplab.clock import wall_time
from tests.programs import program, run
from tests.router_emu.pki_lab import BORN, DIES, PASSWORD, Lab, ScriptedCa, awaited, make_ca, pem_lines

CA = make_ca()
AUTHENTICATE = "crypto ca authenticate myca disk0:/ca.pem"
ENROLL = "crypto ca enroll myca disk0:/r1.csr"
IMPORT = "crypto ca import myca certificate disk0:/r1.pem"


def pem(*certificates: Certificate) -> bytes:
    return "\n".join(line for each in certificates for line in [*pem_lines(each), ""]).encode()


def sign(request: Csr, life: tuple[datetime, datetime] = (BORN, DIES)) -> Certificate:
    return build_certificate(
        serial_number=7,
        issuer=CA.certificate.subject,
        subject=request.subject,
        public_key_info=request.public_key_info,
        not_before=life[0],
        not_after=life[1],
        extensions=[],
        key=CA.key,
        digest=Digest.SHA256,
    )


def requests(lab: Lab) -> list[Csr]:
    blocks = re.findall(
        "-----BEGIN CERTIFICATE REQUEST-----\n(.*?)-----END CERTIFICATE REQUEST-----\n",
        lab.files["disk0:/r1.csr"].decode(),
        re.DOTALL,
    )
    return [read_csr(base64.b64decode(block)) for block in blocks]


@pytest.fixture
def by_files(lab: Lab) -> Lab:
    lab.configure("no enrollment url", "enrollment local")
    lab.files["disk0:/ca.pem"] = pem(CA.certificate)
    assert lab.type(AUTHENTICATE).prompt == MODERN.authenticate_question
    lab.type("yes")
    assert lab.pki.trustpoint("myca").ca == CA.certificate
    return lab


def test_the_whole_way(by_files: Lab, ca: ScriptedCa) -> None:
    shown = by_files.type(ENROLL, PASSWORD, PASSWORD)
    assert not shown.question
    assert shown.text.endswith(MODERN.local_written.format(path="disk0:/r1.csr") + "\n")
    x509.load_pem_x509_csr(by_files.files["disk0:/r1.csr"])
    [request] = requests(by_files)
    assert (request.challenge_password, request.public_key_info) == (
        PASSWORD,
        by_files.key().public_key_info,
    )
    by_files.restart()
    assert "Pending" in by_files.type("show crypto ca certificates").text
    by_files.files["disk0:/r1.pem"] = pem(sign(request))
    assert by_files.type(IMPORT).text == MODERN.imported + "\n"
    assert by_files.pki.trustpoint("myca").router == sign(request)
    assert (by_files.pki.attempts, awaited(by_files.pki), ca.requests) == ({}, [], [])


def test_usage_keys_make_two_requests_in_one_file(by_files: Lab) -> None:
    by_files.type("crypto key generate rsa usage-keys", "yes", "1024", "1024", ENROLL, "", "")
    signature, encryption = requests(by_files)
    for request in (encryption, signature):
        by_files.files["disk0:/r1.pem"] = sign(request).der
        by_files.type(IMPORT)
    assert set(by_files.pki.trustpoint("myca").own) == {Purpose.SIGNATURE, Purpose.ENCRYPTION}


@pytest.mark.parametrize(
    "data",
    [
        CA.certificate.der,
        cms.degenerate((CA.certificate,)),
        "\n".join(pem_lines(CA.certificate)).encode(),
        base64.b64encode(CA.certificate.der),
        base64.b64encode(cms.degenerate((CA.certificate,))),
    ],
    ids=["DER", "PKCS #7", "PEM", "base64", "PKCS #7 in base64"],
)
def test_forms_of_a_file(by_files: Lab, data: bytes) -> None:
    by_files.type("clear crypto ca certificates myca")
    by_files.files["disk0:/ca.pem"] = data
    by_files.type(AUTHENTICATE, "yes")
    assert by_files.pki.trustpoint("myca").ca == CA.certificate


class TestRefusals:
    @pytest.mark.parametrize("command", [AUTHENTICATE, ENROLL, IMPORT])
    def test_without_the_file_and_without_the_statement(self, by_files: Lab, command: str) -> None:
        bare = command.rpartition(" ")[0]
        assert MODERN.local_needs_path.format(name="myca") in by_files.type(bare).text
        by_files.type("configure", "crypto ca trustpoint myca", "no enrollment local")
        by_files.type("enrollment terminal", "commit", "end")
        assert MODERN.local_not_configured.format(name="myca") in by_files.type(command).text

    def test_a_file_that_is_not_there(self, by_files: Lab) -> None:
        output = by_files.type(IMPORT)
        assert output.text == "% The file cannot be read: disk0:/r1.pem: No such file or directory\n"
        assert output.failed

    @pytest.mark.parametrize("data", [b"", b"\x30\x82\xff", b"hello", b"\xff" * 100, pem()])
    def test_a_file_with_something_else(self, by_files: Lab, data: bytes) -> None:
        by_files.files["disk0:/r1.pem"] = data
        output = by_files.type(IMPORT)
        assert output.failed
        assert output.text.startswith("% The certificate cannot be read: ")

    def test_a_certificate_for_another_key(self, by_files: Lab) -> None:
        by_files.type(ENROLL, "", "")
        by_files.files["disk0:/r1.pem"] = pem(CA.certificate)
        assert "it is for none of the keys" in by_files.type(IMPORT).text
        assert len(by_files.pki.attempts) == 1

    def test_a_request_that_cannot_be_written(self, by_files: Lab) -> None:
        """Said before the password is asked for, and nothing is pending."""
        output = by_files.type("crypto ca enroll myca nvram:/r1.csr")
        assert (output.failed, output.question) == (True, False)
        assert output.text == "% The file cannot be written: nvram:/r1.csr: there is no such disk\n"
        assert (by_files.pki.attempts, by_files.log) == ({}, [])

    def test_a_request_in_the_place_of_a_folder(self, by_files: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = Entry("r1.csr", True, 0, BORN)
        monkeypatch.setattr(by_files, "_perform", lambda _job, _number: folder)
        assert by_files.type(ENROLL).text == "% The file cannot be written: disk0:/r1.csr: not a file\n"

    def test_a_disk_that_is_full_in_the_end(self, by_files: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(job: object, _number: int) -> None:
            if isinstance(job, WriteFile):
                raise DiskRefusal(f"{job.path}: No space left on device")

        monkeypatch.setattr(by_files, "_perform", full)
        output = by_files.type(ENROLL, "", "")
        assert output.failed
        assert output.text.endswith("disk0:/r1.csr: No space left on device\n")
        assert by_files.pki.attempts == {}
        assert "CERTCANCEL" in by_files.log[-1]
        assert "Pending" not in by_files.type("show crypto ca certificates").text


def test_another_request_takes_the_place_of_the_one_before_without_a_word(by_files: Lab) -> None:
    by_files.type(ENROLL, "", "", ENROLL, "again", "again")
    [request] = requests(by_files)
    assert request.challenge_password == "again"
    assert len(by_files.pki.attempts) == 1
    made = (
        "SECURITY-CEPKI-6-CERTBYHAND : Certificate enrollment request is made for trustpoint myca: "
        "'crypto ca import' brings its certificate"
    )
    assert by_files.log == [made, made]
    by_files.type("crypto ca cancel-enroll myca")
    assert "CERTCANCEL" in by_files.log[-1]


@pytest.mark.interop
def test_with_a_ca_of_openssls(lab: Lab, tmp_path: Path) -> None:
    openssl = program("openssl")
    key, ca, request, issued = (tmp_path / name for name in ("ca.key", "ca.pem", "r1.csr", "r1.pem"))
    run(f"{openssl} req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {ca} -subj /CN=Files -days 30")
    lab.screen.now = wall_time() + timedelta(hours=1)
    lab.configure("enrollment local", "subject-name CN=r1,O=Lab")
    lab.files["disk0:/ca.pem"] = ca.read_bytes()
    lab.type(AUTHENTICATE, "yes", ENROLL, "", "")
    request.write_bytes(lab.files["disk0:/r1.csr"])
    run(f"{openssl} req -in {request} -verify -noout")
    run(f"{openssl} x509 -req -in {request} -CA {ca} -CAkey {key} -copy_extensions copy -out {issued}")
    lab.files["disk0:/r1.pem"] = issued.read_bytes()
    assert lab.type(IMPORT).text == MODERN.imported + "\n"
