"""What the load sends, made before any clock runs, and what it must be answered with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from scep_core import certificates, codec, csr, names
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.messages import CertPoll, PkcsReq, RequestMessage, Success
from scep_core.values import LEGACY, Algorithms, Digest, PkiStatus

# pkiStatus and its value: RFC 8894 section 3.2.1.3, a SET of one PrintableString of one letter.
_PKI_STATUS = bytes.fromhex("060a6086480186f84501090331031301")
# Opening costs the client a private-key operation: some replies are opened, all have their status read.
OPENED_OF = 25


@dataclass(frozen=True)
class Sealed:
    """One message and what is needed to open its reply."""

    body: bytes
    client: Identity
    transaction_id: str
    nonce: bytes


class Clients:
    """A few keys that play any number of clients, each with its own transaction and subject.

    A key for each would take longer than the benchmark, and to a server a transaction is its identifier
    (RFC 8894 section 3.2.1.1).
    """

    def __init__(self, keys: int) -> None:
        now = datetime.now(UTC)
        self._count = 0
        self._identities = []
        for number in range(keys):
            key = rsa.generate_private_key(65537, 2048)
            name = names.build_name([[(names.COMMON_NAME, f"client{number}.bench")]])
            certificate = certificates.build_certificate(
                serial_number=number + 1,
                issuer=name,
                subject=name,
                public_key_info=csr.public_key_info(key.public_key()),
                not_before=now - timedelta(days=1),
                not_after=now + timedelta(days=1),
                extensions=[],
                key=key,
                digest=Digest.SHA256,
            )
            self._identities.append(Identity(certificate, key))

    def enrolments(self, count: int, ca: Certificate) -> list[Sealed]:
        """Requests for ``count`` certificates."""
        sealed = []
        for _ in range(count):
            self._count += 1
            client = self._identities[self._count % len(self._identities)]
            subject = names.build_name([[(names.COMMON_NAME, f"r{self._count}.bench")]])
            request = csr.build_csr(subject=subject, key=client.key, challenge_password="")
            sealed.append(_seal(PkcsReq(request), client, f"BENCH{self._count:032X}", ca))
        return sealed

    def polls(self, waiting: Sequence[Sealed], ca: Certificate) -> list[Sealed]:
        """A CertPoll for each enrolment that waits."""
        return [
            _seal(CertPoll(ca.subject, each.client.certificate.subject), each.client, each.transaction_id, ca)
            for each in waiting
        ]


def _seal(message: RequestMessage, client: Identity, transaction_id: str, ca: Certificate) -> Sealed:
    nonce = os.urandom(16)
    body = codec.seal_request(
        message,
        transaction_id=transaction_id,
        sender_nonce=nonce,
        signer=client,
        recipient=ca,
        algorithms=Algorithms(),
        random_bytes=os.urandom,
    )
    return Sealed(body, client, transaction_id, nonce)


def write(messages: Sequence[Sealed], folder: Path) -> None:
    """Lay the bodies out for ``load.py``."""
    folder.mkdir()
    for number, each in enumerate(messages):
        (folder / f"{number:05}.req").write_bytes(each.body)


def check(messages: Sequence[Sealed], folder: Path, status: PkiStatus, ca: Certificate) -> None:
    """RuntimeError unless every reply has ``status``, and those that are opened are what they should be."""
    for number, each in enumerate(messages):
        reply = (folder / f"{number:05}.rep").read_bytes()
        place = reply.find(_PKI_STATUS) + len(_PKI_STATUS)
        found = reply[place : place + 1]
        if found != str(int(status)).encode():
            raise RuntimeError(f"reply {number} has pkiStatus {found!r}, and {status.name} was expected")
        if number % OPENED_OF == 0:
            opened = codec.open_reply(
                reply,
                transaction_id=each.transaction_id,
                sender_nonce=each.nonce,
                identity=each.client,
                trusted=[ca],
                policy=LEGACY,  # scepserver answers in single DES
                random_bytes=os.urandom,
            )
            if isinstance(opened, Success):
                key = opened.certificates[0].public_key_info
                assert key == each.client.certificate.public_key_info, "a certificate for another key"
