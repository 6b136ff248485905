"""What the router presents as a TLS server: certificates and keys that OpenSSL takes, and at what version."""

from __future__ import annotations

import asyncio
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from router_emu.adapters import http
from router_emu.adapters.tls import TlsFailure, TlsStream, server_context
from router_emu.pki.keys import Algorithm, GenerateKey, generate
from router_emu.pki.wire import HttpRequest, HttpResponse, NoResponse
from scep_core import names
from scep_core.certificates import build_certificate, ext_basic_constraints, ext_subject_alt_name
from scep_core.cms import Identity
from scep_core.csr import public_key_info
from scep_core.values import Digest
from tests.router_emu.tls_stage import LIFE, odd_identities, server_identity, serving_tls, trusting


def make_short_identity() -> Identity:
    """A key of 512 bits, with a certificate of its own."""
    key = generate(GenerateKey(Algorithm.RSA, 512), os.urandom)
    assert isinstance(key, rsa.RSAPrivateKey)
    name = names.build_name(names.parse_text("CN=short"))
    certificate = build_certificate(
        serial_number=1,
        issuer=name,
        subject=name,
        public_key_info=public_key_info(key.public_key()),
        not_before=LIFE[0],
        not_after=LIFE[1],
        extensions=[ext_subject_alt_name([("IP", bytes([127, 0, 0, 1]))]), ext_basic_constraints(True)],
        key=key,
        digest=Digest.SHA256,
    )
    return Identity(certificate, key)


def test_a_key_of_somebody_else_is_not_presented() -> None:
    with pytest.raises(TlsFailure, match="mismatch"):
        server_context((server_identity("r1").certificate,), server_identity("r2").key)


@pytest.mark.parametrize("above", [False, True])
def test_a_certificate_that_cannot_be_read_is_not_presented(above: bool) -> None:
    own, odd = server_identity(), odd_identities()["version 5"]
    chain = [own.certificate, odd.certificate] if above else [odd.certificate]
    with pytest.raises(TlsFailure, match="5 is not a valid X509 version"):
        server_context(chain, own.key)


def test_a_short_key_still_serves() -> None:
    """It cannot sign TLS 1.3's handshake, so that version is not offered."""
    short = make_short_identity()

    async def run() -> tuple[HttpResponse | NoResponse, str | None]:
        async def talk(stream: TlsStream, _writer: asyncio.StreamWriter) -> None:
            await stream.read(1000)
            await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        async with serving_tls(short, talk) as url:
            answer = await http.send(HttpRequest("GET", url))
            port = int(url.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(short.certificate))
            version = writer.get_extra_info("ssl_object").version()
            writer.close()
            return answer, version

    assert asyncio.run(run()) == (HttpResponse(200, "", b"hello"), "TLSv1.2")
