"""A CA in one process, and a client of it, over a clock that only the test moves."""

from __future__ import annotations

import functools
import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.app import Apps, create_apps
from ca_server.console import Operator
from ca_server.domain.approval import ApprovalDesk, Issuer
from ca_server.domain.authority import AuthorityKeys, found_authority
from ca_server.domain.policy import Mode, Policy
from ca_server.domain.profiles import COMPAT
from ca_server.domain.service import ScepService
from ca_server.store import SqlStore
from scep_core import certificates, csr, names
from scep_core.cms import Identity
from scep_core.codec import open_reply, seal_request
from scep_core.messages import CertPoll, PkcsReq
from scep_core.values import Algorithms, Digest

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WALL = datetime(2026, 2, 1, tzinfo=UTC)
OPERATOR = Operator("operator", "open sesame")


class ManualClock:
    """Stands still until told."""

    def __init__(self):
        self.instant = START

    def now(self):
        return self.instant

    def advance(self, step=timedelta(minutes=1)):
        self.instant += step


class Client:
    """One SCEP client with its key and its temporary certificate; RSA 1024 to be quick."""

    def __init__(self, key, authority, name="r1.lab", *, subject=None):
        self.key = key
        self.authority = authority
        self.public_key_info = csr.public_key_info(key.public_key())
        self.subject = names.build_name([[(names.COMMON_NAME, name)]]) if subject is None else subject
        self.transaction_id = csr.transaction_id(self.public_key_info)
        self.identity = self.self_signed(self.subject)
        self._nonces = itertools.count(1)
        self.sent_nonce = b""

    def self_signed(self, subject):
        """A temporary certificate as Cisco's: no extensions at all."""
        certificate = certificates.build_certificate(
            serial_number=3,
            issuer=subject,
            subject=subject,
            public_key_info=self.public_key_info,
            not_before=START,
            not_after=START + timedelta(days=3650),
            extensions=[],
            key=self.key,
            digest=Digest.SHA256,
        )
        return Identity(certificate, self.key)

    def csr(self, *, challenge=None, extensions=(), key=None, digest=Digest.SHA256):
        return csr.build_csr(
            subject=self.subject,
            key=key or self.key,
            challenge_password=challenge,
            extensions=extensions,
            digest=digest,
        )

    def seal(self, message, *, nonce=None, signer=None, recipient=None, algorithms=None, transaction_id=None):
        """The message's bytes; its nonce is kept for ``open``."""
        self.sent_nonce = nonce or next(self._nonces).to_bytes(16, "big")
        return seal_request(
            message,
            transaction_id=transaction_id or self.transaction_id,
            sender_nonce=self.sent_nonce,
            signer=signer or self.identity,
            recipient=recipient or self.authority.ra_encryption.certificate,
            algorithms=algorithms or Algorithms(),
            random_bytes=os.urandom,
        )

    def pkcs_req(self, **options):
        return self.seal(PkcsReq(self.csr()), **options)

    def poll(self, **options):
        return self.seal(CertPoll(self.authority.ca.certificate.subject, self.subject), **options)

    def open(self, body, transaction_id=None):
        """What the CA has answered to the last message that was sealed."""
        return open_reply(
            body,
            transaction_id=transaction_id or self.transaction_id,
            sender_nonce=self.sent_nonce,
            identity=self.identity,
            trusted=self.authority.certificates(ra_mode=True),
            random_bytes=os.urandom,
        )


@dataclass
class Lab:
    """The CA's parts, in one process."""

    authority: object
    store: SqlStore
    clock: ManualClock
    service: ScepService
    desk: ApprovalDesk
    apps: Apps

    def send(self, client, data, profile=COMPAT, **options):
        """One exchange: the client's bytes in, the opened reply out."""
        answer = self.service.handle(data, profile, "192.0.2.1", self.clock.now())
        assert answer.unexpected is None
        return client.open(answer.body, **options)

    def approve(self, request_id):
        return self.desk.approve(request_id, by="operator", now=self.clock.now())

    def deny(self, request_id, reason=""):
        return self.desk.deny(request_id, reason, by="operator", now=self.clock.now())


@pytest.fixture(scope="session")
def keys():
    """``keys(number, bits)``: private keys, each made once."""
    return functools.cache(lambda number=0, bits=1024: rsa.generate_private_key(65537, bits))


@pytest.fixture(scope="session")
def authority(keys):
    authority_keys = AuthorityKeys(*(keys(number, 2048) for number in range(3)))
    return found_authority(authority_keys, now=START, random_bytes=os.urandom)


def build_lab(authority, database, clock=None, mode=Mode.MANUAL):
    """A CA over the database file; close its store when done."""
    clock = clock or ManualClock()
    store = SqlStore(f"sqlite:///{database}", lambda: WALL)
    policy = Policy(mode)
    issuer = Issuer(authority, policy, os.urandom)
    return Lab(
        authority=authority,
        store=store,
        clock=clock,
        service=ScepService(
            authority=authority, store=store, policy=policy, issuer=issuer, random_bytes=os.urandom
        ),
        desk=ApprovalDesk(store, issuer),
        apps=create_apps(
            authority=authority,
            store=store,
            policy=policy,
            operator=OPERATOR,
            clock=clock,
            random_bytes=os.urandom,
        ),
    )


@pytest.fixture
def make_lab(authority, tmp_path):
    """``make_lab(mode=...)``: another CA over the same database file each time."""
    labs = []

    def make(**options):
        labs.append(build_lab(authority, tmp_path / "requests.sqlite3", **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.store.close()


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.fixture
def automatic(make_lab):
    return make_lab(mode=Mode.AUTOMATIC)


@pytest.fixture
def client(keys, authority):
    return Client(keys(0), authority)


@pytest.fixture
def make_client(keys, authority):
    """``make_client(number, name)``: a client with another key for each number."""
    return lambda number=0, name="r1.lab", **options: Client(keys(number), authority, name, **options)


@pytest.fixture(scope="session")
def operator():
    return OPERATOR
