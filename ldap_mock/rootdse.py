"""What the directory tells of itself: root DSE and subschema entry (RFC 4512 sections 5.1 and 4.2)."""

from __future__ import annotations

from functools import cache

from ldap_mock import messages, schema
from ldap_mock.directory import Entry, Tree
from ldap_mock.dn import ROOT, Dn, parse_dn

SUBSCHEMA = parse_dn("cn=Subschema")
# Subjects without an organisation make an entry at the top each; of more than these nobody wants a list.
MAX_NAMING_CONTEXTS = 100
_ALL_OPERATIONAL_ATTRIBUTES = "1.3.6.1.4.1.4203.1.5.1"  # RFC 3673
_TRUE_AND_FALSE_FILTERS = "1.3.6.1.4.1.4203.1.5.3"  # RFC 4526


def stands_outside(base: Dn, scope: int) -> bool:
    """Whether a search is about the directory itself, and not about what it holds."""
    return base == SUBSCHEMA or (base == ROOT and scope == messages.Scope.BASE)


def root_dse(tree: Tree) -> Entry:
    """The entry without a name; all that it says is operational."""
    roots = tree.roots
    contexts = (
        tuple(str(entry.dn).encode() for entry in roots) if len(roots) <= MAX_NAMING_CONTEXTS else (b"",)
    )
    attributes = {
        "objectClass": (b"top", b"extensibleObject"),
        "namingContexts": contexts,
        "subschemaSubentry": (str(SUBSCHEMA).encode(),),
        "supportedControl": (messages.MANAGE_DSA_IT.encode(), messages.PAGED_RESULTS.encode()),
        "supportedExtension": (messages.WHO_AM_I.encode(),),
        "supportedFeatures": (_ALL_OPERATIONAL_ATTRIBUTES.encode(), _TRUE_AND_FALSE_FILTERS.encode()),
        "supportedLDAPVersion": (b"2", b"3"),
        "vendorName": (b"scep-lab",),
    }
    return Entry(ROOT, {name: values for name, values in attributes.items() if values})


@cache
def subschema_entry() -> Entry:
    """The schema as an entry."""
    classes = (b"top", b"subentry", b"subschema", b"extensibleObject")
    return Entry(SUBSCHEMA, {"objectClass": classes, "cn": (b"Subschema",), **schema.subschema()})


OPERATIONAL = ("entryDN", "hasSubordinates", "subschemaSubentry")


def operational(entry: Entry, tree: Tree) -> dict[str, tuple[bytes, ...]]:
    """What the directory adds to an entry of its tree."""
    return {
        "entryDN": (str(entry.dn).encode(),),
        "hasSubordinates": (b"TRUE" if tree.has_subordinates(entry.dn) else b"FALSE",),
        "subschemaSubentry": (str(SUBSCHEMA).encode(),),
    }
