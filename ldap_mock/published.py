"""What the CA publishes, as entries of a directory.

A CA's certificate and CRL stand three times: under its own name, where clients look that know no more than
a certificate's issuer (RFC 4523, RFC 5280 section 4.2.1.13), and under the two names at which AD CS publishes
them (labs.md 6.4).  Issued certificates stand under their subjects.

RFC 4523 lets all these attributes have several values, which LDAP leaves without an order; but many clients
take the first.  So the CA that issues now comes first, then the others from new to old; and of one subject's
certificates the last that was issued.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ldap_mock import schema
from ldap_mock.directory import Entry
from ldap_mock.dn import Dn, DnError, parse_dn
from scep_core.certificates import read_certificate
from scep_core.names import rfc4514

CRL = "certificateRevocationList"
# The same list: it has the CA certificates that the CA has issued, too, and some clients ask for those alone.
AUTHORITY_CRL = "authorityRevocationList"
CA_CERTIFICATE = "cACertificate"
USER_CERTIFICATE = "userCertificate"
LISTS = (CRL, AUTHORITY_CRL)

# Whose certificate it is, by the attribute that names its entry: the structural class over which RFC 4523's
# auxiliary ones stand.
_STRUCTURAL = {
    "cn": "device",
    "ou": "organizationalUnit",
    "o": "organization",
    "dc": "domain",
    "c": "country",
    "l": "locality",
    "st": "locality",
    "street": "locality",
    "uid": "account",
}
# What allows every attribute (RFC 4512 section 4.3), for names such as unstructuredName=r1.
_ANY_ATTRIBUTE = "extensibleObject"

Attributes = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True)
class PublishedCa:
    """A CA of one generation: its name, the names of its three entries, its certificate, its CRL of now.

    ``crl`` is None while the CA hands none out.  ``current``: it issues now, or is above who does.
    """

    name: str
    dn: Dn
    cdp_dn: Dn
    aia_dn: Dn
    certificate: bytes
    crl: bytes | None
    current: bool


def ca_entries(cas: Sequence[PublishedCa]) -> list[Entry]:
    """The entries of all CAs, which are given from old to new; generations of one name share an entry."""
    by_name: dict[Dn, list[PublishedCa]] = {}
    newest_first = cas[::-1]
    for ca in sorted(newest_first, key=lambda ca: not ca.current):
        by_name.setdefault(ca.dn, []).append(ca)
    found = [_ca_entry(dn, generations) for dn, generations in by_name.items()]
    for ca in cas:
        found.append(_entry(ca.cdp_dn, ("cRLDistributionPoint",), _lists([ca])))
        found.append(_ca_entry(ca.aia_dn, [ca]))
    return merged(found)


def _ca_entry(dn: Dn, generations: Sequence[PublishedCa]) -> Entry:
    """An entry that any of the usual filters on a CA's class finds."""
    lists = _lists(generations)
    # It demands lists (RFC 4523 section 5), which pkiCA only allows.
    authority = ("certificationAuthority",) if lists else ()
    certificates = tuple(dict.fromkeys(ca.certificate for ca in generations))
    return _entry(dn, ("cRLDistributionPoint", "pkiCA", *authority), {CA_CERTIFICATE: certificates, **lists})


def _lists(generations: Sequence[PublishedCa]) -> Attributes:
    crls = tuple(dict.fromkeys(ca.crl for ca in generations if ca.crl is not None))
    return dict.fromkeys(LISTS, crls) if crls else {}


class IssuedEntries:
    """The entries of issued certificates; it grows with each one.  Not for several threads at a time."""

    def __init__(self) -> None:
        self._certificates: dict[Dn, list[bytes]] = {}
        self._entries: dict[Dn, Entry | None] = {}

    def add(self, der: bytes) -> bool:
        """Take a certificate in; False when its subject is empty, or no name for an entry of a directory."""
        try:
            dn = parse_dn(rfc4514(read_certificate(der).subject))
        except (ValueError, DnError):
            return False
        if not dn.rdns or not all(_may_name(kind) for rdn in dn.rdns for kind, _ in rdn):
            return False
        self._certificates.setdefault(dn, []).append(der)
        self._entries[dn] = None
        return True

    def entries(self) -> list[Entry]:
        """All of them; those whose certificates are the same as before are the same as before."""
        found = []
        for dn, entry in self._entries.items():
            if entry is None:
                entry = self._entries[dn] = _user_entry(dn, self._certificates[dn])
            found.append(entry)
        return found


def _may_name(kind: str) -> bool:
    """Whether a requester may name entries by this type: they have what names them as an attribute.

    What an entry is, what the directory itself says of it, certificates and CRLs are not for him to set.
    """
    row = schema.attribute_type(kind)
    return row is None or not (row.name == "objectClass" or row.operational or row.kind.binary)


def _user_entry(dn: Dn, certificates: Sequence[bytes]) -> Entry:
    kind = dn.rdns[0][0][0]
    return _entry(
        dn, (_STRUCTURAL.get(kind, "device"), "pkiUser"), {USER_CERTIFICATE: tuple(reversed(certificates))}
    )


def _entry(dn: Dn, classes: Sequence[str], attributes: Attributes) -> Entry:
    """An entry with the attributes of its own name (RFC 4512 section 2.3) and what its classes demand."""
    naming: dict[str, tuple[bytes, ...]] = {}
    for kind, value in dn.rdns[0]:
        naming[kind] = (*naming.get(kind, ()), value)
    rows = [row for name in classes if (row := schema.object_class(name))]
    must = {kind for row in rows for kind in row.must}
    if "cn" in must:
        naming.setdefault("cn", dn.rdns[0][0][1:])
    allowed = must.union(*(row.may for row in rows))
    extra = () if allowed >= naming.keys() else (_ANY_ATTRIBUTE,)
    return Entry(dn, {"objectClass": _octets("top", *classes, *extra), **naming, **attributes})


def _octets(*names: str) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in names)


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """The same entries, those of one name made one: of both classes, and of each attribute both's values."""
    found: dict[Dn, Entry] = {}
    for entry in entries:
        other = found.setdefault(entry.dn, entry)
        if other is not entry:
            found[entry.dn] = _joined(other, entry)
    return list(found.values())


def _joined(first: Entry, second: Entry) -> Entry:
    attributes = dict(first.attributes)
    for name, values in second.attributes.items():
        attributes[name] = tuple(dict.fromkeys((*attributes.get(name, ()), *values)))
    # One structural class is all that an entry may have (RFC 4512 section 2.4.2): the first one's.
    classes = [
        each
        for each in attributes["objectClass"]
        if each in first.attributes["objectClass"] or not _is_structural(each)
    ]
    return Entry(first.dn, {**attributes, "objectClass": tuple(classes)})


def _is_structural(name: bytes) -> bool:
    row = schema.object_class(name.decode())
    return row is not None and row.kind is schema.ClassKind.STRUCTURAL
