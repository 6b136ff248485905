"""`copy`: a file from the network, or from a disk, onto a disk."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Generator
from typing import Any
from urllib.parse import unquote, urlsplit

from router_emu.commands import disk
from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Effect, Flow, Say, carry
from router_emu.commands.http_client import DownloadFailed
from router_emu.pki.wire import printable, without_password
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal

MOST_BYTES = 64 * 1024 * 1024

_ON_DISK = re.compile(r"/?(disk0:|harddisk:)/*(.*)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FOR_A_MARK = 1024 * 1024


def copy(context: Context, args: Args) -> Flow:
    """Ask for the name, and before a file is replaced; then fetch it whole, and write it whole."""
    texts, source = context.router.texts, args.text("source")
    shown = printable(without_password(source))
    hide_password(context, source, shown)
    remote = source.lower().startswith(("http://", "https://"))
    if not remote and _ON_DISK.fullmatch(source) is None:
        raise CliRefusal(texts.copy_no_source.format(name=shown))
    default = _destination(context, args.text("destination"), _name_of(source, remote=remote))
    typed = str((yield Ask(texts.copy_destination.format(path=default)))).strip()
    path = _answered(context, typed, default)
    yield from _may_replace(context, path)
    started = context.now
    yield Say(texts.copy_accessing.format(source=shown))
    if remote:
        try:
            data = yield from carry(context.router.fetch(source, MOST_BYTES, context.now))
        except DownloadFailed as failure:
            raise CliRefusal(texts.download_failed.format(url=failure.url, why=failure)) from None
    else:
        data = yield from disk.read_file(context, source, MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise CliRefusal(texts.no_file.format(why=f"{source}: larger than {MOST_BYTES} bytes"))
    yield from disk.write_file(context, path, data)
    seconds = int((context.now - started).total_seconds())
    marks = texts.copy_mark * (1 + len(data) // _FOR_A_MARK)
    yield Say(texts.copy_done.format(marks=marks, size=len(data), seconds=seconds))


def _may_replace(context: Context, path: str) -> Generator[Effect, Any, None]:
    """Enter confirms, as [confirm] says, and so does the beginning of yes; all else ends the command."""
    texts = context.router.texts
    there = yield from disk.look_up(context, path)
    if there is None:
        return
    if there.is_folder:
        raise CliRefusal(texts.not_written.format(why=f"{path}: it is a folder"))
    answer = str((yield Ask(texts.copy_overwrite))).strip().lower()
    if not "yes".startswith(answer):
        raise CliRefusal(texts.copy_given_up)


def hide_password(context: Context, source: str, shown: str) -> None:
    """`show history` and the arrow keys bring the line back without what nobody else may see."""
    history = context.shell.history
    if source != shown and history:
        history[-1] = history[-1].replace(source, shown)


def _name_of(source: str, *, remote: bool) -> str:
    """What the file is called, in one word as commands take it; empty when the source does not say."""
    if not remote:
        return posixpath.basename(source)
    try:
        path = unquote(urlsplit(source).path)
    except ValueError:
        return ""
    return posixpath.basename(path).replace(" ", "_") if path.isprintable() else ""


def _destination(context: Context, destination: str, name: str) -> str:
    """The whole path of the copy: a disk or a folder gets the source's name."""
    found = _ON_DISK.fullmatch(destination)
    if found is None:
        raise CliRefusal(context.router.texts.copy_no_destination.format(name=printable(destination)))
    folder, path = found.groups()
    if not path or path.endswith("/"):
        path += name
    return f"/{folder}/{path}"


def _answered(context: Context, typed: str, default: str) -> str:
    """The path that the answer means: Enter the default, a name without a disk one beside that."""
    if not typed:
        path = default
    elif _SCHEME.match(typed.lstrip("/")):
        path = _destination(context, typed, posixpath.basename(default))
    else:
        path = posixpath.join(posixpath.dirname(default), typed.lstrip("/"))
    if path.endswith("/"):
        raise CliRefusal(context.router.texts.not_written.format(why="a file needs a name"))
    return path
