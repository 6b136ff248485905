"""The next CA: openssl verifies what GetNextCACert answers; clients enrol at it before its time, and after.

strongSwan 5.9.8 never asks for it (`pki --scepca` has no such option): openssl takes the answer apart.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.interop.jscep_client import Jscep
from tests.interop.strongswan_client import Authorities, Pki
from tests.programs import PROFILES, Ca, RunCa, program, run

pytestmark = pytest.mark.interop

DAY = timedelta(days=1)
SHAPES = {"root": (), "issuing": ("--issuing-ca",), "elliptic": ("--key", "ec-p256")}


@pytest.mark.parametrize("shape", SHAPES)
def test_story(pki: str, run_ca: RunCa, tmp_path: Path, shape: str) -> None:
    ca = run_ca("--decide", "automatic", *SHAPES[shape], settings=f"# {shape}, for a rollover")
    for profile in PROFILES:
        assert (status(ca, profile, "GetNextCACert"), told(ca, profile)) == (404, False)
    ca.operator.rollover(DAY)
    assert (status(ca, "ndes", "GetNextCACert"), told(ca, "ndes")) == (404, False)  # IIS does not know it
    coming = generation(ca, "next")
    for profile in ("rfc8894", "cisco-legacy", "compat"):
        assert told(ca, profile)
        authorities = next_authorities(ca, profile, tmp_path)
        announced = {read(file) for file in (*authorities.cas, *authorities.ras)}
        ras = {"ra-signing", "ra-encryption"} if shape == "elliptic" else set()
        assert announced == {coming[role] for role in coming.keys() - {"ra-signing", "ra-encryption"} | ras}

    client = Pki(pki, tmp_path, ca.compat)
    client.check(run(client.scep("early", authorities=authorities)).stdout, "early")
    read(tmp_path / "cert.pem").verify_directly_issued_by(coming["ca"])

    for _ in ca.operator.time.advance(DAY):
        pass
    assert (status(ca, "compat", "GetNextCACert"), told(ca, "compat")) == (404, False)
    assert [read(file) for file in client.authorities().cas][-1] == coming["ca"]


def test_jscep(jscep: Jscep, run_ca: RunCa) -> None:
    """jscep verifies the signature of the answer, and then hands out the signer's certificates for the next.

    Its GetNextCaCertResponseHandler takes the certificates beside the signature, where RFC 8894 section
    4.7.1 has those of the current CA, and not the content.
    """
    ca = run_ca("--decide", "automatic", settings="# for jscep's rollover")
    ca.operator.rollover(DAY)
    assert "GetNextCACert" in jscep.capabilities(ca.compat)
    (found,) = jscep.next_authorities(ca.compat)
    assert x509.load_der_x509_certificate(found) == generation(ca, "current")["ca"]


def status(ca: Ca, profile: str, operation: str) -> int:
    return requests.get(f"{ca.at(profile)}?operation={operation}", timeout=10).status_code


def told(ca: Ca, profile: str) -> bool:
    return "GetNextCACert" in requests.get(f"{ca.at(profile)}?operation=GetCACaps", timeout=10).text.split()


def read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def generation(ca: Ca, standing: str) -> dict[str, x509.Certificate]:
    """The certificates of the current or the next generation, each by its role, as our API tells them."""
    (found,) = (each for each in ca.operator.ca()["generations"] if each["standing"] == standing)
    return {
        each["role"]: x509.load_pem_x509_certificate(each["pem"].encode()) for each in found["certificates"]
    }


def next_authorities(ca: Ca, profile: str, folder: Path) -> Authorities:
    """GetNextCACert's certificates, which openssl has verified and unpacked with the current CA's."""
    answer, current = folder / "next.der", folder / "current.pem"
    got = requests.get(f"{ca.at(profile)}?operation=GetNextCACert", timeout=10)
    assert (got.status_code, got.headers["Content-Type"]) == (200, "application/x-x509-next-ca-cert")
    answer.write_bytes(got.content)
    pem(current, generation(ca, "current")["ca"])
    openssl, bag = program("openssl"), folder / "bag.der"
    # The CA signs it, not the root above it: what stands in the file is trusted as it is.
    trust = f"-CAfile {current} -partial_chain -purpose any"
    run(f"{openssl} cms -verify -inform der -in {answer} {trust} -binary -out {bag}")
    certificates = folder / "bag.pem"
    run(f"{openssl} pkcs7 -inform der -in {bag} -print_certs -out {certificates}")
    cas: list[x509.Certificate] = []
    ras: list[x509.Certificate] = []
    for certificate in x509.load_pem_x509_certificates(certificates.read_bytes()):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        (cas if constraints.ca else ras).append(certificate)
    # Named as `pki --scepca` names them: ca.pem for the root, and ca-1.pem.
    cas.sort(key=lambda each: each.issuer != each.subject)
    return Authorities(
        tuple(pem(folder / f"ca{-number or ''}.pem", each) for number, each in enumerate(cas)),
        tuple(pem(folder / f"ra{number}.pem", each) for number, each in enumerate(ras)),
    )


def pem(file: Path, certificate: x509.Certificate) -> Path:
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file
