"""The CA's state folder: its keys and certificates, the operator's password, the database's place.

Everything is for the owner's eyes: the folder 0700, files 0600.  The authority appears by one rename, so
that it is there whole or not at all; a folder that holds a part of one is an error and never repaired.
"""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from ca_server.domain.authority import Authority, AuthorityKeys, found_authority
from scep_core.certificates import read_certificate
from scep_core.cms import Identity
from scep_core.csr import public_key_info

DATABASE = "requests.sqlite3"
PASSWORD = "operator-password"  # a file's name
AUTHORITY = "authority"
# The order is that of Authority's fields.
_IDENTITIES = ("ca", "ra-signing", "ra-encryption")


class StateError(Exception):
    """The state folder cannot be used; the text says why, and what to do."""


class StateFolder:
    """One CA's folder, made when it is not there."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateError(f"the state folder {folder} cannot be made: {error.strerror}") from error
        self._folder = folder

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database in this folder."""
        return f"sqlite:///{(self._folder / DATABASE).absolute()}"

    def authority(self, *, key_bits: int, now: Callable[[], datetime]) -> Authority:
        """The CA in this folder; a new one, with keys of ``key_bits``, when it is empty."""
        place = self._folder / AUTHORITY
        if place.exists():
            return _load(place)
        if (self._folder / DATABASE).exists():
            raise StateError(
                f"{self._folder} has a database but no CA keys ({place} is missing): put them back, or "
                "start with an empty folder"
            )
        ca, ra_signing, ra_encryption = (rsa.generate_private_key(65537, key_bits) for _ in _IDENTITIES)
        keys = AuthorityKeys(ca, ra_signing, ra_encryption)
        authority = found_authority(keys, now=now(), random_bytes=os.urandom)
        _save(authority, place)
        return authority

    def operator_password(self) -> str:
        """The operator's password, made at the first start."""
        place = self._folder / PASSWORD
        if not place.exists():
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{PASSWORD}.")
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(15) + "\n")
            Path(temporary).replace(place)
        password = place.read_text().strip()
        if not password:
            raise StateError(f"{place} is empty: remove it, and a new password is made")
        return password


def _save(authority: Authority, place: Path) -> None:
    partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{AUTHORITY}."))  # 0700 by itself
    try:
        for name, identity in zip(_IDENTITIES, _identities(authority), strict=True):
            key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(partial / f"{name}.key", key)
            _write(partial / f"{name}.pem", _pem(identity.certificate.der))
        partial.rename(place)
        _sync(place.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _identities(authority: Authority) -> tuple[Identity, ...]:
    return (authority.ca, authority.ra_signing, authority.ra_encryption)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(place: Path) -> Authority:
    authority = Authority(*(_load_identity(place, name) for name in _IDENTITIES))
    for identity in _identities(authority):
        if not authority.has_issued(identity.certificate):
            raise StateError(f"{place} holds certificates of more than one CA: restore it from a backup")
    return authority


def _load_identity(place: Path, name: str) -> Identity:
    try:
        key = load_pem_private_key((place / f"{name}.key").read_bytes(), None)
        certificate = read_certificate(
            load_pem_x509_certificate((place / f"{name}.pem").read_bytes()).public_bytes(Encoding.DER)
        )
    except OSError as error:
        raise StateError(f"{error.filename} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise StateError(f"{place / name}.key or .pem is damaged: restore it from a backup") from error
    if (
        not isinstance(key, rsa.RSAPrivateKey)
        or public_key_info(key.public_key()) != certificate.public_key_info
    ):
        raise StateError(f"{place / name}.key is not the key of {name}.pem: restore both from a backup")
    return Identity(certificate, key)


def _pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()
