"""The rules of one path: dates, signatures, CAs, path lengths, names, extensions, strength."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from cryptography import x509
from cryptography.x509.oid import NameOID

from router_emu.pki.peers.verdict import PeerPurpose, Reason
from scep_core.values import Digest
from tests.vectors.chains.recipe import (
    BORN,
    CA_USAGE,
    DAY,
    END,
    NOON,
    SECOND,
    CertificateRecipe,
    CrlRecipe,
    row,
)

DNS, IP, MAIL, DIRECTORY = x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.DirectoryName
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
JUNK = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"junk"), False)
# The length of the SEQUENCE in two octets where one is enough.
BER = (
    x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.37"), bytes.fromhex("30810a06082b06010505070301")
    ),
    False,
)
KIND = x509.ObjectIdentifier("1.3.6.1.4.1.55555.2")


def constraints(
    permitted: list[x509.GeneralName] | None = None, excluded: list[x509.GeneralName] | None = None
) -> dict[str, object]:
    """The change that gives a CA name constraints."""
    return {"extensions": [(x509.NameConstraints(permitted, excluded), True)]}


def directory(organization: str) -> x509.GeneralName:
    return DIRECTORY(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]))


def names(*alternative: x509.GeneralName) -> dict[str, object]:
    """The change that gives a certificate these alternative names."""
    return {"alternative_names": alternative}


# A CA between sub and leaf; shown with the others.
LOWER = {"lower": CertificateRecipe("sub", ca=True, key_usage=CA_USAGE)}
DEEP = {
    "shown": ("leaf", "lower", "sub"),
    "path": ("leaf", "lower", "sub", "root"),
    "crls": {"lower": CrlRecipe("lower")},
}

DATES = [
    row("a good chain"),
    row("in the leaf's first second", leaf={"not_before": NOON}),
    row("a second before the leaf", Reason.NOT_YET_VALID, leaf={"not_before": NOON + SECOND}),
    row("in the leaf's last second", leaf={"not_after": NOON}),
    row("a second after the leaf", Reason.EXPIRED, leaf={"not_after": NOON - SECOND}),
    row("in the sub-CA's first second", sub={"not_before": NOON}),
    row("a second before the sub-CA", Reason.NOT_YET_VALID, sub={"not_before": NOON + SECOND}),
    row("in the sub-CA's last second", sub={"not_after": NOON}),
    row("a second after the sub-CA", Reason.EXPIRED, sub={"not_after": NOON - SECOND}),
    row("in the anchor's last second", root={"not_after": NOON}),
    row("a second after the anchor", Reason.EXPIRED, root={"not_after": NOON - SECOND}),
    row("a second before the anchor", Reason.NOT_YET_VALID, root={"not_before": NOON + SECOND}),
    row("within the last second", at=NOON + SECOND / 2, leaf={"not_after": NOON}),
    row("a leaf that outlives its CA", leaf={"not_after": END + 1000 * DAY}),
    row("a leaf older than its CA", leaf={"not_before": BORN - DAY}),
    row("dates beyond 2050", leaf={"not_after": END.replace(year=2060)}),
]

SIGNATURES = [
    row("the leaf's signature tampered with", Reason.SIGNATURE, leaf={"tampered": True}),
    row("the sub-CA's signature tampered with", Reason.SIGNATURE, sub={"tampered": True}),
    row("the anchor's own signature tampered with", root={"tampered": True}),
    row("the leaf signed by a stranger in the CA's name", Reason.SIGNATURE, leaf={"signer": "stranger"}),
    row("the sub-CA signed by a stranger in the root's name", Reason.SIGNATURE, sub={"signer": "stranger"}),
    row("one algorithm inside, another outside", Reason.SIGNATURE, leaf={"outer_digest": Digest.SHA512}),
    row(
        "the signature of another kind of key", Reason.NO_PATH, sub={"kind": "rsa1024"}, leaf={"signer": "x"}
    ),
    row("a CA with RSA", sub={"kind": "rsa1024"}),
    row("a leaf with Ed25519", leaf={"kind": "ed25519"}),
    row("a CA with Ed25519", sub={"kind": "ed25519"}, crls={"sub": None}, crl_optional=True),
]

CAS = [
    row("a sub-CA without basicConstraints", Reason.NOT_A_CA, sub={"ca": None, "key_usage": None}),
    row("a sub-CA by key usage alone", Reason.NOT_A_CA, sub={"ca": None}),
    row("a sub-CA that says CA:FALSE", Reason.NOT_A_CA, sub={"ca": False}),
    row("a sub-CA without keyUsage", sub={"key_usage": None}),
    row("a sub-CA that may not sign certificates", Reason.KEY_USAGE, sub={"key_usage": ("crl_sign",)}),
    row("an anchor that may not sign certificates", Reason.KEY_USAGE, root={"key_usage": ("crl_sign",)}),
    row("an anchor of version 1", root={"version": 1, "ca": None, "key_usage": None}),
    row("a sub-CA of version 1", Reason.NOT_A_CA, sub={"version": 1, "ca": None, "key_usage": None}),
    row("a leaf of version 1", leaf={"version": 1, "key_usage": None}),
    row("an anchor that says CA:FALSE", Reason.NOT_A_CA, root={"ca": False}),
    row("a leaf that is a CA", leaf={"ca": True}),
    row(
        "a leaf that issues another",
        Reason.NOT_A_CA,
        shown=("last", "leaf", "sub"),
        last=CertificateRecipe("leaf"),
        crls={"leaf": CrlRecipe("leaf")},
    ),
]

LENGTHS = [
    row("path length 0, and no CA below", sub={"path_length": 0}),
    row(
        "path length 0, and a CA below",
        Reason.PATH_LENGTH,
        sub={"path_length": 0},
        **LOWER,
        **DEEP,
        leaf={"issuer": "lower"},
    ),
    row("path length 1, and a CA below", sub={"path_length": 1}, leaf={"issuer": "lower"}, **LOWER, **DEEP),
    row("the anchor's path length 0", Reason.PATH_LENGTH, root={"path_length": 0}),
    row("the anchor's path length 1", root={"path_length": 1}),
    row(
        "path length 0, and the CA's own new key below",
        sub={"path_length": 0},
        leaf={"issuer": "lower", "authority_key": "lower"},
        lower=CertificateRecipe("sub", subject="sub", ca=True, key_usage=CA_USAGE, authority_key="sub"),
        **DEEP,
    ),
    row("path length 0, and a leaf that is a CA", sub={"path_length": 0}, leaf={"ca": True}),
]

_OUTSIDE = Reason.NAME_CONSTRAINTS
NAMES = [
    row("a DNS name inside", sub=constraints([DNS("lab")]), leaf=names(DNS("r1.lab"))),
    row("a DNS name outside", _OUTSIDE, sub=constraints([DNS("lab")]), leaf=names(DNS("r1.example"))),
    row(
        "a DNS name that only ends alike", _OUTSIDE, sub=constraints([DNS("lab")]), leaf=names(DNS("r1.xlab"))
    ),
    row(
        "one DNS name of two outside",
        _OUTSIDE,
        sub=constraints([DNS("lab")]),
        leaf=names(DNS("r1.lab"), DNS("r1.example")),
    ),
    row(
        "a DNS name excluded",
        _OUTSIDE,
        sub=constraints(None, [DNS("bad.lab")]),
        leaf=names(DNS("r1.bad.lab")),
    ),
    row("a DNS name not excluded", sub=constraints(None, [DNS("bad.lab")]), leaf=names(DNS("r1.lab"))),
    row(
        "excluded within what is permitted",
        _OUTSIDE,
        sub=constraints([DNS("lab")], [DNS("bad.lab")]),
        leaf=names(DNS("r1.bad.lab")),
    ),
    row("constraints on names that it has none of", sub=constraints([DNS("lab")]), leaf=names(MAIL("a@b.c"))),
    row("a subject inside", sub=constraints([directory("lab")]), leaf={"subject": "x"}),
    row("a subject outside", _OUTSIDE, sub=constraints([directory("other")])),
    row("a subject excluded", _OUTSIDE, sub=constraints(None, [directory("lab")])),
    row(
        "an address inside",
        sub=constraints([IP(IPv4Network("192.0.2.0/24"))]),
        leaf=names(IP(IPv4Address("192.0.2.7"))),
    ),
    row(
        "an address outside",
        _OUTSIDE,
        sub=constraints([IP(IPv4Network("192.0.2.0/24"))]),
        leaf=names(IP(IPv4Address("198.51.100.7"))),
    ),
    row(
        "an address excluded",
        _OUTSIDE,
        sub=constraints(None, [IP(IPv4Network("0.0.0.0/0"))]),
        leaf=names(IP(IPv4Address("198.51.100.7"))),
    ),
    row("mail inside", sub=constraints([MAIL("lab.example")]), leaf=names(MAIL("a@lab.example"))),
    row("mail outside", _OUTSIDE, sub=constraints([MAIL("lab.example")]), leaf=names(MAIL("a@x.example"))),
    row("the anchor's constraints", _OUTSIDE, root=constraints([DNS("lab")]), leaf=names(DNS("r1.example"))),
    row(
        "inherited from two levels above",
        _OUTSIDE,
        sub=constraints([DNS("lab")]),
        **LOWER,
        **DEEP,
        leaf={"issuer": "lower", **names(DNS("r1.example"))},
    ),
    row(
        "a lower CA cannot widen",
        _OUTSIDE,
        sub=constraints([DNS("lab")]),
        **DEEP,
        lower=CertificateRecipe("sub", ca=True, extensions=constraints([DNS("example")])["extensions"]),
        leaf={"issuer": "lower", **names(DNS("r1.example"))},
    ),
    row(
        "constraints of a kind that nobody checks",
        _OUTSIDE,
        leaf=names(x509.RegisteredID(KIND)),
        sub=constraints([x509.RegisteredID(KIND)]),
    ),
    row(
        "a common name that is a DNS name outside",
        _OUTSIDE,
        sub=constraints([DNS("lab")]),
        leaf={"subject": "r1.example"},
    ),
]

CRITICAL = [
    row(
        "an unknown critical extension in the leaf",
        Reason.CRITICAL_EXTENSION,
        leaf={"extensions": [(UNKNOWN, True)]},
    ),
    row(
        "an unknown critical extension in the sub-CA",
        Reason.CRITICAL_EXTENSION,
        sub={"extensions": [(UNKNOWN, True)]},
    ),
    row("an unknown extension in the leaf", leaf={"extensions": [(UNKNOWN, False)]}),
    row("an unknown extension in the sub-CA", sub={"extensions": [(UNKNOWN, False)]}),
    row("every extension twice", Reason.MALFORMED, leaf={"repeated": True}),
    row("an unknown extension twice", Reason.MALFORMED, leaf={"extensions": [(UNKNOWN, False)] * 2}),
    row("an alternative name that is no DER", Reason.MALFORMED, leaf={"extensions": [JUNK]}),
    row("a sub-CA's alternative name that is no DER", Reason.MALFORMED, sub={"extensions": [JUNK]}),
    row("an extendedKeyUsage in BER", Reason.PURPOSE, purpose=PeerPurpose.SERVER, leaf={"extensions": [BER]}),
    row(
        "an extension that is no DER",
        Reason.MALFORMED,
        leaf={
            "extensions": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"junk"), True)],
            "key_usage": None,
        },
    ),
]

STRENGTH = [
    row("a leaf with RSA 512", Reason.WEAK, leaf={"kind": "rsa512"}),
    row("a leaf with RSA 1024", leaf={"kind": "rsa1024"}),
    row("a sub-CA with RSA 768", Reason.WEAK, sub={"kind": "rsa768"}),
    row("an anchor with RSA 512", Reason.WEAK, root={"kind": "rsa512"}),
    row("a leaf signed over MD5", Reason.WEAK, sub={"kind": "rsa1024"}, leaf={"digest": Digest.MD5}),
    row("a leaf signed over SHA-1", sub={"kind": "rsa1024"}, leaf={"digest": Digest.SHA1}),
    row("a sub-CA signed over MD5", Reason.WEAK, root={"kind": "rsa1024"}, sub={"digest": Digest.MD5}),
    row("a sub-CA signed over SHA-1", root={"kind": "rsa1024"}, sub={"digest": Digest.SHA1}),
    row("an anchor signed over MD5", root={"kind": "rsa1024", "digest": Digest.MD5}),
    row("signed over SHA-512", leaf={"digest": Digest.SHA512}),
]

ROWS = [*DATES, *SIGNATURES, *CAS, *LENGTHS, *NAMES, *CRITICAL, *STRENGTH]
