"""Certificates, CRLs, challenges and the CA itself through the API."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scep_core.messages import PkcsReq
from sceplab.clock import parse_instant
from tests.ca_server.api_stage import Console, error_of


@pytest.fixture
def console(lab, operator):
    return Console(lab.apps.console, operator)


@pytest.fixture
def issued(lab, make_client):
    """Three certificates, of r0 to r2, whose challenge passwords are pw-0 to pw-2; their serial numbers."""
    for number in range(3):
        client = make_client(number, f"r{number}")
        lab.send(client, client.seal(PkcsReq(client.csr(challenge=f"pw-{number}"))))
    return [f"{lab.approve(number).serial_number:032X}" for number in (1, 2, 3)]


def revoked_numbers(console):
    crl = x509.load_pem_x509_crl(console.get("/api/crls").json["crls"][0]["pem"].encode())
    return {f"{each.serial_number:032X}" for each in crl}


def test_a_certificate_as_it_is_shown(lab, console, issued):
    shown = console.get(f"/api/certificates/{issued[0].lower()}").json
    der = lab.store.certificate(int(issued[0], 16)).der
    assert base64.b64decode("".join(shown.pop("pem").splitlines()[1:-1])) == der
    assert shown == {
        "serial_number": issued[0],
        "request_id": 1,
        "issuer": "ca-1",
        "subject": "CN=r0",
        "state": "valid",
        "not_before": "2026-03-01T12:00:00.000000Z",
        "not_after": "2027-03-01T12:00:00.000000Z",
        "revoked_at": None,
        "reason": None,
        "invalidity_date": None,
        "wrong_passwords": 0,
    }


def test_its_files(lab, console, issued):
    der = console.get(f"/api/certificates/{issued[0]}.der")
    assert (der.data, der.mimetype) == (
        lab.store.certificate(int(issued[0], 16)).der,
        "application/pkix-cert",
    )
    pem = console.get(f"/api/certificates/{issued[0]}.pem")
    assert x509.load_pem_x509_certificate(pem.data).public_bytes(Encoding.DER) == der.data
    leaf, ca = x509.load_pem_x509_certificates(console.get(f"/api/certificates/{issued[0]}/chain.pem").data)
    leaf.verify_directly_issued_by(ca)


@pytest.mark.parametrize("path", ["", ".pem", ".der", "/chain.pem"])
@pytest.mark.parametrize("serial", ["00", "0", "AB", "XY", "F" * 42])
def test_no_such_certificate(console, issued, serial, path):
    assert error_of(console.get(f"/api/certificates/{serial}{path}")) == (404, "not-found")


def test_lists(lab, console, issued):
    def listed(**query):
        return [each["subject"] for each in console.get("/api/certificates", **query).json["certificates"]]

    console.post(f"/api/certificates/{issued[1]}/revoke", {"reason": "certificateHold"})
    console.post(f"/api/certificates/{issued[2]}/revoke")
    assert listed(state="valid") == ["CN=r0"]
    assert (listed(state="held"), listed(state="revoked")) == (["CN=r1"], ["CN=r2"])
    assert listed(search="cn=R1") == listed(search=issued[1][4:20].lower()) == ["CN=r1"]
    assert len(listed(issuer="ca-1")) == 3
    refused = console.get("/api/certificates", issuer="ca-2")
    assert error_of(refused) == (400, "bad-request")
    assert refused.json["error"]["message"] == "there is no CA 'ca-2'; there are ca-1"
    octets = bytes.fromhex(issued[0])
    for printed in (octets.hex(":"), octets.hex(":").upper(), "0x" + issued[0].lower(), octets[3:9].hex("-")):
        assert listed(search=printed) == ["CN=r0"], printed
    first = console.get("/api/certificates", limit=2, order="newest").json
    assert listed(limit=2, order="newest", after=first["next"]) == ["CN=r0"]
    lab.clock.advance(timedelta(days=400))
    assert listed(state="expired") == ["CN=r0"]


@pytest.mark.parametrize("reason", ["keyCompromise", 1])
def test_revoke_for_a_reason(lab, console, issued, reason):
    body = {"reason": reason, "invalidity_date": "2026-03-01T13:30:00+02:00"}
    revoked = console.post(f"/api/certificates/{issued[0]}/revoke", body).json
    assert (revoked["state"], revoked["reason"]) == ("revoked", "keyCompromise")
    assert revoked["invalidity_date"] == "2026-03-01T11:30:00.000000Z"
    assert revoked_numbers(console) == {issued[0]}
    assert error_of(console.post(f"/api/certificates/{issued[0]}/revoke")) == (409, "wrong-state")
    assert console.get("/api/audit", what="revoked").json["audit"][0]["serial_number"] == issued[0]


def test_hold_and_release(console, issued):
    path = f"/api/certificates/{issued[0]}"
    assert console.post(f"{path}/revoke", {"reason": "certificateHold"}).json["state"] == "held"
    assert revoked_numbers(console) == {issued[0]}
    assert console.post(f"{path}/release").json["state"] == "valid"
    assert revoked_numbers(console) == set()
    assert error_of(console.post(f"{path}/release")) == (409, "wrong-state")


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "stolen"},
        {"reason": 7},
        {"reason": True},
        {"reason": 1.0},
        {"invalidity_date": "yesterday"},
        {"invalidity_date": "2026-02-01T00:00:00"},
        {"invalidity_date": "2027-02-01T00:00:00Z"},
    ],
)
def test_revocations_that_cannot_be(console, issued, body):
    assert error_of(console.post(f"/api/certificates/{issued[0]}/revoke", body)) == (400, "bad-request")
    assert revoked_numbers(console) == set()


def test_revoke_with_the_enrolments_password(console, issued):
    path = "/api/certificates/{}/revoke-with-password"
    right, wrong = {"password": "pw-0"}, {"password": "pw-1"}
    assert error_of(console.post(path.format(issued[0]), wrong)) == (403, "wrong-password")
    assert error_of(console.post(path.format("ABCD"), wrong)) == (403, "wrong-password")
    assert console.post(path.format(issued[0]), right).json["state"] == "revoked"
    for _ in range(3):
        answer = console.post(path.format(issued[2]), wrong)
    assert error_of(answer) == (403, "locked")
    assert console.get(f"/api/certificates/{issued[2]}").json["wrong_passwords"] == 3


def test_crls_now_and_how_they_are_served(lab, console):
    [before] = console.get("/api/crls").json["crls"]
    assert (before["issuer"], before["revoked"]) == ("ca-1", 0)
    made = console.post("/api/crls")
    assert made.status_code == 201
    assert made.json["crls"][0]["number"] == before["number"] + 1
    with_nothing = console.post("/api/crls", data="", content_type="application/json")
    assert with_nothing.json["crls"][0]["number"] == before["number"] + 2
    assert console.get("/api/crls/serving").json == {"mode": "normal"}
    assert console.put("/api/crls/serving", {"mode": "missing"}).json == {"mode": "missing"}
    assert lab.apps.scep.test_client().get("/crl/ca.crl").status_code == 404
    assert console.get("/api/crls").json["serving"] == "missing"  # and yet the true ones are shown
    assert error_of(console.put("/api/crls/serving", {"mode": "odd"})) == (400, "bad-request")


def test_challenge_passwords_are_shown_once(console):
    made = console.post("/api/challenges", {"device": "r1.lab", "valid_seconds": 3600})
    password = made.json.pop("password")
    assert (made.status_code, len(password)) == (201, 16)
    [listed] = console.get("/api/challenges").json["challenges"]
    assert listed == {key: value for key, value in made.json.items() if key != "password"}
    assert (listed["device"], listed["once"]) == ("r1.lab", True)
    assert listed["expires_at"] == "2026-03-01T13:00:00.123456Z"
    everything = [console.get(f"/api/{each}").text for each in ("challenges", "audit")]
    assert password not in "".join(everything)
    chosen = console.post("/api/challenges", {"device": "r2.lab", "once": False, "password": "own words"})
    assert chosen.json["password"] == "own words"
    assert console.delete(f"/api/challenges/{listed['id']}").json == {}
    assert error_of(console.delete(f"/api/challenges/{listed['id']}")) == (404, "not-found")
    assert [each["device"] for each in console.get("/api/challenges").json["challenges"]] == ["r2.lab"]


@pytest.mark.parametrize("body", [{"once": False}, {"password": "x"}, {"valid_seconds": 0}, {"device": ""}])
def test_challenges_that_cannot_be(console, body):
    assert error_of(console.post("/api/challenges", body)) == (400, "bad-request")


def test_the_ca_and_its_rollover(lab, console):
    shown = console.get("/api/ca").json
    [generation] = shown["generations"]
    assert (generation["number"], generation["standing"], generation["active_from"]) == (1, "current", None)
    assert [each["role"] for each in generation["certificates"]] == ["ca", "ra-signing", "ra-encryption"]
    certificate = x509.load_pem_x509_certificate(generation["certificates"][0]["pem"].encode())
    assert int(generation["certificates"][0]["serial_number"], 16) == certificate.serial_number
    paths = {each["name"]: each["paths"] for each in shown["profiles"]}
    assert "/certsrv/mscep/mscep.dll" in paths["ndes"]
    made = console.post("/api/ca/rollover", {"in_seconds": 7 * 86400})
    assert (made.status_code, made.json["number"], made.json["standing"]) == (201, 2, "next")
    assert made.json["active_from"] == "2026-03-08T12:00:00.123456Z"
    assert error_of(console.post("/api/ca/rollover", {"in_seconds": 60})) == (409, "wrong-state")
    lab.clock.advance(timedelta(days=7))
    standings = [each["standing"] for each in console.get("/api/ca").json["generations"]]
    assert standings == ["earlier", "current"]


def test_a_ca_whose_end_has_come(lab, console):
    lab.clock.advance(timedelta(days=1))
    console.post("/api/ca/rollover", {"in_seconds": 60})
    ends = [
        parse_instant(each["certificates"][0]["not_after"])
        for each in console.get("/api/ca").json["generations"]
    ]
    for end, expected in zip(ends, (["ended", "current"], ["ended", "ended"]), strict=True):
        lab.clock.instant = end
        standings = [each["standing"] for each in console.get("/api/ca").json["generations"]]
        assert standings == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"in_seconds": 60, "active_from": "2026-04-01T00:00:00Z"}, 400),
        ({"active_from": "soon"}, 400),
        ({"active_from": "2026-02-01T00:00:00Z"}, 409),
        ({"active_from": "9999-12-31T23:59:59Z"}, 409),
    ],
)
def test_rollovers_that_cannot_be(console, body, status):
    assert error_of(console.post("/api/ca/rollover", body))[0] == status
    assert len(console.get("/api/ca").json["generations"]) == 1


def test_the_audit_is_paged_and_filtered(console, issued):
    whole = console.get("/api/audit").json["audit"]
    assert [each["what"] for each in whole] == ["issued"] * 3
    assert [
        each["request_id"] for each in console.get("/api/audit", order="newest", limit=2).json["audit"]
    ] == [3, 2]
    assert console.get("/api/audit", serial_number=issued[1]).json["audit"] == [whole[1]]
    assert console.get("/api/audit", request_id=3).json["audit"] == [whole[2]]
    assert console.get("/api/audit", what="denied").json["audit"] == []


def test_no_route_shows_a_digest(console, issued):
    console.post("/api/challenges")
    console.post("/api/tokens", {"name": "ci"})
    for path in ("requests", "requests/1", "certificates", "challenges", "tokens", "audit"):
        assert "digest" not in json.dumps(console.get(f"/api/{path}").json)
