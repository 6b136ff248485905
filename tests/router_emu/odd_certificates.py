"""Certificates that nobody can work with, and odd ones that real CAs issue all the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scep_core import asn1, names, structures
from scep_core.certificates import (
    BASIC_CONSTRAINTS,
    Certificate,
    Extension,
    build_certificate,
    read_certificate,
    signed,
)
from scep_core.cms import Identity
from scep_core.csr import public_key_info
from scep_core.values import Digest
from tests.router_emu.pki_lab import BORN, CHAPTERS_CA, DIES, ISSUED_LIFE, make_ca, rsa_key

_NO_RDN = asn1.sequence_of(b"\x04\x02hi")
_CA = Extension(BASIC_CONSTRAINTS, True, bytes.fromhex("30030101ff"))


def _common_name(tag: int, octets: bytes) -> bytes:
    value = asn1.encode(tag, octets)
    return asn1.sequence_of(asn1.set_of([asn1.sequence_of(asn1.oid(names.COMMON_NAME), value)]))


@dataclass(frozen=True)
class Odd:
    """What is odd in a certificate; ``subject`` is DER, ``version`` the element's DER."""

    subject: bytes = b""
    extensions: tuple[Extension, ...] = ()
    version: bytes | None = None
    serial_number: int = 5
    why: str = ""  # of the unreadable ones

    def issued_by(self, issuer: Identity, public_key: bytes) -> Certificate:
        """One for this key, valid as the chapter's."""
        return self._made(issuer.certificate.subject, self.subject, public_key, self.extensions, issuer)

    def as_ca(self, key_name: str, life: tuple[datetime, datetime] = (BORN, DIES)) -> Identity:
        """A self-signed CA."""
        plain = make_ca(key_name, CHAPTERS_CA, life=life)
        name = self.subject or plain.certificate.subject
        public_key = public_key_info(rsa_key(key_name).public_key())
        return Identity(self._made(name, name, public_key, (_CA, *self.extensions), plain), plain.key)

    def _made(
        self,
        issuer: bytes,
        subject: bytes,
        public_key: bytes,
        extensions: tuple[Extension, ...],
        signer: Identity,
    ) -> Certificate:
        life = ISSUED_LIFE
        if issuer == subject:
            life = signer.certificate.not_before, signer.certificate.not_after
        made = build_certificate(
            serial_number=self.serial_number,
            issuer=issuer,
            subject=subject or names.build_name(names.parse_text("CN=odd")),
            public_key_info=public_key,
            not_before=life[0],
            not_after=life[1],
            extensions=extensions,
            key=signer.key,
            digest=Digest.SHA256,
        )
        if self.version is None:
            return made
        body = asn1.decode(structures.Signed, made.der).body
        _version, *parts = map(asn1.raw, asn1.items(asn1.raw(body)))
        return read_certificate(signed(asn1.sequence_of(self.version, *parts), signer.key, Digest.SHA256))


_EXTRA = Extension("1.3.6.1.4.1.55555.9", False, b"\x05\x00")
UNREADABLE = {
    "no name": Odd(subject=_NO_RDN, why="the name of its subject cannot be read"),
    "version 6": Odd(version=b"\xa0\x03\x02\x01\x05", why="its version is none of X.509's"),
    "an extension twice": Odd(extensions=(_EXTRA, _EXTRA), why="an extension is in it twice"),
    "huge": Odd(
        extensions=(Extension(_EXTRA.oid, False, bytes(65536)),), why="it is larger than 65536 octets"
    ),
}
REAL = {
    "version 1": Odd(version=b""),
    "FALSE written out": Odd(extensions=(Extension(BASIC_CONSTRAINTS, False, bytes.fromhex("3003010100")),)),
    "an @ in a PrintableString": Odd(subject=_common_name(0x13, b"r1@lab_*")),
    "an umlaut in a TeletexString": Odd(subject=_common_name(0x14, "Müller".encode("latin-1"))),
    "no subject": Odd(subject=asn1.sequence_of()),
    "serial number 0": Odd(serial_number=0),
    "a negative serial number": Odd(serial_number=-5),
    "an x400Address": Odd(extensions=(Extension("2.5.29.17", False, bytes.fromhex("3004a3023000")),)),
}
