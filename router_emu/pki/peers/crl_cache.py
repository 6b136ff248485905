"""The CRLs that the router holds: verified ones only, until they run out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from router_emu.pki.peers.paths import same_name
from router_emu.pki.peers.revocation import ISSUING_DISTRIBUTION_POINT, serves_until, why_untrue
from router_emu.pki.peers.verdict import name_key
from scep_core.certificates import (
    CRL_DISTRIBUTION_POINTS,
    Certificate,
    read_crl_distribution_points,
)
from scep_core.crls import Crl

# A CA may cut its CRL into any number of parts; a router's memory is not for all of them.
MOST_CRLS = 64
MOST_OCTETS = 16 * 1024 * 1024  # read, a CRL takes many times its size
# Of so many it is remembered how new the newest was, so that no older one counts after it has gone.
MOST_REMEMBERED = 1024

_Key = tuple[object, bytes, bytes]
_Age = tuple[datetime, int]


class CrlRefused(ValueError):
    """A CRL is not worth keeping; ``str()`` says why, for people."""


@dataclass(frozen=True)
class HeldCrl:
    """A CRL, and where it was had from."""

    crl: Crl
    source: str
    signer: bytes  # the public key that verifies it

    @property
    def scope(self) -> bytes:
        """Which of the CA's certificates it is about: its issuingDistributionPoint, empty for all."""
        found = (each.value for each in self.crl.extensions if each.oid == ISSUING_DISTRIBUTION_POINT)
        return next(found, b"")

    @property
    def key(self) -> _Key:
        """What it replaces: a CRL of the same CA, by the same key, about the same certificates."""
        return name_key(self.crl.issuer), self.signer, sha256(self.scope).digest()

    def is_for(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether it may list the certificate.

        One that is about a part of the CA's certificates is for those that name its source.  The check says
        whether that is true (RFC 5280 section 6.3.3 (b)(2)).
        """
        if self.signer != issuer.public_key_info or not same_name(self.crl.issuer, issuer.subject):
            return False
        return not self.scope or self.source in distribution_points(certificate)


class CrlCache:
    """What was fetched, by CA, key and scope; not kept over a restart."""

    def __init__(self) -> None:
        self._held: dict[_Key, HeldCrl] = {}
        self._newest: dict[_Key, _Age] = {}

    def put(self, crl: Crl, issuer: Certificate, source: str, now: datetime) -> None:
        """Keep a CRL in the place of an older one; CrlRefused when it is forged, stale or the older one.

        An old CRL that is still valid is what somebody would show who hides a revocation.  So none counts
        that is older than one which was here, even if that has run out, or had when it came.
        """
        if why := why_untrue(crl, issuer):
            raise CrlRefused(f"it {why}")
        if crl.this_update > now:
            raise CrlRefused("it is not valid yet")
        held = HeldCrl(crl, source, issuer.public_key_info)
        self._remember(held)
        if self._is_outdated(held):
            raise CrlRefused("it is older than one that was here")
        if serves_until(crl) <= now:
            raise CrlRefused("it is stale: the next one was due")
        self._held.pop(held.key, None)
        self._held[held.key] = held
        while self._too_much():
            del self._held[next(iter(self._held))]

    def put_all(
        self, crls: Sequence[Crl], issuer: Certificate, source: str, now: datetime
    ) -> tuple[list[Crl], list[tuple[Crl, CrlRefused]]]:
        """Keep those that are worth it, and say which they are; then the others, and why.

        A directory's entry may hold the lists of all keys that a CA has had, and old ones.
        """
        kept, refused = [], []
        for crl in sorted(crls, key=_age, reverse=True):
            try:
                self.put(crl, issuer, source, now)
            except CrlRefused as refusal:
                refused.append((crl, refusal))
            else:
                kept.append(crl)
        return kept, refused

    def _remember(self, held: HeldCrl) -> None:
        age = _age(held.crl)
        self._newest[held.key] = max(age, self._newest.pop(held.key, age))
        if len(self._newest) > MOST_REMEMBERED:
            del self._newest[next(iter(self._newest))]

    def _is_outdated(self, held: HeldCrl) -> bool:
        age = _age(held.crl)
        return age < self._newest.get(held.key, age)

    def _too_much(self) -> bool:
        octets = sum(len(each.crl.der) for each in self._held.values())
        return len(self._held) > MOST_CRLS or (octets > MOST_OCTETS and len(self._held) > 1)

    def find(self, certificate: Certificate, issuer: Certificate, now: datetime) -> list[Crl]:
        """The CRLs that serve now and may list the certificate, which ``issuer`` has issued."""
        return [
            each.crl
            for each in self._held.values()
            if each.crl.this_update <= now < serves_until(each.crl)
            and each.is_for(certificate, issuer)
            and not self._is_outdated(each)
        ]

    def all(self) -> Sequence[HeldCrl]:
        """All of them, those that ran out too, by issuer."""
        return sorted(self._held.values(), key=lambda each: (each.crl.issuer, each.signer, each.scope))

    def clear(self) -> None:
        """Forget all, also how new they were."""
        self._held.clear()
        self._newest.clear()


def _age(crl: Crl) -> _Age:
    return crl.this_update, crl.number or 0


def distribution_points(certificate: Certificate) -> tuple[str, ...]:
    """Where a certificate says that its CRL is; empty when it says nothing that can be understood."""
    extension = certificate.extension(CRL_DISTRIBUTION_POINTS)
    try:
        return read_crl_distribution_points(extension.value, certificate.issuer) if extension else ()
    except ValueError:
        return ()
