"""Records for the tests of the store, and the two databases that they run on."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ca_server.domain.ledger import (
    AuditEntry,
    Challenge,
    IssuedCertificate,
    IssuedCrl,
    Token,
    What,
    about_transaction,
)
from ca_server.domain.requests import CertificateRequest, ChallengeState, State, WaitsFor

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WALL = datetime(2026, 2, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
SUBJECT_KEY = "2.5.4.10=lab/2.5.4.3=r1.lab"
LONG_SERIAL_NUMBER = 2**159 + 5  # RFC 5280 allows twenty octets
_numbers = itertools.count(1)


def a_request(**changes):
    """A pending request in a transaction of its own."""
    request = CertificateRequest(
        state=State.PENDING,
        transaction_id=f"TRANSACTION {next(_numbers)}",
        message_type=19,
        profile="compat",
        source="192.0.2.1",
        sender_nonce=os.urandom(16),
        csr=os.urandom(700),
        public_key_info=b"key",
        signer_key=b"signer",
        signer="self-signed",
        subject="CN=r1.lab,O=lab",
        subject_alt_names=("DNS:r1.lab", "IP:192.0.2.1", "DNS:müller.lab"),
        key="RSA 2048",
        md5="9370C649 1708685B",
        sha1="11112222 33334444",
        sha256="AAAABBBB CCCCDDDD",
        challenge=ChallengeState.RIGHT,
        challenge_digest=b"\x00\xff digest",
        authority=2,
        renews=LONG_SERIAL_NUMBER,
        received_at=NOW,
        waits_for=WaitsFor.POLICY,
        earlier_nonces=b"\x00\xff earlier",
    )
    return replace(request, **changes)


def a_certificate(serial_number, request_id=1, **changes):
    """A certificate that is valid for a year."""
    certificate = IssuedCertificate(
        serial_number=serial_number,
        request_id=request_id,
        issuer="ca-1",
        subject="CN=r1.lab,O=lab",
        subject_key=SUBJECT_KEY,
        not_before=NOW,
        not_after=NOW + YEAR,
        der=b"\x30 certificate",
    )
    return replace(certificate, **changes)


def a_crl(number, issuer="ca-1"):
    """An empty CRL."""
    return IssuedCrl(issuer, number, NOW, NOW + timedelta(days=7), b"\x30 crl %d" % number)


def a_challenge(digest, **changes):
    """A one-time challenge for whoever has it, valid for an hour."""
    challenge = Challenge(digest, None, True, NOW, "operator", NOW + timedelta(hours=1))
    return replace(challenge, **changes)


def a_token(name):
    """A token."""
    return Token(name, name.encode() + b" hash", NOW, "operator")


def add(store, request):
    """Keep a request in a transaction of its own."""
    with store.write(about_transaction(request.transaction_id)) as ledger:
        return ledger.add_request(request)


def enrol(store, serial_number, **changes):
    """What an enrolment that is granted at once writes."""
    request = a_request(state=State.ISSUED, serial_number=serial_number, **changes)
    with store.write(about_transaction(request.transaction_id)) as ledger:
        assert ledger.latest_request(request.transaction_id) is None
        request = ledger.add_request(request)
        ledger.add_certificate(a_certificate(serial_number, request.id))
        ledger.add_audit(AuditEntry(What.ISSUED, "policy", NOW, request.id, serial_number))
    return request
