"""The emulated router at step-ca (0.30.2): its SCEP provisioner, and its issuing CA below a root.

It answers at ``/scep/PROVISIONER`` and whatever is appended, so Cisco's /pkiclient.exe too.  It knows no
PENDING and no polls.  What it enciphers answers with is a setting, and single DES unless somebody sets it.

Built once, without cgo (its PKCS #11 and YubiKey parts want libraries that no test needs), by a Go that is
1.21 or newer and fetches the 1.25 that it asks for: with nothing cached 48 seconds on 2 cores, 170 MB to
download, and 1.2 GB of Go's module cache.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.interop import step_ca
from tests.interop.foreign_ca import PASSWORD, Device, sha1_fingerprint
from tests.interop.step_ca import AES128, DES, StepCa
from tests.programs import built, program

pytestmark = pytest.mark.interop

MODULE = "github.com/smallstep/certificates/cmd/step-ca@v0.30.2"
A_YEAR = {"defaultTLSCertDuration": "8760h", "maxTLSCertDuration": "8760h"}


@pytest.fixture(scope="session")
def step_ca_program() -> Path:
    go = program("go")
    install = [go, "install", "-trimpath", "-ldflags=-s -w", MODULE]
    environment = {"GOBIN": "{folder}", "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto"}
    return built("step-ca-0.30.2", install, environment) / "step-ca"


@pytest.fixture
def ca(step_ca_program: Path, tmp_path: Path) -> StepCa:
    return step_ca.make(step_ca_program, tmp_path / "step-ca")


def test_the_chain_is_shown_and_kept(ca: StepCa, device: Device) -> None:
    """With includeRoot the CA comes with the root that issued it; without, alone."""
    root, issuing = (sha1_fingerprint((ca.folder / name).read_bytes()) for name in ("root.pem", "ca.pem"))
    with ca.serve() as url:
        shown = device.trust(url)
        assert issuing in shown
        assert root not in shown
    with ca.serve(includeRoot=True) as url:
        device.type("clear crypto ca certificates myca")
        shown = device.trust(url)
        assert shown.index(issuing) < shown.index(root)
        assert root in device.certificates


def test_issued_for_the_right_challenge_alone(ca: StepCa, device: Device) -> None:
    with ca.serve(challenge=PASSWORD, encryptionAlgorithmIdentifier=AES128, includeRoot=True) as url:
        device.trust(url, "subject-name CN=r1,O=Lab")
        device.enrol("something else")
        assert "trustpoint myca: badRequest: failed validating challenge password" in device.log
        assert device.serial_number == ""
        device.enrol()
        assert device.log.count("CERTRET") == 1
        assert device.serial_number
        own = device.certificates.partition("Router certificate")[2]
        assert "O=Lab" in own
        assert "CN=r1" in own


def test_a_challenge_that_nobody_asks_for(ca: StepCa, device: Device) -> None:
    """Whatever is typed at the prompt is sent, and a provisioner without a challenge refuses it."""
    with ca.serve(encryptionAlgorithmIdentifier=AES128) as url:
        device.trust(url, "subject-name CN=r1")
        device.enrol()
        assert "badRequest: failed validating challenge password" in device.log
        device.enrol("")
        assert device.serial_number


def test_single_des_is_believed_by_a_cisco_alone(ca: StepCa, cisco: Device, rfc8894: Device) -> None:
    """step-ca answers in it by default.  RFC 8894 section 2.9 forbids it; the drafts of old do not."""
    with ca.serve(challenge=PASSWORD, encryptionAlgorithmIdentifier=DES) as url:
        for device in (cisco, rfc8894):
            device.trust(url, "subject-name CN=r1")
            device.enrol()
        assert cisco.serial_number
        assert "trustpoint myca: cipher des-cbc is not allowed here" in rfc8894.log
        assert rfc8894.serial_number == ""


def test_renewed_in_time(ca: StepCa, device: Device) -> None:
    """From a day, its default, to a year: its clock is the wall's (see test_router_at_micromdm.py)."""
    aes = {"encryptionAlgorithmIdentifier": AES128}
    with ca.serve(**aes) as url:
        device.trust(url, "subject-name CN=r1", "auto-enroll 80")
        device.enrol("")
        first = device.serial_number
    with ca.serve(**aes, claims=A_YEAR) as url:
        device.configure(f"enrollment url {url}")
        assert device.wait(timedelta(hours=20)) == ["issued"]
        assert device.serial_number not in ("", first)
        assert device.wait(timedelta(days=30)) == []


def test_a_renewal_brings_no_challenge(ca: StepCa, device: Device) -> None:
    """step-ca wants it at each message, also of one who signs with a certificate that it issued."""
    with ca.serve(challenge=PASSWORD, encryptionAlgorithmIdentifier=AES128) as url:
        device.trust(url, "subject-name CN=r1", "auto-enroll 80")
        device.enrol()
        first = device.serial_number
        refused = "refused: badRequest: failed validating challenge password"
        assert device.wait(timedelta(hours=20)) == [refused]
        assert device.serial_number == first != ""
