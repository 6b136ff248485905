"""Bundles built once, and a server for whoever needs one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bundles.domain.builder import Bundle
from tests.bundles.stage import Stage, build


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that has all keys already: large ones take their time."""
    folder = tmp_path_factory.mktemp("keys")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def built(keys: Path) -> dict[str, Bundle]:
    """Every shipped bundle, by name."""
    return build(keys)


@pytest.fixture
def folder(tmp_path: Path, keys: Path) -> Path:
    """A state folder with nothing but the keys."""
    shutil.copytree(keys / "keys", tmp_path / "state" / "keys")
    return tmp_path / "state"


@pytest.fixture
def stage(folder: Path) -> Stage:
    """A server with few recipes."""
    return Stage(folder, ("lab", "changing"))
