"""Which certificates a router takes into its hands: those that everybody can read, whatever else is odd.

No stricter than that.  Real CAs write ``@`` into PrintableStrings, or FALSE where DER leaves it out; that
``cryptography`` refuses both is told where it is needed (TLS, PKCS #12, SSH).
"""

from __future__ import annotations

from scep_core import asn1, names, structures
from scep_core.certificates import Certificate

LARGEST_CERTIFICATE = 65536  # octets; real ones are far below
_VERSIONS = (None, 0, 1, 2)  # RFC 5280 section 4.1.2.1: version 1 is left out, 3 is 2


def check_readable(certificate: Certificate) -> None:
    """ValueError says, for people, what nobody could work with."""
    if len(certificate.der) > LARGEST_CERTIFICATE:
        raise ValueError(f"it is larger than {LARGEST_CERTIFICATE} octets")
    tbs = asn1.parse(structures.TbsCertificate, asn1.decode(structures.Signed, certificate.der).body)
    if tbs.version not in _VERSIONS:
        raise ValueError("its version is none of X.509's")
    oids = [each.oid for each in certificate.extensions]
    if len(set(oids)) != len(oids):
        raise ValueError("an extension is in it twice")
    for whose, name in (("subject", certificate.subject), ("issuer", certificate.issuer)):
        try:
            names.parse_name(name)
        except ValueError as error:
            raise ValueError(f"the name of its {whose} cannot be read") from error
