"""The CRLs that the router holds: verified ones only, until they run out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from router_emu.pki.peers.policy import is_weakly_signed
from scep_core.certificates import (
    CRL_DISTRIBUTION_POINTS,
    Certificate,
    read_crl_distribution_points,
)
from scep_core.crls import Crl, verify_crl

ISSUING_DISTRIBUTION_POINT = "2.5.29.28"

# How long a CRL serves that does not say when the next one comes.
LIFE_WITHOUT_NEXT_UPDATE = timedelta(hours=1)
# A CA may cut its CRL into any number of parts; a router's memory is not for all of them.
MOST_CRLS = 64
MOST_OCTETS = 16 * 1024 * 1024  # read, a CRL takes many times its size

_Key = tuple[bytes, bytes, bytes]


class CrlRefused(ValueError):
    """A CRL is not worth keeping; ``str()`` says why, for people."""


@dataclass(frozen=True)
class HeldCrl:
    """A CRL, where it was had from, and until when it serves."""

    crl: Crl
    source: str
    serves_until: datetime
    signer: bytes  # the public key that verifies it

    @property
    def _scope(self) -> bytes:
        """Which of the CA's certificates it is about: its issuingDistributionPoint, empty for all."""
        found = (each.value for each in self.crl.extensions if each.oid == ISSUING_DISTRIBUTION_POINT)
        return next(found, b"")

    @property
    def key(self) -> _Key:
        """What it replaces: a CRL of the same CA, by the same key, about the same certificates."""
        return self.crl.issuer, self.signer, self._scope

    def is_for(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether it may list the certificate.

        One that is about a part of the CA's certificates is for those that name its source.  The check says
        whether that is true (RFC 5280 section 6.3.3 (b)(2)).
        """
        if (self.crl.issuer, self.signer) != (issuer.subject, issuer.public_key_info):
            return False
        return not self._scope or self.source in distribution_points(certificate)


class CrlCache:
    """What was fetched, by CA, key and scope; not kept over a restart."""

    def __init__(self) -> None:
        self._held: dict[_Key, HeldCrl] = {}

    def put(self, crl: Crl, issuer: Certificate, source: str, now: datetime) -> None:
        """Keep a CRL in the place of an older one; CrlRefused when it is forged, stale or the older one.

        An old CRL that is still valid is what somebody would show who hides a revocation.
        """
        try:
            verify_crl(crl, issuer)
        except ValueError as error:
            raise CrlRefused(str(error)) from error
        if is_weakly_signed(crl.der):
            raise CrlRefused("it is signed with a broken digest")
        if crl.this_update > now:
            raise CrlRefused("it is not valid yet")
        if any(each.critical and each.oid != ISSUING_DISTRIBUTION_POINT for each in crl.extensions):
            raise CrlRefused("it has a critical extension, such as a delta CRL's, that is not understood")
        held = HeldCrl(crl, source, crl.next_update or now + LIFE_WITHOUT_NEXT_UPDATE, issuer.public_key_info)
        if held.serves_until <= now:
            raise CrlRefused("it is stale: the next one was due")
        last = self._held.get(held.key)
        if last is not None and _age(crl) < _age(last.crl):
            raise CrlRefused("a newer one is held")
        self._held.pop(held.key, None)
        self._held[held.key] = held
        while self._too_much():
            del self._held[next(iter(self._held))]

    def put_all(
        self, crls: Sequence[Crl], issuer: Certificate, source: str, now: datetime
    ) -> tuple[list[Crl], list[Crl]]:
        """Keep those that are worth it, and say which they are; then the others.

        A directory's entry may hold the lists of all keys that a CA has had.
        """
        kept, refused = [], []
        for crl in crls:
            try:
                self.put(crl, issuer, source, now)
            except CrlRefused:
                refused.append(crl)
            else:
                kept.append(crl)
        return kept, refused

    def _too_much(self) -> bool:
        octets = sum(len(each.crl.der) for each in self._held.values())
        return len(self._held) > MOST_CRLS or (octets > MOST_OCTETS and len(self._held) > 1)

    def find(self, certificate: Certificate, issuer: Certificate, now: datetime) -> list[Crl]:
        """The CRLs that serve now and may list the certificate, which ``issuer`` has issued."""
        return [
            each.crl
            for each in self._held.values()
            if each.crl.this_update <= now < each.serves_until and each.is_for(certificate, issuer)
        ]

    def all(self) -> Sequence[HeldCrl]:
        """All of them, those that ran out too, by issuer."""
        return sorted(self._held.values(), key=lambda each: each.key)

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()


def _age(crl: Crl) -> tuple[datetime, int]:
    return crl.this_update, crl.number or 0


def distribution_points(certificate: Certificate) -> tuple[str, ...]:
    """Where a certificate says that its CRL is; empty when it says nothing that can be understood."""
    extension = certificate.extension(CRL_DISTRIBUTION_POINTS)
    try:
        return read_crl_distribution_points(extension.value, certificate.issuer) if extension else ()
    except ValueError:
        return ()
