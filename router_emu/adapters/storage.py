"""A router's folder: its configuration, its PKI and its host key, written whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncssh

from router_emu.commands.context import Router
from router_emu.config import text
from router_emu.config.store import Commit
from router_emu.pki import snapshot
from router_emu.pki.snapshot import BrokenState
from sceplab.files import write_json


class RouterFolder:
    """``configuration.json``, ``pki.json`` and ``ssh_host_key`` of one router."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._configuration = folder / "configuration.json"
        self._pki = folder / "pki.json"
        self._host_key = folder / "ssh_host_key"
        self._written: dict[Path, Any] = {}

    def host_key(self) -> bytes:
        """The router's SSH host key in PEM, made at its first start and kept."""
        if not self._host_key.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            descriptor = os.open(self._host_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.export_private_key())
        return self._host_key.read_bytes()

    def load(self, router: Router) -> None:
        """Give a fresh router what it had; BrokenState names the file that cannot be read."""
        stored = self._read(self._configuration)
        if stored is not None:
            try:
                router.config.running = text.read(router.config.schema, stored["running"])
                router.config.history = tuple(_load_commit(each) for each in stored["commits"])
            except (KeyError, TypeError, ValueError) as error:
                raise BrokenState(f"{self._configuration}: {error}") from error
        stored = self._read(self._pki)
        if stored is not None:
            try:
                snapshot.load(router.pki, stored)
            except BrokenState as error:
                raise BrokenState(f"{self._pki}: {error}") from error

    def save(self, router: Router) -> None:
        """Write what changed since the last time."""
        running = "\n".join(text.lines(router.config.running))
        commits = [asdict(each) | {"at": each.at.isoformat()} for each in router.config.history]
        self._write(self._configuration, {"running": running, "commits": commits})
        self._write(self._pki, snapshot.dump(router.pki))

    def _read(self, path: Path) -> Any:
        if not path.exists():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BrokenState(f"{path}: {error}") from error

    def _write(self, path: Path, value: Any) -> None:
        if self._written.get(path) != value:
            write_json(path, value)
            self._written[path] = value


def _load_commit(stored: dict[str, Any]) -> Commit:
    return Commit(
        id=stored["id"],
        user=stored["user"],
        line=stored["line"],
        at=datetime.fromisoformat(stored["at"]),
        changes=tuple(stored["changes"]),
    )
