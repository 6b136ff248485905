"""What operators do is done whole or not at all: refused, on a full disk, and from several sides at once."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bundles import state
from bundles.api import LARGEST_FILE, MAX_BODY
from tests.bundles.stage import Stage
from tests.bundles.test_api import CORE, FULL, b64, code, publish

MINE = {"name": "mine", "content": b64(b"first"), "path": "/mine"}


def add(stage: Stage, **body):
    return stage.management.post("/api/bundles", json=MINE | body)


def kept(stage: Stage) -> dict[str, bytes]:
    """What is in the state folder of what operators have done."""
    places = [stage.folder / "published.json", *(stage.folder / "files").iterdir()]
    return {place.name: place.read_bytes() for place in places}


def failing(error: int, place: str) -> Callable[[Path, bytes], None]:
    """A ``write_secret`` that cannot write to one place."""

    def write(path: Path, data: bytes) -> None:
        if place in str(path):
            raise OSError(error, "told by the system", str(path))
        path.write_bytes(data)

    return write


@pytest.fixture
def full_disk(monkeypatch) -> Callable[[str, int], None]:
    def fill(place: str, error: int = errno.ENOSPC) -> None:
        monkeypatch.setattr(state, "write_secret", failing(error, place))
        monkeypatch.setattr(
            state, "write_json", lambda path, value: state.write_secret(path, json.dumps(value).encode())
        )

    return fill


def test_a_file_whose_publishing_is_refused_is_not_taken(stage):
    before = kept(stage)
    assert code(add(stage, path="/none", in_seconds=60)) == (404, "not-found")
    assert code(stage.management.get("/api/bundles/mine")) == (404, "not-found")
    assert kept(stage) == before


def test_a_file_may_come_with_the_instant_of_its_publishing(stage):
    assert add(stage, path=CORE, in_seconds=60).json["paths"] == []
    coming = {each["path"]: each["coming"] for each in stage.public.get("/index.json").json["published"]}
    assert [each["bundle"] for each in coming[CORE]] == ["mine"]
    assert code(add(stage, path=None, in_seconds=60)) == (400, "bad-request")


@pytest.mark.parametrize("place", ["files/", "published.json"])
def test_on_a_full_disk_nothing_changes(stage, full_disk, place):
    add(stage)
    before, served = kept(stage), stage.get("/mine").data
    full_disk(place)
    refused = add(stage, content=b64(b"second"), path=FULL)
    assert code(refused) == (507, "disk-full")
    assert refused.json["error"]["message"] == "the disk is full"
    assert kept(stage) == before
    assert stage.get("/mine").data == served
    assert stage.management.get("/api/bundles/mine").json["paths"] == ["/mine"]
    assert stage.again().published == stage.published if place == "files/" else True


def test_on_a_full_disk_nothing_is_switched_taken_back_or_removed(stage, full_disk):
    add(stage)
    add(stage, name="idle", path=None)
    before = stage.published
    full_disk("published.json")
    assert code(publish(stage, path=FULL, bundle="core")) == (507, "disk-full")
    assert code(stage.management.delete("/api/published?path=/mine")) == (507, "disk-full")
    assert code(stage.management.delete("/api/bundles/idle")) == (507, "disk-full")
    assert {path: stage.get(path).data for path in before} == before
    assert stage.management.get("/api/bundles/idle").status_code == 200


def test_another_trouble_of_the_disk_is_told_too(stage, full_disk):
    full_disk("published.json", errno.EROFS)
    refused = add(stage)
    assert code(refused) == (500, "disk")
    assert refused.json["error"]["message"] == "the state folder cannot be written: told by the system"


def test_two_files_of_one_content_go_one_by_one(stage):
    add(stage, path=None)
    add(stage, name="twin", path=None)
    assert stage.management.delete("/api/bundles/mine").status_code == 204
    assert stage.again().management.get("/api/bundles/twin").json["size"] == 5


def test_many_operators_at_once_disturb_nobody(stage):
    """Each answer is about what was sent, though others remove and replace the same file meanwhile."""
    application = stage.management.application

    def work(number: int) -> list[int]:
        client, answers = application.test_client(), []
        for turn in range(6):
            content = f"{number} {turn}".encode()
            answers.append(client.post("/api/bundles", json=MINE | {"content": b64(content), "path": None}))
            client.delete("/api/bundles/mine")
        assert all(each.json["name"] == "mine" for each in answers)
        return [each.status_code for each in answers]

    with ThreadPoolExecutor(8) as pool:
        assert {status for found in pool.map(work, range(8)) for status in found} == {200}
    assert stage.again().published == stage.published
    named = json.loads(kept(stage)["published.json"])
    digests = {named["contents"][name]["sha256"] for name in named["files"]}
    assert {each.name for each in (stage.folder / "files").iterdir()} == digests


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"data": "{bad", "content_type": "application/json"}, (400, "the body is no JSON")),
        ({"data": b"\xff", "content_type": "application/json"}, (400, "the body is no JSON")),
        ({"data": "{}", "content_type": "text/plain"}, (415, "the body is JSON, and its Content-Type")),
        ({"json": {"content": "A" * MAX_BODY}}, (413, "a file has at most 1500000 octets")),
        ({"json": MINE | {"content": b64(bytes(LARGEST_FILE + 1))}}, (413, "a file has at most 1500000")),
    ],
)
def test_a_body_of_no_use_is_told_in_our_words(stage, options, expected):
    answer = stage.management.post("/api/bundles", **options)
    assert answer.status_code == expected[0]
    assert answer.json["error"]["message"].startswith(expected[1])


def test_the_largest_file_is_taken(stage):
    assert add(stage, content=b64(bytes(LARGEST_FILE))).json["size"] == LARGEST_FILE


@pytest.mark.parametrize("path", ["/api/", "/api/other", "/api/published/x"])
def test_what_the_api_does_not_have_is_told_in_our_words(stage, path):
    answer = stage.management.get(path)
    assert code(answer) == (404, "not-found")
    assert answer.json["error"]["message"] == "there is no such thing in this API"
    assert code(stage.management.get("/api/bundles/../x"))[0] == 404
