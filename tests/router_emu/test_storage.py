"""A router's folder: what is in it, for whose eyes, and what happens when it is damaged."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_emu.adapters.storage import RouterFolder
from router_emu.commands.context import Router
from router_emu.pki import snapshot
from router_emu.pki.snapshot import BrokenState
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa

MakeRouter = Callable[..., Router]
COMMAND = [sys.executable, "-m", "router_emu", "--first-port", "0", "--first-https-port", "0"]
COMMAND += ["--management-port", "0"]
FILES = ["configuration.json", "pki.json", "ssh_host_key"]  # without which there is no router
ALL_FILES = [*FILES, "trustpool.json"]


@pytest.fixture
def lab(router: Router, make_screen: Callable[..., Any]) -> Lab:
    return Lab(make_screen(router), ScriptedCa()).enrol()


@pytest.fixture
def folder(lab: Lab, tmp_path: Path) -> Path:
    """A folder with everything in it."""
    store = RouterFolder(tmp_path / "state" / "r1")
    store.host_key()
    store.save(lab.router)
    return tmp_path / "state" / "r1"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_restart_loses_nothing(lab: Lab, folder: Path, make_router: MakeRouter) -> None:
    router = make_router()
    RouterFolder(folder).load(router)
    assert router.config.running == lab.router.config.running
    assert router.config.history == lab.router.config.history
    assert router.config.next_id() == lab.router.config.next_id()
    assert snapshot.dump(router.pki) == snapshot.dump(lab.pki)
    assert RouterFolder(folder).host_key() == RouterFolder(folder).host_key()


def test_an_empty_folder_is_a_new_router(tmp_path: Path, make_router: MakeRouter) -> None:
    router = make_router()
    RouterFolder(tmp_path / "new").load(router)
    assert (router.hostname, list(router.pki.keys)) == ("ios", [])


def test_everything_is_for_the_owner_alone(folder: Path) -> None:
    assert mode(folder) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ALL_FILES
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    asyncssh.import_private_key((folder / "ssh_host_key").read_bytes())


def test_only_what_changed_is_written(lab: Lab, folder: Path) -> None:
    store = RouterFolder(folder)
    store.save(lab.router)
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    lab.wait(minutes=2)
    store.save(lab.router)
    after = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert [name for name in ALL_FILES if before[name] != after[name]] == ["pki.json"]


def test_a_write_that_fails_leaves_the_old_file(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "pki.json").read_bytes()
    lab.wait(minutes=2)

    def full(_descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        RouterFolder(folder).save(lab.router)
    assert (folder / "pki.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ALL_FILES


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"running": null, "commits": []}',
    ],
)
def test_a_damaged_file_is_named(folder: Path, make_router: MakeRouter, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    store = RouterFolder(folder)
    with pytest.raises(BrokenState, match=name):
        store.host_key() if name == "ssh_host_key" else store.load(make_router())
    assert (folder / name).read_bytes() == content


@pytest.mark.parametrize("running", ["hostname", "no hostname x", "commit", "hostname a\n bogus", "x" * 9])
def test_a_configuration_that_is_none(folder: Path, make_router: MakeRouter, running: str) -> None:
    stored = json.loads((folder / "configuration.json").read_text())
    (folder / "configuration.json").write_text(json.dumps(stored | {"running": running}))
    with pytest.raises(BrokenState, match=r"configuration\.json"):
        RouterFolder(folder).load(make_router())


@given(st.data())
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_damaged_is_read_or_named(
    folder: Path, make_router: MakeRouter, data: st.DataObject
) -> None:
    path = folder / data.draw(st.sampled_from(FILES[:2]))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(
        whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + data.draw(st.integers(0, 3)) :]
    )
    complaint = str(path)
    try:
        RouterFolder(folder).load(make_router())
    except BrokenState as error:
        complaint = str(error)
    finally:
        path.write_bytes(whole)
    assert str(path) in complaint


class TestProcess:
    """``python -m router_emu`` over a folder that cannot be used ends with one sentence."""

    @staticmethod
    def sentence(state: Path, **environment: str) -> str:
        ended = subprocess.run(
            [*COMMAND, "--state", str(state)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
            env=os.environ | environment,
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        [line] = ended.stderr.splitlines()
        assert line.startswith("router_emu: ")
        return line

    @pytest.mark.parametrize("name", FILES)
    def test_a_damaged_file(self, folder: Path, name: str) -> None:
        (folder / name).write_text("{}")
        assert str(folder / name) in self.sentence(folder.parent, SCEPLAB_ROUTER_PASSWORD=PASSWORD)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert str(tmp_path / "file") in self.sentence(tmp_path / "file", SCEPLAB_ROUTER_PASSWORD="x")

    def test_an_empty_password(self, tmp_path: Path) -> None:
        """Left by a crash, it must not let everybody in."""
        (tmp_path / "password").touch()
        assert str(tmp_path / "password") in self.sentence(tmp_path, SCEPLAB_ROUTER_PASSWORD="")
