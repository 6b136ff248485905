"""micromdm's scepclient (2.3.0) as it comes: single DES and SHA-1 whatever the CA offers.

So ``cisco-legacy`` alone takes it.  That profile does not offer POST, and by GET this client sends base64url,
where RFC 8894 section 4.1 has base64.  It does not poll: it sends the same PKCSReq again every 30 seconds,
or when it is started again.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sceplab.client import Request
from tests.programs import PROFILES, Ca, RunCa, built, program, run

pytestmark = pytest.mark.interop

MODULE = "github.com/micromdm/scep/v2/cmd/scepclient@v2.3.0"
DES = "cisco-legacy"


@pytest.fixture(scope="session")
def scepclient() -> Path:
    go = program("go")
    return built("micromdm-2.3.0", [go, "install", MODULE], {"GOBIN": "{folder}"}) / "scepclient"


@dataclass(frozen=True)
class Micromdm:
    """scepclient with the files of one device."""

    program: Path
    folder: Path
    name: str

    def command(self, url: str, *more: str) -> list[str]:
        key, certificate = str(self.folder / "key.pem"), str(self.certificate)
        files = ["-private-key", key, "-certificate", certificate]
        return [str(self.program), "-server-url", url, *files, "-cn", self.name, *more]

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    def enrol(self, url: str, *more: str, status: int = 0) -> str:
        done = run(self.command(url, *more), status=status)
        return (done.stdout + done.stderr).decode()

    def enrol_until_pending(self, url: str) -> None:
        """Run it until it has been told PENDING and would sleep, and end it."""
        with subprocess.Popen(self.command(url), stderr=subprocess.PIPE, text=True) as client:
            assert client.stderr
            try:
                told = next((line for line in client.stderr if "pkiStatus=PENDING" in line), None)
            finally:
                client.kill()
        assert told is not None


@pytest.fixture
def micromdm(scepclient: Path, tmp_path: Path) -> Micromdm:
    return Micromdm(scepclient, tmp_path, f"micromdm {tmp_path.name}")


BAD_ALG = "PKCSReq (19) request failed, failInfo: badAlg (0)"


@pytest.mark.parametrize("profile", [each for each in PROFILES if each != DES])
def test_refused(micromdm: Micromdm, granting_ca: Ca, profile: str) -> None:
    assert BAD_ALG in micromdm.enrol(granting_ca.at(profile), status=1)
    assert not micromdm.certificate.exists()


def test_granted_and_renewed(micromdm: Micromdm, granting_ca: Ca) -> None:
    """Started with its certificate, it sends a RenewalReq in the transaction of the first request."""
    micromdm.enrol(granting_ca.at(DES), "-challenge", "no matter which")
    first = issued(micromdm, granting_ca)
    assert 'msg="server returned a certificate."' in micromdm.enrol(granting_ca.at(DES))
    assert issued(micromdm, granting_ca) != first
    requests = [each for each in granting_ca.operator.requests() if micromdm.name in each["subject"]]
    assert [each["message_type"] for each in requests] == [19, 17]
    assert requests[1]["renews"] == first


def test_pending_then_approved(micromdm: Micromdm, ca: Ca) -> None:
    micromdm.enrol_until_pending(ca.at(DES))
    micromdm.enrol_until_pending(ca.at(DES))
    request = request_of(micromdm, ca)
    assert request["polls"] == 1
    ca.operator.approve(request["id"])
    micromdm.enrol(ca.at(DES))
    assert issued(micromdm, ca) == ca.operator.request(request["id"])["serial_number"]


def test_denied(micromdm: Micromdm, ca: Ca) -> None:
    """Started again, it asks anew: what it is told of the denial itself would take its 30 seconds."""
    micromdm.enrol_until_pending(ca.at(DES))
    ca.operator.deny(request_of(micromdm, ca)["id"], "not today")
    micromdm.enrol_until_pending(ca.at(DES))
    states = [each["state"] for each in ca.operator.requests() if micromdm.name in each["subject"]]
    assert states == ["denied", "pending"]


def test_refused_by_a_rule(micromdm: Micromdm, granting_ca: Ca) -> None:
    refused = replace(micromdm, name="refuse me")
    assert "failInfo: badRequest (2)" in refused.enrol(granting_ca.at(DES), status=1)


def test_elliptic_ca(micromdm: Micromdm, run_ca: RunCa) -> None:
    """Left to itself it seals for every certificate of the RA mode, the CA's too, which has no RSA key."""
    elliptic = run_ca("--decide", "automatic", "--key", "ec-p256", "--issuing-ca")
    refusal = "creating csr pkiMessage: pkcs7: only RSA keys are supported"
    assert refusal in micromdm.enrol(elliptic.at(DES), status=1)
    micromdm.enrol(elliptic.at(DES), "-key-encipherment-selector")
    assert issued(micromdm, elliptic)


def request_of(micromdm: Micromdm, ca: Ca) -> Request:
    return ca.operator.wait_for_request(lambda each: micromdm.name in each["subject"])


def issued(micromdm: Micromdm, ca: Ca) -> str:
    """The serial number of the certificate that it has, which is one of the CA's."""
    command = [program("openssl"), "x509", "-in", str(micromdm.certificate), "-noout", "-serial"]
    serial_number = run(command).stdout.decode().strip().removeprefix("serial=")
    assert micromdm.name in ca.operator.certificate(serial_number)["subject"]
    return serial_number
