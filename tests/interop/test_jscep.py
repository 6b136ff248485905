"""jscep (2.5.8), the Java library: every operation that it has, at every profile.

It knows no CertPoll by that name and no RenewalReq: it polls by the same message type as GetCertInitial, and
renews by a PKCSReq that the old certificate signs.
"""

from __future__ import annotations

import pytest
from cryptography import x509

from tests.interop.jscep_client import Jscep, JscepError
from tests.programs import PROFILES, Ca, RunCa

pytestmark = pytest.mark.interop

CAPABILITIES = {
    "compat": "[AES, POSTPKIOperation, Renewal, SCEPStandard, SHA-512, SHA-256, SHA-1, DES3]",
    "ndes": "[POSTPKIOperation, Renewal, SHA-512, SHA-256, SHA-1, DES3]",
    "rfc8894": "[AES, POSTPKIOperation, Renewal, SCEPStandard, SHA-512, SHA-256, SHA-1, DES3]",
    "cisco-legacy": "[Renewal, SHA-1, DES3]",
}


@pytest.fixture
def device(jscep: Jscep, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return jscep.device(name.replace("[", " ").rstrip("]"), "a password that nobody asks for")


def root_of(jscep: Jscep, url: str) -> x509.Certificate:
    found = map(x509.load_der_x509_certificate, jscep.authorities(url))
    return next(each for each in found if each.issuer == each.subject)


def check_certificate(der: bytes, device: str, root: x509.Certificate) -> str:
    """Returns its serial number, as our API writes it."""
    certificate = x509.load_der_x509_certificate(der)
    certificate.verify_directly_issued_by(root)
    assert certificate.subject == x509.Name.from_rfc4514_string(f"CN={device},O=jscep")
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


@pytest.mark.parametrize("profile", PROFILES)
def test_capabilities_and_certificates(jscep: Jscep, ca: Ca, profile: str) -> None:
    assert jscep.capabilities(ca.at(profile)) == CAPABILITIES[profile]
    authorities = jscep.authorities(ca.at(profile))
    assert len(authorities) == (3 if profile == "ndes" else 1)
    with pytest.raises(JscepError, match="UnsupportedOperationException"):
        jscep.next_authorities(ca.at(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_granted_and_renewed(jscep: Jscep, granting_ca: Ca, profile: str, device: str) -> None:
    url, operator = granting_ca.at(profile), granting_ca.operator
    root = root_of(jscep, url)
    first = jscep.enrol(url, device).certificate
    serial_number = check_certificate(first, device, root)
    assert jscep.certificate(url, device, serial_number) == first

    second = jscep.renew(url, device).certificate
    assert check_certificate(second, device, root) != serial_number
    (renewal,) = (each for each in operator.requests() if each["renews"] == serial_number)
    assert (renewal["message_type"], renewal["subject"]) == (19, f"CN={device},O=jscep")

    operator.revoke(serial_number, "superseded")
    crl = x509.load_der_x509_crl(jscep.crl(url, device, root.subject.rfc4514_string(), serial_number))
    public_key = root.public_key()
    assert crl.is_signature_valid(public_key)  # type: ignore[arg-type]
    assert crl.get_revoked_certificate_by_serial_number(int(serial_number, 16)) is not None


@pytest.mark.parametrize("profile", PROFILES)
def test_unknown(jscep: Jscep, granting_ca: Ca, profile: str, device: str) -> None:
    url = granting_ca.at(profile)
    with pytest.raises(JscepError, match="badCertId"):
        jscep.certificate(url, device, "C0FFEE")
    with pytest.raises(JscepError, match="badRequest" if profile == "ndes" else "badCertId"):
        jscep.crl(url, device, "CN=somebody else", "C0FFEE")
    assert jscep.poll(url, device, "nobody's transaction").words == ("badCertId",)


@pytest.mark.parametrize("profile", PROFILES)
def test_pending_then_approved(jscep: Jscep, ca: Ca, profile: str, device: str) -> None:
    url = ca.at(profile)
    transaction_id = pending(jscep, url, device)
    assert jscep.poll(url, device, transaction_id).status == "PENDING"
    request = ca.operator.wait_for_request(lambda each: device in each["subject"])
    assert (request["transaction_id"], request["polls"]) == (transaction_id, 1)
    ca.operator.approve(request["id"])
    issued = jscep.poll(url, device, transaction_id).certificate
    serial_number = check_certificate(issued, device, root_of(jscep, url))
    assert ca.operator.request(request["id"])["serial_number"] == serial_number


@pytest.mark.parametrize("profile", PROFILES)
def test_denied(jscep: Jscep, ca: Ca, profile: str, device: str) -> None:
    url = ca.at(profile)
    transaction_id = pending(jscep, url, device)
    request = ca.operator.wait_for_request(lambda each: device in each["subject"])
    ca.operator.deny(request["id"], "not today")
    assert jscep.poll(url, device, transaction_id).words == ("badRequest",)


@pytest.mark.parametrize("profile", PROFILES)
def test_elliptic_ca(jscep: Jscep, run_ca: RunCa, profile: str, device: str) -> None:
    """Only an RSA RA makes it possible; to renew, jscep fails by itself.

    It takes the algorithm that the certificate is signed with for one of the certificate's own key.
    """
    url = run_ca("--decide", "automatic", "--key", "ec-p256", "--issuing-ca").at(profile)
    found = [x509.load_der_x509_certificate(each) for each in jscep.authorities(url)]
    issuing = next(each for each in found if "Issuing" in each.subject.rfc4514_string())
    assert check_certificate(jscep.enrol(url, device).certificate, device, issuing)
    with pytest.raises(JscepError, match="InvalidKeyException"):
        jscep.renew(url, device)


def pending(jscep: Jscep, url: str, device: str) -> str:
    answer = jscep.enrol(url, device)
    assert answer.status == "PENDING", answer
    (transaction_id,) = answer.words
    return transaction_id
