"""The router's ``disk0:`` and ``harddisk:``: two folders, and no way out of them."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from router_emu.commands.disk import DiskRefusal, Entry

NAMES = ("disk0:", "harddisk:")
_NO_SUCH_DISK = f"there is no such disk; there are {' and '.join(NAMES)}"
_OTHER_DISK = re.compile(r"/*[A-Za-z][A-Za-z0-9-]*:")
_NAME_AT_A_START = re.compile(rf"(^|/)({'|'.join(NAMES)})")


class Disks:
    """The disks under ``root``, in folders that are called as they are."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        # When files are written: whoever holds the lab's clock puts that here.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def locate(self, path: str) -> Path:
        """Where a path of the router's lies; OSError when that is on no disk.

        ``disk0:/x``, ``/disk0:/x``, ``disk0:x`` and ``x`` are one.  What stands before a disk's name falls
        away: OpenSSH's scp puts its working folder there.
        """
        if not path.startswith(("/", *NAMES)) and not _OTHER_DISK.match(path):
            path = f"{NAMES[0]}/{path}"
        parts = posixpath.normpath("/" + _NAME_AT_A_START.sub(r"\1\2/", path)).strip("/").split("/")
        starts = [at for at, part in enumerate(parts) if part in NAMES]
        for name in NAMES:
            (self._root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if parts == [""]:
            return self._root
        if not starts or "\0" in path:
            raise FileNotFoundError(errno.ENOENT, _NO_SUCH_DISK, path)
        real = self._root.joinpath(*parts[starts[-1] :]).resolve()
        # Clients make no links (ssh_files.py), but whoever owns the folder may have.
        if not real.is_relative_to(self._root / parts[starts[-1]]):
            raise PermissionError(errno.EACCES, "it is outside of the disk", path)
        return real

    def shown(self, path: str) -> str:
        """The path as the router calls it, from the root on."""
        return posixpath.normpath("/" + self.locate(path).relative_to(self._root).as_posix())

    def read(self, path: str, most: int) -> bytes:
        """At most so many bytes of a file; DiskRefusal."""
        try:
            place = self.locate(path)
            if place.exists() and not place.is_file():  # a pipe without another end would hold us for ever
                raise DiskRefusal(f"{path}: not a file")
            with place.open("rb") as file:
                return file.read(most)
        except OSError as error:
            raise _refusal(path, error) from error

    def write(self, path: str, data: bytes) -> None:
        """Make a file, or replace one, whole or not at all; DiskRefusal."""
        try:
            place = self.locate(path)
            if place.exists() and not place.is_file():
                raise DiskRefusal(f"{path}: not a file")
            _replace(place, data)
            self.stamp(place)
        except OSError as error:
            raise _refusal(path, error) from error

    def stamp(self, place: Path) -> None:
        """Give a file, by its place in the lab's system, the time of now."""
        now = self.now().timestamp()
        os.utime(place, (now, now))

    def look_up(self, path: str) -> Entry | None:
        """What is at a path; None when that is free; DiskRefusal when there is no such folder, either."""
        try:
            place = self.locate(path)
            if place.exists():
                return _entry(place)
            if not place.parent.is_dir():
                raise DiskRefusal(f"{path}: there is no such folder")
        except OSError as error:
            raise _refusal(path, error) from error
        return None

    def entries(self, path: str) -> list[Entry]:
        """What a folder holds, by name; DiskRefusal."""
        try:
            return sorted(map(_entry, self.locate(path).iterdir()), key=lambda entry: entry.name)
        except OSError as error:
            raise _refusal(path, error) from error


def _refusal(path: str, error: OSError) -> DiskRefusal:
    return DiskRefusal(f"{path.rstrip(':')}: {error.strerror}")


def _replace(place: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new.")  # 0600 by itself
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _entry(path: Path) -> Entry:
    stat = path.lstat()
    written = datetime.fromtimestamp(stat.st_mtime, UTC)
    return Entry(path.name, path.is_dir(), stat.st_size, written)
