"""What can be said: the messages of RFC 8894 section 3, as frozen values without envelopes.

Distinguished names are the DER of their ``Name``, byte for byte as the peer wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass

from scep_core.certificates import Certificate
from scep_core.csr import Csr
from scep_core.values import FailInfo, MessageType


@dataclass(frozen=True)
class PkcsReq:
    """Ask for a certificate (section 3.3.1)."""

    csr: Csr
    message_type = MessageType.PKCS_REQ


@dataclass(frozen=True)
class RenewalReq:
    """Ask again, signed with a certificate one already has (section 3.3.1)."""

    csr: Csr
    message_type = MessageType.RENEWAL_REQ


@dataclass(frozen=True)
class CertPoll:
    """Ask what became of a pending request (section 3.3.3; GetCertInitial in the drafts)."""

    issuer: bytes
    subject: bytes
    message_type = MessageType.CERT_POLL


@dataclass(frozen=True)
class GetCert:
    """Ask for a certificate by its issuer and serial number (section 3.3.4)."""

    issuer: bytes
    serial_number: int
    message_type = MessageType.GET_CERT


@dataclass(frozen=True)
class GetCrl:
    """Ask for the CRL that would list this certificate (section 3.3.5)."""

    issuer: bytes
    serial_number: int
    message_type = MessageType.GET_CRL


RequestMessage = PkcsReq | RenewalReq | CertPoll | GetCert | GetCrl


@dataclass(frozen=True)
class Success:
    """CertRep SUCCESS: the issued certificate first, then any others; or one CRL (section 3.3.2.1)."""

    certificates: tuple[Certificate, ...] = ()
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Pending:
    """CertRep PENDING: a person has to decide (section 3.3.2.3)."""


@dataclass(frozen=True)
class Failure:
    """CertRep FAILURE (section 3.3.2.2).

    ``text`` is failInfoText (UTF8String).  ``hresult`` is the attribute that Microsoft's NDES adds,
    1.3.6.1.4.1.311.21.33, a signed 32-bit number in a PrintableString.
    """

    fail_info: FailInfo
    text: str = ""
    hresult: int | None = None


ReplyMessage = Success | Pending | Failure
