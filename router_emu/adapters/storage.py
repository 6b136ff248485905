"""A router's folder: its configuration, its PKI, its trust pool and its host key.

Each file is written whole or not at all.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import asyncssh
import structlog

from router_emu.adapters.disks import Disks
from router_emu.commands.context import Router
from router_emu.config import text
from router_emu.config.store import Commit
from router_emu.pki import snapshot
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.pool.store import BrokenPool
from router_emu.pki.snapshot import BrokenState
from sceplab.files import write_json, write_secret

_log = structlog.get_logger(__name__)


class RouterFolder:
    """``configuration.json``, ``pki.json``, ``trustpool.json``, ``ssh_host_key``, ``disks/``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._configuration = folder / "configuration.json"
        self._pki = folder / "pki.json"
        self._trust_pool = folder / "trustpool.json"
        self._host_key = folder / "ssh_host_key"
        self.disks = Disks(folder / "disks")
        self.wanted: dict[Path, Any] = {}
        self._written: dict[Path, Any] = {}

    def host_key(self) -> bytes:
        """The router's SSH host key in PEM, made at its first start and kept; BrokenState if it is none."""
        if not self._host_key.exists():
            write_secret(self._host_key, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
        pem = self._host_key.read_bytes()
        try:
            asyncssh.import_private_key(pem)
        except asyncssh.KeyImportError as error:
            raise BrokenState(f"{self._host_key}: {error}") from error
        return pem

    def load(self, router: Router) -> None:
        """Give a fresh router what it had; BrokenState names the file that cannot be read.

        A trust pool that cannot be read stops nobody, as another can be had: the file is put aside.
        """
        if self._configuration.exists():
            stored = _read(self._configuration)
            try:
                router.config.running = text.read(router.config.schema, stored["running"])
                router.config.history = tuple(_load_commit(each) for each in stored["commits"])
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise BrokenState(f"{self._configuration}: {error}") from error
        has_bundle = False
        if self._pki.exists():
            stored = _read(self._pki)
            try:
                has_bundle = snapshot.load(router.pki, stored)
            except BrokenState as error:
                raise BrokenState(f"{self._pki}: {error}") from error
        self._load_pool(router.pki.pool, has_bundle)

    def _load_pool(self, pool: PoolKeeper, has_bundle: bool) -> None:
        path = self._trust_pool
        try:
            pool.load(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            if has_bundle:
                pool.lost("the file is gone")
            return
        except BrokenPool as error:
            pool.lost(str(error))
        except (ValueError, RecursionError):
            pool.lost("the file is no JSON")
        except OSError as error:
            pool.lost(f"the file cannot be read: {(error.strerror or 'no reason told').lower()}")
        else:
            return
        try:
            path.rename(_free_name(path))
        except OSError as error:
            _log.warning("a damaged trust pool cannot be put aside", path=str(path), why=str(error))

    def save(self, router: Router) -> None:
        """Write what changed since the last time; ``wanted`` is all that is to be there, written or not."""
        running = "\n".join(text.lines(router.config.running))
        commits = [asdict(each) | {"at": each.at.isoformat()} for each in router.config.history]
        self.wanted = {
            self._configuration: {"running": running, "commits": commits},
            # The pool before the note that it is there: a crash between them is no loss.
            self._trust_pool: router.pki.pool.dump(),
            self._pki: snapshot.dump(router.pki),
        }
        for path, value in self.wanted.items():
            if self._written.get(path) != value:
                write_json(path, value)
                self._written[path] = value


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise BrokenState(f"{path}: the file is no JSON") from error
    except ValueError as error:
        raise BrokenState(f"{path}: {error}") from error


def _free_name(path: Path) -> Path:
    """``trustpool.json.broken``, or that with a number: what was put aside before stays."""
    for number in count(1):
        free = path.with_name(f"{path.name}.broken{f'.{number}' if number > 1 else ''}")
        if not os.path.lexists(free):
            return free
    raise AssertionError("numbers do not end")


def _load_commit(stored: dict[str, Any]) -> Commit:
    return Commit(
        id=stored["id"],
        user=stored["user"],
        line=stored["line"],
        at=datetime.fromisoformat(stored["at"]),
        changes=tuple(stored["changes"]),
    )
