"""How requests, certificates and the rest are shown: for each field its schema and where it comes from.

No digest of a secret is among them.  Texts that clients send are shown as they came: whoever prints them
escapes them.
"""

from __future__ import annotations

import base64
import textwrap
from datetime import datetime
from typing import Any

from ca_server.api.route import View
from ca_server.api.schema import (
    BOOLEAN,
    COUNT,
    ID,
    OCTETS,
    STRING,
    Schema,
    array,
    choice,
    instant,
    nullable,
    pattern,
    record,
)
from ca_server.domain.ledger import AuditEntry, CertificateState, Challenge, IssuedCertificate, Token, What
from ca_server.domain.requests import CertificateRequest, ChallengeState, State
from ca_server.domain.revocation import Reason

INSTANT, MAYBE_INSTANT = instant(), nullable(instant())
MAYBE_TEXT, MAYBE_ID = nullable(STRING), nullable(ID)
SERIAL = pattern(OCTETS, "in hexadecimal, as OpenSSL prints it")
MAYBE_SERIAL = nullable(SERIAL)
# As routers print it: ``9370C649 1708685B ...``.
FINGERPRINT = STRING
FINGERPRINTS: Schema = record({"md5": FINGERPRINT, "sha1": FINGERPRINT, "sha256": FINGERPRINT})

REASONS: dict[str, Reason] = {reason.rfc_name: reason for reason in Reason}


def serial_text(serial_number: int | None) -> str | None:
    """A serial number as OpenSSL prints it: whole octets in upper-case hexadecimal."""
    if serial_number is None:
        return None
    return serial_number.to_bytes((serial_number.bit_length() + 7) // 8 or 1, "big").hex().upper()


def pem(der: bytes, label: str = "CERTIFICATE") -> str:
    """A certificate in PEM, or what else ``label`` says."""
    lines = textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _serial(thing: CertificateRequest | IssuedCertificate | AuditEntry, _now: datetime) -> str | None:
    return serial_text(thing.serial_number)


REQUEST: View[CertificateRequest] = View(
    "Request",
    {
        "id": ID,
        "state": choice(State),
        "transaction_id": STRING,
        "message_type": {"type": "integer", "description": "17 RenewalReq, 19 PKCSReq, 0 none: by hand"},
        "subject": {"type": "string", "description": "RFC 4514"},
        "subject_alt_names": array(STRING),
        "key": STRING,
        "fingerprints": {**FINGERPRINTS, "description": "of the request, as routers print them"},
        "challenge": choice(ChallengeState, "what its challenge password was found to be"),
        "signer": {"type": "string", "description": "who signed the message"},
        "profile": STRING,
        "source": STRING,
        "authority": {**COUNT, "description": "the generation of the CA that was asked"},
        "renews": {**MAYBE_SERIAL, "description": "the certificate that signed a renewal"},
        "polls": COUNT,
        "received_at": INSTANT,
        "last_poll_at": MAYBE_INSTANT,
        "decided_at": MAYBE_INSTANT,
        "decided_by": MAYBE_TEXT,
        "reason": {**MAYBE_TEXT, "description": "of a denial"},
        "serial_number": {**MAYBE_SERIAL, "description": "of the certificate"},
    },
    {
        "fingerprints": lambda each, _: {"md5": each.md5, "sha1": each.sha1, "sha256": each.sha256},
        "renews": lambda each, _: serial_text(each.renews),
        "serial_number": _serial,
    },
)

AUDIT: View[AuditEntry] = View(
    "AuditEntry",
    {
        "id": ID,
        "what": choice(What),
        "by": {"type": "string", "description": "an operator, `token NAME`, `policy`, or a client's address"},
        "at": INSTANT,
        "wall_at": nullable(instant("the world's time")),
        "request_id": MAYBE_ID,
        "serial_number": MAYBE_SERIAL,
        "text": MAYBE_TEXT,
    },
    {"serial_number": _serial},
)

CERTIFICATE: View[IssuedCertificate] = View(
    "Certificate",
    {
        "serial_number": SERIAL,
        "request_id": ID,
        "issuer": {"type": "string", "description": "the name of the CA, such as `ca-1`"},
        "subject": STRING,
        "state": choice(CertificateState),
        "not_before": INSTANT,
        "not_after": INSTANT,
        "revoked_at": MAYBE_INSTANT,
        "reason": nullable(choice(REASONS)),
        "invalidity_date": MAYBE_INSTANT,
        "wrong_passwords": {**COUNT, "description": "tries to revoke it with a wrong password"},
        "pem": STRING,
    },
    {
        "serial_number": _serial,
        "state": lambda each, now: each.state(now),
        "reason": lambda each, _: None if each.reason is None else Reason(each.reason).rfc_name,
        "pem": lambda each, _: pem(each.der),
    },
)

CHALLENGE: View[Challenge] = View(
    "Challenge",
    {
        "id": ID,
        "device": {**MAYBE_TEXT, "description": "whose alone it is; null: whoever has it"},
        "once": BOOLEAN,
        "created_at": INSTANT,
        "created_by": STRING,
        "expires_at": MAYBE_INSTANT,
        "used_at": MAYBE_INSTANT,
        "used_by": {**MAYBE_ID, "description": "the request that used it up"},
    },
)

TOKEN: View[Token] = View("Token", {"id": ID, "name": STRING, "created_at": INSTANT, "created_by": STRING})

VIEWS: tuple[View[Any], ...] = (REQUEST, AUDIT, CERTIFICATE, CHALLENGE, TOKEN)
