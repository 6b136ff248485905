"""The operators' API: publishing, switching, taking back, files of any kind; and who may not."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from bundles.app import ManagedBundles
from bundles.shelf import MAX_EVENTS, MAX_FILES
from scep_core import names
from tests.bundles.stage import SECOND, START, Stage

FULL = "/security/pki/trs/ios.p7b"
CORE = "/security/pki/trs/ios_core.p7b"


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def publish(stage: Stage, **body):
    return stage.management.put("/api/published", json=body)


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_a_bundle_is_shown_with_its_members(stage):
    shown = stage.management.get("/api/bundles/full").json
    assert (shown["form"], shown["fault"], shown["certificates"]) == ("pkcs7", None, 11)
    assert shown["signer"] == "CN=Lab Trusted Root Store Signer,O=scep-lab"
    assert shown["paths"] == [FULL]
    first = shown["members"][0]
    assert first["subject"] == first["issuer"] == "CN=Lab Root CA 2048,O=scep-lab"
    assert first["not_after"] == "2054-05-14T20:25:42.000000Z"
    assert len(first["fingerprints"]["sha1"]) == 40
    listed = {each["name"]: each for each in stage.management.get("/api/bundles").json["bundles"]}
    assert listed["full"].items() <= shown.items()


def test_a_path_is_switched_and_taken_back(stage):
    core, full = stage.get(CORE).data, stage.get(FULL).data
    stage.advance(timedelta(days=1))
    shown = publish(stage, path=FULL, bundle="core").json
    assert (shown["bundle"], shown["coming"]) == ("core", [])
    assert stage.get(FULL).data == core
    stage.advance(SECOND)
    date = stage.get(FULL).headers["Last-Modified"]
    stage.advance(timedelta(days=1))
    assert stage.get(FULL).headers["Last-Modified"] == date
    assert stage.management.delete(f"/api/published?path={FULL}").status_code == 204
    assert stage.get(FULL).data == full
    stage.advance(SECOND)
    assert stage.get(FULL, If_Modified_Since=date).status_code == 200
    assert code(stage.management.delete(f"/api/published?path={FULL}")) == (404, "not-found")


def test_a_bundle_is_published_at_a_path_of_ones_own(stage):
    assert publish(stage, path="/my/own.p7b", bundle="core").status_code == 200
    assert stage.get("/my/own.p7b").data == stage.get(CORE).data
    stage.management.delete("/api/published?path=/my/own.p7b")
    assert stage.get("/my/own.p7b").status_code == 404


def test_a_switch_that_is_said_beforehand_is_a_timer(stage):
    shown = publish(stage, path=CORE, bundle="successor", in_seconds=86400).json
    assert shown["bundle"] == "core"
    timers = stage.management.get("/_lab/timers").json
    assert [(each["owner"], each["name"]) for each in timers["timers"]] == [
        ("bundles", f"{CORE} becomes successor"),
        ("bundles", "/changing/ios.p7b becomes successor"),
    ]
    assert timers["fired"] == 0
    stage.advance(timedelta(days=1))
    fired = stage.management.post("/_lab/timers/run", json={"after": 0}).json["fired"]
    assert [(each["sequence"], each["outcome"]) for each in fired] == [(1, "successor is published")]
    assert stage.management.get("/_lab/timers").json["fired"] == 1
    stage.advance(timedelta(days=30))
    (second,) = stage.management.post("/_lab/timers/run", json={"after": 1}).json["fired"]
    assert (second["sequence"], second["name"]) == (2, "/changing/ios.p7b becomes successor")


def test_of_two_switches_at_one_instant_the_operators_counts(folder):
    stage = Stage(folder, ("lab", "changing"), START.replace(microsecond=0))
    day_25 = int(timedelta(days=25).total_seconds())
    publish(stage, path="/changing/ios.p7b", bundle="core", in_seconds=day_25)
    stage.advance(timedelta(days=26))
    fired = stage.management.post("/_lab/timers/run", json={"after": 0}).json["fired"]
    assert {(each["name"], each["outcome"]) for each in fired} == {
        ("/changing/ios.p7b becomes core", "core is published"),
        ("/changing/ios.p7b becomes successor", "another one counts"),
    }
    assert stage.get("/changing/ios.p7b").data == stage.get(CORE).data


def test_what_was_published_is_so_after_a_restart(stage):
    publish(stage, path=FULL, bundle="core")
    publish(stage, path=CORE, bundle="successor", in_seconds=60)
    body = {"name": "mine", "content": b64(b"anything"), "path": "/mine"}
    stage.management.post("/api/bundles", json=body)
    before = stage.published
    stage.advance(SECOND)
    again = stage.again()
    assert again.published == before
    assert again.get("/mine").headers["Last-Modified"] == stage.get("/mine").headers["Last-Modified"]
    again.advance(timedelta(minutes=1))
    assert again.get(CORE).data == before["/security/pki/trs/ios_successor.p7b"]


def test_a_switch_that_came_while_the_server_was_down_has_come(stage):
    publish(stage, path=CORE, bundle="successor", in_seconds=60)
    stage.advance(timedelta(minutes=2))
    again = stage.again()
    assert again.get(CORE).data == again.get("/security/pki/trs/ios_successor.p7b").data
    assert again.management.get("/_lab/timers").json["fired"] == 0


def test_what_names_a_bundle_that_the_recipes_lost_is_left_out(stage):
    publish(stage, path="/mine", bundle="successor")
    again = stage.again(["builtin"])
    assert again.get("/mine").status_code == 404
    assert again.get("/builtin.pem").status_code == 200


def test_any_file_can_be_published_and_replaced(stage):
    body = {"name": "mine", "content": b64(b"\0anything"), "content_type": "text/plain", "path": "/mine.bin"}
    shown = stage.management.post("/api/bundles", json=body).json
    assert (shown["form"], shown["size"], shown["paths"]) == ("file", 9, ["/mine.bin"])
    answer = stage.get("/mine.bin")
    assert (answer.data, answer.content_type) == (b"\0anything", "text/plain")
    stage.advance(timedelta(hours=1))
    assert stage.management.post("/api/bundles", json=body | {"content": b64(b"other")}).status_code == 200
    stage.advance(SECOND)
    new = stage.get("/mine.bin", If_None_Match=answer.headers["ETag"])
    assert new.data == b"other"
    assert new.last_modified == (stage.clock.now() - SECOND).replace(microsecond=0)
    assert code(stage.management.delete("/api/bundles/mine")) == (409, "conflict")
    stage.management.delete("/api/published?path=/mine.bin")
    assert stage.management.delete("/api/bundles/mine").status_code == 204
    assert code(stage.management.get("/api/bundles/mine")) == (404, "not-found")
    assert list((stage.folder / "files").iterdir()) == []


def test_there_is_an_end_to_files_and_to_events(stage):
    for number in range(MAX_FILES):
        body = {"name": f"file-{number}", "content": ""}
        assert stage.management.post("/api/bundles", json=body).status_code == 200
    assert code(stage.management.post("/api/bundles", json={"name": "more", "content": ""})) == (409, "full")
    for number in range(MAX_EVENTS):
        assert publish(stage, path=CORE, bundle="full", in_seconds=1 + number).status_code == 200
    assert code(publish(stage, path=CORE, bundle="full", in_seconds=10_000)) == (409, "full")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "path: a text is needed"),
        ({"path": "x", "bundle": "core"}, "path: a path begins with /"),
        ({"path": "/../../etc/passwd", "bundle": "core"}, "path: a path is made of"),
        ({"path": "/a/./b", "bundle": "core"}, "path: a path is made of"),
        ({"path": "/a//b", "bundle": "core"}, "path: a path is made of"),
        ({"path": "/a?b", "bundle": "core"}, "path: a path is made of"),
        ({"path": "/" + "a" * 300, "bundle": "core"}, "path: a path begins with /"),
        ({"path": "/crl/lab-root-m1.crl", "bundle": "core"}, "path: below /crl/ are the CRLs"),
        ({"path": "/index.json", "bundle": "core"}, "path: a path begins with /"),
        ({"path": "/x", "bundle": 7}, "bundle: a name is made of"),
        ({"path": "/x", "bundle": "../core"}, "bundle: a name is made of"),
        ({"path": "/x", "bundle": "core", "in_seconds": -1}, "in_seconds: from 1 second"),
        ({"path": "/x", "bundle": "core", "in_seconds": 1e300}, "in_seconds: a whole number"),
        ({"path": "/x", "bundle": "core", "in_seconds": 10**30}, "in_seconds: from 1 second"),
        ([], "the body is a JSON object"),
    ],
)
def test_what_makes_no_sense_is_refused(stage, body, told):
    answer = stage.management.put("/api/published", json=body)
    assert code(answer) == (400, "bad-request")
    assert answer.json["error"]["message"].startswith(told)


def test_unknown_bundles_and_idle_paths_are_refused(stage):
    assert code(publish(stage, path="/x", bundle="none")) == (404, "not-found")
    assert code(publish(stage, path="/x", bundle="core", in_seconds=60)) == (404, "not-found")
    assert code(stage.management.get("/api/bundles/none")) == (404, "not-found")
    assert code(stage.management.delete("/api/bundles/full")) == (404, "not-found")
    body = {"name": "full", "content": ""}
    assert code(stage.management.post("/api/bundles", json=body)) == (409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "mine", "content": "no base64!"},
        {"name": "mine"},
        {"name": "../mine", "content": ""},
        {"name": "mine", "content": "", "content_type": "a\r\nSet-Cookie: b"},
        {"name": "mine", "content": "", "path": "/a/../b"},
    ],
)
def test_files_that_make_no_sense_are_refused(stage, body):
    assert code(stage.management.post("/api/bundles", json=body)) == (400, "bad-request")
    assert list((stage.folder / "files").iterdir()) == []


def test_no_web_page_may_publish(stage):
    plain = stage.management.put(
        "/api/published", data='{"path": "/x", "bundle": "core"}', content_type="text/plain"
    )
    assert plain.status_code == 415
    rebound = stage.management.get("/api/bundles", headers={"Host": "attacker.example"})
    assert rebound.status_code == 403
    nested = "[" * 100_000
    assert stage.management.put(
        "/api/published", data=nested, content_type="application/json"
    ).status_code in (400, 413)


def test_the_service_is_called_as_in_the_endpoints(stage):
    assert ManagedBundles.name == "bundles"
    health = stage.management.get("/_lab/health").json
    assert health["service"] == "bundles"
    assert health["published"] > 5


def test_names_are_shown_as_rfc_4514_has_them(stage):
    for each in stage.management.get("/api/bundles/full").json["members"]:
        assert names.parse_text(each["subject"])
