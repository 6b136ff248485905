"""A CA in one process, and a client of it, over a clock that only the test moves."""

from __future__ import annotations

import functools
import itertools
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.api.auth import Operator
from ca_server.app import Apps, Parts, create_apps
from ca_server.domain.authority import AuthorityKeys, Succession, found_authority, mark_of
from ca_server.domain.challenges import Hasher
from ca_server.domain.enrolment import Exchange
from ca_server.domain.ledger import CertificateFilter, RequestFilter, Slice
from ca_server.domain.places import Places
from ca_server.domain.policy import Decide
from ca_server.domain.profiles import BUILT_IN, COMPAT, Profiles
from ca_server.store import SqlStore
from scep_core import certificates, csr, names
from scep_core.cms import Identity
from scep_core.codec import open_reply, seal_request
from scep_core.messages import CertPoll, PkcsReq
from scep_core.values import Algorithms, Digest

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WALL = datetime(2026, 2, 1, tzinfo=UTC)
OPERATOR = Operator("operator", "open sesame")
PLACES = Places("http://ca.lab:8080", "ldap://ldap.lab:3890")
HASHER = Hasher(bytes(32))
EVERYTHING = Slice(limit=1000)


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

    def seal(
        self,
        message,
        *,
        nonce=None,
        signer=None,
        recipient=None,
        algorithms=None,
        transaction_id=None,
        **more,
    ):
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
            **more,
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


class Keeper:
    """Keeps the CA's generations in memory; ``keys()`` makes those of the next one."""

    def __init__(self, authority, keys):
        self._succession = Succession((authority,))
        self._keys = keys

    def succession(self):
        return self._succession

    def add_next(self, *, active_from, now):
        last = self._succession.authorities[-1]
        made = found_authority(
            self._keys(),
            places=PLACES,
            now=now,
            random_bytes=os.urandom,
            number=last.number + 1,
            mark=mark_of(last),
            active_from=active_from,
        )
        self._succession = Succession((*self._succession.authorities, made))
        return made


@dataclass
class Lab:
    """The CA's parts, in one process."""

    keeper: Keeper
    store: SqlStore
    clock: ManualClock
    apps: Apps

    @property
    def authority(self):
        return self.keeper.succession().authorities[0]

    @property
    def desks(self):
        return self.apps.desks

    wall = WALL

    @property
    def only_request(self):
        [request] = self.requests
        return request

    @property
    def requests(self):
        return self.store.requests(RequestFilter(), EVERYTHING)

    @property
    def certificates(self):
        return self.store.certificates(CertificateFilter(), EVERYTHING, self.clock.now())

    def profile(self, name):
        return self.desks.profiles.named(name)

    def handle(self, data, profile=COMPAT, *, source="192.0.2.1", wall=WALL):
        """One exchange, bytes in and the answer out; the lab's own profile of that name is asked."""
        exchange = Exchange(self.profile(profile.name), source, self.clock.now(), wall)
        return self.apps.service.handle(data, exchange)

    def send(self, client, data, profile=COMPAT, *, source="192.0.2.1", wall=WALL, **options):
        """One exchange: the client's bytes in, the opened reply out."""
        answer = self.handle(data, profile, source=source, wall=wall)
        assert answer.unexpected is None
        return client.open(answer.body, **options)

    def approve(self, request_id, **options):
        return self.desks.approval.approve(request_id, by="operator", now=self.clock.now(), **options)

    def deny(self, request_id, reason=""):
        return self.desks.approval.deny(request_id, reason, by="operator", now=self.clock.now())


@pytest.fixture(scope="session")
def keys():
    """``keys(number, bits)``: private keys, each made once."""
    return functools.cache(lambda number=0, bits=1024: rsa.generate_private_key(65537, bits))


@pytest.fixture(scope="session")
def authority_keys(keys):
    """``authority_keys(generation)``: the keys of a CA without a root above it."""
    return lambda generation=1: AuthorityKeys(
        None, *(keys(number, 2048) for number in range(3 * generation - 3, 3 * generation))
    )


@pytest.fixture(scope="session")
def authority(authority_keys):
    return found_authority(authority_keys(), places=PLACES, now=START, random_bytes=os.urandom)


def with_policy(*, in_profile=None, **general):
    """The built-in profiles with these changes of their policies: of all, and ``in_profile`` of each.

    None for a profile leaves it out.
    """

    def changed(policy, unique_subjects=None, **changes):
        if unique_subjects is not None:
            policy = replace(policy, terms=replace(policy.terms, unique_subjects=unique_subjects))
        return replace(policy, **changes)

    own = [(each, (in_profile or {}).get(each.name, {})) for each in BUILT_IN]
    return Profiles(
        replace(each, policy=changed(each.policy, **general | changes))
        for each, changes in own
        if changes is not None
    )


def build_lab(authority, url, clock=None, *, next_keys=None, crls=None, faults=None, journal=None, **policy):
    """A CA over the database; close its store when done.  ``policy`` is what is changed in all profiles."""
    clock = clock or ManualClock()
    store = SqlStore(url, lambda: WALL)
    keeper = Keeper(authority, next_keys)
    parts = Parts(
        keeper=keeper,
        store=store,
        hasher=HASHER,
        operator=OPERATOR,
        clock=clock,
        random_bytes=os.urandom,
        profiles=with_policy(**policy),
        places=PLACES,
        faults=faults,
        journal=journal,
    )
    return Lab(keeper, store, clock, create_apps(parts))


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path / 'requests.sqlite3'}"


@pytest.fixture
def make_lab(authority, authority_keys, database_url):
    """``make_lab(decide=...)``: another CA over the same database each time, with such a policy."""
    labs = []

    def make(*, authority=authority, **options):
        options.setdefault("next_keys", lambda: authority_keys(2))
        labs.append(build_lab(authority, database_url, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.store.close()


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.fixture
def automatic(make_lab):
    return make_lab(decide=Decide.AUTOMATIC)


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
