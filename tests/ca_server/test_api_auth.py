"""Who gets in, from where, and what a change must look like."""

import base64
import hashlib
import re

import pytest
import structlog

from ca_server.api.app import create_console_app
from ca_server.api.openapi import ALL_ROUTES
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.profiles import BUILT_IN
from tests.ca_server.api_stage import Console, error_of


@pytest.fixture
def console(lab, operator):
    return Console(lab.apps.console, operator)


def bearer(lab, operator, text):
    return Console(lab.apps.console, operator, f"Bearer {text}")


WRONG = [
    None,
    "Basic b3BlcmF0b3I6d3Jvbmc=",
    "Basic !!!",
    "Basic",
    "Basic " + "b3BlcmF0b3I6/w==",
    "Bearer x",
    "Bearer",
    "Bearer " + "sceplab-" + "0" * 64,
    "Digest x",
]


@pytest.mark.parametrize("authorization", WRONG)
@pytest.mark.parametrize("path", ["/", "/api/", "/api/requests", "/api/openapi.json", "/nowhere"])
def test_nobody_sees_anything_without_credentials(lab, path, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = lab.apps.console.test_client().get(path, headers=headers)
    assert error_of(answer) == (401, "unauthorized")
    schemes = [challenge.split(" ")[0] for challenge in answer.headers.getlist("WWW-Authenticate")]
    assert schemes == ["Basic", "Bearer"]


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: route.name)
def test_nobody_does_anything_without_credentials(lab, route):
    path = route.path.format(id=1, serial_number="00")
    answer = lab.apps.console.test_client().open(path, method=route.method, json={})
    assert error_of(answer) == (401, "unauthorized")
    assert lab.store.setting("crl-serving") is None


def test_a_failed_login_is_logged_without_what_was_typed(lab):
    typed = base64.b64encode(b"my-password:other-password").decode()
    web = lab.apps.console.test_client()
    with structlog.testing.capture_logs() as logged:
        web.get("/", headers={"Authorization": f"Basic {typed}"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
        web.get("/")  # a browser's first request, before it has asked for the password
    assert logged == [
        {"event": "login failed", "log_level": "warning", "source": "192.0.2.7", "path": "/"},
    ]


def test_a_token_is_as_good_as_the_password_until_it_is_withdrawn(lab, console, operator, client):
    made = console.post("/api/tokens", {"name": "ci"})
    text = made.json["token"]
    assert (made.status_code, made.json["name"], made.json["created_by"]) == (201, "ci", "operator")
    assert text not in console.get("/api/tokens").text + console.get("/api/audit").text
    program = bearer(lab, operator, text)
    lab.send(client, client.pkcs_req())
    assert program.post("/api/requests/1/approve").json["decided_by"] == "token ci"
    assert console.delete(f"/api/tokens/{made.json['id']}").status_code == 200
    assert error_of(program.get("/api/requests")) == (401, "unauthorized")
    assert error_of(console.delete(f"/api/tokens/{made.json['id']}")) == (404, "not-found")
    assert [each["what"] for each in console.get("/api/audit").json["audit"]] == [
        "token",
        "issued",
        "token-withdrawn",
    ]


def test_a_token_makes_and_withdraws_no_tokens(lab, console, operator):
    program = bearer(lab, operator, console.post("/api/tokens", {"name": "ci"}).json["token"])
    assert error_of(program.post("/api/tokens", {"name": "more"})) == (403, "forbidden")
    assert error_of(program.delete("/api/tokens/1")) == (403, "forbidden")
    assert [each["name"] for each in program.get("/api/tokens").json["tokens"]] == ["ci"]


@pytest.mark.parametrize("name", ["", " ci", "a\tb", "x" * 65, "ci"])
def test_names_of_tokens(console, name):
    console.post("/api/tokens", {"name": "ci"})
    assert error_of(console.post("/api/tokens", {"name": name})) == (400, "bad-request")


def test_a_stolen_database_has_no_token(lab, console, tmp_path):
    text = console.post("/api/tokens", {"name": "ci"}).json["token"]
    [kept] = lab.store.tokens()
    assert text.encode() not in kept.digest
    assert text.removeprefix("sceplab-") not in kept.digest.hex()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_sites_page_changes_nothing(lab, console, client, headers):
    lab.send(client, client.pkcs_req())
    assert error_of(console.post("/api/requests/1/approve", headers=headers)) == (403, "forbidden")
    assert lab.store.request(1).state == "pending"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://LOCALHOST"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_page_does(lab, console, client, headers):
    lab.send(client, client.pkcs_req())
    assert console.post("/api/requests/1/approve", headers=headers).json["state"] == "issued"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8090", 403),
        ("", 403),
        ("127.0.0.1:8090", 200),
        ("[::1]:8090", 200),
        ("ca", 200),
        ("pki.lab.example:8090", 200),
        ("PKI.lab.example", 200),
    ],
)
def test_a_page_cannot_reach_it_under_a_name_of_its_own(lab, operator, host, status):
    app = create_console_app(lab.desks, operator, lab.clock, hosts={"pki.lab.example"})
    console = Console(app, operator)
    console.headers["Host"] = host
    assert console.get("/api/requests").status_code == status


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"data": "{}"}, (415, "not-json")),  # what a form on somebody else's page can send
        ({"data": "{}", "content_type": "text/plain"}, (415, "not-json")),
        ({"data": "reason=x", "content_type": "application/x-www-form-urlencoded"}, (415, "not-json")),
        ({"data": "{", "content_type": "application/json"}, (400, "bad-request")),
        ({"data": ""}, (415, "not-json")),
        ({"data": b"\xff{}", "content_type": "application/json"}, (400, "bad-request")),
        ({"data": "[" * 100_000, "content_type": "application/json"}, (400, "bad-request")),
        ({"data": '{"reason": NaN}', "content_type": "application/json"}, (400, "bad-request")),
        (
            {"data": '{"reason": "a", "reason": "b"}', "content_type": "application/json"},
            (400, "bad-request"),
        ),
        ({"data": '{"reason": "\\ud800"}', "content_type": "application/json"}, (400, "bad-request")),
        ({"json": []}, (400, "bad-request")),
        ({"json": {"reason": 7}}, (400, "bad-request")),
        ({"json": {"reason": None}}, (400, "bad-request")),
        ({"json": {"reason": "x" * 256}}, (400, "bad-request")),
        ({"json": {"reason": "two\nlines"}}, (400, "bad-request")),
        ({"json": {"reason": "\u202e"}}, (400, "bad-request")),
        ({"json": {"raeson": "x"}}, (400, "bad-request")),
        ({"data": b"x" * 300_000, "content_type": "application/json"}, (413, "too-large")),
    ],
)
def test_a_change_is_json_as_the_document_says(lab, console, client, options, refused):
    lab.send(client, client.pkcs_req())
    assert error_of(console.post("/api/requests/1/deny", **options)) == refused
    assert lab.store.request(1).state == "pending"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "limit=x", "limit=%2B1", "limit=1_0", "limit=٣", "limit=1&limit=2"),
        *("after=-1", f"after={2**63}", "order=up", "stat=pending", "state=", "search=%00"),
    ],
)
def test_a_slip_in_a_query_is_told(console, query):
    assert error_of(console.get(f"/api/requests?{query}")) == (400, "bad-request")


def test_a_busy_database_may_be_asked_again(lab, console, monkeypatch):
    def busy(*_):
        raise StoreBusy("the database is locked")

    monkeypatch.setattr(lab.store, "requests", busy)
    answer = console.get("/api/requests")
    assert error_of(answer) == (503, "busy")
    assert answer.headers["Retry-After"] == "1"


def test_a_fault_of_ours_tells_nothing_of_itself(lab, console, monkeypatch):
    monkeypatch.setattr(lab.store, "requests", lambda *_: 1 / 0)
    answer = console.get("/api/requests")
    assert error_of(answer) == (500, "internal")
    assert "division" not in answer.text


def test_a_body_may_be_left_out_where_all_of_it_may(lab, console, client):
    lab.send(client, client.pkcs_req())
    nothing = {"data": "", "content_type": "application/json"}
    for path in ("/api/requests/decide", "/api/requests/1/notes", "/api/tokens"):
        assert error_of(console.post(path, **nothing)) == (400, "bad-request")
    assert console.post("/api/requests/1/deny", **nothing).json["state"] == "denied"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda console: console.get("/api/challenges?foo=1"),
            "there is no query parameter 'foo'; there are limit, after, order",
        ),
        (
            lambda console: console.post("/api/crls", {"serial": 1}),
            "there is no field 'serial' in the body; there are none",
        ),
        (
            lambda console: console.post("/api/crls", data="[" * 100_000, content_type="application/json"),
            "the body is nested too deep",
        ),
        (
            lambda console: console.get("/api/audit?serial_number=xyz"),
            "serial_number is 1 to 20 octets in hexadecimal, two digits each",
        ),
        (
            lambda console: console.get("/api/requests?profile=x"),
            f"there is no profile 'x'; there are {', '.join(each.name for each in BUILT_IN)}",
        ),
        (
            lambda console: console.post(
                "/api/requests/decide", {"decision": "deny", "ids": [1], "profile": "ndes"}
            ),
            "profile does not go with the decision deny",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(console, ask, told):
    answer = ask(console)
    assert error_of(answer) == (400, "bad-request")
    assert answer.json["error"]["message"] == told


def test_other_methods_and_paths(console):
    refused = console.get("/api/requests/1/approve")
    assert error_of(refused) == (405, "not-allowed")
    assert refused.headers["Allow"] == "POST"
    assert error_of(console.delete("/api/audit")) == (405, "not-allowed")
    assert error_of(console.get("/api/nothing")) == (404, "not-found")


def test_the_pages_need_no_script_and_no_other_site(console):
    page = console.get("/api/")
    assert "/api/requests/{id}/approve" in page.text
    assert "<script" not in page.text
    for answer in (page, console.get("/"), console.get("/api/ca")):
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    [style] = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    by_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{by_hash}'" in page.headers["Content-Security-Policy"]
