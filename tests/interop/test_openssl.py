"""openssl verifies what the CA issued, and opens our CMS without knowing anything of SCEP."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from scep_core import codec, csr, http
from scep_core.certificates import read_certificate
from scep_core.messages import PkcsReq
from scep_core.values import Algorithms, Cipher, Digest
from tests.programs import Ca, program, run

pytestmark = pytest.mark.interop


@pytest.fixture
def openssl() -> str:
    return program("openssl")


def fetch(url: str, file: Path) -> bytes:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    file.write_bytes(answer.content)
    return answer.content


def test_ca_certificate_and_crl(openssl: str, ca: Ca, tmp_path: Path) -> None:
    der, pem, crl = tmp_path / "ca.der", tmp_path / "ca.pem", tmp_path / "ca.crl"
    fetch(f"{ca.compat}?operation=GetCACert", der)
    run(f"{openssl} x509 -inform der -in {der} -out {pem}")
    run(f"{openssl} verify -x509_strict -check_ss_sig -CAfile {pem} {pem}")
    subject = run(f"{openssl} x509 -in {pem} -noout -subject").stdout.decode()
    assert "untrusted" in subject
    fetch(f"{ca.scep}/crl/ca.crl", crl)
    verified = run(f"{openssl} crl -inform der -in {crl} -CAfile {pem} -noout")
    assert b"verify OK" in verified.stderr


def test_ndes_bag(openssl: str, ca: Ca, tmp_path: Path) -> None:
    """Three certificates in NDES's order: RA signing, RA encryption, CA (scep.md 2.5)."""
    bag = tmp_path / "bag.p7b"
    fetch(f"{ca.ndes}/pkiclient.exe?operation=GetCACert&message=myca", bag)
    shown = run(f"{openssl} pkcs7 -inform der -in {bag} -print_certs -noout").stdout.decode()
    subjects = [line for line in shown.splitlines() if line.startswith("subject")]
    words = ("signing", "encryption", "Root")
    assert [next(word for word in words if word in subject) for subject in subjects] == list(words)


@pytest.mark.parametrize("path", ["scep", "certsrv/mscep/mscep.dll"], ids=["compat", "ndes"])
def test_opens_a_real_enrolment(openssl: str, granting_ca: Ca, tmp_path: Path, path: str) -> None:
    """openssl makes the key and the request and opens the CertRep; only the sealing is ours."""
    url = f"{granting_ca.scep}/{path}"
    authorities = http.parse_ca_certificates(fetch(f"{url}?operation=GetCACert", tmp_path / "ca"))
    root = next(each for each in authorities if each.is_ca)
    (tmp_path / "ca.der").write_bytes(root.der)
    ca, key, own = tmp_path / "ca.pem", tmp_path / "key.pem", tmp_path / "own.pem"
    own_der, request = tmp_path / "own.der", tmp_path / "request.der"
    run(f"{openssl} x509 -inform der -in {tmp_path / 'ca.der'} -out {ca}")
    run(f"{openssl} req -x509 -newkey rsa:2048 -nodes -keyout {key} -subj /CN=openssl -days 2 -out {own}")
    run(f"{openssl} x509 -in {own} -outform der -out {own_der}")
    run(f"{openssl} req -new -key {key} -subj /O=lab/CN=openssl -outform der -out {request}")

    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    message = codec.seal_request(
        PkcsReq(csr.read_csr(request.read_bytes())),
        transaction_id=f"openssl at {path}",
        sender_nonce=b"openssl's nonce.",
        signer=codec.Identity(read_certificate(own_der.read_bytes()), private),
        recipient=next(each for each in authorities if each.has_key_usage("key_encipherment")),
        algorithms=Algorithms(Digest.SHA384, Cipher.AES256),
        random_bytes=os.urandom,
    )
    reply, envelope, bag = (tmp_path / name for name in ("reply.der", "envelope.der", "bag.der"))
    reply.write_bytes(requests.post(f"{url}?operation=PKIOperation", data=message, timeout=10).content)

    run(f"{openssl} cms -verify -inform der -in {reply} -CAfile {ca} -purpose any -binary -out {envelope}")
    run(f"{openssl} cms -decrypt -inform der -in {envelope} -recip {own} -inkey {key} -binary -out {bag}")
    issued = tmp_path / "issued.pem"
    run(f"{openssl} pkcs7 -inform der -in {bag} -print_certs -out {issued}")
    run(f"{openssl} verify -x509_strict -CAfile {ca} {issued}")
    shown = run(f"{openssl} x509 -in {issued} -noout -subject -enddate").stdout.decode()
    subject, end = shown.splitlines()
    assert subject == "subject=O = lab, CN = openssl"
    lives = datetime.strptime(end, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=364) < lives < timedelta(days=366)
