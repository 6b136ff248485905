"""X.509 certificates in SSH (RFC 6187): what our server offers, and what a client sends."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import asyncssh
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from router_emu.commands.ssh_server import HostKeys
from scep_core.certificates import Certificate, read_certificate

# More than any chain; a client may send what it likes.
_MOST_CERTIFICATES = 10
_log = structlog.get_logger(__name__)


def key_pairs(plain: bytes, offered: HostKeys) -> list[object]:
    """The server's host keys as asyncssh takes them; ``plain`` is the host key that needs no certificate."""
    keys: list[object] = [asyncssh.import_private_key(plain)] if offered.plain else []
    if offered.key is not None:
        try:
            keys.append(_certified(offered))
        except Exception as error:  # of an odd certificate, cryptography raises whatever it likes
            _log.warning("a certificate cannot be a host key", why=str(error))
    return keys or [asyncssh.import_private_key(plain)]


def _certified(offered: HostKeys) -> asyncssh.SSHKeyPair:
    assert offered.key is not None
    pem = offered.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [asyncssh.import_certificate(each.der) for each in offered.chain]
    # asyncssh makes two of it: the key with its chain, and the bare key, which is not to be offered.
    with_chain, _bare = asyncssh.load_keypairs(asyncssh.import_private_key(pem), certlist=chain)
    return with_chain


def sent_chain(blob: bytes) -> Sequence[Certificate]:
    """The certificates in a client's blob (RFC 6187 section 2.1), its own first; ValueError."""
    try:
        _algorithm, rest = _string(blob)
        count, rest = struct.unpack_from(">I", rest)[0], rest[4:]
        found = []
        for _ in range(min(count, _MOST_CERTIFICATES)):
            der, rest = _string(rest)
            found.append(read_certificate(der))
    except struct.error as error:
        raise ValueError("not a chain of certificates") from error
    return found


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string of SSH's (RFC 4251 section 5), and what follows it."""
    (length,) = struct.unpack_from(">I", data)
    if len(data) < 4 + length:
        raise ValueError("too short")
    return data[4 : 4 + length], data[4 + length :]
