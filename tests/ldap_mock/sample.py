"""A small directory for tests: a CA, three routers, one with an odd name, and AD CS's entry."""

from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import parse_dn

CRL = b"\x30\x03crl"
CA_CERTIFICATE = b"\x30\x02ca"
CDP = "CN=ca-1,CN=scep-lab,CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,DC=scep-lab,DC=example"


def entry(dn: str, classes: str, **attributes: bytes | tuple[bytes, ...]) -> Entry:
    values = {name: (each,) if isinstance(each, bytes) else each for name, each in attributes.items()}
    return Entry(parse_dn(dn), {"objectClass": tuple(classes.encode().split()), **values})


CA = entry(
    "CN=ca-1,O=Lab",
    "top organizationalRole pkiCA",
    cn=b"ca-1",
    cACertificate=CA_CERTIFICATE,
    certificateRevocationList=CRL,
    authorityRevocationList=CRL,
)
ROUTERS = [
    entry("CN=r1,OU=routers,O=Lab", "top device", cn=b"r1", serialNumber=b"7", description=b"Core  Router"),
    entry("CN=r2,OU=routers,O=Lab", "top device pkiUser", cn=(b"r2", b"router two"), serialNumber=b"12"),
    entry("CN=a\\, b+serialNumber=9,OU=routers,O=Lab", "top device", cn=b"a, b", serialNumber=b"9"),
]
TREE = Tree([CA, *ROUTERS, entry(CDP, "top cRLDistributionPoint", cn=b"ca-1", certificateRevocationList=CRL)])
