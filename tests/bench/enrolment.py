"""How much of a message's way through the CA is unavoidable, without HTTP and without a database.

An enrolment costs the CA three private-key operations: the envelope is opened, the certificate signed, the
reply signed.  Here is the least that is around them: ``scep_core`` alone, in one thread.  1.00 would be
nothing but those operations; what ``service.py`` measures beyond this is HTTP, the queue and the disk.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from messages import Clients

from scep_core import algorithms, certificates, codec, csr, names
from scep_core.cms import Identity
from scep_core.messages import PkcsReq, Success
from scep_core.values import MODERN, PKCS1, Digest

CLIENTS = 24
ROUNDS = 9


def make_ca(key: rsa.RSAPrivateKey, now: datetime) -> Identity:
    """A CA that is its own root."""
    name = names.build_name([[(names.COMMON_NAME, "CA of the benchmark")]])
    return Identity(_certificate(key, name, csr.public_key_info(key.public_key()), name, 1, now), key)


def _certificate(
    key: rsa.RSAPrivateKey, subject: bytes, key_info: bytes, issuer: bytes, number: int, now: datetime
) -> certificates.Certificate:
    return certificates.build_certificate(
        serial_number=number,
        issuer=issuer,
        subject=subject,
        public_key_info=key_info,
        not_before=now,
        not_after=now + timedelta(days=365),
        extensions=[],
        key=key,
        digest=Digest.SHA256,
    )


def per_message(work: Callable[[bytes], object], messages: list[bytes]) -> float:
    """CPU seconds a message."""
    started = time.process_time()
    for message in messages:
        work(message)
    return (time.process_time() - started) / len(messages)


def main() -> None:
    """Measure in turns, print the ratio."""
    now = datetime.now(UTC)
    key = rsa.generate_private_key(65537, 2048)
    ca = make_ca(key, now)
    wrapped = algorithms.wrap_key(key.public_key(), PKCS1, bytes(16))

    def private_operations(_message: bytes) -> None:
        algorithms.unwrap_key(key, PKCS1, wrapped, bytes(16))
        algorithms.sign(key, Digest.SHA256, b"certificate")
        algorithms.sign(key, Digest.SHA256, b"reply")

    def messages_alone(message: bytes) -> None:
        request = codec.open_request(codec.parse_message(message), [ca], MODERN, random_bytes=os.urandom)
        assert isinstance(request.message, PkcsReq)
        asked = request.message.csr
        issued = _certificate(key, asked.subject, asked.public_key_info, ca.certificate.subject, 2, now)
        codec.seal_reply(
            Success((issued,)),
            head=request.head,
            signer=ca,
            shape=codec.ReplyShape.COMPAT,
            random_bytes=os.urandom,
        )

    messages = [each.body for each in Clients(CLIENTS).enrolments(CLIENTS * 4, ca.certificate)]
    bare, whole = [], []
    for _ in range(ROUNDS):
        bare.append(per_message(private_operations, messages))
        whole.append(per_message(messages_alone, messages))
    ratio = statistics.median(whole) / statistics.median(bare)
    print(f"The messages alone (scep_core in one thread): {ratio:.2f} of three private operations")


if __name__ == "__main__":
    main()
