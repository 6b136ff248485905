"""What a certificate says besides its name and key: what it takes over from the request, what we add.

Names and purposes are taken over; whatever would make the holder a CA, an RA or an OCSP responder of ours
is not, and other extensions are left out, critical or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from ca_server.domain.places import USUAL_POINTS, Places, PointKind
from scep_core import asn1, certificates
from scep_core.certificates import Certificate, Extension
from scep_core.csr import Csr
from scep_core.general_names import check_general_names
from scep_core.names import parse_name

_USAGE_BY_DEFAULT = ("digital_signature", "key_encipherment")
# What a CA does, and what no RSA key can do (RFC 3279 section 2.3.1).
_USAGES_WITHHELD = {"key_cert_sign", "crl_sign", "key_agreement", "encipher_only", "decipher_only"}
_PURPOSES_WITHHELD = {
    certificates.CERTIFICATE_REQUEST_AGENT,
    certificates.OCSP_SIGNING,
    "2.5.29.37.0",  # any: those above too
    "1.3.6.1.5.5.7.3.27",  # CMC's CAs and RAs (RFC 6402 section 2.10)
    "1.3.6.1.5.5.7.3.28",
}

# For TLS and for IKE (RFC 4945 section 5.1.3.12), with the purpose that older IPsec devices look for.
PURPOSES = (
    certificates.SERVER_AUTH,
    certificates.CLIENT_AUTH,
    certificates.IPSEC_IKE,
    certificates.IKE_INTERMEDIATE,
)


@dataclass(frozen=True)
class Terms:
    """On which terms certificates are issued: their lifetime, and what they are good for.

    ``purposes`` are the extended key usages of who asks for none.  ``unique_subjects``: no second
    certificate for a subject while the CA's first is valid (RFC 8894 section 5.2, the third case).
    ``distribution_points`` say where the CRL is, in their order; those that the CA has not are left out.
    """

    lifetime: timedelta = timedelta(days=365)
    purposes: tuple[str, ...] = PURPOSES
    unique_subjects: bool = False
    distribution_points: tuple[PointKind, ...] = USUAL_POINTS


def certificate_extensions(csr: Csr, terms: Terms) -> tuple[Extension, ...]:
    """What the request asks for and may have; ValueError when that cannot be read.

    A request for signatures alone or for encryption alone gets just that key usage, as the two
    certificates of special-usage keys need (the chapter, "usage keys").
    """
    names = csr.extension(certificates.SUBJECT_ALT_NAME)
    carried = []
    if names is not None:
        check_general_names(names.value)
        # RFC 5280 section 4.2.1.6: critical when it is the only name.
        carried.append(Extension(names.oid, not parse_name(csr.subject), names.value))
    asked = csr.extension(certificates.KEY_USAGE)
    usages = certificates.read_key_usage(asked.value) - _USAGES_WITHHELD if asked else None
    carried.append(certificates.ext_key_usage(*sorted(usages or _USAGE_BY_DEFAULT)))
    purposes = _purposes(csr) or terms.purposes
    if purposes:
        carried.append(certificates.ext_extended_key_usage(*purposes))
    return tuple(carried)


def is_good_for(certificate: Certificate, csr: Csr, terms: Terms) -> bool:
    """Whether a certificate has all the key usages and purposes that this request would get."""
    for wanted in certificate_extensions(csr, terms):
        held = certificate.extension(wanted.oid)
        if wanted.oid == certificates.KEY_USAGE:
            usages = certificates.read_key_usage(held.value) if held else frozenset()
            if not certificates.read_key_usage(wanted.value) <= usages:
                return False
        elif wanted.oid == certificates.EXTENDED_KEY_USAGE:
            purposes = set(_read_purposes(held.value)) if held else set()
            if not set(_read_purposes(wanted.value)) <= purposes:
                return False
    return True


def _read_purposes(value: bytes) -> tuple[str, ...]:
    return tuple(asn1.to_oid(each) for each in asn1.items(value))


def _purposes(csr: Csr) -> tuple[str, ...]:
    wanted = csr.extension(certificates.EXTENDED_KEY_USAGE)
    if wanted is None:
        return ()
    return tuple(each for each in _read_purposes(wanted.value) if each not in _PURPOSES_WITHHELD)


@lru_cache(maxsize=64)  # the same in every certificate of a CA's profile
def found_at(places: Places, points: tuple[PointKind, ...], ca: str, subject: bytes) -> tuple[Extension, ...]:
    """Where the CRL and the certificate of the CA of this name are (RFC 5280 4.2.1.13, 4.2.2.1)."""
    certificate = certificates.ext_authority_info_access(places.certificate_urls(points, ca))
    crl = places.crl_points(points, ca, subject)
    # There is no empty list of points.
    return (certificates.ext_crl_distribution_points(*crl), certificate) if crl else (certificate,)
