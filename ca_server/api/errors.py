"""What the API refuses with: one shape, ``{"error": {"code", "message"}}``, and one table of its codes.

A code is for programs, a message for people.  Every status but 409 and 403 has one code.
"""

from __future__ import annotations

from collections.abc import Mapping

from ca_server.api.schema import Invalid, Schema, choice, record
from ca_server.domain.approval import (
    BadLifetime,
    BadNote,
    BadSubmission,
    NoSuchProfile,
    NoSuchRequest,
    RenewedRevoked,
    RequestChanged,
    SubjectTaken,
)
from ca_server.domain.approval import BadReason as BadDenial
from ca_server.domain.authority import AuthorityExpired
from ca_server.domain.challenges import BadChallenge, NoSuchChallenge
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.requests import WrongState
from ca_server.domain.revocation import (
    BadReason,
    NoSuchCertificate,
    PasswordLocked,
    WrongCertificateState,
    WrongPassword,
)
from ca_server.domain.rollover import RolloverRefused
from ca_server.domain.tokens import BadToken, NoSuchToken


class Forbidden(Exception):
    """Whoever asks may not ask this, or not from there."""


# code -> status, and what it means
CODES: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "something in the path, the query or the body is not as this document says"),
    "unauthorized": (401, "neither the operator's name and password nor a token"),
    "forbidden": (403, "not from this page, not under this host name, or not with a token"),
    "wrong-password": (403, "no certificate of this number can be revoked with this password"),
    # Not 429: it does not help to come back later.
    "locked": (403, "too many wrong passwords: this certificate is revoked by no password any more"),
    "not-found": (404, "there is no such thing here"),
    "not-allowed": (405, "this path has other methods"),
    "wrong-state": (409, "its state does not allow this"),
    "changed": (409, "the request is no longer the one that was seen"),
    "too-large": (413, "the body is too large"),
    "not-json": (415, "a change is sent as application/json"),
    "internal": (500, "a fault of the CA's; its log says more"),
    "busy": (503, "the database cannot be read or written at the moment; the same again may work"),
}

# The domain's refusals, by the code that they end with.
REFUSALS: Mapping[type[Exception], str] = {
    Invalid: "bad-request",
    BadDenial: "bad-request",
    BadReason: "bad-request",
    BadNote: "bad-request",
    BadLifetime: "bad-request",
    BadSubmission: "bad-request",
    BadChallenge: "bad-request",
    BadToken: "bad-request",
    NoSuchProfile: "bad-request",
    Forbidden: "forbidden",
    WrongPassword: "wrong-password",
    NoSuchRequest: "not-found",
    NoSuchCertificate: "not-found",
    NoSuchChallenge: "not-found",
    NoSuchToken: "not-found",
    WrongState: "wrong-state",
    WrongCertificateState: "wrong-state",
    AuthorityExpired: "wrong-state",
    RenewedRevoked: "wrong-state",
    SubjectTaken: "wrong-state",
    RolloverRefused: "wrong-state",
    RequestChanged: "changed",
    PasswordLocked: "locked",
    StoreBusy: "busy",
}

ERROR: Schema = record({"error": record({"code": choice(CODES), "message": {"type": "string"}})})


def code_for(refusal: Exception) -> str:
    """The code of one of the domain's refusals."""
    return next(code for kind, code in REFUSALS.items() if isinstance(refusal, kind))


def error_json(code: str, message: str) -> dict[str, object]:
    """A refusal as it is sent."""
    return {"error": {"code": code, "message": message}}


def code_of(status: int) -> str:
    """The code of a refusal that is known by its HTTP status alone."""
    return next((code for code, (each, _) in CODES.items() if each == status), "bad-request")
