"""What becomes of a new request: refused by a rule, issued at once, or queued for a person.

A rule takes a submission and returns what is wrong with it, or None.  They are asked in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import rsa

from ca_server.domain.authority import carried_extensions
from ca_server.domain.requests import Submission, same_key
from scep_core import names
from scep_core.values import FailInfo

MAX_TRANSACTION_ID = 255
MAX_CSR_BYTES = 16 * 1024
RSA_BITS = range(1024, 8192 + 1)


class Mode(StrEnum):
    """Who decides about a request that no rule refuses."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Policy:
    """The CA's settings; ``lifetime`` is that of clients' certificates."""

    mode: Mode = Mode.MANUAL
    lifetime: timedelta = timedelta(days=365)


@dataclass(frozen=True)
class Queue:
    """A person decides."""


@dataclass(frozen=True)
class Issue:
    """Nobody needs to be asked."""


@dataclass(frozen=True)
class Refuse:
    """No, and why; ``text`` reaches the client."""

    fail_info: FailInfo
    text: str


Rule = Callable[[Submission], Refuse | None]


def decide(submission: Submission, policy: Policy) -> Queue | Issue | Refuse:
    """What becomes of a new request."""
    for rule in RULES:
        refusal = rule(submission)
        if refusal is not None:
            return refusal
    return Issue() if policy.mode is Mode.AUTOMATIC else Queue()


def _bad(text: str) -> Refuse:
    return Refuse(FailInfo.BAD_REQUEST, text)


def _transaction_id(submission: Submission) -> Refuse | None:
    # That it is printable, scep_core has seen to: without that there is no transaction at all.
    if len(submission.transaction_id) > MAX_TRANSACTION_ID:
        return _bad(f"transaction ID: longer than {MAX_TRANSACTION_ID} characters")
    return None


def _size(submission: Submission) -> Refuse | None:
    if len(submission.csr.der) > MAX_CSR_BYTES:
        return _bad(f"certification request: larger than {MAX_CSR_BYTES} bytes")
    return None


def _key(submission: Submission) -> Refuse | None:
    key = submission.csr.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return Refuse(FailInfo.BAD_ALG, "only RSA keys are certified here")
    if key.key_size not in RSA_BITS:
        return _bad(f"an RSA key of {key.key_size} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are certified here")
    return None


def _readable(submission: Submission) -> Refuse | None:
    try:
        names.rfc4514(submission.csr.subject)
        carried_extensions(submission.csr)
    except ValueError:
        return _bad("certification request: a name or an extension cannot be read")
    return None


def _self_signed_key(submission: Submission) -> Refuse | None:
    # Whoever signs for himself proves nothing but that he holds the key he asks a certificate for.
    # Names are not compared: Cisco's temporary certificate has another subject (scep.md 3.2).
    signer = submission.signer
    if signer.is_self_issued and not same_key(signer.public_key_info, submission.csr.public_key_info):
        return _bad("the message is signed with another key than the one in the request")
    return None


RULES: tuple[Rule, ...] = (_transaction_id, _size, _key, _readable, _self_signed_key)
