"""The pool in the router's folder: kept over a restart, and put aside when it is damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
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
from tests.router_emu.pool_stage import EPOCH, built_in, shipped


def make_router() -> Router:
    pki = Pki(CISCO, os.urandom, PoolKeeper(built_in()))
    return Router("r1", MODERN, ConfigStore(CONFIG), LogBuffer(NODE), pki)


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
    router.pki.pool.install(shipped()["full"].content, "http://bundles.lab/ios.p7b", EPOCH)
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
    router, told = loaded(folder)
    assert (router.pki.pool.pool, told) == (TrustPool(built_in()), [])


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

    router.pki.pool.install(shipped()["core"].content, "disk0:/core.p7b", EPOCH)
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
