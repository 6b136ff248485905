"""The bundle server's state folder: its epoch, its keys, and what operators have published.

Everything is for the owner's eyes: the folder 0700, files 0600.  What is damaged is told, and never repaired.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bundles.domain.recipes import KeyKind
from scep_core.algorithms import PrivateKey
from sceplab.clock import format_instant, parse_instant
from sceplab.files import write_json, write_secret

EPOCH, KEYS, PUBLISHED, FILES, HTTPS = "epoch", "keys", "published.json", "files", "https.pem"
_CURVES: Mapping[KeyKind, ec.EllipticCurve] = {KeyKind.P_256: ec.SECP256R1(), KeyKind.P_384: ec.SECP384R1()}


class StateError(Exception):
    """The state folder cannot be used; the text says why, and what to do."""


class StateFolder:
    """One bundle server's folder, made when it is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            for each in (folder, folder / KEYS, folder / FILES):
                each.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateError(f"the state folder {folder} cannot be made: {error.strerror}") from error

    def epoch(self, now: datetime) -> datetime:
        """The lab time, in whole seconds, at which the server first started: ``now`` if this is the first."""
        place = self._folder / EPOCH
        if not place.exists():
            write_secret(place, format_instant(now.replace(microsecond=0)).encode() + b"\n")
        try:
            return parse_instant(place.read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as error:
            raise StateError(f"{place} cannot be read: {error}") from error

    def key(self, name: str, kind: KeyKind) -> PrivateKey:
        """The key of this name, made when it is asked for first."""
        place = self._folder / KEYS / f"{name}.pem"
        if not place.exists():
            write_secret(place, _pem(_generate(kind)))
        try:
            # We have made it, and only we can write there: proving its primes again takes a second a start.
            key = load_pem_private_key(place.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        except (OSError, ValueError, TypeError) as error:
            raise StateError(f"{place} cannot be read: {error}") from error
        if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) and _kind_of(key) == kind:
            return key
        raise StateError(f"{place} is not of the kind {kind}: remove it, and a new one is made")

    def published(self) -> Mapping[str, Any]:
        """What ``save_published`` has kept; nothing at first."""
        place = self._folder / PUBLISHED
        try:
            found = json.loads(place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StateError(f"{place} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise StateError(f"{place} is damaged: remove it, and the recipes count again")
        return found

    def save_published(self, value: Mapping[str, Any]) -> None:
        """Keep what operators have published."""
        write_json(self._folder / PUBLISHED, value)

    def file(self, digest: str) -> bytes:
        """A file that an operator has brought, by its SHA-256 in hexadecimal."""
        place = self._folder / FILES / digest
        try:
            content = place.read_bytes()
        except (OSError, ValueError) as error:
            raise StateError(f"{place} cannot be read: {error}") from error
        if sha256(content).hexdigest() != digest:
            raise StateError(f"{place} is damaged: its content has another digest")
        return content

    def save_file(self, digest: str, content: bytes) -> None:
        """Keep one.  Its name is its content's: no file that ``published.json`` names is ever changed."""
        write_secret(self._folder / FILES / digest, content)

    def keep_files(self, digests: Collection[str]) -> None:
        """Forget all others, as far as that can be done: they take up space and mean nothing."""
        with suppress(OSError):
            for each in (self._folder / FILES).iterdir():
                if each.name not in digests:
                    each.unlink()

    def https_file(self, key: PrivateKey, chain_pem: str) -> Path:
        """A file with the key and the certificates of HTTPS, as ``ssl`` wants it."""
        place = self._folder / HTTPS
        write_secret(place, _pem(key) + chain_pem.encode())
        return place


def _generate(kind: KeyKind) -> PrivateKey:
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def _kind_of(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return f"rsa-{key.key_size}"
    return {curve.name: str(kind) for kind, curve in _CURVES.items()}.get(key.curve.name, key.curve.name)


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
