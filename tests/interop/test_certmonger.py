"""certmonger's `scep-submit` (0.79.17): capabilities, certificates, a pending answer, the certificate.

certmonger's daemon builds the messages and opens the certificate's envelope; here our codec builds them and
openssl opens it.  Exit statuses and output are certmonger's helper protocol: 0 done, 1 wait with a cookie,
2 refused, 3 unreachable or not understood.  The last is what it makes of RFC 8894's own PENDING and FAILURE,
which have no content (section 3.2): it sees OpenSSL fail with "no content" (scep.md 6.3).
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scep_core import certificates, cms, csr, http, names
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.codec import seal_request
from scep_core.messages import CertPoll, PkcsReq, RequestMessage
from scep_core.values import Algorithms, Cipher, Digest
from tests.programs import PROFILES, Ca, program, run

pytestmark = pytest.mark.interop

WAIT, REFUSED, NOT_UNDERSTOOD = 1, 2, 3
CAPABILITIES = {
    "compat": {"AES", "SHA-256", "POSTPKIOperation", "SCEPStandard"},
    "ndes": {"DES3", "SHA-256", "POSTPKIOperation"},
    "rfc8894": {"AES", "SHA-256", "POSTPKIOperation", "SCEPStandard"},
    "cisco-legacy": {"DES3", "SHA-1"},
}


@dataclass(frozen=True)
class Certmonger:
    """scep-submit with the files of one enrolment."""

    url: str
    profile: str
    folder: Path
    identity: Identity
    authorities: tuple[Certificate, ...]

    @property
    def algorithms(self) -> Algorithms:
        """What certmonger's daemon would take at such a CA."""
        return Algorithms(Digest.SHA1, Cipher.DES3) if self.profile == "cisco-legacy" else Algorithms()

    def exits(self, status: int) -> int:
        """The exit status where another CA's answer without a certificate gives ``status``."""
        return NOT_UNDERSTOOD if self.profile == "rfc8894" else status

    def submit(self, *arguments: str, status: int = 0) -> str:
        command = [program("/usr/lib/certmonger/scep-submit"), "-u", self.url, *arguments]
        return run(command, status=status).stdout.decode()

    def operation(self, message: RequestMessage, status: int = 0) -> str:
        sealed = seal_request(
            message,
            transaction_id=csr.transaction_id(self.identity.certificate.public_key_info),
            sender_nonce=os.urandom(16),
            signer=self.identity,
            recipient=self.recipient,
            algorithms=self.algorithms,
            random_bytes=os.urandom,
        )
        file = self.folder / "message.pem"
        file.write_text(pem("PKCS7", sealed))
        kind = "-p" if isinstance(message, PkcsReq) else "-g"
        ra, ca = self.folder / "ra.pem", self.folder / "ca.pem"
        return self.submit("-r", str(ra), "-R", str(ca), "-N", str(ca), kind, str(file), status=status)

    @property
    def recipient(self) -> Certificate:
        """Whoever may encipher keys; the CA itself where there is no RA."""
        return next(each for each in self.authorities if each.has_key_usage("key_encipherment"))

    def poll(self, status: int = 0) -> str:
        name = self.identity.certificate.subject
        return self.operation(CertPoll(self.recipient.issuer, name), status)

    def request(self, status: int = 0) -> str:
        request = csr.build_csr(
            subject=self.identity.certificate.subject, key=self.identity.key, challenge_password="secret"
        )
        return self.operation(PkcsReq(request), status)


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


@pytest.fixture(params=PROFILES)
def certmonger(request: pytest.FixtureRequest, ca: Ca, tmp_path: Path) -> Certmonger:
    return make_certmonger(ca, request.param, tmp_path)


def make_certmonger(ca: Ca, profile: str, tmp_path: Path) -> Certmonger:
    url = ca.at(profile)
    key = rsa.generate_private_key(65537, 2048)
    info, now = csr.public_key_info(key.public_key()), datetime.now(UTC)
    name = names.build_name([[(names.COMMON_NAME, f"certmonger {os.urandom(6).hex()}")]])
    certificate = certificates.build_certificate(
        serial_number=1,
        issuer=name,
        subject=name,
        public_key_info=info,
        not_before=now - timedelta(hours=1),
        not_after=now + timedelta(days=1),
        extensions=[],
        key=key,
        digest=Digest.SHA256,
    )
    fetched = requests.get(f"{url}?operation=GetCACert", timeout=10)
    authorities = http.parse_ca_certificates(fetched.content)
    signer = next(each for each in authorities if each.has_key_usage("digital_signature"))
    root = next(each for each in authorities if each.is_ca)
    (tmp_path / "ra.pem").write_text(pem("CERTIFICATE", signer.der))
    (tmp_path / "ca.pem").write_text(pem("CERTIFICATE", root.der))
    (tmp_path / "own.pem").write_text(pem("CERTIFICATE", certificate.der))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Certmonger(url, profile, tmp_path, Identity(certificate, key), authorities)


def test_capabilities_and_certificates(certmonger: Certmonger) -> None:
    assert CAPABILITIES[certmonger.profile] <= set(certmonger.submit("-c").split())
    listed = certmonger.submit("-C")
    for authority in certmonger.authorities:
        body = "".join(pem("CERTIFICATE", authority.der).splitlines()[1:-1])
        assert body in listed.replace("\n", "")


@pytest.mark.parametrize("profile", PROFILES)
def test_granted_at_once(granting_ca: Ca, tmp_path: Path, profile: str) -> None:
    client = make_certmonger(granting_ca, profile, tmp_path)
    issued = opened(client, client.request())
    subject = names.rfc4514(issued.subject)
    (request,) = (each for each in granting_ca.operator.requests() if each["subject"] == subject)
    assert issued.serial_number == int(request["serial_number"], 16)


def test_pending_then_approved(certmonger: Certmonger, ca: Ca) -> None:
    subject = names.rfc4514(certmonger.identity.certificate.subject)
    said = certmonger.request(status=certmonger.exits(WAIT)).strip()  # a cookie to come back with
    assert said
    assert ("no content" in said) == (certmonger.profile == "rfc8894")
    request = ca.operator.wait_for_request(lambda each: each["subject"] == subject)
    certmonger.poll(status=certmonger.exits(WAIT))
    assert ca.operator.request(request["id"])["polls"] == 1
    ca.operator.approve(request["id"])
    issued = opened(certmonger, certmonger.poll())
    assert issued.serial_number == int(ca.operator.request(request["id"])["serial_number"], 16)


def opened(certmonger: Certmonger, pem_envelope: str) -> Certificate:
    """The certificate in what scep-submit has put out, as certmonger's daemon would open it."""
    envelope, folder = certmonger.folder / "envelope.pem", certmonger.folder
    envelope.write_text(pem_envelope)
    decrypt = (
        f"cms -decrypt -recip {folder / 'own.pem'} -inkey {folder / 'key.pem'} -inform PEM -in {envelope}"
    )
    bag = run(f"{program('openssl')} {decrypt} -outform DER -binary").stdout
    (issued, *_), _ = cms.read_degenerate(bag)
    assert issued.subject == certmonger.identity.certificate.subject
    assert issued.public_key_info == certmonger.identity.certificate.public_key_info
    return issued


def test_denied(certmonger: Certmonger, ca: Ca) -> None:
    subject = names.rfc4514(certmonger.identity.certificate.subject)
    certmonger.request(status=certmonger.exits(WAIT))
    request = ca.operator.wait_for_request(lambda each: each["subject"] == subject)
    ca.operator.deny(request["id"], "not today")
    certmonger.poll(status=certmonger.exits(REFUSED))
