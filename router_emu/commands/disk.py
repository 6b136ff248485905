"""The router's disks as commands see them: jobs that read and write them, and `dir`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from router_emu.commands.context import Context
from router_emu.commands.flow import Effect, Flow, Perform, Say
from router_emu.pki.wire import printable
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal

DEFAULT_DISK = "disk0:"


class DiskRefusal(Exception):
    """A file or folder that cannot be read or written; ``str()`` says why, for people."""


@dataclass(frozen=True)
class ReadFile:
    """A job: the first ``most`` bytes of a file, by its path (``disk0:/key.pub``).  Raises DiskRefusal."""

    path: str
    most: int


@dataclass(frozen=True)
class WriteFile:
    """A job: make a file, or replace one, whole or not at all.  Raises DiskRefusal."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class LookUp:
    """A job: the ``Entry`` at a path, None when nothing is there.  DiskRefusal when nothing can be."""

    path: str


@dataclass(frozen=True)
class ListFolder:
    """A job: the entries of a folder, as ``Entry``, in order.  Raises DiskRefusal."""

    path: str


@dataclass(frozen=True)
class Entry:
    """What a folder holds: a name, whether it is a folder too, bytes, and when it was written."""

    name: str
    is_folder: bool
    size: int
    written: datetime


def read_file(context: Context, path: str, most: int) -> Generator[Effect, Any, bytes]:
    """The file's beginning; CliRefusal when it cannot be read."""
    try:
        data: bytes = yield Perform(ReadFile(path, most))
    except DiskRefusal as refusal:
        raise CliRefusal(context.router.texts.no_file.format(why=refusal)) from None
    return data


def write_file(context: Context, path: str, data: bytes) -> Generator[Effect, Any, None]:
    """Write the file; CliRefusal when it cannot be."""
    try:
        yield Perform(WriteFile(path, data))
    except DiskRefusal as refusal:
        raise CliRefusal(context.router.texts.not_written.format(why=refusal)) from None


def look_up(context: Context, path: str) -> Generator[Effect, Any, Entry | None]:
    """What is at a path where a file is to be; CliRefusal when none can be there."""
    try:
        entry: Entry | None = yield Perform(LookUp(path))
    except DiskRefusal as refusal:
        raise CliRefusal(context.router.texts.not_written.format(why=refusal)) from None
    return entry


def show_folder(context: Context, args: Args) -> Flow:
    """`dir`: what a folder holds."""
    texts = context.router.texts
    place = args.text("location") if "location" in args else DEFAULT_DISK
    try:
        entries = yield Perform(ListFolder(place))
    except DiskRefusal as refusal:
        raise CliRefusal(texts.no_file.format(why=refusal)) from None
    yield Say(texts.directory_title.format(place=place))
    for number, entry in enumerate(entries, 1):
        yield Say(
            texts.directory_line.format(
                number=number,
                mode="drwx------" if entry.is_folder else "-rw-------",
                size=entry.size,
                date=f"{entry.written:%b %d %H:%M}",
                name=printable(entry.name),
            )
        )
    yield Say()
