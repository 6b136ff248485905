"""Special-usage keys: two keys, two requests in two transactions, two certificates."""

from __future__ import annotations

import pytest

from router_emu.pki.keys import Purpose
from scep_core import certificates
from scep_core.codec import Request
from scep_core.messages import PkcsReq
from tests.router_emu.pki_lab import PASSWORD, Answer, Lab, ScriptedCa, awaited

ENROLL = "crypto ca enroll myca"


@pytest.fixture
def two(lab: Lab) -> Lab:
    """A router with usage keys and an authenticated CA."""
    lab.authenticate("rsakeypair two")
    lab.type("crypto key generate rsa usage-keys two", "1024", "1024")
    assert [key.purpose for key in lab.pki.keys.for_enrolment("two")] == [
        Purpose.SIGNATURE,
        Purpose.ENCRYPTION,
    ]
    return lab


def usage_of(request: Request) -> frozenset[str]:
    assert isinstance(request.message, PkcsReq)
    extension = request.message.csr.extension(certificates.KEY_USAGE)
    assert extension is not None
    return certificates.read_key_usage(extension.value)


def serve_signature_only(ca: ScriptedCa, request: Request) -> Answer:
    first = ca.messages[0].signer.public_key_info
    return ca.issued(request) if request.signer.public_key_info == first else ca.pending(request)


def test_two_requests_each_for_its_key(two: Lab, ca: ScriptedCa) -> None:
    """scep.md 3.4: keyUsage digitalSignature and keyEncipherment; each key signs its own request."""
    screen = two.type(ENROLL, PASSWORD, PASSWORD).text
    assert ca.kinds == ["PkcsReq", "PkcsReq"]
    assert [usage_of(each) for each in ca.messages] == [{"digital_signature"}, {"key_encipherment"}]
    assert len({each.head.transaction_id for each in ca.messages}) == 2
    for request, key in zip(ca.messages, two.pki.keys.for_enrolment("two"), strict=True):
        assert isinstance(request.message, PkcsReq)
        assert request.message.csr.challenge_password == PASSWORD  # asked once, for both
        assert request.message.csr.public_key_info == key.public_key_info
        assert request.signer.public_key_info == key.public_key_info
    assert [line for line in screen.splitlines() if not line.startswith(" ")] == [
        "Signature key certificate request -",
        "Encryption key certificate request -",
    ]
    assert screen.count("Fingerprint: ") == 2


def test_each_goes_its_own_way(two: Lab, ca: ScriptedCa) -> None:
    ca.answer = lambda request: serve_signature_only(ca, request)
    two.type(ENROLL, PASSWORD, PASSWORD)
    assert set(two.pki.trustpoint("myca").own) == {Purpose.SIGNATURE}
    assert [name for _, _, name in awaited(two.pki)] == ["enrolment myca encryption: poll 1 of 3"]
    two.restart()
    assert [name for _, _, name in awaited(two.pki)] == ["enrolment myca encryption: poll 1 of 3"]
    assert two.type(ENROLL, "yes").failed  # the other still waits
    text = two.type("show crypto ca certificates myca").text
    assert [line.strip() for line in text.splitlines() if "Key usage" in line or "Status" in line] == [
        "Key usage      : Signature",
        "Status         : Available",
        "Key usage      : Encryption",
        "Status         : Pending",
    ]
    ca.answer = ca.issued
    two.wait(minutes=2)
    held = two.pki.trustpoint("myca")
    assert {purpose: each.public_key_info for purpose, each in held.own.items()} == {
        key.purpose: key.public_key_info for key in two.pki.keys.for_enrolment("two")
    }
    assert [line.partition(" for trustpoint ")[2] for line in two.log] == [
        "myca (signature key)",
        "myca (encryption key)",
        "myca (encryption key)",
    ]
    two.restart()
    assert two.pki.trustpoint("myca") == held


def test_cancel_gives_both_up(two: Lab, ca: ScriptedCa) -> None:
    two.type(ENROLL, "", "", "crypto ca cancel-enroll myca")
    assert two.pki.attempts == {}
    assert [line.partition(" : ")[0] for line in two.log[2:]] == ["SECURITY-CEPKI-6-CERTCANCEL"] * 2


def test_a_general_purpose_certificate_gives_way(two: Lab, ca: ScriptedCa) -> None:
    ca.answer = ca.issued
    two.type("configure", "crypto ca trustpoint myca", "no rsakeypair", "commit", "end")
    two.type(ENROLL, "", "")
    assert set(two.pki.trustpoint("myca").own) == {Purpose.GENERAL}
    two.type("configure", "crypto ca trustpoint myca", "rsakeypair two", "commit", "end")
    two.type(ENROLL, "yes", "", "")
    assert set(two.pki.trustpoint("myca").own) == {Purpose.SIGNATURE, Purpose.ENCRYPTION}
