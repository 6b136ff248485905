"""Certificates that have ended: each is told of once, on the lab clock.

Before the end nothing is said, as on a router.  That there is a line at the end is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from router_emu.pki.attempts import Report, title_of
from router_emu.pki.trustpoint import TrustpointState
from scep_core.certificates import Certificate

# RFC 5280 section 4.1.2.5: in its last second a certificate is still valid.
_LAST_SECOND = timedelta(seconds=1)
# The same section: of this year are those without an end.
_NO_END = 9999


class Expiries:
    """``told`` is what was told of: a trustpoint and its certificate's SHA-256 fingerprint."""

    def __init__(self) -> None:
        self.told: set[tuple[str, str]] = set()

    def due(self, name: str, held: TrustpointState) -> datetime | None:
        """The instant at which the next of a trustpoint's certificates has ended; None if none is to come."""
        ends = (certificate.not_after for _, certificate in self._untold(name, held))
        return min((end + _LAST_SECOND for end in ends if end.year < _NO_END), default=None)

    def tell(self, name: str, held: TrustpointState, now: datetime) -> list[Report]:
        """What has ended since it was last asked for."""
        ended = [each for each in self._untold(name, held) if each[1].not_after < now]
        self.told |= {(name, _fingerprint(certificate)) for _, certificate in ended}
        kept = {(name, _fingerprint(certificate)) for _, certificate in _ending(name, held)}
        self.told = {each for each in self.told if each[0] != name or each in kept}
        return [report for report, _ in ended]

    def forget(self, name: str) -> None:
        """The trustpoint holds other certificates now."""
        self.told = {each for each in self.told if each[0] != name}

    def _untold(self, name: str, held: TrustpointState) -> Iterator[tuple[Report, Certificate]]:
        for report, certificate in _ending(name, held):
            if (name, _fingerprint(certificate)) not in self.told:
                yield report, certificate


def _ending(name: str, held: TrustpointState) -> Iterator[tuple[Report, Certificate]]:
    """The router's certificates and the CA's, and what is to be told at the end of each."""
    for purpose, certificate in held.own.items():
        yield Report("certificate-expired", title_of(name, purpose)), certificate
    if held.ca is not None:
        yield Report("ca-expired", name), held.ca


def _fingerprint(certificate: Certificate) -> str:
    return certificate.fingerprint().hex()
