"""strongSwan's `pki --scepca` and `pki --scep` (5.9.8 in Debian 12) against the CA.

They enrol at /scep.  At the NDES path this release refuses IIS's own capabilities ("... not supported by
CA", measured: whatever the cipher, it asks for the word AES, which IIS does not say), so there it only
fetches the certificates.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.programs import SECONDS, Ca, program, run

pytestmark = pytest.mark.interop


@pytest.fixture
def pki() -> str:
    return program("pki")


def make_key(pki: str, folder: Path) -> Path:
    made = run(f"{pki} --gen --type rsa --size 2048 --outform pem")
    key = folder / "key.pem"
    key.write_bytes(made.stdout)
    return key


def fetch_ca(pki: str, url: str, folder: Path) -> Path:
    ca = folder / "ca.pem"
    run(
        [
            pki,
            "--scepca",
            "--url",
            url,
            "--caout",
            str(ca),
            "--raout",
            str(folder / "ra.pem"),
            "--outform",
            "pem",
        ]
    )
    return ca


def scep(pki: str, ca: Ca, folder: Path, name: str, *more: str) -> Sequence[str]:
    key, authority = make_key(pki, folder), fetch_ca(pki, ca.compat, folder)
    trust = ["--cacert-enc", str(authority), "--cacert-sig", str(authority), "--cacert", str(authority)]
    request = ["--in", str(key), "--dn", f"C=CH, O=lab, CN={name}", "--san", f"{name}.lab.example"]
    return [pki, "--scep", "--url", ca.compat, *request, *trust, "--outform", "pem", *more]


def check_certificate(pem: bytes, folder: Path, name: str) -> None:
    certificate = folder / "cert.pem"
    certificate.write_bytes(pem)
    openssl = program("openssl")
    run(f"{openssl} verify -x509_strict -CAfile {folder / 'ca.pem'} {certificate}")
    shown = run(f"{openssl} x509 -in {certificate} -noout -subject -ext subjectAltName").stdout
    assert f"subject=C = CH, O = lab, CN = {name}" in shown.decode()
    assert f"DNS:{name}.lab.example" in shown.decode()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--cipher", "des3", "--digest", "sha1"],
        ["--digest", "sha512", "--password", "ask me not"],
    ],
    ids=["aes-sha256", "des3-sha1", "sha512-password"],
)
def test_granted_at_once(pki: str, granting_ca: Ca, tmp_path: Path, options: list[str]) -> None:
    granted = run(scep(pki, granting_ca, tmp_path, "granted", *options))
    check_certificate(granted.stdout, tmp_path, "granted")


def test_pending_then_approved(pki: str, ca: Ca, tmp_path: Path) -> None:
    command = scep(pki, ca, tmp_path, "approved", "--interval", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        request = ca.operator.wait_for_request(lambda each: "CN=approved" in each["subject"])
        assert request["state"] == "pending"
        assert request["subject"] == "CN=approved,O=lab,C=CH"
        assert request["subject_alt_names"] == ["DNS:approved.lab.example"]
        ca.operator.wait_for_request(lambda each: each["id"] == request["id"] and each["polls"] > 0)
        ca.operator.approve(request["id"])
        certificate, said = client.communicate(timeout=SECONDS)
    assert client.returncode == 0, said.decode()
    check_certificate(certificate, tmp_path, "approved")


def test_denied(pki: str, ca: Ca, tmp_path: Path) -> None:
    command = scep(pki, ca, tmp_path, "denied", "--interval", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        request = ca.operator.wait_for_request(lambda each: "CN=denied" in each["subject"])
        ca.operator.deny(request["id"], "not on the list")
        certificate, said = client.communicate(timeout=SECONDS)
    assert client.returncode != 0
    assert certificate == b""
    assert "badRequest" in said.decode() or "request" in said.decode()


def test_ndes_certificates(pki: str, ca: Ca, tmp_path: Path) -> None:
    """strongSwan takes NDES's three apart and trusts the RA's by the root's."""
    authority = fetch_ca(pki, ca.ndes, tmp_path)
    openssl = program("openssl")
    usages = set()
    for name in ("ra.pem", "ra-2.pem"):
        run(f"{openssl} verify -x509_strict -CAfile {authority} {tmp_path / name}")
        shown = run(f"{openssl} x509 -in {tmp_path / name} -noout -ext keyUsage").stdout
        usages.add(shown.decode().splitlines()[1].strip())
    assert usages == {"Digital Signature", "Key Encipherment"}
