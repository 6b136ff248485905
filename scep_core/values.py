"""The protocol's constants and the smallest values, as RFC 8894 spells them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

# senderNonce and recipientNonce, RFC 8894 section 3.2.1.5.  Older devices send 8 bytes; both are read.
NONCE_LENGTH = 16


class MessageType(IntEnum):
    """messageType, RFC 8894 section 3.2.1.2; on the wire decimal digits in a PrintableString."""

    CERT_REP = 3
    RENEWAL_REQ = 17
    PKCS_REQ = 19
    CERT_POLL = 20  # GetCertInitial in the older drafts
    GET_CERT = 21
    GET_CRL = 22


class PkiStatus(IntEnum):
    """pkiStatus, RFC 8894 section 3.2.1.3."""

    SUCCESS = 0
    FAILURE = 2
    PENDING = 3


class FailInfo(IntEnum):
    """failInfo, RFC 8894 section 3.2.1.4."""

    BAD_ALG = 0
    BAD_MESSAGE_CHECK = 1
    BAD_REQUEST = 2
    BAD_TIME = 3
    BAD_CERT_ID = 4

    @property
    def rfc_name(self) -> str:
        """The RFC's spelling: ``badAlg``, ``badMessageCheck``, ..."""
        first, *rest = self.name.lower().split("_")
        return first + "".join(word.capitalize() for word in rest)


class Digest(StrEnum):
    """A message digest; the value is the name that ``hashlib`` knows."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Cipher(StrEnum):
    """A content-encryption algorithm; the value is what OpenSSL calls it."""

    DES = "des-cbc"
    DES3 = "des-ede3-cbc"
    AES128 = "aes-128-cbc"
    AES192 = "aes-192-cbc"
    AES256 = "aes-256-cbc"


@dataclass(frozen=True)
class KeyTransport:
    """How the content key reaches its recipient: PKCS #1 v1.5, or OAEP with its two digests.

    ``oaep`` is None for PKCS #1 v1.5 (RFC 8017 section 7.2).  For OAEP (section 7.1, RFC 4055
    section 4.1) it is the label hash and ``mgf1`` the hash of the mask generation function.
    """

    oaep: Digest | None = None
    mgf1: Digest | None = None

    @property
    def label(self) -> str:
        """A name for people: ``pkcs1`` or ``oaep-sha256``."""
        return "pkcs1" if self.oaep is None else f"oaep-{self.oaep}"


PKCS1 = KeyTransport()
OAEP_SHA256 = KeyTransport(Digest.SHA256, Digest.SHA256)


@dataclass(frozen=True)
class Algorithms:
    """What one pkiMessage is made with.  A reply mirrors those of its request."""

    digest: Digest = Digest.SHA256
    cipher: Cipher = Cipher.AES128
    key_transport: KeyTransport = PKCS1


@dataclass(frozen=True)
class AlgorithmPolicy:
    """What a peer may use.  Anything else is badAlg."""

    digests: frozenset[Digest]
    ciphers: frozenset[Cipher]


# RFC 8894 section 2.9: single DES and MD5 MUST NOT be used.
MODERN = AlgorithmPolicy(
    frozenset({Digest.SHA1, Digest.SHA256, Digest.SHA384, Digest.SHA512}),
    frozenset({Cipher.DES3, Cipher.AES128, Cipher.AES192, Cipher.AES256}),
)
# The explicit legacy switch: what a Cisco 2800 still sends (draft-nourse's mandatory pair).
LEGACY = AlgorithmPolicy(MODERN.digests | {Digest.MD5}, MODERN.ciphers | {Cipher.DES})


class Capability(StrEnum):
    """GetCACaps keywords, RFC 8894 section 3.5.2, in the case that a CA MUST use."""

    AES = "AES"
    DES3 = "DES3"
    GET_NEXT_CA_CERT = "GetNextCACert"
    POST_PKI_OPERATION = "POSTPKIOperation"
    RENEWAL = "Renewal"
    SHA1 = "SHA-1"
    SHA256 = "SHA-256"
    # Not in the RFC; strongSwan up to 5.9.10 takes SHA-256 and AES only from a CA that also says this.
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"
    SCEP_STANDARD = "SCEPStandard"
