"""A trustpoint: what is configured for it, and the certificates that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scep_core.certificates import Certificate, verify_issued_by


@dataclass(frozen=True)
class TrustpointSettings:
    """The configuration that an enrolment works with, taken when it starts.

    ``subject_name`` is as typed, empty when not configured; ``key_label`` names the key pair.
    """

    name: str
    enrollment_url: str
    retry_period: timedelta
    retry_count: int
    key_label: str
    subject_name: str = ""


@dataclass(frozen=True)
class TrustpointState:
    """The certificates of one trustpoint.

    ``ca`` is the CA's certificate that the operator accepted; ``ra`` are those that came with it;
    ``router`` is our own.
    """

    ca: Certificate | None = None
    ra: tuple[Certificate, ...] = ()
    router: Certificate | None = None

    @property
    def trusted(self) -> tuple[Certificate, ...]:
        """Whose signature on a CertRep is believed."""
        return (*self.ra, *((self.ca,) if self.ca else ()))

    @property
    def encryption(self) -> Certificate | None:
        """For whom a request is sealed: an RA certificate that may encipher keys, else the CA's.

        Draft-nourse section 2.2 and scep.md 3.2: the client picks by keyUsage.
        """
        return next((each for each in self.ra if each.has_key_usage("key_encipherment")), self.ca)


class CaCertificateRefused(Exception):
    """What came as the CA's certificate cannot be one; ``str()`` says why, for people."""


def choose_ca(
    certificates: Sequence[Certificate], now: datetime
) -> tuple[Certificate, tuple[Certificate, ...]]:
    """The CA's certificate and the RA's among what GetCACert answered.

    RA certificates have to be issued by the CA: they go into the trustpoint unseen, so only what
    the accepted certificate vouches for may.  CaCertificateRefused when there is no CA certificate,
    or it is not valid at ``now``.
    """
    authorities = [each for each in certificates if each.is_ca]
    if not authorities:
        raise CaCertificateRefused("the answer holds no CA certificate")
    ca = next((each for each in authorities if _issued_all(each, certificates)), authorities[0])
    if not ca.not_before <= now <= ca.not_after:
        raise CaCertificateRefused("the CA certificate is not valid at this time")
    ra = tuple(each for each in certificates if not each.is_ca and _issued(ca, each))
    return ca, ra


def _issued(ca: Certificate, certificate: Certificate) -> bool:
    try:
        verify_issued_by(certificate, ca)
    except ValueError:
        return False
    return True


def _issued_all(ca: Certificate, certificates: Sequence[Certificate]) -> bool:
    return all(each.is_ca or _issued(ca, each) for each in certificates)
