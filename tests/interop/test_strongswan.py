"""strongSwan's `pki --scepca` and `pki --scep` (5.9.8 in Debian 12) against the CA.

Releases up to 5.9.10 take AES only from a CA that tells SHA-384, and 3DES only from one that tells AES
(measured).  So at ``rfc8894``, whose words are the RFC's alone, they need ``--cipher des3``; at ``ndes`` and
``cisco-legacy`` they refuse the CA whatever the options, as they do with IIS; ``ndes-aes`` of conftest.py has
NDES's answers with words that they take.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sceplab.client import Request
from tests.interop.strongswan_client import Pki, key_usages
from tests.programs import PROFILES, SECONDS, Ca, RunCa, program, run

pytestmark = pytest.mark.interop

DES3 = ("--cipher", "des3")
OPTIONS: dict[str, Sequence[str]] = {"compat": (), "rfc8894": DES3, "ndes-aes": ()}


@pytest.mark.parametrize(
    ("profile", "options"),
    [
        ("compat", []),
        ("compat", [*DES3, "--digest", "sha1"]),
        ("compat", ["--digest", "sha512", "--password", "ask me not"]),
        ("rfc8894", [*DES3]),
        ("rfc8894", [*DES3, "--digest", "sha512"]),
        ("ndes-aes", []),
    ],
)
def test_granted_at_once(pki: str, granting_ca: Ca, tmp_path: Path, profile: str, options: list[str]) -> None:
    client = Pki(pki, tmp_path, granting_ca.at(profile))
    name = f"granted-{profile}-{len(options)}"
    client.check(run(client.scep(name, *options)).stdout, name)


@pytest.mark.parametrize(
    ("profile", "options", "refusal"),
    [
        ("rfc8894", (), "AES_CBC encryption algorithm not supported by CA"),
        ("ndes", (), "AES_CBC encryption algorithm not supported by CA"),
        ("ndes", DES3, "3DES_CBC encryption algorithm not supported by CA"),
        ("cisco-legacy", (), "AES_CBC encryption algorithm not supported by CA"),
        ("cisco-legacy", (*DES3, "--digest", "sha1"), "3DES_CBC encryption algorithm not supported by CA"),
    ],
)
def test_refuses_the_ca(
    pki: str, granting_ca: Ca, tmp_path: Path, profile: str, options: Sequence[str], refusal: str
) -> None:
    client = Pki(pki, tmp_path, granting_ca.at(profile))
    assert refusal in run(client.scep("refused", *options), status=1).stderr.decode()


@pytest.mark.parametrize("profile", OPTIONS)
def test_pending_then_approved(pki: str, ca: Ca, tmp_path: Path, profile: str) -> None:
    client, name = Pki(pki, tmp_path, ca.at(profile)), f"approved-{profile}"
    command = client.scep(name, "--interval", "1", *OPTIONS[profile])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        request = waiting(ca, name)
        assert request["state"] == "pending"
        assert request["subject"] == f"CN={name},O=lab,C=CH"
        assert request["subject_alt_names"] == [f"DNS:{name}.lab.example"]
        ca.operator.wait_for_request(lambda each: each["id"] == request["id"] and each["polls"] > 0)
        ca.operator.approve(request["id"])
        certificate, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said.decode()
    client.check(certificate, name)


@pytest.mark.parametrize("profile", OPTIONS)
def test_denied(pki: str, ca: Ca, tmp_path: Path, profile: str) -> None:
    client, name = Pki(pki, tmp_path, ca.at(profile)), f"denied-{profile}"
    command = client.scep(name, "--interval", "1", *OPTIONS[profile])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ca.operator.deny(waiting(ca, name)["id"], "not on the list")
        certificate, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert certificate == b""
    assert "failInfo:     badRequest" in said.decode()


@pytest.mark.parametrize("profile", OPTIONS)
def test_renewed(pki: str, granting_ca: Ca, tmp_path: Path, profile: str) -> None:
    """A RenewalReq (17), because the CA says Renewal: a new key, signed with the old certificate."""
    client, name = Pki(pki, tmp_path, granting_ca.at(profile)), f"renewed-{profile}"
    serial_number = client.check(run(client.scep(name, *OPTIONS[profile])).stdout, name)
    old_certificate, old_key = tmp_path / "old.pem", tmp_path / "old-key.pem"
    (tmp_path / "cert.pem").rename(old_certificate)
    (tmp_path / "key.pem").rename(old_key)
    old = ["--cert", str(old_certificate), "--key", str(old_key)]
    renewed = client.check(run(client.scep(name, *old, *OPTIONS[profile])).stdout, name)
    assert renewed != serial_number
    request = granting_ca.operator.wait_for_request(lambda each: each["serial_number"] == renewed)
    assert (request["message_type"], request["renews"]) == (17, serial_number)


def test_ndes_certificates(pki: str, ca: Ca, tmp_path: Path) -> None:
    """strongSwan takes NDES's three apart and trusts the RA's by the root's."""
    authorities = Pki(pki, tmp_path, ca.ndes).authorities()
    (root,) = authorities.cas
    for ra in authorities.ras:
        run(f"{program('openssl')} verify -x509_strict -CAfile {root} {ra}")
    usages = sorted(map(key_usages, authorities.ras), key=str)
    assert usages == [{"digital_signature"}, {"key_encipherment"}]


@pytest.mark.parametrize("key", ["rsa-2048", "ec-p256"])
@pytest.mark.parametrize("profile", PROFILES)
def test_issuing_ca(pki: str, run_ca: RunCa, tmp_path: Path, key: str, profile: str) -> None:
    """A chain; above a CA of an elliptic curve, RAs at every profile: they are what can be sealed for."""
    under_root = run_ca("--decide", "automatic", "--key", key, "--issuing-ca")
    client, name = Pki(pki, tmp_path, under_root.at(profile)), f"issued-{profile}"
    authorities = client.authorities()
    assert len(authorities.cas) == 2
    assert len(authorities.ras) == (2 if profile == "ndes" or key == "ec-p256" else 0)
    if profile in OPTIONS:
        command = client.scep(name, *OPTIONS[profile], authorities=authorities)
        client.check(run(command).stdout, name)


def waiting(ca: Ca, name: str) -> Request:
    return ca.operator.wait_for_request(lambda each: f"CN={name}," in each["subject"])
