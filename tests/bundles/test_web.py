"""The public port: bundles as they are served, conditional requests, and what the world sends."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from scep_core.crls import read_crl, verify_crl
from tests.bundles.stage import SECOND, START, Stage

FULL = "/security/pki/trs/ios.p7b"
CHANGING = "/changing/ios.p7b"


def http_date(instant) -> str:
    return format_datetime(instant.replace(microsecond=0), usegmt=True)


def test_bundles_are_served_with_their_media_types(folder):
    stage = Stage(folder, ("lab", "faults"))
    for path, media_type in (
        (FULL, "application/x-pkcs7-certificates"),
        ("/security/pki/trs/ios.pem", "application/x-pem-file"),
        ("/odd/single.cer", "application/pkix-cert"),
        ("/odd/wrong-type.p7b", "text/html; charset=utf-8"),
        ("/faults/empty.p7b", "application/x-pkcs7-certificates"),
    ):
        answer = stage.get(path)
        assert (answer.status_code, answer.content_type) == (200, media_type)
        assert answer.headers["Content-Length"] == str(len(answer.data))


def test_a_head_is_a_get_without_its_body(stage):
    head, get = stage.public.head(FULL), stage.get(FULL)
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(get.data))
    assert head.headers["ETag"] == get.headers["ETag"]


def test_the_etag_is_the_contents_hash(stage):
    answer = stage.get(FULL)
    tag = answer.headers["ETag"]
    assert tag == f'"{hashlib.sha256(answer.data).hexdigest()[:32]}"'
    again = stage.get(FULL, If_None_Match=tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert stage.get(FULL, If_None_Match=f'"old", W/{tag}').status_code == 304
    assert stage.get(FULL, If_None_Match='"old"').status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_last_modified_is_the_lab_time_of_the_last_change(stage):
    stage.advance(timedelta(days=400))
    answer = stage.get(FULL)
    assert answer.headers["Last-Modified"] == http_date(START)
    assert answer.headers["Date"] == http_date(START + timedelta(days=400))
    assert stage.get(FULL, If_Modified_Since=http_date(START)).status_code == 304
    assert stage.get(FULL, If_Modified_Since=http_date(START - SECOND)).status_code == 200


def test_an_etag_counts_more_than_a_date(stage):
    stage.advance(SECOND)
    headers = {"If_None_Match": '"old"', "If_Modified_Since": http_date(stage.clock.now())}
    assert stage.get(FULL, **headers).status_code == 200


def test_within_the_second_of_a_change_no_date_is_told(stage):
    assert "Last-Modified" not in stage.get(FULL).headers
    stage.advance(SECOND)
    assert "Last-Modified" in stage.get(FULL).headers


def test_a_bundle_switches_when_the_clock_comes_to_it(stage):
    stage.advance(timedelta(days=24))
    before = stage.get(CHANGING)
    assert before.data == stage.get("/security/pki/trs/ios_expiring.p7b").data
    stage.advance(timedelta(days=1))
    after = stage.get(CHANGING, If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert after.data == stage.get("/security/pki/trs/ios_successor.p7b").data
    stage.advance(SECOND)
    after = stage.get(CHANGING)
    modified = parsedate_to_datetime(after.headers["Last-Modified"])
    assert modified == START.replace(microsecond=0) + timedelta(days=25)
    assert stage.get(CHANGING, If_Modified_Since=before.headers["Last-Modified"]).status_code == 200


def test_a_change_of_the_recipe_is_a_change(tmp_path):
    recipe = '[bundles.mine]\ncertificates = ["lab-root-m1"]\nform = "pem"\npaths = ["/mine.pem"]\n'
    (tmp_path / "mine.toml").write_text(recipe)
    stage = Stage(tmp_path / "state", (str(tmp_path / "mine.toml"),))
    stage.advance(timedelta(days=1))
    (tmp_path / "mine.toml").write_text(recipe.replace("m1", "m2"))
    stage = stage.again()
    stage.advance(SECOND)
    changed = stage.get("/mine.pem").headers["Last-Modified"]
    assert changed == http_date(START + timedelta(days=1))
    assert stage.get("/builtin.pem").headers["Last-Modified"] == http_date(START)


def test_the_index_tells_what_there_is(stage):
    page = stage.get("/")
    assert page.content_type == "text/html; charset=utf-8"
    assert f'<a href="{FULL}">' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    shown = {each["path"]: each for each in stage.get("/index.json").json["published"]}
    assert (shown[FULL]["bundle"], shown[FULL]["certificates"], shown[FULL]["signed"]) == ("full", 11, True)
    assert shown[CHANGING]["coming"] == [{"at": "2026-03-26T12:00:00.000000Z", "bundle": "successor"}]


def test_the_ca_of_https_has_a_crl(stage, built):
    answer = stage.get("/crl/lab-root-m1.crl")
    assert answer.content_type == "application/pkix-crl"
    crl = read_crl(answer.data)
    (m1,) = [each for each in built["builtin"].certificates if b"Lab Root CA M1" in each.subject]
    verify_crl(crl, m1)
    assert crl.revoked == ()
    assert crl.this_update <= stage.clock.now() < crl.next_update
    stage.advance(timedelta(days=365))
    later = read_crl(stage.get("/crl/lab-root-m1.crl").data)
    assert later.number > crl.number
    assert later.this_update <= stage.clock.now() < later.next_update


@pytest.mark.parametrize(
    "path",
    [
        "/../epoch",
        "/security/../published.json",
        "/security/pki/trs/%2e%2e/%2e%2e/keys/services.pem",
        "/keys/services.pem",
        "//etc/passwd",
        "/security//pki/trs/ios.p7b",
        "/security/pki/trs/ios.p7b/",
        "/SECURITY/pki/trs/ios.p7b",
        "/crl/services.crl",
        "/crl/../keys/services.crl",
        "/%00",
        "/" + "a" * 5000,
    ],
)
def test_what_is_not_published_is_not_found(stage, path):
    answer = stage.get(path)
    assert (answer.status_code, answer.text) == (404, "Not Found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_public_port_takes_nothing(stage, method):
    assert stage.public.open(FULL, method=method, data=b"x").status_code == 405
