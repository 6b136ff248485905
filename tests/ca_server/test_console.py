"""The operators' API: who may, what is shown, what is refused."""

import base64

import pytest

from scep_core.messages import Failure, PkcsReq, Success
from scep_core.values import Digest, FailInfo


class Console:
    """The API with an operator's credentials."""

    def __init__(self, app, operator):
        self.web = app.test_client()
        text = f"{operator.username}:{operator.password}".encode()
        self.headers = {"Authorization": "Basic " + base64.b64encode(text).decode()}

    def get(self, path):
        return self.web.get(path, headers=self.headers)

    def post(self, path, **options):
        return self.web.post(path, headers=self.headers, **options)


@pytest.fixture
def console(lab, operator):
    return Console(lab.apps.console, operator)


def error_of(answer):
    assert set(answer.json) == {"error"}
    assert answer.json["error"]["message"]
    return answer.status_code, answer.json["error"]["code"]


@pytest.mark.parametrize(
    "authorization",
    [None, "Basic b3BlcmF0b3I6d3Jvbmc=", "Basic !!!", "Basic", "Bearer x", "Basic " + "b3BlcmF0b3I6/w=="],
)
@pytest.mark.parametrize("path", ["/", "/api/requests", "/api/requests/1", "/api/certificates", "/nowhere"])
def test_nobody_sees_anything_without_the_password(lab, path, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = lab.apps.console.test_client().get(path, headers=headers)
    assert error_of(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_nobody_approves_without_the_password(lab, client):
    lab.send(client, client.pkcs_req())
    answer = lab.apps.console.test_client().post("/api/requests/1/approve", json={})
    assert error_of(answer) == (401, "unauthorized")
    assert lab.store.request(1).state == "pending"


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
        "challenge": "present",
        "signer": "self-signed",
        "profile": "compat",
        "source": "192.0.2.1",
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
    assert console.get("/api/requests/1").json == shown | {"fingerprints": prints, "decisions": []}


def test_approve(lab, console, client):
    lab.send(client, client.pkcs_req())
    lab.clock.advance()
    approved = console.post("/api/requests/1/approve", json={}).json
    [issued] = lab.send(client, client.poll()).certificates
    serial = f"{issued.serial_number:X}"
    assert approved["serial_number"].lstrip("0") == serial
    assert (approved["state"], approved["decided_by"]) == ("issued", "operator")
    assert approved["decided_at"] == "2026-03-01T12:01:00.123456Z"
    [decision] = console.get("/api/requests/1").json["decisions"]
    assert (decision["what"], decision["by"], decision["at"]) == (
        "issued",
        "operator",
        approved["decided_at"],
    )
    [certificate] = console.get("/api/certificates").json["certificates"]
    pem = certificate.pop("pem").splitlines()
    assert base64.b64decode("".join(pem[1:-1])) == issued.der
    assert certificate == {
        "serial_number": approved["serial_number"],
        "request_id": 1,
        "subject": "CN=r1.lab",
        "not_before": "2026-03-01T12:01:00.000000Z",
        "not_after": "2027-03-01T12:01:00.000000Z",
    }


def test_deny_with_a_reason(lab, console, client):
    lab.send(client, client.pkcs_req())
    denied = console.post("/api/requests/1/deny", json={"reason": "not ours"}).json
    assert (denied["state"], denied["reason"], denied["serial_number"]) == ("denied", "not ours", None)
    assert lab.send(client, client.poll()) == Failure(FailInfo.BAD_REQUEST, "not ours")


@pytest.mark.parametrize("first", ["approve", "deny"])
@pytest.mark.parametrize("second", ["approve", "deny"])
def test_a_decision_is_made_once(lab, console, client, first, second):
    lab.send(client, client.pkcs_req())
    made = console.post(f"/api/requests/1/{first}", json={}).json
    assert error_of(console.post(f"/api/requests/1/{second}", json={})) == (409, "wrong-state")
    assert console.get("/api/requests").json["requests"] == [made]


def test_requests_by_state(lab, console, make_client):
    for number in range(3):
        client = make_client(number, f"r{number}")
        lab.send(client, client.pkcs_req())
    lab.approve(1)
    lab.deny(3)

    def subjects(query):
        return [each["subject"] for each in console.get(f"/api/requests{query}").json["requests"]]

    assert subjects("") == ["CN=r0", "CN=r1", "CN=r2"]
    assert (subjects("?state=issued"), subjects("?state=pending")) == (["CN=r0"], ["CN=r1"])
    assert subjects("?state=denied") == ["CN=r2"]
    assert error_of(console.get("/api/requests?state=lost")) == (400, "bad-request")


@pytest.mark.parametrize("request_id", ["2", "0", str(2**63), str(10**30)])
def test_no_such_request(lab, console, client, request_id):
    lab.send(client, client.pkcs_req())
    assert error_of(console.get(f"/api/requests/{request_id}")) == (404, "not-found")
    assert error_of(console.post(f"/api/requests/{request_id}/approve", json={})) == (404, "not-found")
    assert error_of(console.post(f"/api/requests/{request_id}/deny", json={})) == (404, "not-found")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": "{}"}, 415),  # what a form on somebody else's page can send
        ({"data": "{}", "content_type": "text/plain"}, 415),
        ({"data": "reason=x", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"json": []}, 400),
        ({"json": {"reason": 7}}, 400),
        ({"json": {"reason": "x" * 256}}, 400),
        ({"json": {"reason": "two\nlines"}}, 400),
        ({"data": '{"reason": "\\ud800"}', "content_type": "application/json"}, 400),
        ({"data": b"x" * 100_000, "content_type": "application/json"}, 413),
    ],
)
def test_a_change_is_json_and_its_reason_a_line_of_text(lab, console, client, options, status):
    lab.send(client, client.pkcs_req())
    assert error_of(console.post("/api/requests/1/deny", **options)) == (status, "bad-request")
    assert lab.store.request(1).state == "pending"


def test_the_page_shows_the_queue_and_escapes_it(lab, console, make_client):
    client = make_client(name="<script>alert(1)</script>")
    assert "none yet" in console.get("/").text
    lab.send(client, client.pkcs_req())
    page = console.get("/").text
    assert r"CN=\&lt;script\&gt;alert(1)" in page  # the backslashes are RFC 4514's
    assert "<script" not in page
    assert lab.store.request(1).md5 in page


def test_other_methods_and_paths(console):
    assert error_of(console.get("/api/requests/1/approve")) == (405, "bad-request")
    assert error_of(console.get("/api/nothing")) == (404, "not-found")


def test_an_expired_ca_cannot_approve(lab, console, client):
    lab.send(client, client.pkcs_req())
    lab.clock.instant = lab.authority.ca.certificate.not_after
    assert error_of(console.post("/api/requests/1/approve", json={})) == (409, "wrong-state")
    lab.clock.instant = lab.authority.ca.certificate.not_before
    assert console.post("/api/requests/1/approve", json={}).json["state"] == "issued"
    assert isinstance(lab.send(client, client.poll()), Success)
