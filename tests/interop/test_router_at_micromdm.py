"""The emulated router at micromdm's CA (2.3.0): its scepserver as it comes, its library put together anew.

scepserver as it comes leaves a Cisco router no way in: it answers at ``/scep`` alone, and whatever it is
asked in, it answers in single DES.  micromdm/main.go is the same library without those two.  It knows no
PENDING, and its clock is the wall's: what it renews while the lab is ahead would be due at once, so the
renewal here is from a certificate of a day to one of a year.
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.interop.foreign_ca import PASSWORD, Device, announced, sha1_fingerprint
from tests.programs import built, program, run

pytestmark = pytest.mark.interop

SOURCE = Path(__file__).parent / "micromdm"
SERVER = "github.com/micromdm/scep/v2/cmd/scepserver"
SUBJECT = "subject-name CN=r1"  # its depot files certificates by CN


@pytest.fixture(scope="session")
def programs() -> Path:
    """scepserver, and our main.go."""
    go = program("go")
    version = hashlib.sha256((SOURCE / "main.go").read_bytes()).hexdigest()[:8]
    command = [go, "build", "-o", "{folder}/", ".", SERVER]
    return built(f"micromdm-2.3.0-servers-{version}", command, source=SOURCE)


@pytest.fixture
def depot(programs: Path, tmp_path: Path) -> Path:
    run([str(programs / "scepserver"), "ca", "-init", "-keySize", "2048", "-depot", str(tmp_path / "depot")])
    return tmp_path / "depot"


@contextmanager
def scepserver(programs: Path, depot: Path) -> Iterator[str]:
    """The program as it comes; it cannot say which port it took."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    words = ["-http-addr", where, "-depot", str(depot), "-challenge", PASSWORD]
    with subprocess.Popen([str(programs / "scepserver"), *words], stderr=subprocess.PIPE) as server:
        assert server.stderr
        try:
            # What it says before it listens; a client that is faster is refused, and curl asks again.
            assert b"msg=listening" in server.stderr.readline()
            curl = f"{program('curl')} -fsS --retry 9 --retry-connrefused"
            run(f"{curl} http://{where}/scep?operation=GetCACaps")
            yield f"http://{where}/scep"
        finally:
            server.kill()


def library(programs: Path, depot: Path, challenge: str, *, days: int = 365) -> list[str]:
    return [str(programs / "micromdm"), str(depot), challenge, str(days)]


def test_a_cisco_router_does_not_find_scepserver(programs: Path, depot: Path, cisco: Device) -> None:
    """Its only path is /scep, and IOS appends /pkiclient.exe."""
    with scepserver(programs, depot) as url:
        assert "% Failed to get the CA certificate of myca: HTTP status 404" in cisco.trust(url)


def test_single_des_is_not_believed(programs: Path, depot: Path, rfc8894: Device) -> None:
    """scepserver has issued and our router refuses the answer's cipher; asked again, the name is taken."""
    with scepserver(programs, depot) as url:
        assert sha1_fingerprint((depot / "ca.pem").read_bytes()) in rfc8894.trust(url, SUBJECT)
        rfc8894.enrol()
        assert len(list(depot.glob("r1.*.pem"))) == 1
        assert "trustpoint myca: cipher des-cbc is not allowed here" in rfc8894.log
        assert rfc8894.wait(timedelta(minutes=1)) == ["refused: badRequest"]
        assert rfc8894.serial_number == ""


def test_scepserver_refuses_the_wrong_challenge(programs: Path, depot: Path, rfc8894: Device) -> None:
    """A refusal has nothing enciphered, and is believed."""
    with scepserver(programs, depot) as url:
        rfc8894.trust(url, SUBJECT)
        rfc8894.enrol("something else")
        assert "CERTREJECT" in rfc8894.log
        assert list(depot.glob("r1.*.pem")) == []


def test_issued_for_the_right_challenge_alone(programs: Path, depot: Path, device: Device) -> None:
    with announced(library(programs, depot, PASSWORD)) as url:
        assert sha1_fingerprint((depot / "ca.pem").read_bytes()) in device.trust(url, SUBJECT)
        device.enrol("something else")
        assert device.log.count("CERTREJECT") == 1
        assert device.serial_number == ""
        device.enrol()
        assert device.log.count("CERTRET") == 1
        assert device.serial_number == "02"
        assert "CN=r1" in device.certificates
        assert (depot / "r1.2.pem").exists()


def test_renewed_in_time(programs: Path, depot: Path, device: Device) -> None:
    with announced(library(programs, depot, "", days=1)) as url:
        device.trust(url, SUBJECT, "auto-enroll 80")
        device.enrol()
    with announced(library(programs, depot, "")) as url:
        device.configure(f"enrollment url {url}")  # port 0: it is somewhere else now
        assert device.wait(timedelta(hours=18)) == []
        assert device.wait(timedelta(hours=2)) == ["issued"]
        assert device.serial_number == "03"
        assert device.wait(timedelta(days=30)) == []


def test_a_renewal_brings_no_challenge(programs: Path, depot: Path, device: Device) -> None:
    """The password is kept nowhere, and this CA wants one each time: tried again, later and in vain."""
    with announced(library(programs, depot, PASSWORD, days=1)) as url:
        device.trust(url, SUBJECT, "auto-enroll 80")
        device.enrol()
        assert device.wait(timedelta(hours=20)) == ["refused: badRequest"]
        assert device.wait(timedelta(hours=2)) == ["refused: badRequest"]
        assert device.log.count("CERTREJECT") == 2
        assert device.serial_number == "02"
