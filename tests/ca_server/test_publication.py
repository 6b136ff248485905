"""CRLs and certificates over HTTP, as clients and caches take them, and the page for revoking one's own."""

import ssl
from datetime import timedelta
from html import escape

import pytest
import structlog
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from ca_server.domain.authority import Shape
from ca_server.domain.crl_desk import Serving
from ca_server.domain.ledger import StoreBusy
from ca_server.publication import create_publication
from scep_core.crls import read_crl
from scep_core.messages import Failure, GetCrl, PkcsReq
from tests.ca_server.revocation_stage import PASSWORD, START, authority, staged

NOW = START + timedelta(minutes=5)


class ManualClock:
    """Stands still until told."""

    instant = NOW

    def now(self):
        return self.instant


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def stage(tmp_path):
    with staged(f"sqlite:///{tmp_path}/store.sqlite3", authority(Shape(with_root=True))) as stage:
        stage.desk.current_crls(START)
        yield stage


@pytest.fixture
def web(stage, clock):
    app = Flask(__name__)
    app.register_blueprint(create_publication(stage.desk, stage.succession, clock))
    app.register_error_handler(HTTPException, lambda error: (f"{error.description}\n", error.code))
    return app.test_client()


def serial_numbers(answer):
    return [each.serial_number for each in read_crl(answer.data).revoked]


def post(web, serial_number, password, **more):
    return web.post("/revoke", data={"serial_number": serial_number, "password": password}, **more)


# ---------------------------------------------------------------------------------------- what is published


def test_crls_by_name_and_that_of_now(web, stage, clock):
    for path, name in (("ca", "ca-1"), ("ca-1", "ca-1"), ("root-1", "root-1")):
        answer = web.get(f"/crl/{path}.crl")
        assert (answer.status_code, answer.content_type) == (200, "application/pkix-crl")
        assert answer.data == stage.desk.crl(name, NOW)
    later = NOW + timedelta(days=30)
    stage.generations.append(authority(Shape(with_root=True), number=2, now=later))
    assert web.get("/crl/ca.crl").data == stage.desk.crl("ca-1", NOW)
    clock.instant = later
    assert web.get("/crl/ca.crl").data == stage.desk.crl("ca-2", later)
    assert web.get("/ca/ca.cer").data == stage.generations[1].ca.certificate.der


def test_certificates(web, stage):
    by = stage.generations[0]
    for path, ca in (("ca", by.ca), ("ca-1", by.ca), ("root-1", by.root)):
        answer = web.get(f"/ca/{path}.cer")
        assert (answer.status_code, answer.content_type) == (200, "application/pkix-cert")
        assert answer.data == ca.certificate.der
        again = web.get(f"/ca/{path}.cer", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    answer = web.get("/ca/chain.pem")
    assert answer.content_type == "application/pem-certificate-chain"
    pem = [ssl.DER_cert_to_PEM_cert(ca.certificate.der) for ca in (by.ca, by.root)]
    assert answer.text == "".join(pem)


@pytest.mark.parametrize("path", ["/crl/ca-9.crl", "/ca/ca-9.cer", "/ca/ra-signing.cer", "/crl/ca-1"])
def test_unknown_names(web, path):
    answer = web.get(path)
    assert answer.status_code == 404
    assert not answer.data.startswith(b"<")


def test_a_cache_asks_each_time_and_is_told_that_nothing_has_changed(web, stage, clock):
    first = web.get("/crl/ca.crl")
    assert first.headers["Cache-Control"] == "no-cache"
    assert "Expires" not in first.headers
    # HTTP's dates are the lab's.
    assert (first.headers["Date"], first.headers["Last-Modified"]) == (http_date(NOW), http_date(START))
    by_tag = {"If-None-Match": first.headers["ETag"]}
    by_date = {"If-Modified-Since": first.headers["Last-Modified"]}
    for headers in (by_tag, by_date):
        again = web.get("/crl/ca.crl", headers=headers)
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    stage.desk.issue_crl(by="operator", now=NOW)
    for headers in (by_tag, by_date):
        changed = web.get("/crl/ca.crl", headers=headers)
        assert (changed.status_code, read_crl(changed.data).number) == (200, 2)


def test_two_crls_of_one_second_are_told_apart(web, stage, clock):
    clock.instant = START  # the second in which the first one was made
    first = web.get("/crl/ca.crl")
    assert "Last-Modified" not in first.headers
    stage.desk.issue_crl(by="operator", now=START)
    clock.instant = NOW
    changed = web.get("/crl/ca.crl", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, read_crl(changed.data).number) == (200, 2)


def test_head(web):
    got, head = web.get("/crl/ca.crl"), web.head("/crl/ca.crl")
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
        assert head.headers[name] == got.headers[name]


def test_a_crl_is_made_anew_when_its_time_has_come_and_not_before(web, stage, clock):
    assert {read_crl(web.get("/crl/ca.crl").data).number for _ in range(3)} == {1}
    clock.instant = START + timedelta(days=20)
    assert {read_crl(web.get("/crl/ca.crl").data).number for _ in range(3)} == {2}


def test_what_is_served_for_tests(web, stage, clock):
    good = web.get("/crl/ca.crl")
    by_date = {"If-Modified-Since": good.headers["Last-Modified"]}
    for serving in (Serving.EXPIRED, Serving.WRONG_SIGNER, Serving.HUGE):
        stage.desk.set_serving(serving, by="operator", now=NOW)
        # Its dates do not tell it from the good one, so they are not compared.
        spoilt = web.get("/crl/ca.crl", headers=by_date)
        assert spoilt.status_code == 200
        assert spoilt.data == stage.desk.crl("ca-1", NOW) != good.data
        assert "Last-Modified" not in spoilt.headers
    stage.desk.set_serving(Serving.MISSING, by="operator", now=NOW)
    assert web.get("/crl/ca.crl").status_code == 404
    assert web.get("/ca/ca.cer").status_code == 200


# ---------------------------------------------------------------------------------------- the owner's page


def test_the_page_needs_nothing_from_elsewhere(web):
    page = web.get("/revoke?serial_number=1&password=typed-into-the-url")
    assert page.status_code == 200
    assert "typed-into-the-url" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for no in ("<script", "style=", "<style", "http:", "https:"):
        assert no not in page.text
    assert 'method="post"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    assert web.get("/revoke.css").content_type.startswith("text/css")


@pytest.mark.parametrize("spelling", ["{:x}", "0x{:X}", "{:040X}"])
def test_the_owner_revokes_by_the_form(web, stage, spelling):
    serial_number = stage.issue(password=PASSWORD)
    answer = post(web, spelling.format(serial_number), PASSWORD)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert f"{serial_number:X} is revoked" in answer.text
    assert serial_numbers(web.get("/crl/ca.crl")) == [serial_number]


@pytest.mark.parametrize("between", [":", " ", "-"])
def test_serial_numbers_as_programs_print_them(web, stage, between):
    serial_number = stage.issue(password=PASSWORD)
    assert post(web, serial_number.to_bytes(16, "big").hex(between, 2), PASSWORD).status_code == 200


def test_the_owner_revokes_by_json(web, stage):
    serial_number = stage.issue(password=PASSWORD)
    answer = web.post("/revoke", json={"serial_number": f"{serial_number:X}", "password": PASSWORD})
    assert answer.status_code == 200
    assert (answer.json["result"], answer.json["serial_number"]) == ("revoked", f"{serial_number:X}")
    again = web.post("/revoke", json={"serial_number": f"{serial_number:X}", "password": PASSWORD})
    assert (again.status_code, again.json["result"]) == (409, "wrong-state")


def test_unknown_and_wrong_read_the_same_and_three_tries_lock(web, stage):
    serial_number, without = stage.issue(password=PASSWORD), stage.issue()
    said = set()
    for number in (serial_number, without, 4711):
        answer = post(web, f"{number:X}", "guess")
        assert answer.status_code == 403
        said.add(answer.text.replace(f"{number:X}", "N"))
    assert len(said) == 1
    assert "guess" not in said.pop()
    post(web, f"{serial_number:X}", "guess")
    for password in ("guess", PASSWORD):
        locked = web.post("/revoke", json={"serial_number": f"{serial_number:X}", "password": password})
        assert (locked.status_code, locked.json["result"]) == (403, "locked")
    assert serial_numbers(web.get("/crl/ca.crl")) == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}},
        {"data": {"serial_number": "1"}},
        {"data": {"serial_number": "1", "password": ""}},
        {"data": {"serial_number": "<script>", "password": "x"}},
        {"data": {"serial_number": "1" * 41, "password": "x"}},
        {"json": ["1", "x"]},
        {"json": {"serial_number": 1, "password": "x"}},
        {"json": {"serial_number": "1", "password": None}},
        {"data": "{", "content_type": "application/json"},
        {"data": "[" * 4000, "content_type": "application/json"},
        {"json": {"serial_number": "1", "password": "x" * 5000}},
        {"data": {"serial_number": "1", "password": "x" * 5000}},
    ],
)
def test_what_is_no_revocation(web, body):
    answer = web.post("/revoke", **body)
    assert answer.status_code in (400, 413)
    if "json" in body or "content_type" in body:
        assert answer.json["result"] == {400: "bad-request", 413: "too-large"}[answer.status_code]
        assert answer.json["message"].startswith("Refused: ")
        return
    assert '<p role="status">Refused: ' in answer.text
    assert answer.headers["Content-Security-Policy"]
    typed = body["data"].get("serial_number", "") if answer.status_code == 400 else ""
    assert f'value="{escape(typed)}"' in answer.text  # the form is as it was, but for the password


def test_odd_passwords_are_only_wrong(web, stage):
    serial_number = stage.issue(password=PASSWORD)
    answer = web.post("/revoke", json={"serial_number": f"{serial_number:X}", "password": "\ud800\0"})
    assert answer.status_code == 403


def test_the_password_is_not_logged(web, stage):
    serial_number = stage.issue(password=PASSWORD)
    with structlog.testing.capture_logs() as lines:
        post(web, f"{serial_number:X}", "a wrong guess", environ_base={"REMOTE_ADDR": "192.0.2.9"})
        post(web, f"{serial_number:X}", PASSWORD)
    assert [line["event"] for line in lines] == ["revocation-refused", "revoked"]
    assert lines[0]["source"] == "192.0.2.9"
    assert "guess" not in str(lines)
    assert PASSWORD not in str(lines)


def test_a_busy_store_is_told(web, stage, monkeypatch):
    def busy(*_):
        raise StoreBusy("locked")

    monkeypatch.setattr(stage.store, "latest_crl", busy)
    answer = web.get("/crl/ca.crl")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


# ---------------------------------------------------------------------------------------- the whole CA


def test_from_the_enrolment_to_the_crl(automatic, client):
    """The password that a router was told at its enrolment revokes its certificate; GetCRL tells of it."""
    reply = automatic.send(client, client.seal(PkcsReq(client.csr(challenge=PASSWORD))))
    serial_number = reply.certificates[0].serial_number
    web = automatic.apps.scep.test_client()
    assert post(web, f"{serial_number:X}", "guess").status_code == 403
    assert post(web, f"{serial_number:X}", PASSWORD).status_code == 200
    by_scep = automatic.send(client, client.seal(GetCrl(automatic.authority.ca.certificate.subject, 1)))
    assert by_scep.crls == (web.get("/crl/ca.crl").data,)
    assert serial_numbers(web.get("/crl/ca-1.crl")) == [serial_number]
    automatic.desks.revocation.set_serving(Serving.HUGE, by="operator", now=NOW)
    by_scep = automatic.send(client, client.seal(GetCrl(automatic.authority.ca.certificate.subject, 1)))
    assert by_scep.crls == (web.get("/crl/ca.crl").data,)
    assert len(by_scep.crls[0]) > 3_000_000
    automatic.desks.revocation.set_serving(Serving.MISSING, by="operator", now=NOW)
    missing = automatic.send(client, client.seal(GetCrl(automatic.authority.ca.certificate.subject, 1)))
    assert isinstance(missing, Failure)
    assert web.get("/crl/ca.crl").status_code == 404
