"""SFTP and scp into the router's disks, beside the shell: how a user's key file gets there."""

# ruff: noqa: ARG002  (the signatures of the callbacks are asyncssh's)

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.stream import SSHServerStreamSession

from router_emu.adapters.disks import Disks

# What OpenSSH speaks.
SFTP_VERSION = 3

Session = asyncssh.SSHServerSession[bytes]


class DiskServer(asyncssh.SFTPServer):
    """Files on the disks for the owner's eyes only, and no links."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], disks: Disks) -> None:
        super().__init__(channel)
        self._disks = disks
        self._dated: set[object] = set()

    def map_path(self, path: bytes) -> bytes:
        return os.fsencode(self._disks.locate(os.fsdecode(path)))

    def realpath(self, path: bytes) -> bytes:
        return os.fsencode(self._disks.shown(os.fsdecode(path)))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().open(path, pflags, _private(attrs, 0o600))

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().open56(path, desired_access, flags, _private(attrs, 0o600))

    def close(self, file_obj: Any) -> Any:
        """A file that was written is of now, on the lab's clock, when the client told no time for it."""
        written = file_obj.writable() and file_obj not in self._dated
        self._dated.discard(file_obj)
        place = Path(os.fsdecode(file_obj.name))
        super().close(file_obj)
        if written and place.exists():
            self._disks.stamp(place)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().mkdir(path, _private(attrs, 0o700))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().setstat(path, _private(attrs, None))

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().lsetstat(path, _private(attrs, None))

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> Any:
        if attrs.mtime is not None:
            self._dated.add(file_obj)
        return super().fsetstat(file_obj, _private(attrs, None))

    def exit(self) -> None:
        """A client is done.  OpenSSH's scp wants to hear that all went well, which asyncssh does not say."""
        if self.channel.get_subsystem() and not self.channel.is_closing():
            self.channel.exit(0)

    def readlink(self, path: bytes) -> bytes:
        raise asyncssh.SFTPOpUnsupported("there are no links")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("there are no links")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("there are no links")


def _private(attrs: asyncssh.SFTPAttrs, permissions: int | None) -> asyncssh.SFTPAttrs:
    """Size and times as the client wants them; owner and permissions are not his to choose."""
    return asyncssh.SFTPAttrs(size=attrs.size, atime=attrs.atime, mtime=attrs.mtime, permissions=permissions)


class ShellOrFiles(Session):
    """One channel: what the client asks for first decides whose it is, and all else goes there."""

    def __init__(self, shell: Session, disks: Disks) -> None:
        self._chosen = self._shell = shell
        self._disks = disks

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._shell.connection_made(chan)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any) -> bool:
        return bool(self._shell.pty_requested(term_type, term_size, term_modes))

    def shell_requested(self) -> bool:
        return bool(self._shell.shell_requested())

    def exec_requested(self, command: str) -> bool:
        return self._take_files() if command.startswith("scp ") else bool(self._shell.exec_requested(command))

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp" and self._take_files()

    def _take_files(self) -> bool:
        self._chosen = SSHServerStreamSession(
            None, lambda _channel: DiskServer(self._channel, self._disks), SFTP_VERSION, allow_scp=True
        )
        self._chosen.connection_made(self._channel)
        return True

    def session_started(self) -> None:
        self._chosen.session_started()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._chosen.data_received(data, datatype)

    def eof_received(self) -> bool:
        return bool(self._chosen.eof_received())

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        self._chosen.terminal_size_changed(width, height, pixwidth, pixheight)

    def pause_writing(self) -> None:
        self._chosen.pause_writing()

    def resume_writing(self) -> None:
        self._chosen.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._chosen.connection_lost(exc)
