"""Where others find the CA's certificates and CRLs: the URLs that stand in what it issues."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from scep_core import names

CRL_PATH = "/crl"
CERTIFICATE_PATH = "/ca"
CURRENT_CRL = f"{CRL_PATH}/ca.crl"  # that of the CA of now, whatever its number
# What AD CS asks of a directory (labs.md 6.4).
_LDAP_QUERY = "?certificateRevocationList;binary?base?objectClass=cRLDistributionPoint"


@dataclass(frozen=True)
class Places:
    """How the world reaches the CA.

    ``base_url`` is that of the SCEP port, without a slash at the end.  ``ldap_url`` is a directory's, such
    as ``ldap://host:389``; without a host (``ldap://``) the client has to know one, which is what a router's
    ``query url`` is for; None leaves LDAP out.  ``directory_name``: a distribution point that is a bare name
    is added.
    """

    base_url: str = ""
    ldap_url: str | None = None
    directory_name: bool = False

    def crl_urls(self, ca: str, subject: bytes) -> tuple[str, ...]:
        """Where the CRL of the CA of this name and DER subject is."""
        urls = (f"{self.base_url}{crl_path(ca)}",)
        if self.ldap_url is None:
            return urls
        name = quote(names.rfc4514(subject), safe="=,+()")
        return (*urls, f"{self.ldap_url}/{name}{_LDAP_QUERY}")

    def certificate_url(self, ca: str) -> str:
        """Where the certificate of the CA of this name is."""
        return f"{self.base_url}{CERTIFICATE_PATH}/{ca}.cer"


def crl_path(ca: str) -> str:
    """The path of a CA's CRL on the SCEP port."""
    return f"{CRL_PATH}/{ca}.crl"
