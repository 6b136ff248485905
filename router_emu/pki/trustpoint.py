"""A trustpoint: what is configured for it, and the certificates that it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router_emu.pki.keys import Purpose
from router_emu.pki.readable import check_readable
from scep_core.certificates import Certificate, verify_issued_by
from scep_core.values import Digest

# Longer ladders of CAs do not exist; what comes in a circle must end.
_LONGEST_CHAIN = 8
# Which of them is the CA's takes as many signatures as there are pairs.
_MOST_CERTIFICATES = 64


@dataclass(frozen=True)
class TrustpointSettings:
    """The configuration that an enrolment works with, taken when it starts.

    Names are as typed, empty when not configured.  ``device_serial`` and ``ip_address`` are what the subject
    is to include, empty for nothing; ``key_label`` names the key pairs; ``auto_enroll`` is a percentage.
    ``terminal`` is for all that goes by hand; with ``local`` by files instead of paste.
    """

    name: str
    fqdn: str
    enrollment_url: str
    retry_period: timedelta
    retry_count: int
    key_label: str
    terminal: bool = False
    local: bool = False
    self_signed: bool = False
    subject_name: str = ""
    alternative_names: str = ""
    device_serial: str = ""
    ip_address: str = ""
    digest: Digest | None = None
    auto_enroll: int | None = None
    renewal_request: bool = False
    skip_challenge_password: bool = False
    query_url: str = ""
    crl_optional: bool = False
    extended_key_usage: str = ""


@dataclass(frozen=True)
class TrustpointState:
    """The certificates of one trustpoint.

    ``ca`` is the CA's certificate that the operator accepted; ``ra`` are those that came with it, and
    ``above`` the CAs that issued it, up to the root; ``own`` are the router's, one for each of its keys.
    ``next`` is what takes over when ``ca`` ends: the next CA, which ``ca`` vouches for, and its certificates
    for the router (Cisco's shadow certificates).
    """

    ca: Certificate | None = None
    ra: tuple[Certificate, ...] = ()
    above: tuple[Certificate, ...] = ()
    own: Mapping[Purpose, Certificate] = field(default_factory=dict)
    next: TrustpointState | None = None

    @property
    def router(self) -> Certificate | None:
        """The router's certificate for its general-purpose key."""
        return self.own.get(Purpose.GENERAL)

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

    @property
    def shadows(self) -> dict[Purpose, Certificate]:
        """The next CA's certificates for the keys that ``own`` is for: a key may be replaced meanwhile."""
        keys = {purpose: each.public_key_info for purpose, each in self.own.items()}
        coming = self.next.own.items() if self.next else ()
        return {purpose: each for purpose, each in coming if keys.get(purpose) == each.public_key_info}

    def holding(self, purpose: Purpose, certificate: Certificate) -> dict[Purpose, Certificate]:
        """``own`` with a new certificate.

        General-purpose and special-usage keys exclude each other: the other kind's have lost their key.
        """
        general = purpose is Purpose.GENERAL
        kept = {each: held for each, held in self.own.items() if (each is Purpose.GENERAL) is general}
        return kept | {purpose: certificate}


class CaCertificateRefused(Exception):
    """What came as the CA's certificate cannot be one; ``str()`` says why, for people."""


@dataclass(frozen=True)
class Offered:
    """What authenticating a CA brings: its certificate, its RAs', and those of the CAs above it."""

    ca: Certificate
    ra: tuple[Certificate, ...] = ()
    above: tuple[Certificate, ...] = ()


def choose_ca(
    certificates: Sequence[Certificate], now: datetime, replaced: Certificate | None = None
) -> Offered:
    """Which of the certificates that came (GetCACert, or a paste) is the CA's, and what comes with it.

    The CA is the one that issued the RAs, else the one that issued no other CA: the lowest of a chain, but
    not the one that is to be ``replaced``.  RA certificates, and the CAs above, go into the trustpoint by
    what the accepted certificate vouches for, or is vouched for by.  CaCertificateRefused when there is no CA
    certificate, or one that counts cannot be read or is not valid at ``now``, or there are more than anybody
    has.
    """
    if len(certificates) > _MOST_CERTIFICATES:
        raise CaCertificateRefused(f"the answer holds more than {_MOST_CERTIFICATES} certificates")
    authorities = [each for each in certificates if each.is_ca]
    if not authorities:
        raise CaCertificateRefused("the answer holds no CA certificate")
    offered = [each for each in authorities if each != replaced]
    if not offered:
        raise CaCertificateRefused("the answer holds no CA certificate but that of the CA of now")
    others = [each for each in certificates if not each.is_ca]
    over_ras = [ca for ca in offered if others and all(_issued(ca, each) for each in others)]
    lowest = [ca for ca in offered if not any(_issued(ca, each) for each in authorities if each != ca)]
    ca = (over_ras or lowest or offered)[0]
    above = _above(ca, offered)
    ra = tuple(each for each in others if _issued(ca, each))
    for each in (ca, *above, *ra):
        try:
            check_readable(each)
        except ValueError as error:
            raise CaCertificateRefused(f"a certificate of the answer cannot be used: {error}") from error
    for each in (ca, *above):
        if not each.not_before <= now <= each.not_after:
            raise CaCertificateRefused("the CA certificate is not valid at this time")
    return Offered(ca, ra, above)


def _above(ca: Certificate, authorities: Sequence[Certificate]) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    while len(found) < _LONGEST_CHAIN:
        lower = found[-1] if found else ca
        known = {ca.der, *(each.der for each in found)}
        higher = next((each for each in authorities if each.der not in known and _issued(each, lower)), None)
        if higher is None:
            break
        found.append(higher)
    return tuple(found)


def _issued(ca: Certificate, certificate: Certificate) -> bool:
    try:
        verify_issued_by(certificate, ca)
    except ValueError:
        return False
    return True
