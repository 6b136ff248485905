"""The CA's state folder: its keys and certificates, its secrets, the database's place.

Everything is for the owner's eyes: the folder 0700, files 0600.  Each generation of the CA has a folder in it
(``authority``, ``authority-2``, ...) that appears by one rename, so that it is there whole or not at all; one
that holds a part is an error and never repaired.  Several processes may share a state folder: all of them see
a new generation as soon as it is there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from ca_server.domain.authority import (
    Authority,
    AuthorityKeys,
    Ca,
    KeyKind,
    Shape,
    Succession,
    found_authority,
    mark_of,
)
from ca_server.domain.places import Places
from scep_core.algorithms import PrivateKey
from scep_core.certificates import read_certificate, verify_issued_by
from scep_core.cms import Identity
from scep_core.csr import public_key_info
from sceplab.clock import format_instant, parse_instant

_log = structlog.get_logger(__name__)

DATABASE = "requests.sqlite3"
PASSWORD = "operator-password"  # a file's name
HASH_KEY = "hash-key"  # what makes the hashes of passwords in the database
AUTHORITY = "authority"
ROOT, CA, RA_SIGNING, RA_ENCRYPTION = "root", "ca", "ra-signing", "ra-encryption"
ACTIVE_FROM = "active-from"


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

    def authorities(self, shape: Shape, places: Places, *, now: datetime) -> AuthorityFolders:
        """The CA in this folder; a new one of this shape when it is empty."""
        place = self._folder / AUTHORITY
        if not place.exists():
            if any(self._folder.glob(f"{AUTHORITY}-*")):
                raise StateError(f"{place} is missing, and a later CA is there: restore it from a backup")
            if (self._folder / DATABASE).exists():
                raise StateError(
                    f"{self._folder} has a database but no CA keys ({place} is missing): put them back, or "
                    "start with an empty folder"
                )
            keys = _generate(shape)
            _save(found_authority(keys, places=places, now=now, random_bytes=os.urandom), place)
        return AuthorityFolders(self._folder, places)

    def operator_password(self) -> str:
        """The operator's password, made at the first start."""
        return self._secret(PASSWORD, lambda: secrets.token_urlsafe(15))

    def hash_key(self) -> bytes:
        """The 32 bytes that passwords are hashed with, made at the first start.

        Without them every challenge password that was given out is worthless.
        """
        try:
            key = bytes.fromhex(self._secret(HASH_KEY, lambda: secrets.token_hex(32)))
        except ValueError:
            key = b""
        if len(key) != 32:
            raise StateError(f"{self._folder / HASH_KEY} is damaged: restore it from a backup")
        return key

    def _secret(self, name: str, make: Callable[[], str]) -> str:
        place = self._folder / name
        if not place.exists():
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.")
            with os.fdopen(descriptor, "w") as file:
                file.write(make() + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, place)  # fails where another process has made one: that one counts
            except FileExistsError:
                pass
            finally:
                Path(temporary).unlink()
            _sync(self._folder)
        try:
            secret = place.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"{place} cannot be read: {error}") from error
        if not secret:
            raise StateError(f"{place} is empty: remove it, and a new one is made")
        return secret


class AuthorityFolders:
    """The generations of the CA in a state folder."""

    def __init__(self, folder: Path, places: Places) -> None:
        self._folder = folder
        self._places = places
        self._succession = Succession(tuple(_load_all(folder)))
        self._damaged: Path | None = None
        there = {each.name for each in folder.glob(f"{AUTHORITY}-*")}
        known = {_place(folder, each.number).name for each in self._succession.authorities}
        if lost := sorted(there - known):
            raise StateError(
                f"{folder / lost[0]} is there, and not the CA before it: restore it from a backup"
            )

    def succession(self) -> Succession:
        """All generations, those included that other processes have made since."""
        coming = _place(self._folder, len(self._succession.authorities) + 1)
        # Asked for every message: os.path is five times as quick as Path.
        if os.path.exists(coming) and coming != self._damaged:  # noqa: PTH110
            try:
                self._succession = Succession(tuple(_load_all(self._folder)))
            except StateError as error:  # go on with what there was
                self._damaged = coming
                _log.error("next-ca-damaged", why=str(error))
        return self._succession

    def add_next(self, *, active_from: datetime, now: datetime) -> Authority:
        """Make and keep the next generation, of the same shape as the last, with keys of its own."""
        last = self.succession().authorities[-1]
        number = last.number + 1
        made = found_authority(
            _generate(_shape_of(last)),
            places=self._places,
            now=now,
            random_bytes=os.urandom,
            number=number,
            mark=mark_of(last),
            active_from=active_from,
        )
        _save(made, _place(self._folder, number))
        return self.succession().numbered(number)


def _place(folder: Path, number: int) -> Path:
    return folder / (AUTHORITY if number == 1 else f"{AUTHORITY}-{number}")


def _shape_of(authority: Authority) -> Shape:
    key = authority.ca.identity.key
    kind = KeyKind.EC_P256 if isinstance(key, ec.EllipticCurvePrivateKey) else KeyKind(f"rsa-{key.key_size}")
    return Shape(kind, with_root=authority.root is not authority.ca)


def _generate(shape: Shape) -> AuthorityKeys:
    return AuthorityKeys(
        root=_generate_key(shape.key) if shape.with_root else None,
        ca=_generate_key(shape.key),
        ra_signing=_generate_rsa(shape.ra_key),
        ra_encryption=_generate_rsa(shape.ra_key),
    )


def _generate_key(kind: KeyKind) -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1()) if kind is KeyKind.EC_P256 else _generate_rsa(kind)


def _generate_rsa(kind: KeyKind) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def _save(authority: Authority, place: Path) -> None:
    partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{AUTHORITY}."))  # 0700 by itself
    try:
        for name, identity in _identities(authority):
            key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(partial / f"{name}.key", key)
            _write(partial / f"{name}.pem", _pem(identity.certificate.der))
        if authority.active_from is not None:
            _write(partial / ACTIVE_FROM, format_instant(authority.active_from).encode())
        _sync(partial)
        partial.rename(place)
        _sync(place.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _identities(authority: Authority) -> Iterator[tuple[str, Identity]]:
    if authority.root is not authority.ca:
        yield ROOT, authority.root.identity
    yield CA, authority.ca.identity
    yield RA_SIGNING, authority.ra_signing
    yield RA_ENCRYPTION, authority.ra_encryption


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


def _load_all(folder: Path) -> Iterator[Authority]:
    number = 1
    while (place := _place(folder, number)).exists():
        yield _load(place, number)
        number += 1


def _load(place: Path, number: int) -> Authority:
    ca = Ca(f"ca-{number}", _load_identity(place, CA))
    # A CA from before there were roots above one has no such file.
    root = Ca(f"root-{number}", _load_identity(place, ROOT)) if (place / f"{ROOT}.pem").exists() else ca
    authority = Authority(
        number=number,
        active_from=_load_instant(place / ACTIVE_FROM) if number > 1 else None,
        root=root,
        ca=ca,
        ra_signing=_load_identity(place, RA_SIGNING),
        ra_encryption=_load_identity(place, RA_ENCRYPTION),
    )
    try:
        verify_issued_by(root.certificate, root.certificate)
        verify_issued_by(ca.certificate, root.certificate)
        verify_issued_by(authority.ra_signing.certificate, ca.certificate)
        verify_issued_by(authority.ra_encryption.certificate, ca.certificate)
    except ValueError as error:
        raise StateError(
            f"{place} holds certificates of more than one CA: restore it from a backup"
        ) from error
    return authority


def _load_instant(path: Path) -> datetime:
    try:
        return parse_instant(path.read_text().strip())
    except OSError as error:
        raise StateError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StateError(f"{path} is damaged: restore it from a backup") from error


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
    kinds = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey if name in (ROOT, CA) else rsa.RSAPrivateKey
    if not isinstance(key, kinds) or public_key_info(key.public_key()) != certificate.public_key_info:
        raise StateError(f"{place / name}.key is not the key of {name}.pem: restore both from a backup")
    return Identity(certificate, key)


def _pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()
