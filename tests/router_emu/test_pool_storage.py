"""The pool in the router's folder: kept over a restart, and put aside when it is damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_emu.adapters.storage import RouterFolder
from router_emu.cli.grammar import CONFIG
from router_emu.commands.context import Router
from router_emu.config.store import ConfigStore
from router_emu.pki.pool.keeper import PoolKeeper, PoolReport
from router_emu.pki.pool.store import TrustPool
from router_emu.pki.store import Pki
from router_emu.pki.wire import CISCO
from router_emu.syslog import LogBuffer
from router_emu.texts import MODERN, NODE
from tests.router_emu.pool_stage import EPOCH, built_in, install, shipped


def make_router(name: str = "r1") -> Router:
    pki = Pki(CISCO, os.urandom, PoolKeeper(built_in()))
    return Router(name, MODERN, ConfigStore(CONFIG), LogBuffer(NODE), pki)


def loaded(folder: Path) -> tuple[Router, list[PoolReport]]:
    """A router with what the folder holds, started; and what it told of its pool."""
    router, told = make_router(), []
    RouterFolder(folder).load(router)
    router.pki.pool.on_report = lambda report, now: told.append(report)
    router.pki.recover(EPOCH)
    return router, told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One of a router that has imported a bundle."""
    router = make_router()
    router.pki.recover(EPOCH)
    install(router.pki.pool, shipped()["full"].content, "http://bundles.lab/ios.p7b")
    RouterFolder(tmp_path / "r1").save(router)
    return tmp_path / "r1"


def test_the_pool_outlasts_a_restart(folder):
    router, told = loaded(folder)
    assert set(router.pki.pool.pool.downloaded) == set(shipped()["full"].certificates)
    assert told == []
    before = (folder / "trustpool.json").read_bytes()
    RouterFolder(folder).save(router)
    assert (folder / "trustpool.json").read_bytes() == before


def test_a_folder_of_before_there_were_pools_has_what_is_built_in(folder):
    (folder / "trustpool.json").unlink()
    stored = json.loads((folder / "pki.json").read_text())
    del stored["has_bundle"]
    (folder / "pki.json").write_text(json.dumps(stored))
    router, told = loaded(folder)
    assert (router.pki.pool.pool, told) == (TrustPool(built_in()), [])


def test_a_bundle_that_is_gone_is_told_until_the_loss_is_saved(folder):
    (folder / "trustpool.json").unlink()
    for _ in range(2):
        router, [report] = loaded(folder)
        assert (report.what, report.details) == ("broken", "the file is gone")
    RouterFolder(folder).save(router)
    assert loaded(folder)[1] == []
    (folder / "trustpool.json").unlink()  # it held nothing any more
    assert loaded(folder)[1] == []


def test_another_routers_pool_is_put_aside(folder, tmp_path):
    other = make_router("r2")
    install(other.pki.pool, shipped()["core"].content, "disk0:/core.p7b")
    RouterFolder(tmp_path / "r2").save(other)
    (tmp_path / "r2" / "trustpool.json").replace(folder / "trustpool.json")
    router, [report] = loaded(folder)
    assert (report.what, report.details) == ("broken", "the stored trust pool is another router's")
    assert router.pki.pool.pool == TrustPool(built_in())


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 200_000], ids=["cut", "binary", "nested"])
def test_what_is_no_json_is_told_in_our_words(folder, content):
    (folder / "trustpool.json").write_bytes(content)
    _, [report] = loaded(folder)
    assert report.details == "the file is no JSON"


def test_nothing_in_the_files_place_stops_the_router_and_what_was_put_aside_before_stays(folder):
    path, aside = folder / "trustpool.json", folder / "trustpool.json.broken"
    whole = path.read_bytes()
    aside.mkdir()
    path.unlink()
    path.mkdir()
    router, [report] = loaded(folder)
    assert report.details == "the file cannot be read: is a directory"
    assert (folder / "trustpool.json.broken.2").is_dir()
    RouterFolder(folder).save(router)
    path.write_bytes(whole[:-9])
    assert loaded(folder)[0].pki.pool.pool == TrustPool(built_in())
    assert (folder / "trustpool.json.broken.3").read_bytes() == whole[:-9]
    assert aside.is_dir()


def test_a_damaged_pool_that_cannot_be_put_aside_is_logged_and_the_built_in_ones_serve(folder, monkeypatch):
    def read_only(_path: Path, _target: Path) -> None:
        raise OSError(30, "Read-only file system")

    (folder / "trustpool.json").write_bytes(b"{}")
    monkeypatch.setattr(Path, "rename", read_only)
    with structlog.testing.capture_logs() as logs:
        router, [report] = loaded(folder)
    assert (report.what, router.pki.pool.pool) == ("broken", TrustPool(built_in()))
    assert [each["event"] for each in logs] == ["a damaged trust pool cannot be put aside"]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"{}", b"7", b"\xff\xfe", b'{"sha256": 1}'])
def test_a_damaged_pool_is_put_aside_and_told_and_an_import_heals_it(folder, content):
    (folder / "trustpool.json").write_bytes(content)
    router, [report] = loaded(folder)
    assert report.what == "broken"
    assert report.details
    assert str(folder) not in report.details
    assert router.pki.pool.pool == TrustPool(built_in())
    assert not (folder / "trustpool.json").exists()
    assert (folder / "trustpool.json.broken").read_bytes() == content

    install(router.pki.pool, shipped()["core"].content, "disk0:/core.p7b")
    RouterFolder(folder).save(router)
    healed, told = loaded(folder)
    assert set(healed.pki.pool.pool.downloaded) == set(shipped()["core"].certificates)
    assert told == []


def test_a_damaged_pool_is_told_once(folder):
    (folder / "trustpool.json").write_bytes(b"{}")
    router, first = loaded(folder)
    RouterFolder(folder).save(router)
    _, second = loaded(folder)
    assert ([report.what for report in first], second) == (["broken"], [])


@given(st.data())
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_damaged_is_noticed(folder, data):
    path = folder / "trustpool.json"
    whole = path.read_bytes()
    at, size = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 3))
    spoilt = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + size :]
    path.write_bytes(spoilt)
    try:
        same = json.loads(spoilt) == json.loads(whole)
    except ValueError:
        same = False
    try:
        router, told = loaded(folder)
        assert [report.what for report in told] == ([] if same else ["broken"])
        assert len(router.pki.pool.pool.downloaded) == (11 if same else 0)
    finally:
        path.write_bytes(whole)
