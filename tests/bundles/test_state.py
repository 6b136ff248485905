"""The state folder: a restart serves the same octets, and what is damaged is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bundles.app import SHIPPED
from bundles.domain.recipes import KeyKind
from bundles.state import StateError, StateFolder
from tests.bundles.stage import START, Stage


def test_a_restart_serves_the_same_octets(folder):
    stage = Stage(folder, SHIPPED)
    before = stage.published
    https = (folder / "https.pem").read_bytes()
    stage.advance(timedelta(days=3))
    again = stage.again()
    assert again.published == before
    assert len(before) > 25
    assert (folder / "https.pem").read_bytes() == https


def test_another_folder_has_other_keys_and_the_same_builtin_ones(tmp_path):
    recipe = '[bundles.mine]\ncertificates = ["mine"]\nform = "der"\npaths = ["/mine"]\n'
    recipe += '[certificates.mine]\nsubject = "CN=Mine"\nkey = "p-256"\nfrom = "-1y"\nuntil = "+1y"\n'
    (tmp_path / "mine.toml").write_text(recipe)
    one, two = (Stage(tmp_path / name, (str(tmp_path / "mine.toml"),)) for name in "12")
    assert one.get("/builtin.pem").data == two.get("/builtin.pem").data
    assert one.get("/mine").data != two.get("/mine").data


def test_the_epoch_stays(tmp_path):
    folder = StateFolder(tmp_path)
    assert folder.epoch(START) == START.replace(microsecond=0)
    assert StateFolder(tmp_path).epoch(START + timedelta(days=9)) == START.replace(microsecond=0)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_is_made_once(tmp_path, kind):
    key = StateFolder(tmp_path).key("mine", kind)
    assert StateFolder(tmp_path).key("mine", kind).private_numbers() == key.private_numbers()


def test_everything_is_for_the_owners_eyes(folder):
    Stage(folder, ("lab",))
    for each in folder.rglob("*"):
        assert each.stat().st_mode & 0o077 == 0, each


def test_a_key_of_another_kind_is_told(tmp_path):
    StateFolder(tmp_path).key("mine", KeyKind.P_256)
    with pytest.raises(StateError, match=r"mine\.pem is not of the kind p-384: remove it"):
        StateFolder(tmp_path).key("mine", KeyKind.P_384)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("epoch", b"yesterday\n", "epoch cannot be read"),
        ("epoch", b"\xff\xfe", "epoch cannot be read"),
        ("keys/services.pem", b"nothing", r"services\.pem cannot be read"),
        ("published.json", b"{", r"published\.json cannot be read"),
        ("published.json", b"[]", r"published\.json is damaged"),
        ("published.json", b'{"events": []}', r"published\.json is damaged"),
        ("published.json", b'{"events": {"/x": [{"since": "now"}]}}', r"published\.json is damaged"),
        (
            "published.json",
            b'{"contents": {"full": {"sha256": "", "since": 1}}}',
            r"published\.json is damaged",
        ),
        ("published.json", b'{"files": {"lost": "text/plain"}}', r"published\.json is damaged"),
        (
            "published.json",
            b'{"files": {"lost": "text/plain"},'
            b' "contents": {"lost": {"sha256": "77", "since": "2026-03-01T12:00:00Z"}}}',
            "77 cannot be read",
        ),
    ],
)
def test_what_is_damaged_is_told(folder, name, content, told):
    stage = Stage(folder, ("lab",))
    (folder / name).write_bytes(content)
    with pytest.raises(StateError, match=told):
        stage.again()


def test_a_file_that_was_changed_in_the_folder_is_told(folder):
    stage = Stage(folder, ("lab",))
    stage.management.post("/api/bundles", json={"name": "mine", "content": "AAAA"})
    (file,) = (folder / "files").iterdir()
    file.write_bytes(b"other")
    with pytest.raises(StateError, match="is damaged: its content has another digest"):
        stage.again()


def test_what_a_stop_in_the_middle_left_is_cleared_away(folder):
    stage = Stage(folder, ("lab",))
    stage.management.post("/api/bundles", json={"name": "mine", "content": "AAAA"})
    kept = list((folder / "files").iterdir())
    (folder / "files" / ".half").write_bytes(b"half")
    assert stage.again().management.get("/api/bundles/mine").json["size"] == 3
    assert list((folder / "files").iterdir()) == kept


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be made"):
        StateFolder(tmp_path / "file" / "state")
