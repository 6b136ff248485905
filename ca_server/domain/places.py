"""Where others find the CA's certificates and CRLs: the URLs and names that stand in what it issues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from urllib.parse import quote

from scep_core import names

CRL_PATH = "/crl"
CERTIFICATE_PATH = "/ca"
CURRENT_CRL = f"{CRL_PATH}/ca.crl"  # that of the CA of now, whatever its number

# Where AD CS publishes, in a forest that is called as the lab is; the server's name is ours (labs.md 6.4).
_PUBLIC_KEY_SERVICES = "CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"
_SERVER = "scep-lab"
# RFC 4523 has these values transferred with ;binary; AD CS's URLs leave it out.
_CRL = "?certificateRevocationList;binary"
_AD_CS_CRL = "?certificateRevocationList?base?objectClass=cRLDistributionPoint"
_AD_CS_CERTIFICATE = "?cACertificate?base?objectClass=certificationAuthority"


class PointKind(StrEnum):
    """The ways in which a certificate can say where its CRL is (RFC 5280 section 4.2.1.13)."""

    HTTP = "http"
    LDAP = "ldap"  # the CA's own entry in the directory that the CA was told of
    LDAP_NO_HOST = "ldap-no-host"  # the same entry, in a directory that the client has to know
    AD_CS = "ad-cs"  # without a host too, at the entry where AD CS puts it
    DIRECTORY_NAME = "directory-name"  # no URL: the CA's own name


USUAL_POINTS = (PointKind.HTTP, PointKind.LDAP)


@dataclass(frozen=True)
class Places:
    """How the world reaches the CA.

    ``base_url`` is that of the SCEP port, without a slash at the end.  ``ldap_url`` is a directory's, such
    as ``ldap://host:389``; without one nothing says ``PointKind.LDAP``.
    """

    base_url: str = ""
    ldap_url: str | None = None

    def crl_points(
        self, kinds: Iterable[PointKind], ca: str, subject: bytes
    ) -> Sequence[Sequence[str | bytes]]:
        """The distribution points for the CA of this name and DER subject, in the order of ``kinds``.

        URLs that follow each other are one point, since they are ways to the same CRL; a bare name, in
        DER, is a point of its own.
        """
        points: list[Sequence[str | bytes]] = []
        there = (each for each in kinds if each is not PointKind.LDAP or self.ldap_url is not None)
        for bare, group in groupby(there, key=lambda kind: kind is PointKind.DIRECTORY_NAME):
            points.append([subject] if bare else [self._crl_url(each, ca, subject) for each in group])
        return points

    def _crl_url(self, kind: PointKind, ca: str, subject: bytes) -> str:
        if kind is PointKind.HTTP:
            return f"{self.base_url}{crl_path(ca)}"
        if kind is PointKind.AD_CS:
            return f"ldap:///{_quoted(cdp_dn(ca))}{_AD_CS_CRL}"
        host = self.ldap_url if kind is PointKind.LDAP else "ldap://"
        return f"{host}/{_quoted(names.rfc4514(subject))}{_CRL}"

    def certificate_urls(self, kinds: Iterable[PointKind], ca: str) -> Sequence[str]:
        """Where the certificate of the CA of this name is: as AD CS says it, if it says where CRLs are."""
        directory = [f"ldap:///{_quoted(aia_dn(ca))}{_AD_CS_CERTIFICATE}"] if PointKind.AD_CS in kinds else []
        return [*directory, f"{self.base_url}{certificate_path(ca)}"]


def crl_path(ca: str) -> str:
    """The path of a CA's CRL on the SCEP port."""
    return f"{CRL_PATH}/{ca}.crl"


def certificate_path(ca: str) -> str:
    """The path of a CA's certificate on the SCEP port."""
    return f"{CERTIFICATE_PATH}/{ca}.cer"


def cdp_dn(ca: str) -> str:
    """The entry in which AD CS publishes a CA's CRL, by RFC 4514."""
    return f"CN={ca},CN={_SERVER},CN=CDP,{_PUBLIC_KEY_SERVICES}"


def aia_dn(ca: str) -> str:
    """The entry in which AD CS publishes a CA's certificate, by RFC 4514."""
    return f"CN={ca},CN=AIA,{_PUBLIC_KEY_SERVICES}"


def _quoted(dn: str) -> str:
    return quote(dn, safe="=,+()")
