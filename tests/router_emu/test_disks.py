"""The router's disks: how their paths are read, and that none leads out of them."""

from __future__ import annotations

import os
import resource
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router_emu.adapters.disks import Disks
from router_emu.commands.disk import DiskRefusal


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    (tmp_path / "secret").write_text("a private key")
    disks = Disks(tmp_path / "disks")
    disks.locate("disk0:/x").write_bytes(b"0123456789")
    return disks


@pytest.mark.parametrize(
    "path",
    [
        "disk0:/x",
        "/disk0:/x",
        "disk0:x",
        "/disk0:/disk0:/x",
        "x",
        "./x",
        "/harddisk:/../disk0:/x",
        "disk0:/./y/../x",
    ],
)
def test_one_file_by_many_names(disks: Disks, path: str) -> None:
    assert disks.read(path, 99) == b"0123456789"
    assert disks.read(path, 4) == b"0123"
    assert disks.shown(path) == "/disk0:/x"
    assert disks.shown("/") == "/"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/x",
        "disk0:",
        "disk0:/none",
        "disk0:/x/y",
        "disk1:/x",
        "disk0:/../secret",
        "disk0:/../../secret",
        "disk0:/../disks/disk0:/../../secret",
        "../secret",
        "tftp://192.0.2.1/x",
        "disk0:/x\0",
        "disk0:/" + "x" * 300,
    ],
)
def test_what_is_no_file(disks: Disks, path: str) -> None:
    with pytest.raises(DiskRefusal):
        disks.read(path, 99)


def test_links_and_pipes_of_the_folders_owner(disks: Disks, tmp_path: Path) -> None:
    """A link inside of the disk is followed; out of it, or through a pipe, nothing comes."""
    root = disks.locate("disk0:/")
    (root / "inside").symlink_to("x")
    (root / "outside").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    assert disks.read("disk0:/inside", 2) == b"01"
    with pytest.raises(DiskRefusal, match="not a file"):
        disks.read("disk0:/pipe", 2)
    for path in ("disk0:/outside", "disk0:/up/secret"):
        with pytest.raises(DiskRefusal, match="outside"):
            disks.read(path, 99)


def test_a_file_is_made_and_replaced(disks: Disks) -> None:
    disks.write("harddisk:/new", b"1")
    disks.write("/disk0:/x", b"2")
    assert (disks.read("harddisk:/new", 9), disks.read("disk0:/x", 9)) == (b"1", b"2")
    assert stat.S_IMODE(disks.locate("disk0:/x").stat().st_mode) == 0o600


def test_a_file_that_does_not_fit_leaves_the_old_one(disks: Disks) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DiskRefusal, match="File too large"):
            disks.write("disk0:/x", bytes(1001))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert disks.read("disk0:/x", 99) == b"0123456789"
    assert [entry.name for entry in disks.entries("disk0:")] == ["x"]


@pytest.mark.parametrize(
    "path", ["disk0:/", "disk0:/no/x", "disk1:/x", "disk0:/../../secret", "disk0:/" + "x" * 300, "disk0:/x/y"]
)
def test_where_no_file_can_be(disks: Disks, tmp_path: Path, path: str) -> None:
    with pytest.raises(DiskRefusal):
        disks.write(path, b"0")
    assert (tmp_path / "secret").read_text() == "a private key"


def test_what_is_at_a_path(disks: Disks) -> None:
    found = disks.look_up("disk0:/x")
    assert found is not None
    assert (found.name, found.size, found.is_folder) == ("x", 10, False)
    folder = disks.look_up("harddisk:")
    assert folder is not None
    assert folder.is_folder
    assert disks.look_up("disk0:/free") is None
    for path in ("disk0:/no/x", "disk1:/x", "disk0:/x/y"):
        with pytest.raises(DiskRefusal):
            disks.look_up(path)


def test_a_folder_and_its_entries(disks: Disks, tmp_path: Path) -> None:
    disks.locate("disk0:/a").mkdir()
    found = [(entry.name, entry.is_folder) for entry in disks.entries("disk0:")]
    assert found == [("a", True), ("x", False)]
    assert [entry.size for entry in disks.entries("disk0:/")][1] == 10
    assert disks.entries("harddisk:/") == []
    with pytest.raises(DiskRefusal):
        disks.entries("disk0:/x")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "disks").iterdir()} == {0o700}


def test_another_disk_is_said_to_be_none(disks: Disks) -> None:
    why = r"there is no such disk; there are disk0: and harddisk:"
    with pytest.raises(DiskRefusal, match=rf"^flash: {why}$"):
        disks.entries("flash:")
    for path in ("flash:x", "/flash:/x", "disk1:/x", "usb-1:x"):
        with pytest.raises(DiskRefusal, match=rf"^{path}: {why}$"):
            disks.look_up(path)
    assert disks.look_up("disk0:/flash:") is None


def test_a_file_is_of_the_labs_time(disks: Disks) -> None:
    disks.now = lambda: datetime(2036, 2, 29, 12, tzinfo=UTC)
    disks.write("disk0:/new", b"1")
    entry = disks.look_up("disk0:/new")
    assert entry is not None
    assert entry.written == disks.now()
