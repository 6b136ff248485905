"""A small PKI for the codec's tests: identities by name, messages with one thing changed at a time."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from scep_core import algorithms, asn1, cms, codec, names, pkimessage
from scep_core.certificates import (
    Certificate,
    Extension,
    build_certificate,
    ext_basic_constraints,
    ext_key_usage,
    read_certificate,
)
from scep_core.codec import Identity, Request
from scep_core.csr import Csr, build_csr, public_key_info
from scep_core.messages import PkcsReq, ReplyMessage, RequestMessage
from scep_core.values import MODERN, AlgorithmPolicy, Algorithms, Digest
from tests.programs import program

settings.register_profile(
    "scep_core",
    max_examples=60,
    derandomize=True,
    deadline=None,  # a busy machine is no failure; nor below
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)

BORN = datetime(2026, 1, 1, tzinfo=UTC)
NONCE = bytes(range(16))


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key for each name and session."""
    return rsa.generate_private_key(65537, bits)


def common_name(text: str) -> bytes:
    return names.build_name([[(names.COMMON_NAME, text)]])


class Lab:
    """A CA, its RA, a client with its self-signed certificate, and a stranger."""

    born = BORN
    nonce = NONCE
    transaction_id = "0123456789ABCDEF0123456789ABCDEF"

    def __init__(self) -> None:
        self.random_bytes: Callable[[int], bytes] = random.Random(8894).randbytes

    key = staticmethod(rsa_key)
    name = staticmethod(common_name)

    def identity(
        self,
        name: str,
        *,
        issuer: Identity | None = None,
        serial_number: int = 1,
        extensions: Sequence[Extension] = (),
        digest: Digest = Digest.SHA256,
        subject: bytes | None = None,
        bits: int = 2048,
    ) -> Identity:
        """A key of that name and its certificate, self-signed unless there is an issuer."""
        key = rsa_key(name, bits)
        subject = common_name(name) if subject is None else subject
        certificate = build_certificate(
            serial_number=serial_number,
            issuer=issuer.certificate.subject if issuer else subject,
            subject=subject,
            public_key_info=public_key_info(key.public_key()),
            not_before=BORN,
            not_after=BORN + timedelta(days=3650),
            extensions=extensions,
            key=issuer.key if issuer else key,
            digest=digest,
        )
        return Identity(certificate, key)

    @cached_property
    def ca(self) -> Identity:
        extensions = [
            ext_basic_constraints(True),
            ext_key_usage("key_cert_sign", "crl_sign", "digital_signature"),
        ]
        return self.identity("ca", serial_number=7, extensions=extensions)

    @cached_property
    def ra(self) -> Identity:
        extensions = [ext_key_usage("digital_signature", "key_encipherment")]
        return self.identity("ra", issuer=self.ca, serial_number=8, extensions=extensions)

    @cached_property
    def client(self) -> Identity:
        return self.identity("client", serial_number=3)

    @cached_property
    def stranger(self) -> Identity:
        return self.identity("stranger", serial_number=3)

    @cached_property
    def elliptic(self) -> Identity:
        """Self-signed with an EC key, which no envelope can be sealed for."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = build_certificate(
            serial_number=4,
            issuer=common_name("ec"),
            subject=common_name("ec"),
            public_key_info=public_key_info(key.public_key()),
            not_before=BORN,
            not_after=BORN + timedelta(days=1),
            extensions=[],
            key=key,
            digest=Digest.SHA256,
        )
        return Identity(certificate, key)

    @cached_property
    def csr(self) -> Csr:
        return build_csr(subject=common_name("r1"), key=self.client.key, challenge_password="s3cret")

    def request(
        self,
        message: RequestMessage | None = None,
        *,
        signer: Identity | None = None,
        recipient: Certificate | None = None,
        chosen: Algorithms | None = None,
        signing_time: datetime | None = None,
    ) -> bytes:
        """A sealed request, the client's PKCSReq to the RA unless told otherwise."""
        return codec.seal_request(
            message or PkcsReq(self.csr),
            transaction_id=self.transaction_id,
            sender_nonce=NONCE,
            signer=signer or self.client,
            recipient=recipient or self.ra.certificate,
            algorithms=chosen or Algorithms(),
            random_bytes=self.random_bytes,
            signing_time=signing_time,
        )

    def open(
        self,
        data: bytes,
        policy: AlgorithmPolicy = MODERN,
        recipients: Sequence[Identity] | None = None,
    ) -> Request:
        """What the RA makes of a request."""
        message = codec.parse_message(data)
        return codec.open_request(message, recipients or [self.ra], policy, random_bytes=self.random_bytes)

    def reply(
        self,
        reply: ReplyMessage,
        request: Request | None = None,
        *,
        signer: Identity | None = None,
        shape: codec.ReplyShape = codec.ReplyShape.COMPAT,
    ) -> bytes:
        """The RA's CertRep."""
        return codec.seal_reply(
            reply,
            head=(request or self.open(self.request())).head,
            signer=signer or self.ra,
            shape=shape,
            random_bytes=self.random_bytes,
        )

    def open_reply(self, data: bytes, **changes: Any) -> ReplyMessage:
        """What the client makes of a CertRep."""
        arguments: dict[str, Any] = {
            "transaction_id": self.transaction_id,
            "sender_nonce": NONCE,
            "identity": self.client,
            "trusted": [self.ca.certificate, self.ra.certificate],
            "random_bytes": self.random_bytes,
        }
        return codec.open_reply(data, **arguments | changes)

    def signed(
        self,
        content: bytes | None,
        *,
        signer: Identity | None = None,
        message_type: str = "19",
        without: Sequence[str] = (),
        more: Sequence[bytes] = (),
        certificates: Sequence[bytes] | None = None,
        digest: Digest = Digest.SHA256,
        content_type: str = cms.DATA,
        order: Callable[[list[bytes]], list[bytes]] = sorted,
        signers: int = 1,
    ) -> bytes:
        """A pkiMessage from raw pieces, so that each can be wrong: the oracle shares no code with us.

        ``without`` names attributes (OIDs) to leave out, ``more`` are whole attributes to add.
        """
        signer = signer or self.client
        stated = {
            cms.CONTENT_TYPE: asn1.oid(cms.DATA),
            cms.MESSAGE_DIGEST: asn1.octet_string(algorithms.hash_bytes(digest, content or b"")),
            pkimessage.MESSAGE_TYPE: asn1.encode(0x13, message_type.encode("latin-1", "replace")),
            pkimessage.TRANSACTION_ID: asn1.printable_string(self.transaction_id),
            pkimessage.SENDER_NONCE: asn1.octet_string(NONCE),
        }
        attributes = [attribute(oid, value) for oid, value in stated.items() if oid not in without]
        attributes = order([*attributes, *more])
        signature = algorithms.sign(signer.key, digest, asn1.encode(asn1.SET, *attributes))
        algorithm = algorithms.digest_algorithm(digest)
        info = asn1.sequence_of(
            asn1.integer(1),
            cms.issuer_and_serial(signer.certificate),
            algorithm,
            asn1.encode(0xA0, *attributes),
            asn1.sequence_of(asn1.oid(algorithms.RSA_ENCRYPTION), asn1.NULL),
            asn1.octet_string(signature),
        )
        if certificates is None:
            certificates = [signer.certificate.der]
        return asn1.sequence_of(
            asn1.oid(cms.SIGNED_DATA),
            asn1.encode(
                0xA0,
                asn1.sequence_of(
                    asn1.integer(1),
                    asn1.set_of([algorithm]),
                    asn1.sequence_of(
                        asn1.oid(content_type),
                        b"" if content is None else asn1.encode(0xA0, asn1.octet_string(content)),
                    ),
                    asn1.encode(0xA0, *certificates) if certificates else b"",
                    asn1.encode(asn1.SET, *[info] * signers),
                ),
            ),
        )


def attribute(oid: str, *values: bytes) -> bytes:
    """An Attribute with any number of values."""
    return asn1.sequence_of(asn1.oid(oid), asn1.encode(asn1.SET, *values))


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def make_attribute() -> Callable[..., bytes]:
    return attribute


@pytest.fixture(scope="session")
def signed_structure() -> Callable[..., bytes]:
    """SIGNED{body} as certificates, CRLs and CSRs are: ``signed_structure(body, key, digest)``."""

    def build(body: bytes, key: rsa.RSAPrivateKey, digest: Digest = Digest.SHA256) -> bytes:
        return asn1.sequence_of(
            body,
            algorithms.signature_algorithm(key, digest),
            asn1.bit_string(algorithms.sign(key, digest, body)),
        )

    return build


@pytest.fixture(scope="session")
def make_certificate(lab: Lab, signed_structure: Callable[..., bytes]) -> Callable[..., Certificate]:
    """A certificate of the client's key from raw pieces, as our own builder would not make it."""

    def build(
        *,
        serial_number: bytes = b"\x02\x01\x05",
        version: bytes = b"\xa0\x03\x02\x01\x02",
        name: bytes = common_name("odd"),
        tail: bytes = b"",
        digest: Digest = Digest.SHA256,
    ) -> Certificate:
        body = asn1.sequence_of(
            version,
            serial_number,
            algorithms.signature_algorithm(lab.client.key, digest),
            name,
            asn1.sequence_of(asn1.time(BORN), asn1.time(BORN + timedelta(days=1))),
            name,
            lab.client.certificate.public_key_info,
            tail,
        )
        return read_certificate(signed_structure(body, lab.client.key, digest))

    return build


class OpenSsl:
    """The ``openssl`` program in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, **files: bytes) -> bytes:
        """Run it with ``files`` laid ready by name; its standard output, CalledProcessError if it fails."""
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        return subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True
        ).stdout

    def lay(self, **identities: Identity) -> None:
        """Write ``name.crt`` and ``name.key``, both PEM."""
        for name, identity in identities.items():
            pem = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (self.folder / f"{name}.key").write_bytes(pem)
            self("x509", "-inform", "DER", "-in", "der", "-out", f"{name}.crt", der=identity.certificate.der)


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    program("openssl")
    return OpenSsl(tmp_path)


def mutated(der: bytes, data: st.DataObject) -> bytes:
    """Some bytes of a structure changed, cut out or put in, as hypothesis draws it."""
    mutant = bytearray(der)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(mutant) - 1)))
        match data.draw(st.sampled_from(["replace", "flip", "delete", "insert", "truncate"])):
            case "replace":
                mutant[at : at + 1] = data.draw(st.binary(min_size=1, max_size=2))
            case "flip" if mutant:
                mutant[at] ^= 1 << data.draw(st.integers(0, 7))
            case "delete":
                del mutant[at : at + data.draw(st.integers(1, 4))]
            case "insert":
                mutant[at:at] = data.draw(st.binary(min_size=1, max_size=3))
            case "truncate":
                del mutant[at:]
    return bytes(mutant)


@pytest.fixture(scope="session")
def mutate() -> Callable[[bytes, st.DataObject], bytes]:
    return mutated
