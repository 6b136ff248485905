"""Public keys by which operators log in: `crypto key import authentication rsa`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
    load_ssh_public_key,
)

from scep_core.csr import public_key_info

# A user has up to four, since 2022 (iosxr.md 1.3 [Y]); the first has no keyword.
POSITIONS = ("first", "second", "third", "fourth")
# Longer than any file that holds one RSA key; more is not read.
MOST_BYTES = 16384
_SSH_RSA = b"ssh-rsa"
_BLOB = len(_SSH_RSA).to_bytes(4, "big") + _SSH_RSA


@dataclass(frozen=True)
class LoginKey:
    """A user's public key, at which of his four positions, and the lab's time of its import."""

    user: str
    position: str
    key: rsa.RSAPublicKey
    imported: datetime

    @property
    def public_key_info(self) -> bytes:
        """The DER SubjectPublicKeyInfo, which ``show crypto key authentication rsa`` prints."""
        return public_key_info(self.key)

    @property
    def ssh_blob(self) -> bytes:
        """The key as SSH sends it, RFC 4253 section 6.6."""
        line = self.key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return base64.b64decode(line.split()[1])


class LoginKeys:
    """The keys of all users; it can be asked for one user's, and by whom a key may be used."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], LoginKey] = {}

    def put(self, key: LoginKey) -> None:
        """Take a key, in the place of the one at its position."""
        self._held[key.user, key.position] = key

    def find(self, user: str, position: str) -> LoginKey | None:
        """The key at a position."""
        return self._held.get((user, position))

    def remove(self, key: LoginKey) -> None:
        """Forget it."""
        del self._held[key.user, key.position]

    def users(self) -> list[str]:
        """Who has a key, in order."""
        return sorted({key.user for key in self})

    def of(self, user: str) -> list[LoginKey]:
        """A user's keys."""
        return [key for key in self if key.user == user]

    def __iter__(self) -> Iterator[LoginKey]:
        held = self._held
        return (held[each] for each in sorted(held, key=lambda at: (at[0], POSITIONS.index(at[1]))))


def read_public_key(data: bytes) -> rsa.RSAPublicKey:
    """The RSA key of a file or of pasted text; ValueError when there is none in it.

    XR's file is the SSH blob in binary (iosxr.md 1.3 note 2 [T]), its paste a PEM (PKCS #1 [T], a blog of
    2023).  Also taken, ours: a line of an OpenSSH ``.pub`` file, the bare base64 of a blob, DER.
    """
    data = data.strip() if data[:1] in b"- sA\r\n\t" else data
    try:
        if data.startswith(b"-----BEGIN"):
            key = load_pem_public_key(data)
        elif data.startswith(_BLOB):
            key = load_ssh_public_key(_SSH_RSA + b" " + base64.b64encode(data))
        elif data.startswith(_SSH_RSA):
            key = load_ssh_public_key(data)
        elif data.startswith(b"0"):
            key = load_der_public_key(data)
        else:
            blob = base64.b64decode(b"".join(data.split()), validate=True)
            key = load_ssh_public_key(_SSH_RSA + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm, binascii.Error) as error:
        raise ValueError("not a public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    return key
