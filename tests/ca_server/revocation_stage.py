"""A CA in each shape, a store, and a desk that revokes what was issued: what tests of revocation share."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_server.domain.authority import Authority, AuthorityKeys, KeyKind, Shape, Succession, found_authority
from ca_server.domain.challenges import Hasher, Use
from ca_server.domain.issuance import Terms
from ca_server.domain.ledger import IssuedCertificate, about_transaction
from ca_server.domain.places import USUAL_POINTS, Places, PointKind
from ca_server.domain.requests import CertificateRequest, ChallengeState, State
from ca_server.domain.revocation import RevocationDesk
from ca_server.store import SqlStore
from scep_core import csr, names
from scep_core.certificates import Certificate, Extension

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
PLACES = Places("http://ca.lab:8080", "ldap://ldap.lab:3890")
HASHER = Hasher(b"k" * 32)
SIMPLEST = Shape()
PASSWORD = "the router's"


@functools.cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Private keys, each made once."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def authority(shape: Shape = SIMPLEST, *, number: int = 1, now: datetime = START) -> Authority:
    """One generation; a later one is active from ``now`` on."""
    key = ec_key if shape.key is KeyKind.EC_P256 else rsa_key
    keys = AuthorityKeys(
        root=key(10 + number) if shape.with_root else None,
        ca=key(number),
        ra_signing=rsa_key(20),
        ra_encryption=rsa_key(21),
    )
    return found_authority(
        keys,
        places=PLACES,
        now=now,
        random_bytes=os.urandom,
        number=number,
        mark="AB12CD",
        active_from=None if number == 1 else now,
    )


def certify(
    by: Authority,
    subject: bytes | str = "r1.lab",
    extensions: tuple[Extension, ...] = (),
    *,
    now: datetime = START,
    lifetime: timedelta = timedelta(days=365),
    points: tuple[PointKind, ...] = USUAL_POINTS,
) -> Certificate:
    """A certificate for one key; a text is a common name."""
    name = names.build_name([[(names.COMMON_NAME, subject)]]) if isinstance(subject, str) else subject
    request = csr.build_csr(subject=name, key=rsa_key(30), challenge_password=None, extensions=extensions)
    terms = Terms(lifetime, distribution_points=points)
    return by.issue(request, terms, places=PLACES, now=now, random_bytes=os.urandom)


@dataclass
class Stage:
    """A desk over a store; ``generations`` is read anew each time, as the desk's authorities are."""

    store: SqlStore
    generations: list[Authority]

    def __post_init__(self) -> None:
        self.desk = RevocationDesk(self.store, self.succession, HASHER)

    def succession(self) -> Succession:
        return Succession(tuple(self.generations))

    def issue(self, *, password: str | None = None, by: Authority | None = None, **options) -> int:
        """Issue and keep a certificate; return its serial number."""
        by = by or self.generations[0]
        certificate = certify(by, **options)
        digest = None if password is None else HASHER.digest(password, Use.ENROLMENT)
        transaction_id = f"{certificate.serial_number:X}"
        with self.store.write(about_transaction(transaction_id)) as ledger:
            request = ledger.add_request(request_with(digest, transaction_id))
            ledger.add_certificate(
                IssuedCertificate(
                    serial_number=certificate.serial_number,
                    request_id=request.id,
                    issuer=by.ca.name,
                    subject="CN=r1.lab",
                    subject_key="2.5.4.3=r1.lab",
                    not_before=certificate.not_before,
                    not_after=certificate.not_after,
                    der=certificate.der,
                )
            )
        return certificate.serial_number


def request_with(digest: bytes | None, transaction_id: str) -> CertificateRequest:
    """An issued request of which only its challenge password matters."""
    return CertificateRequest(
        state=State.ISSUED,
        transaction_id=transaction_id,
        message_type=19,
        profile="compat",
        source="192.0.2.1",
        sender_nonce=b"n" * 16,
        csr=b"0\0",
        public_key_info=b"0\0",
        signer_key=b"0\0",
        signer="self-signed",
        subject="CN=r1.lab",
        subject_alt_names=(),
        key="RSA 2048",
        md5="",
        sha1="",
        sha256="",
        challenge=ChallengeState.ABSENT if digest is None else ChallengeState.NOT_CHECKED,
        challenge_digest=digest,
        authority=1,
        renews=None,
        received_at=START,
    )


@contextmanager
def staged(url: str, *generations: Authority):
    """A stage over a database, with one CA of the simplest shape unless told otherwise."""
    store = SqlStore(url, lambda: START)
    try:
        yield Stage(store, list(generations or (authority(),)))
    finally:
        store.close()
