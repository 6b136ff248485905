"""Answers with something wrong in them, on demand: what a fault changes of a CertRep, and of the CA.

Each is what its name says and otherwise a good answer, so that a client refuses it for that one reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from ca_server.domain.authority import Authority
from scep_core import certificates
from scep_core.certificates import Certificate, build_certificate
from scep_core.cms import Identity
from scep_core.csr import public_key_info
from scep_core.messages import Pending, ReplyMessage
from scep_core.pkimessage import RequestHead
from scep_core.values import Cipher, Digest, FailInfo

_YEAR, _DAY = timedelta(days=365), timedelta(days=1)


class Faults(Protocol):
    """Who decides what goes wrong in one exchange."""

    def refusal(self) -> FailInfo | None:
        """With what a request that was verified and opened is refused, whatever it says; None: it is not."""
        ...

    def spoils(self, reply: ReplyMessage, message_type: int | None) -> str:
        """What is spoilt of the answer to a message of this type, a name of SPOILT; empty: nothing."""
        ...


class _NoFaults:
    """Nothing goes wrong."""

    def refusal(self) -> FailInfo | None:
        """None."""
        return None

    def spoils(self, _reply: ReplyMessage, _message_type: int | None) -> str:
        """Nothing."""
        return ""


NO_FAULTS = _NoFaults()


@dataclass(frozen=True)
class Sealing:
    """What a CertRep is made of."""

    reply: ReplyMessage
    head: RequestHead
    signer: Identity


def _wrong_nonce(sealing: Sealing, _authority: Authority) -> Sealing:
    nonce = bytes(each ^ 0xFF for each in sealing.head.sender_nonce or bytes(16))
    return replace(sealing, head=replace(sealing.head, sender_nonce=nonce))


def _wrong_transaction_id(sealing: Sealing, _authority: Authority) -> Sealing:
    true = sealing.head.transaction_id
    other = ("1" if true.startswith("0") else "0") + true[1:]
    return replace(sealing, head=replace(sealing.head, transaction_id=other))


def _wrong_recipient(sealing: Sealing, authority: Authority) -> Sealing:
    return replace(sealing, head=replace(sealing.head, signer=authority.ra_encryption.certificate))


def _des_only(sealing: Sealing, _authority: Authority) -> Sealing:
    algorithms = replace(sealing.head.algorithms, cipher=Cipher.DES)
    return replace(sealing, head=replace(sealing.head, algorithms=algorithms))


def _expired_ra(sealing: Sealing, authority: Authority) -> Sealing:
    return replace(sealing, signer=expired_ra(authority))


def _pending(sealing: Sealing, _authority: Authority) -> Sealing:
    return replace(sealing, reply=Pending())


BAD_SIGNATURE = "bad-signature"
_BEFORE: Mapping[str, Callable[[Sealing, Authority], Sealing]] = {
    "wrong-nonce": _wrong_nonce,
    "wrong-transaction-id": _wrong_transaction_id,
    "wrong-recipient": _wrong_recipient,
    "expired-ra": _expired_ra,
    "des-only": _des_only,
    "pending": _pending,
}
SPOILT = (BAD_SIGNATURE, *_BEFORE)


def before_sealing(how: str, sealing: Sealing, authority: Authority) -> Sealing:
    """What to make the CertRep of instead; ``how`` is a name of SPOILT, or empty."""
    spoil = _BEFORE.get(how)
    return sealing if spoil is None else spoil(sealing, authority)


def after_sealing(how: str, body: bytes) -> bytes:
    """What to send instead of the CertRep's octets, the last of which are its signature's."""
    return body[:-1] + bytes([body[-1] ^ 1]) if how == BAD_SIGNATURE else body


# ---------------------------------------------------------------------------- certificates of the CA


def expired_ra(authority: Authority) -> Identity:
    """The RA that signs, with a certificate that ended the day before its CA began."""
    ra, ca = authority.ra_signing, authority.ca
    end = ca.certificate.not_before - _DAY
    certificate = _again(ra.certificate, ca.identity, (end - _YEAR, end))
    return Identity(certificate, ra.key)


def changed_certificates(authority: Authority, *, ra_mode: bool) -> tuple[Certificate, ...]:
    """GetCACert's answer of a CA that has the same name and another key, and has certified its RAs anew.

    The key is that of the RA that signs: nobody signs by it as a CA.
    """
    old, key = authority.root.certificate, authority.ra_signing.key
    spki = public_key_info(key.public_key())
    changed = build_certificate(
        serial_number=old.serial_number ^ 1,
        issuer=old.subject,
        subject=old.subject,
        public_key_info=spki,
        not_before=old.not_before,
        not_after=old.not_after,
        extensions=(
            certificates.ext_basic_constraints(True),
            certificates.ext_key_usage("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"),
            certificates.ext_subject_key_id(spki),
            certificates.ext_authority_key_id(spki),
        ),
        key=key,
        digest=Digest.SHA256,
    )
    if not ra_mode and not authority.ra_only:
        return (changed,)
    ras = (authority.ra_signing.certificate, authority.ra_encryption.certificate)
    life = (old.not_before, old.not_after)
    signer = Identity(changed, key)
    return (*(_again(each, signer, life) for each in ras), changed)


def _again(old: Certificate, signer: Identity, life: tuple[datetime, datetime]) -> Certificate:
    """A certificate of the same name and key with another serial number, issuer and life."""
    by = certificates.ext_authority_key_id(signer.certificate.public_key_info)
    return build_certificate(
        serial_number=old.serial_number ^ 1,
        issuer=signer.certificate.subject,
        subject=old.subject,
        public_key_info=old.public_key_info,
        not_before=life[0],
        not_after=life[1],
        extensions=tuple(by if each.oid == by.oid else each for each in old.extensions),
        key=signer.key,
        digest=Digest.SHA256,
    )
