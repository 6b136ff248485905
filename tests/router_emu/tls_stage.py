"""A CA, certificates of its, and servers of TLS that say what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from router_emu.adapters.tls import TlsFailure, TlsStream, server_context
from router_emu.pki.keys import Purpose
from router_emu.pki.trustpoint import TrustpointState
from scep_core.certificates import (
    SUBJECT_ALT_NAME,
    Certificate,
    Extension,
    ext_basic_constraints,
    ext_subject_alt_name,
    read_certificate,
)
from scep_core.cms import Identity
from tests.router_emu.pki_lab import make_ca, make_identity

LIFE = (datetime(2003, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC))
CA = make_ca("tls ca", "CN=TLS CA", life=LIFE)
MIDDLE = make_ca("tls middle", "CN=Middle CA", issuer=CA, serial_number=2, life=LIFE)

# The tests' keys are short, to be quick.
_SHORT_KEYS = "DEFAULT:@SECLEVEL=0"

Talk = Callable[[TlsStream, asyncio.StreamWriter], Awaitable[None]]


def server_identity(name: str = "r1", *, issuer: Identity = CA, serial_number: int = 7) -> Identity:
    """A certificate for ``name``, localhost and 127.0.0.1."""
    names = ext_subject_alt_name(
        [("DNS", f"{name}.lab.example".encode()), ("DNS", b"localhost"), ("IP", bytes([127, 0, 0, 1]))]
    )
    subject = f"CN={name}.lab.example"
    return make_identity(
        f"tls {name} {serial_number}", subject, names, issuer=issuer, serial_number=serial_number, life=LIFE
    )


def odd_identities() -> dict[str, Identity]:
    """Certificates that our own reader takes, and ``cryptography`` does not, each with its own exception."""
    own = server_identity("odd")
    version_5 = own.certificate.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    not_a_ca = ext_basic_constraints(False)
    x400 = Extension(SUBJECT_ALT_NAME, False, b"\x30\x05\xa3\x03\x01\x01\xff")
    return {
        "version 5": replace(own, certificate=read_certificate(version_5)),
        "an extension twice": make_identity("tls odd", "CN=odd", not_a_ca, not_a_ca, issuer=CA, life=LIFE),
        "an X.400 name": make_identity("tls odd", "CN=odd", x400, issuer=CA, life=LIFE),
    }


def state_of(own: Identity, *, issuer: Identity = CA, above: tuple[Certificate, ...] = ()) -> TrustpointState:
    """What a trustpoint holds with such a certificate."""
    return TrustpointState(issuer.certificate, above=above, own={Purpose.GENERAL: own.certificate})


@asynccontextmanager
async def serving_tls(identity: Identity, talk: Talk, *above: Certificate) -> AsyncIterator[str]:
    """Our own TLS at the server's end: it may be as rude as ``talk`` likes.  Yields the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = server_context((identity.certificate, *above), identity.key)
        stream = TlsStream.to_client(reader, writer, context)
        try:
            await stream.handshake()
            await talk(stream, writer)
        except (TlsFailure, OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def serving(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Python's own server, with its own TLS when there is a context.  Yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def python_context(folder: Path, identity: Identity, *above: Certificate) -> ssl.SSLContext:
    """The identity for Python's TLS, which reads files."""
    file = folder / "server.pem"
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = "".join(ssl.DER_cert_to_PEM_cert(each.der) for each in (identity.certificate, *above))
    file.write_bytes(key + chain.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_SHORT_KEYS)
    context.load_cert_chain(file)
    return context


def trusting(*anchors: Certificate) -> ssl.SSLContext:
    """A client of Python's that believes these CAs."""
    pem = "".join(ssl.DER_cert_to_PEM_cert(each.der) for each in anchors)
    context = ssl.create_default_context(cadata=pem)
    context.set_ciphers(_SHORT_KEYS)
    return context


async def answer_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    await writer.drain()
