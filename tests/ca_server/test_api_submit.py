"""Requests that operators bring by hand: what a router prints, pasted into the CA."""

import base64
import textwrap

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_server.domain.challenges import ChallengeRule, Hasher
from scep_core.csr import build_csr
from scep_core.messages import PkcsReq
from tests.ca_server.api_stage import Console, error_of

HASHER = Hasher(bytes(32))


@pytest.fixture
def console(lab, operator):
    return Console(lab.apps.console, operator)


def text_of(csr):
    return "\n".join(textwrap.wrap(base64.b64encode(csr.der).decode(), 64))


def pem_of(csr, label="CERTIFICATE REQUEST"):
    return f"-----BEGIN {label}-----\n{text_of(csr)}\n-----END {label}-----\n"


def bring(console, csr, **more):
    return console.post("/api/requests", {"csr": csr, **more})


def on_the_routers_screen(csr):
    return f"Certificate Request follows:\r\n\r\n{text_of(csr)}\n\n---End - This line not part of the"


@pytest.mark.parametrize(
    "written",
    [
        pem_of,
        lambda csr: pem_of(csr, "NEW CERTIFICATE REQUEST").replace("\n", "\r\n"),
        lambda csr: "Certificate Request:\n    Data:\n" + pem_of(csr),
        text_of,
        on_the_routers_screen,
    ],
)
def test_it_waits_and_is_issued_like_any_other(console, client, written):
    csr = client.csr(challenge="s3cret")
    answer = bring(console, written(csr))
    assert (answer.status_code, b"s3cret" in answer.data) == (201, False)
    assert answer.json["state"] == "pending"
    assert (answer.json["message_type"], answer.json["profile"]) == (0, "compat")
    assert (answer.json["signer"], answer.json["challenge"]) == (
        "nobody: brought by an operator",
        "not-checked",
    )
    [noted] = console.get("/api/requests/1").json["audit"]
    assert (noted["by"], noted["text"]) == ("operator", "brought by hand")
    serial = console.post("/api/requests/1/approve").json["serial_number"]
    pem = console.get(f"/api/certificates/{serial}.pem").data
    issued = x509.load_pem_x509_certificate(pem)
    assert issued.public_key() == client.key.public_key()
    revoked = console.post(f"/api/certificates/{serial}/revoke-with-password", {"password": "s3cret"})
    assert revoked.json["state"] == "revoked"


def test_the_same_again_is_the_one_that_waits(console, client):
    pem = pem_of(client.csr())
    assert [bring(console, pem).json["id"] for _ in range(2)] == [1, 1]
    console.post("/api/requests/1/deny")
    assert bring(console, pem).json["id"] == 2


def test_it_is_nothing_to_a_scep_transaction_of_the_same_key(lab, console, client):
    lab.send(client, client.seal(PkcsReq(client.csr())))
    assert bring(console, pem_of(client.csr())).json["id"] == 2
    console.post("/api/requests/2/deny")
    assert console.get("/api/requests/1").json["state"] == "pending"


def test_the_profiles_rules_count(console, client):
    assert bring(console, pem_of(client.csr()), profile="ndes").json["profile"] == "ndes"
    assert error_of(bring(console, pem_of(client.csr()), profile="none")) == (400, "bad-request")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "csr"),
        ("hello there", "csr is neither PEM nor base64"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
            "not a certification",
        ),
        ("AAA", "csr is neither PEM nor base64"),
        ("\N{SNOWMAN}", "csr is neither PEM nor base64"),
        ("A" * 40000, "csr"),
    ],
)
def test_garbage(console, text, why):
    answer = bring(console, text)
    assert error_of(answer) == (400, "bad-request")
    assert why in answer.json["error"]["message"]
    assert console.get("/api/requests").json["requests"] == []


@pytest.mark.parametrize("written", [pem_of, on_the_routers_screen])
def test_two_at_once_are_refused_and_neither_is_lost_silently(console, client, make_client, written):
    answer = bring(console, f"{written(client.csr())}\n\n{written(make_client(1).csr())}")
    assert error_of(answer) == (400, "bad-request")
    assert answer.json["error"]["message"] == "csr has 2 certification requests: bring each by itself"
    assert console.get("/api/requests").json["requests"] == []


def test_what_nobody_can_have(console, client):
    forged = bytearray(client.csr().der)
    forged[-1] ^= 1
    text = base64.b64encode(bytes(forged)).decode()
    assert bring(console, text).json["error"]["message"] == "certification request: bad signature"
    other = build_csr(
        subject=client.subject, key=ec.generate_private_key(ec.SECP256R1()), challenge_password=None
    )
    assert bring(console, pem_of(other)).json["error"]["message"] == "only RSA keys are certified here"


def test_a_password_that_all_devices_share_revokes_nothing(make_lab, operator, client):
    """Be the request brought by hand or by a message."""
    for rule, kept in ((ChallengeRule.STATIC, False), (ChallengeRule.ONE_TIME, True)):
        lab = make_lab(challenge=rule, static_challenges=(HASHER.digest("shared"),))
        brought = bring(Console(lab.apps.console, operator), pem_of(client.csr(challenge="shared")))
        request_id = brought.json["id"]
        assert (lab.store.request(request_id).challenge_digest is not None) is kept
        lab.deny(request_id)


def test_the_cas_own_name_is_nobodys_by_hand_either(lab, console, make_client):
    impostor = make_client(subject=lab.authority.ca.certificate.subject)
    answer = bring(console, pem_of(impostor.csr()))
    assert answer.status_code == 400
    assert "own name" in answer.json["error"]["message"]
