"""The outer layer of every SCEP message: SignedData with the attributes of RFC 8894 section 3.2.1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scep_core import asn1, cms
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.errors import NotAPkiMessage, PeerError
from scep_core.values import AlgorithmPolicy, Algorithms, Digest, FailInfo, MessageType

# Ours: the RFC sets no limit, but this goes to databases and screens.  Real ones have 20 to 64.
_LONGEST_TRANSACTION_ID = 256

# RFC 8894 section 3.2.1 and, for failInfoText, section 3.2.1.4.
_VERISIGN = "2.16.840.1.113733.1.9."
MESSAGE_TYPE = _VERISIGN + "2"
PKI_STATUS = _VERISIGN + "3"
FAIL_INFO = _VERISIGN + "4"
SENDER_NONCE = _VERISIGN + "5"
RECIPIENT_NONCE = _VERISIGN + "6"
TRANSACTION_ID = _VERISIGN + "7"
FAIL_INFO_TEXT = "1.3.6.1.5.5.7.24.1"
SIGNING_TIME = "1.2.840.113549.1.9.5"  # PKCS #9, RFC 5652 section 11.3; what badTime is about
MICROSOFT_HRESULT = "1.3.6.1.4.1.311.21.33"  # seen in a real NDES FAILURE, scep.md section 2.6


@dataclass(frozen=True)
class RequestHead:
    """What a CertRep needs to know of the request that it answers."""

    transaction_id: str
    sender_nonce: bytes | None
    algorithms: Algorithms
    signer: Certificate | None


@dataclass(frozen=True)
class SignedMessage:
    """A pkiMessage with its envelope closed and its signature unchecked.

    Numbers are None where the attribute is missing or no number; the nonces are as sent.
    """

    transaction_id: str
    message_type: int | None
    pki_status: int | None
    fail_info: int | None
    fail_info_text: str
    hresult: int | None
    sender_nonce: bytes | None
    recipient_nonce: bytes | None
    signed: cms.SignedData

    @property
    def signing_time(self) -> datetime | None:
        """When the signer says that he signed; None when he does not say.

        Read only when asked for, as few CAs care; PeerError badTime when it is no time of RFC 5280: no
        statement at all would let pass whoever garbles it.  Believe it after ``codec.open_request``.
        """
        tlv = self.signed.attributes.get(SIGNING_TIME)
        try:
            return None if tlv is None else asn1.to_time(tlv)
        except ValueError as error:
            raise PeerError(FailInfo.BAD_TIME, "signingTime is no time") from error

    def head(self, policy: AlgorithmPolicy) -> RequestHead:
        """Enough to refuse this message: with its own digest if the policy has that, else SHA-256."""
        chosen = Algorithms()
        try:
            digest = cms.digest_of(self.signed)
            if digest in policy.digests:
                chosen = Algorithms(digest=digest)
        except ValueError:  # not known here, or no AlgorithmIdentifier at all
            pass
        return RequestHead(self.transaction_id, self.sender_nonce, chosen, cms.signer_of(self.signed))


def parse_message(data: bytes) -> SignedMessage:
    """Take the outer layer apart, verifying nothing; NotAPkiMessage when there is no transaction."""
    signed = cms.parse_signed(data)
    transaction_id = _text(signed, TRANSACTION_ID)
    if not transaction_id or not transaction_id.isprintable():  # it goes to logs and databases
        raise NotAPkiMessage("no transactionID, or one that is no printable text")
    if len(transaction_id) > _LONGEST_TRANSACTION_ID:
        raise NotAPkiMessage(f"a transactionID of {len(transaction_id)} characters")
    return SignedMessage(
        transaction_id=transaction_id,
        message_type=_number(signed, MESSAGE_TYPE),
        pki_status=_number(signed, PKI_STATUS),
        fail_info=_number(signed, FAIL_INFO),
        fail_info_text=_text(signed, FAIL_INFO_TEXT) or "",
        hresult=_number(signed, MICROSOFT_HRESULT),
        sender_nonce=_octets(signed, SENDER_NONCE),
        recipient_nonce=_octets(signed, RECIPIENT_NONCE),
        signed=signed,
    )


def _octets(signed: cms.SignedData, oid: str) -> bytes | None:
    tlv = signed.attributes.get(oid)
    return None if tlv is None else bytes(tlv.data)


def _text(signed: cms.SignedData, oid: str) -> str | None:
    tlv = signed.attributes.get(oid)
    try:
        return None if tlv is None else asn1.to_text(tlv)
    except ValueError:
        return None


def _number(signed: cms.SignedData, oid: str) -> int | None:
    text = _text(signed, oid) or ""
    # Not int() alone: it takes spaces, underscores and any script's digits.
    return int(text) if re.fullmatch(r"-?[0-9]{1,10}", text) else None


def build(
    message_type: MessageType,
    transaction_id: str,
    nonces: Sequence[tuple[str, bytes]],
    more: Sequence[tuple[str, bytes]],
    content: bytes | None,
    signer: Identity,
    digest: Digest,
    certificates: Sequence[Certificate],
) -> bytes:
    """A pkiMessage around ``content``; ``nonces`` and ``more`` are (OID, value) pairs."""
    attributes = [
        (MESSAGE_TYPE, asn1.printable_string(str(int(message_type)))),
        (TRANSACTION_ID, asn1.printable_or_utf8(transaction_id)),
        *((oid, asn1.octet_string(nonce)) for oid, nonce in nonces),
        *more,
    ]
    return cms.sign(content, attributes, signer, digest, certificates)
