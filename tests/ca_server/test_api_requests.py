"""The queue through the API: what is shown, page by page, and what becomes of it."""

from datetime import timedelta

import pytest

from scep_core.messages import Failure, PkcsReq, Success
from scep_core.values import Digest, FailInfo
from tests.ca_server.api_stage import Console, error_of


@pytest.fixture
def console(lab, operator):
    return Console(lab.apps.console, operator)


@pytest.fixture
def queue(lab, make_client):
    """Five pending requests, of the clients r0 to r4."""
    clients = [make_client(number, f"r{number}") for number in range(5)]
    for client in clients:
        lab.send(client, client.pkcs_req())
    return clients


def subjects(answer):
    return [each["subject"] for each in answer.json["requests"]]


def test_a_request_as_it_is_shown(lab, console, client):
    certification_request = client.csr(challenge="s3cret")
    lab.send(client, client.seal(PkcsReq(certification_request)))
    lab.clock.advance()
    lab.send(client, client.poll())
    answer = console.get("/api/requests")
    assert b"s3cret" not in answer.data
    [shown] = answer.json["requests"]
    prints = shown.pop("fingerprints")
    assert shown == {
        "id": 1,
        "state": "pending",
        "transaction_id": client.transaction_id,
        "message_type": 19,
        "subject": "CN=r1.lab",
        "subject_alt_names": [],
        "key": "RSA 1024",
        "challenge": "not-checked",
        "signer": "self-signed",
        "profile": "compat",
        "source": "192.0.2.1",
        "authority": 1,
        "renews": None,
        "polls": 1,
        "received_at": "2026-03-01T12:00:00.123456Z",
        "last_poll_at": "2026-03-01T12:01:00.123456Z",
        "decided_at": None,
        "decided_by": None,
        "reason": None,
        "serial_number": None,
    }
    for digest in (Digest.MD5, Digest.SHA1, Digest.SHA256):
        groups = prints[digest.value].split(" ")
        assert {len(group) for group in groups} == {8}
        assert "".join(groups) == certification_request.fingerprint(digest).hex().upper()
    assert console.get("/api/requests/1").json == shown | {"fingerprints": prints, "audit": []}


def test_pages(console, queue):
    first = console.get("/api/requests", limit=2)
    assert (subjects(first), first.json["next"]) == (["CN=r0", "CN=r1"], 2)
    second = console.get("/api/requests", limit=2, after=2)
    assert (subjects(second), second.json["next"]) == (["CN=r2", "CN=r3"], 4)
    last = console.get("/api/requests", limit=2, after=4)
    assert (subjects(last), last.json["next"]) == (["CN=r4"], None)
    assert console.get("/api/requests", limit=5).json["next"] is None
    newest = console.get("/api/requests", limit=3, order="newest")
    assert (subjects(newest), newest.json["next"]) == (["CN=r4", "CN=r3", "CN=r2"], 3)
    rest = console.get("/api/requests", limit=3, order="newest", after=3)
    assert (subjects(rest), rest.json["next"]) == (["CN=r1", "CN=r0"], None)


def test_filters(lab, console, queue):
    lab.approve(1)
    lab.deny(3)
    listed = console.get("/api/requests", state="pending")
    assert subjects(listed) == ["CN=r1", "CN=r3", "CN=r4"]
    assert listed.json["counts"] == {"pending": 3, "issued": 1, "denied": 1}
    assert subjects(console.get("/api/requests", state="issued")) == ["CN=r0"]
    assert subjects(console.get("/api/requests", search="cn=R2")) == ["CN=r2"]
    assert subjects(console.get("/api/requests", transaction_id=queue[4].transaction_id)) == ["CN=r4"]
    assert subjects(console.get("/api/requests", profile="compat", state="denied")) == ["CN=r2"]
    assert subjects(console.get("/api/requests", profile="ndes")) == []
    for printed in ("md5", "sha1", "sha256"):
        groups = getattr(lab.store.request(5), printed)
        for spelling in (groups, groups.lower(), bytes.fromhex(groups).hex(":"), groups.replace(" ", "")):
            assert subjects(console.get("/api/requests", search=spelling)) == ["CN=r4"], spelling
    assert subjects(console.get("/api/requests", source="192.0.2.2")) == []
    assert len(subjects(console.get("/api/requests", source="192.0.2.1"))) == 5


def test_approve(lab, console, client):
    lab.send(client, client.pkcs_req())
    lab.clock.advance()
    approved = console.post("/api/requests/1/approve").json
    [issued] = lab.send(client, client.poll()).certificates
    assert int(approved["serial_number"], 16) == issued.serial_number
    assert (approved["state"], approved["decided_by"]) == ("issued", "operator")
    assert approved["decided_at"] == "2026-03-01T12:01:00.123456Z"
    [line] = console.get("/api/requests/1").json["audit"]
    assert line == {
        "id": 1,
        "what": "issued",
        "by": "operator",
        "at": approved["decided_at"],
        "wall_at": "2026-02-01T00:00:00.000000Z",
        "request_id": 1,
        "serial_number": approved["serial_number"],
        "text": None,
    }


@pytest.mark.parametrize(
    ("body", "lasts"),
    [
        ({"certificate_days": 2}, timedelta(days=2)),
        ({"lifetime_seconds": 3600}, timedelta(hours=1)),
        ({"profile": "ndes"}, timedelta(days=365)),
    ],
)
def test_approve_on_other_terms(lab, console, client, body, lasts):
    lab.send(client, client.pkcs_req())
    serial = int(console.post("/api/requests/1/approve", body).json["serial_number"], 16)
    certificate = lab.store.certificate(serial)
    assert certificate.not_after - certificate.not_before == lasts
    [line] = console.get("/api/audit").json["audit"]
    assert line["text"].startswith(("lifetime", "profile ndes"))


@pytest.mark.parametrize(
    "body",
    [
        {"certificate_days": 1, "lifetime_seconds": 86400},
        {"certificate_days": 0},
        {"certificate_days": 4000},
        {"certificate_days": "1"},
        {"certificate_days": True},
        {"profile": "nowhere"},
        {"days": 1},
    ],
)
def test_terms_that_cannot_be(lab, console, client, body):
    lab.send(client, client.pkcs_req())
    assert error_of(console.post("/api/requests/1/approve", body)) == (400, "bad-request")
    assert lab.store.request(1).state == "pending"


def test_deny_with_a_reason(lab, console, client):
    lab.send(client, client.pkcs_req())
    denied = console.post("/api/requests/1/deny", {"reason": "not ours"}).json
    assert (denied["state"], denied["reason"], denied["serial_number"]) == ("denied", "not ours", None)
    assert lab.send(client, client.poll()) == Failure(FailInfo.BAD_REQUEST, "not ours")


@pytest.mark.parametrize("first", ["approve", "deny"])
@pytest.mark.parametrize("second", ["approve", "deny"])
def test_a_decision_is_made_once(lab, console, client, first, second):
    lab.send(client, client.pkcs_req())
    made = console.post(f"/api/requests/1/{first}").json
    assert error_of(console.post(f"/api/requests/1/{second}")) == (409, "wrong-state")
    assert console.get("/api/requests").json["requests"] == [made]


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_nothing_is_decided_about_another_request_than_the_one_seen(lab, console, client, verb):
    lab.send(client, client.pkcs_req())
    seen = console.get("/api/requests/1").json["fingerprints"]["sha256"]
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="another"))))
    shown = console.get("/api/requests/1").json["fingerprints"]["sha256"]
    assert shown != seen
    guarded = f"/api/requests/1/{verb}"
    assert error_of(console.post(guarded, {"seen_sha256": seen})) == (409, "changed")
    assert lab.store.request(1).state == "pending"
    assert console.post(guarded, {"seen_sha256": shown}).json["state"] in ("issued", "denied")


def test_many_at_once_each_with_a_result_of_its_own(lab, console, queue):
    lab.deny(2)
    seen = lab.store.request(4).sha256
    body = {
        "decision": "approve",
        "ids": [1, 2, 1, 99, 4, 5],
        "certificate_days": 3,
        "seen_sha256": {"4": seen, "5": seen},
    }
    results = console.post("/api/requests/decide", body).json["results"]
    outcome = [each["request"]["state"] if "request" in each else each["error"]["code"] for each in results]
    assert [each["id"] for each in results] == body["ids"]
    assert outcome == ["issued", "wrong-state", "wrong-state", "not-found", "issued", "changed"]
    assert [each.state for each in lab.requests] == ["issued", "denied", "pending", "issued", "pending"]
    denied = console.post("/api/requests/decide", {"decision": "deny", "ids": [3, 5], "reason": "no"}).json
    assert [each["request"]["reason"] for each in denied["results"]] == ["no", "no"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "approve"},
        {"decision": "approve", "ids": []},
        {"decision": "approve", "ids": [1] * 501},
        {"decision": "approve", "ids": ["1"]},
        {"decision": "grant", "ids": [1]},
        {"decision": "approve", "ids": [1], "reason": "why"},
        {"decision": "deny", "ids": [1], "certificate_days": 1},
        {"decision": "approve", "ids": [1], "certificate_days": 1, "lifetime_seconds": 60},
        {"decision": "approve", "ids": [1], "seen_sha256": {"1": 7}},
        {"decision": "approve", "ids": [1], "seen_sha256": {"01": "AB"}},
    ],
)
def test_many_at_once_is_refused_as_a_whole_when_it_makes_no_sense(lab, console, client, body):
    lab.send(client, client.pkcs_req())
    assert error_of(console.post("/api/requests/decide", body)) == (400, "bad-request")
    assert lab.store.request(1).state == "pending"


def test_notes(lab, console, client):
    lab.send(client, client.pkcs_req())
    noted = console.post("/api/requests/1/notes", {"text": "asked the owner\nby telephone"}).json
    [line] = noted["audit"]
    assert (line["what"], line["by"], line["text"]) == ("noted", "operator", "asked the owner\nby telephone")
    assert noted["state"] == "pending"
    for text in ("", "x" * 2001, "\x1b[2J", 5):
        assert error_of(console.post("/api/requests/1/notes", {"text": text})) == (400, "bad-request")


@pytest.mark.parametrize("request_id", ["2", "0", "x", "1.0", "+1", str(2**63), str(10**30)])
def test_no_such_request(lab, console, client, request_id):
    lab.send(client, client.pkcs_req())
    assert error_of(console.get(f"/api/requests/{request_id}")) == (404, "not-found")
    for verb in ("approve", "deny"):
        assert error_of(console.post(f"/api/requests/{request_id}/{verb}")) == (404, "not-found")
    noted = console.post(f"/api/requests/{request_id}/notes", {"text": "x"})
    assert error_of(noted) == (404, "not-found")


def test_the_page_shows_the_queue_and_escapes_it(lab, console, make_client):
    client = make_client(name="<script>alert(1)</script>")
    assert "none yet" in console.get("/").text
    lab.send(client, client.pkcs_req())
    page = console.get("/").text
    assert r"CN=\&lt;script\&gt;alert(1)" in page  # the backslashes are RFC 4514's
    assert "<script" not in page
    assert lab.store.request(1).md5 in page


def test_an_expired_ca_cannot_approve(lab, console, client):
    lab.send(client, client.pkcs_req())
    lab.clock.instant = lab.authority.ca.certificate.not_after
    assert error_of(console.post("/api/requests/1/approve")) == (409, "wrong-state")
    lab.clock.instant = lab.authority.ca.certificate.not_before
    assert console.post("/api/requests/1/approve").json["state"] == "issued"
    assert isinstance(lab.send(client, client.poll()), Success)
