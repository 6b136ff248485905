"""How much of an enrolment is unavoidable: `make bench`.

An enrolment at the CA costs three private-key operations: the envelope is opened, the certificate
signed, the reply signed.  All else is ours.  Each figure is a ratio of times measured in turns in one
run, since the machine's speed is not ours to know: 1.00 would be an enrolment made of nothing but its
three private-key operations.  Keys are RSA 2048, messages AES-128 and SHA-256, each client has its own
key.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.domain.approval import Issuer
from ca_server.domain.authority import Authority, AuthorityKeys, found_authority
from ca_server.domain.policy import Mode, Policy
from ca_server.domain.profiles import COMPAT
from ca_server.domain.service import ScepService
from ca_server.store import SqlStore
from scep_core import algorithms, certificates, codec, csr, names
from scep_core.cms import Identity
from scep_core.messages import PkcsReq, Success
from scep_core.values import PKCS1, Algorithms, Digest

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CLIENTS = 24
ROUNDS = 9


def make_client(number: int) -> Identity:
    """A client with its own key and a temporary certificate."""
    key = rsa.generate_private_key(65537, 2048)
    name = names.build_name([[(names.COMMON_NAME, f"r{number}.bench")]])
    certificate = certificates.build_certificate(
        serial_number=1,
        issuer=name,
        subject=name,
        public_key_info=csr.public_key_info(key.public_key()),
        not_before=NOW,
        not_after=NOW + timedelta(days=1),
        extensions=[],
        key=key,
        digest=Digest.SHA256,
    )
    return Identity(certificate, key)


def make_message(client: Identity, authority: Authority) -> bytes:
    """Its PKCSReq."""
    request = csr.build_csr(subject=client.certificate.subject, key=client.key, challenge_password="bench")
    return codec.seal_request(
        PkcsReq(request),
        transaction_id=csr.transaction_id(request.public_key_info),
        sender_nonce=os.urandom(16),
        signer=client,
        recipient=authority.ca.certificate,
        algorithms=Algorithms(),
        random_bytes=os.urandom,
    )


def per_message(work: Callable[[bytes], object], messages: list[bytes]) -> float:
    """Seconds a message."""
    started = time.perf_counter()
    for message in messages:
        work(message)
    return (time.perf_counter() - started) / len(messages)


def main() -> None:
    """Measure in turns, print ratios."""
    keys = AuthorityKeys(*(rsa.generate_private_key(65537, 2048) for _ in range(3)))
    authority = found_authority(keys, now=NOW, random_bytes=os.urandom)
    messages = [make_message(make_client(number), authority) for number in range(CLIENTS)]
    public = keys.ca.public_key()
    wrapped = algorithms.wrap_key(public, PKCS1, bytes(16)) if isinstance(public, rsa.RSAPublicKey) else b""

    def private_operations(_message: bytes) -> None:
        algorithms.unwrap_key(keys.ca, PKCS1, wrapped, bytes(16))
        algorithms.sign(keys.ca, Digest.SHA256, b"certificate")
        algorithms.sign(keys.ca, Digest.SHA256, b"reply")

    def messages_alone(message: bytes) -> None:
        request = codec.open_request(
            codec.parse_message(message), [authority.ca], COMPAT.algorithms, random_bytes=os.urandom
        )
        assert isinstance(request.message, PkcsReq)
        issued = authority.issue(
            request.message.csr, now=NOW, lifetime=timedelta(days=1), random_bytes=os.urandom
        )
        codec.seal_reply(
            Success((issued,)),
            head=request.head,
            signer=authority.ca,
            shape=COMPAT.shape,
            random_bytes=os.urandom,
        )

    times: dict[str, list[float]] = {"private": [], "messages": [], "service": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            # A new database each round: the same message again would be a poll.
            store = SqlStore(f"sqlite:///{Path(folder) / str(number)}", lambda: NOW)
            policy = Policy(Mode.AUTOMATIC)
            service = ScepService(
                authority=authority,
                store=store,
                policy=policy,
                issuer=Issuer(authority, policy, os.urandom),
                random_bytes=os.urandom,
            )
            times["private"].append(per_message(private_operations, messages))
            times["messages"].append(per_message(messages_alone, messages))
            times["service"].append(
                per_message(lambda message: service.handle(message, COMPAT, "", NOW), messages)  # noqa: B023
            )
            store.close()
    median = {name: statistics.median(each) for name, each in times.items()}
    print(f"{CLIENTS} clients, {ROUNDS} rounds in turns; ratios of medians, 1.00 is the limit")
    print(f"  message in, certificate, reply out:        {median['private'] / median['messages']:.2f}")
    print(f"  the same with its durable transaction:     {median['private'] / median['service']:.2f}")
    rates = " and ".join(f"{1 / median[name]:.0f}" for name in ("messages", "service"))
    print(f"(here and now: {rates} enrolments/s on one core)")


if __name__ == "__main__":
    main()
