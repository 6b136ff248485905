"""TLS over asyncio streams, for both sides: OpenSSL between two buffers in memory.

Python 3.11's ``ssl`` cannot do this: it shows a server's chain only after it has verified it, and takes a
private key only from a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL, crypto

from scep_core.certificates import Certificate, read_certificate

# Level 0 leaves short keys and old digests to the verdict on the peer's chain, and lets a router present what
# the lab's older profiles have issued: else OpenSSL refuses both, and nobody learns why.
_CIPHERS = b"DEFAULT:@SECLEVEL=0"
_CHUNK = 64 * 1024
# Bits: TLS 1.3 signs by RSA-PSS, with a digest and a salt of 32 octets each (RFC 8017 section 9.1.1), which
# such a key has no room for.  With TLS 1.2 it serves.
_TOO_SHORT_FOR_PSS = 520

TlsKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
T = TypeVar("T")


class TlsFailure(Exception):
    """The peer does not speak TLS as we do, or we have nothing to speak it with; ``str()`` says why."""


def client_context() -> SSL.Context:
    """TLS 1.2 and later, and no opinion on certificates: that is for who reads ``peer_chain``."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(_CIPHERS)
    return context


def server_context(chain: Sequence[Certificate], key: TlsKey) -> SSL.Context:
    """The same, to present ``chain``, its own certificate first; TlsFailure when OpenSSL will not have it."""
    context = client_context()
    try:
        own, *others = (x509.load_der_x509_certificate(each.der) for each in chain)
        context.use_certificate(own)
        context.use_privatekey(key)
        context.check_privatekey()
        for each in others:
            context.add_extra_chain_cert(each)
    except Exception as error:  # of an odd certificate, cryptography raises whatever it likes
        raise TlsFailure(_reason(error)) from error
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size <= _TOO_SHORT_FOR_PSS:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    return context


class TlsStream:
    """A TLS connection over a reader and a writer.  Call ``handshake`` first, ``close`` in any case."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: SSL.Connection
    ) -> None:
        self._reader, self._writer, self._connection = reader, writer, connection

    @classmethod
    def to_server(
        cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, context: SSL.Context
    ) -> TlsStream:
        """Our end at a server that was called ``host``; UnicodeError when that is no name."""
        connection = SSL.Connection(context)
        if not _is_address(host):  # RFC 6066 section 3: a name, without the root's dot
            connection.set_tlsext_host_name(host.rstrip(".").encode("idna"))
        connection.set_connect_state()
        return cls(reader, writer, connection)

    @classmethod
    def to_client(
        cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: SSL.Context
    ) -> TlsStream:
        """Our end at a client."""
        connection = SSL.Connection(context)
        connection.set_accept_state()
        return cls(reader, writer, connection)

    async def handshake(self) -> None:
        """TlsFailure, OSError."""
        try:
            await self._step(self._connection.do_handshake)
        except EOFError:
            raise TlsFailure("the connection was closed in the handshake") from None

    def peer_chain(self) -> tuple[Certificate, ...]:
        """What the peer showed in the handshake, its own certificate first; ValueError."""
        shown = self._connection.get_peer_cert_chain() or []
        return tuple(read_certificate(crypto.dump_certificate(crypto.FILETYPE_ASN1, each)) for each in shown)

    async def read(self, most: int) -> bytes:
        """At most so many bytes; none at the end that the peer has told.  EOFError when it just went away."""
        try:
            return await self._step(lambda: self._connection.recv(most))
        except SSL.ZeroReturnError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send it all."""
        view = memoryview(data)
        while view:
            sent = await self._step(partial(self._connection.send, bytes(view[:_CHUNK])))
            view = view[sent:]

    def close(self) -> None:
        """Tell the peer, where that is possible, and close."""
        try:
            self._connection.shutdown()
            self._flush()
        except SSL.Error:
            pass  # in the middle of a handshake there is nothing to end
        self._writer.close()

    async def _step(self, step: Callable[[], T]) -> T:
        """Have OpenSSL do one thing, and move bytes from and to the peer until it can."""
        while True:
            try:
                done = step()
            except SSL.WantReadError:
                await self._drain()
                data = await self._reader.read(_CHUNK)
                if not data:
                    raise EOFError from None
                self._connection.bio_write(data)
            except SSL.ZeroReturnError:
                raise
            except SSL.Error as error:
                await self._drain()  # the alert
                raise TlsFailure(_reason(error)) from error
            else:
                await self._drain()
                return done

    async def _drain(self) -> None:
        self._flush()
        await self._writer.drain()

    def _flush(self) -> None:
        while True:
            try:
                data = self._connection.bio_read(_CHUNK)
            except SSL.WantReadError:
                return
            self._writer.write(data)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    """OpenSSL's own words: the last of its stack of (library, function, reason)."""
    try:
        return str(error.args[0][-1][2]) or "no reason given"
    except (IndexError, TypeError):
        return str(error) or "no reason given"
