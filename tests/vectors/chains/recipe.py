"""Chains as data: what a row says is made into real certificates and CRLs, and a verdict is wanted.

A row changes a good scene: ``root`` issues ``sub``, ``sub`` issues ``leaf``, each CA has a CRL, the peer
shows ``leaf`` and ``sub``, and ``root`` is trusted.  Labels name a certificate, its subject
(``CN=label,O=lab``) and its key.  What other programs think of the rows is in ``opinions``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict
from scep_core.values import Digest

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
BORN, END = NOON - 100 * DAY, NOON + 100 * DAY


@dataclass(frozen=True)
class CertificateRecipe:
    """One certificate; empty strings mean its own label, None that there is no such extension.

    ``extensions`` are more of them, each with whether it is critical.  ``tampered`` turns a bit of the
    signature, ``outer_digest`` names another digest outside than inside.
    """

    issuer: str
    subject: str = ""
    key: str = ""
    signer: str = ""  # whose key signs; else the issuer's
    kind: str = "ec"  # of the key: ec, ed25519, or rsa and its bits
    serial_number: int = 0  # 0: one of its own
    not_before: datetime = BORN
    not_after: datetime = END
    version: int = 3
    ca: bool | None = None
    path_length: int | None = None
    key_usage: Sequence[str] | None = None
    extended_key_usage: Sequence[str] | None = None
    alternative_names: Sequence[x509.GeneralName] | None = None
    authority_key: str = ""  # whose identifier the authorityKeyIdentifier has
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    repeated: bool = False  # its extensions stand in it twice
    digest: Digest = Digest.SHA256
    outer_digest: Digest | None = None
    tampered: bool = False
    upper_case: bool = False  # its issuer's name in capitals and as a UTF8String


@dataclass(frozen=True)
class CrlRecipe:
    """One CRL; ``revoked`` are labels or serial numbers with reasons by number, None for unspecified."""

    issuer: str
    signer: str = ""
    revoked: Mapping[str | int, int | None] = field(default_factory=dict)
    this_update: datetime = BORN
    next_update: datetime | None = END
    number: int | None = 1
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    entry_extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    digest: Digest = Digest.SHA256
    tampered: bool = False
    upper_case: bool = False


CA_USAGE = ("key_cert_sign", "crl_sign")
ROOT = CertificateRecipe("root", ca=True, key_usage=CA_USAGE)
SUB = CertificateRecipe("root", ca=True, key_usage=CA_USAGE)
LEAF = CertificateRecipe("sub", key_usage=("digital_signature",))
_CERTIFICATES = {"root": ROOT, "sub": SUB, "leaf": LEAF}
_CRLS = {"root": CrlRecipe("root"), "sub": CrlRecipe("sub")}


@dataclass(frozen=True)
class Row:
    """A scene and the verdict that is wanted of it."""

    name: str
    wanted: type[Good] | type[Bad] | type[CannotTell]
    reason: Reason | None
    certificates: Mapping[str, CertificateRecipe]
    crls: Mapping[str, CrlRecipe]
    shown: Sequence[str]
    anchors: Sequence[str]
    intermediates: Sequence[str]
    path: Sequence[str]
    purpose: PeerPurpose
    at: datetime
    crl_optional: bool
    demanded: str

    def trust(self, made: Mapping[str, Any]) -> Trust:
        """Who is trusted, with the certificates that were made."""
        anchors, intermediates = (
            tuple(made[label] for label in labels) for labels in (self.anchors, self.intermediates)
        )
        return Trust("lab", anchors, intermediates, self.crl_optional, self.demanded)

    def is_answered_by(self, verdict: Verdict) -> bool:
        """Whether a verdict is the wanted one."""
        return type(verdict) is self.wanted and getattr(verdict, "reason", None) is self.reason


def row(
    name: str,
    reason: Reason | None = None,
    /,
    *,
    shown: Sequence[str] = ("leaf", "sub"),
    anchors: Sequence[str] = ("root",),
    intermediates: Sequence[str] = (),
    path: Sequence[str] = ("leaf", "sub", "root"),
    purpose: PeerPurpose = PeerPurpose.ANY,
    at: datetime = NOON,
    crl_optional: bool = False,
    demanded: str = "",
    crls: Mapping[str, CrlRecipe | Mapping[str, Any] | None] | None = None,
    **certificates: CertificateRecipe | Mapping[str, Any],
) -> Row:
    """A row that wants ``reason``, or a good path; what is changed of the good scene stands in dicts."""
    doubtful = {Reason.NO_CRL, Reason.STALE_CRL, Reason.CRL_NOT_BELIEVED}
    wanted = Good if reason is None else CannotTell if reason in doubtful else Bad
    return Row(
        name,
        wanted,
        reason,
        {
            **_CERTIFICATES,
            **{label: _changed(_CERTIFICATES, label, each) for label, each in certificates.items()},
        },
        {
            label: _changed(_CRLS, label, each)
            for label, each in {**_CRLS, **(crls or {})}.items()
            if each is not None
        },
        shown,
        anchors,
        intermediates,
        path,
        purpose,
        at,
        crl_optional,
        demanded,
    )


def _changed(base: Mapping[str, Any], label: str, change: Any) -> Any:
    return replace(base[label], **change) if isinstance(change, Mapping) else change
