"""What the directory knows of attribute types, object classes and matching rules: three tables.

The rows are those of RFC 4512, RFC 4519, RFC 4523 and RFC 4524, and the few of PKCS #9 and of Active
Directory that subjects of routers and entries of AD CS need.  ``subschema`` tells them as RFC 4512 section
4.1 writes them, so that clients learn from the same rows that searches follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_SYNTAX = "1.3.6.1.4.1.1466.115.121.1."


@dataclass(frozen=True)
class Kind:
    """How values of some types are written and compared; the rules are names in ``MATCHING_RULES``."""

    syntax: str
    equality: str
    substrings: str = ""
    ordering: str = ""
    binary: bool = False  # RFC 4523 section 2: transferred with the option ;binary


TEXT = Kind(_SYNTAX + "15", "caseIgnoreMatch", "caseIgnoreSubstringsMatch", "caseIgnoreOrderingMatch")
EXACT = Kind(_SYNTAX + "15", "caseExactMatch", "caseExactSubstringsMatch", "caseExactOrderingMatch")
PRINTABLE = Kind(_SYNTAX + "44", "caseIgnoreMatch", "caseIgnoreSubstringsMatch", "caseIgnoreOrderingMatch")
COUNTRY = Kind(_SYNTAX + "11", "caseIgnoreMatch", "caseIgnoreSubstringsMatch")
IA5 = Kind(_SYNTAX + "26", "caseIgnoreIA5Match", "caseIgnoreIA5SubstringsMatch")
TELEPHONE = Kind(_SYNTAX + "50", "telephoneNumberMatch", "telephoneNumberSubstringsMatch")
NAME = Kind(_SYNTAX + "12", "distinguishedNameMatch")
OID = Kind(_SYNTAX + "38", "objectIdentifierMatch")
DEFINITION = Kind(_SYNTAX + "3", "objectIdentifierFirstComponentMatch")
INTEGER = Kind(_SYNTAX + "27", "integerMatch", ordering="integerOrderingMatch")
BOOLEAN = Kind(_SYNTAX + "7", "booleanMatch")
TIME = Kind(_SYNTAX + "24", "generalizedTimeMatch", ordering="generalizedTimeOrderingMatch")
OCTETS = Kind(_SYNTAX + "40", "octetStringMatch", ordering="octetStringOrderingMatch")
CERTIFICATE = Kind(_SYNTAX + "8", "certificateExactMatch", binary=True)
CRL = Kind(_SYNTAX + "9", "certificateListExactMatch", binary=True)
PAIR = Kind(_SYNTAX + "10", "certificatePairExactMatch", binary=True)
ALGORITHM = Kind(_SYNTAX + "49", "algorithmIdentifierMatch", binary=True)

# Name: (OID, syntax of what is asserted).
MATCHING_RULES: Mapping[str, tuple[str, str]] = {
    "objectIdentifierMatch": ("2.5.13.0", _SYNTAX + "38"),
    "distinguishedNameMatch": ("2.5.13.1", _SYNTAX + "12"),
    "caseIgnoreMatch": ("2.5.13.2", _SYNTAX + "15"),
    "caseIgnoreOrderingMatch": ("2.5.13.3", _SYNTAX + "15"),
    "caseIgnoreSubstringsMatch": ("2.5.13.4", _SYNTAX + "58"),
    "caseExactMatch": ("2.5.13.5", _SYNTAX + "15"),
    "caseExactOrderingMatch": ("2.5.13.6", _SYNTAX + "15"),
    "caseExactSubstringsMatch": ("2.5.13.7", _SYNTAX + "58"),
    "booleanMatch": ("2.5.13.13", _SYNTAX + "7"),
    "integerMatch": ("2.5.13.14", _SYNTAX + "27"),
    "integerOrderingMatch": ("2.5.13.15", _SYNTAX + "27"),
    "octetStringMatch": ("2.5.13.17", _SYNTAX + "40"),
    "octetStringOrderingMatch": ("2.5.13.18", _SYNTAX + "40"),
    "telephoneNumberMatch": ("2.5.13.20", _SYNTAX + "50"),
    "telephoneNumberSubstringsMatch": ("2.5.13.21", _SYNTAX + "58"),
    "generalizedTimeMatch": ("2.5.13.27", _SYNTAX + "24"),
    "generalizedTimeOrderingMatch": ("2.5.13.28", _SYNTAX + "24"),
    "objectIdentifierFirstComponentMatch": ("2.5.13.30", _SYNTAX + "38"),
    "certificateExactMatch": ("2.5.13.34", "1.3.6.1.1.15.1"),
    "certificatePairExactMatch": ("2.5.13.36", "1.3.6.1.1.15.3"),
    "certificateListExactMatch": ("2.5.13.38", "1.3.6.1.1.15.5"),
    "algorithmIdentifierMatch": ("2.5.13.40", "1.3.6.1.1.15.7"),
    "caseExactIA5Match": ("1.3.6.1.4.1.1466.109.114.1", _SYNTAX + "26"),
    "caseIgnoreIA5Match": ("1.3.6.1.4.1.1466.109.114.2", _SYNTAX + "26"),
    "caseIgnoreIA5SubstringsMatch": ("1.3.6.1.4.1.1466.109.114.3", _SYNTAX + "58"),
}
_SYNTAXES = {
    _SYNTAX + "3": "Attribute Type Description",
    _SYNTAX + "7": "Boolean",
    _SYNTAX + "8": "Certificate",
    _SYNTAX + "9": "Certificate List",
    _SYNTAX + "10": "Certificate Pair",
    _SYNTAX + "11": "Country String",
    _SYNTAX + "12": "DN",
    _SYNTAX + "15": "Directory String",
    _SYNTAX + "24": "Generalized Time",
    _SYNTAX + "26": "IA5 String",
    _SYNTAX + "27": "INTEGER",
    _SYNTAX + "38": "OID",
    _SYNTAX + "40": "Octet String",
    _SYNTAX + "44": "Printable String",
    _SYNTAX + "49": "Supported Algorithm",
    _SYNTAX + "50": "Telephone Number",
    _SYNTAX + "58": "Substring Assertion",
    "1.3.6.1.1.15.1": "Certificate Exact Assertion",
    "1.3.6.1.1.15.3": "Certificate Pair Exact Assertion",
    "1.3.6.1.1.15.5": "Certificate List Exact Assertion",
    "1.3.6.1.1.15.7": "Algorithm Identifier",
}


@dataclass(frozen=True)
class AttributeType:
    """A row: an attribute type (RFC 4512 section 4.1.2).  ``names[0]`` is its canonical name."""

    oid: str
    names: tuple[str, ...]
    kind: Kind
    superior: str = ""
    single: bool = False
    operational: bool = False

    @property
    def name(self) -> str:
        """The canonical name, as entries hold it."""
        return self.names[0]


class ClassKind(StrEnum):
    """The kinds of object classes (RFC 4512 section 2.4)."""

    ABSTRACT = "ABSTRACT"
    STRUCTURAL = "STRUCTURAL"
    AUXILIARY = "AUXILIARY"


@dataclass(frozen=True)
class ObjectClass:
    """A row: an object class (RFC 4512 section 4.1.1)."""

    oid: str
    name: str
    kind: ClassKind
    superior: str
    must: tuple[str, ...]
    may: tuple[str, ...]


def _type(
    oid: str, names: str, kind: Kind, *, sup: str = "", single: bool = False, operational: bool = False
) -> AttributeType:
    return AttributeType(oid, tuple(names.split()), kind, sup, single, operational)


def _class(
    oid: str,
    name: str,
    kind: ClassKind = ClassKind.STRUCTURAL,
    *,
    sup: str = "top",
    must: str = "",
    may: str = "",
) -> ObjectClass:
    return ObjectClass(oid, name, kind, sup, tuple(must.split()), tuple(may.split()))


ATTRIBUTE_TYPES: tuple[AttributeType, ...] = (
    # RFC 4512, RFC 3045, RFC 5020, X.501: what directories say of themselves and of their entries.
    _type("2.5.4.0", "objectClass", OID),
    _type("2.5.4.1", "aliasedObjectName aliasedEntryName", NAME, single=True),
    _type("2.5.18.1", "createTimestamp", TIME, single=True, operational=True),
    _type("2.5.18.2", "modifyTimestamp", TIME, single=True, operational=True),
    _type("2.5.18.9", "hasSubordinates", BOOLEAN, single=True, operational=True),
    _type("2.5.18.10", "subschemaSubentry", NAME, single=True, operational=True),
    _type("2.5.21.4", "matchingRules", DEFINITION, operational=True),
    _type("2.5.21.5", "attributeTypes", DEFINITION, operational=True),
    _type("2.5.21.6", "objectClasses", DEFINITION, operational=True),
    _type("2.5.21.9", "structuralObjectClass", OID, single=True, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.16", "ldapSyntaxes", DEFINITION, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.5", "namingContexts", NAME, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.6", "altServer", IA5, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.7", "supportedExtension", OID, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.13", "supportedControl", OID, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.14", "supportedSASLMechanisms", TEXT, operational=True),
    _type("1.3.6.1.4.1.1466.101.120.15", "supportedLDAPVersion", INTEGER, operational=True),
    _type("1.3.6.1.4.1.4203.1.3.5", "supportedFeatures", OID, operational=True),
    _type("1.3.6.1.1.4", "vendorName", EXACT, single=True, operational=True),
    _type("1.3.6.1.1.5", "vendorVersion", EXACT, single=True, operational=True),
    _type("1.3.6.1.1.20", "entryDN", NAME, single=True, operational=True),
    # RFC 4519.
    _type("2.5.4.41", "name", TEXT),
    _type("2.5.4.3", "cn commonName", TEXT, sup="name"),
    _type("2.5.4.4", "sn surname", TEXT, sup="name"),
    _type("2.5.4.5", "serialNumber", PRINTABLE),
    _type("2.5.4.6", "c countryName", COUNTRY, sup="name", single=True),
    _type("2.5.4.7", "l localityName", TEXT, sup="name"),
    _type("2.5.4.8", "st stateOrProvinceName s", TEXT, sup="name"),
    _type("2.5.4.9", "street streetAddress", TEXT),
    _type("2.5.4.10", "o organizationName", TEXT, sup="name"),
    _type("2.5.4.11", "ou organizationalUnitName", TEXT, sup="name"),
    _type("2.5.4.12", "title", TEXT, sup="name"),
    _type("2.5.4.13", "description", TEXT),
    _type("2.5.4.15", "businessCategory", TEXT),
    _type("2.5.4.16", "postalAddress", TEXT),
    _type("2.5.4.17", "postalCode", TEXT),
    _type("2.5.4.18", "postOfficeBox", TEXT),
    _type("2.5.4.20", "telephoneNumber", TELEPHONE),
    _type("2.5.4.31", "member", NAME, sup="distinguishedName"),
    _type("2.5.4.32", "owner", NAME, sup="distinguishedName"),
    _type("2.5.4.34", "seeAlso", NAME, sup="distinguishedName"),
    _type("2.5.4.35", "userPassword", OCTETS),
    _type("2.5.4.42", "givenName gn", TEXT, sup="name"),
    _type("2.5.4.43", "initials", TEXT, sup="name"),
    _type("2.5.4.44", "generationQualifier", TEXT, sup="name"),
    _type("2.5.4.46", "dnQualifier", PRINTABLE),
    _type("2.5.4.49", "distinguishedName", NAME),
    _type("2.5.4.65", "pseudonym", TEXT, sup="name"),
    _type("0.9.2342.19200300.100.1.1", "uid userid", TEXT),
    _type("0.9.2342.19200300.100.1.3", "mail rfc822Mailbox", IA5),
    _type("0.9.2342.19200300.100.1.25", "dc domainComponent", IA5, single=True),
    _type("1.3.6.1.4.1.250.1.57", "labeledURI", EXACT),
    # RFC 4523.
    _type("2.5.4.36", "userCertificate", CERTIFICATE),
    _type("2.5.4.37", "cACertificate", CERTIFICATE),
    _type("2.5.4.38", "authorityRevocationList", CRL),
    _type("2.5.4.39", "certificateRevocationList", CRL),
    _type("2.5.4.40", "crossCertificatePair", PAIR),
    _type("2.5.4.52", "supportedAlgorithms", ALGORITHM),
    _type("2.5.4.53", "deltaRevocationList", CRL),
    # PKCS #9, RFC 2985: what stands in the subjects of Cisco's routers.
    _type("1.2.840.113549.1.9.1", "emailAddress email e pkcs9email", IA5),
    _type("1.2.840.113549.1.9.2", "unstructuredName", TEXT),
    _type("1.2.840.113549.1.9.8", "unstructuredAddress", TEXT),
    # Active Directory: what AD CS's entries have.
    _type("1.2.840.113556.1.2.13", "displayName", TEXT, single=True),
)

_ADDRESS = "st l street postalAddress postalCode postOfficeBox telephoneNumber description seeAlso"
_CA_LISTS = "authorityRevocationList certificateRevocationList crossCertificatePair"
OBJECT_CLASSES: tuple[ObjectClass, ...] = (
    _class("2.5.6.0", "top", ClassKind.ABSTRACT, sup="", must="objectClass"),
    _class("2.5.6.1", "alias", must="aliasedObjectName"),
    _class("2.5.20.1", "subschema", ClassKind.AUXILIARY, may="attributeTypes objectClasses matchingRules"),
    _class("2.5.17.0", "subentry", must="cn"),
    _class("1.3.6.1.4.1.1466.101.120.111", "extensibleObject", ClassKind.AUXILIARY),
    _class("2.5.6.2", "country", must="c", may="description"),
    _class("2.5.6.3", "locality", may="l st street seeAlso description"),
    _class("2.5.6.4", "organization", must="o", may=_ADDRESS),
    _class("2.5.6.5", "organizationalUnit", must="ou", may=_ADDRESS),
    _class("2.5.6.6", "person", must="cn sn", may="userPassword telephoneNumber seeAlso description"),
    _class("2.5.6.7", "organizationalPerson", sup="person", may=f"title ou {_ADDRESS}"),
    _class(
        "2.16.840.1.113730.3.2.2",
        "inetOrgPerson",
        sup="organizationalPerson",
        may="uid mail givenName initials labeledURI userCertificate displayName",
    ),
    _class("2.5.6.8", "organizationalRole", must="cn", may=f"ou {_ADDRESS}"),
    _class("2.5.6.9", "groupOfNames", must="cn member", may="businessCategory o ou owner description"),
    _class("2.5.6.11", "applicationProcess", must="cn", may="seeAlso ou l description"),
    _class("2.5.6.14", "device", must="cn", may="serialNumber seeAlso owner ou o l description"),
    _class("0.9.2342.19200300.100.4.5", "account", must="uid", may="description seeAlso l o ou"),
    _class("0.9.2342.19200300.100.4.13", "domain", must="dc", may=f"o {_ADDRESS}"),
    _class("1.3.6.1.4.1.1466.344", "dcObject", ClassKind.AUXILIARY, must="dc"),
    _class("1.3.6.1.1.3.1", "uidObject", ClassKind.AUXILIARY, must="uid"),
    # RFC 4523 section 5.
    _class("2.5.6.21", "pkiUser", ClassKind.AUXILIARY, may="userCertificate"),
    _class("2.5.6.22", "pkiCA", ClassKind.AUXILIARY, may=f"cACertificate {_CA_LISTS}"),
    _class(
        "2.5.6.19",
        "cRLDistributionPoint",
        must="cn",
        may="certificateRevocationList authorityRevocationList deltaRevocationList",
    ),
    _class("2.5.6.23", "deltaCRL", ClassKind.AUXILIARY, may="deltaRevocationList"),
    _class("2.5.6.15", "strongAuthenticationUser", ClassKind.AUXILIARY, must="userCertificate"),
    _class("2.5.6.18", "userSecurityInformation", ClassKind.AUXILIARY, may="supportedAlgorithms"),
    _class(
        "2.5.6.16",
        "certificationAuthority",
        ClassKind.AUXILIARY,
        must="authorityRevocationList certificateRevocationList cACertificate",
        may="crossCertificatePair",
    ),
    _class(
        "2.5.6.16.2",
        "certificationAuthority-V2",
        ClassKind.AUXILIARY,
        sup="certificationAuthority",
        may="deltaRevocationList",
    ),
    # Active Directory.
    _class("1.2.840.113556.1.3.23", "container", must="cn", may="description displayName"),
    _class("1.2.840.113556.1.5.12", "configuration", must="cn", may="description displayName"),
    _class("1.2.840.113556.1.5.66", "domainDNS", sup="domain"),
)

_TYPES = {word.lower(): row for row in ATTRIBUTE_TYPES for word in (row.oid, *row.names)}
_CLASSES = {word.lower(): row for row in OBJECT_CLASSES for word in (row.oid, row.name)}
_RULES = {word.lower(): name for name, (oid, _) in MATCHING_RULES.items() for word in (oid, name)}
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def attribute_type(name: str) -> AttributeType | None:
    """The row of a type, by any of its names in any case or by its OID; None for an unknown one."""
    return _TYPES.get(name.lower().removeprefix("oid."))


def object_class(name: str) -> ObjectClass | None:
    """The row of an object class, by its name in any case or by its OID; None for an unknown one."""
    return _CLASSES.get(name.lower())


def matching_rule(name: str) -> str | None:
    """The canonical name of a matching rule, by its name in any case or its OID; None for an unknown one."""
    return _RULES.get(name.lower())


def is_subtype(row: AttributeType, of: AttributeType) -> bool:
    """Whether ``row`` is the type ``of`` or derived from it (RFC 4512 section 2.5.1)."""
    if row is of:
        return True
    superior = attribute_type(row.superior)
    return superior is not None and is_subtype(superior, of)


def with_superclasses(names: Iterable[str]) -> frozenset[str]:
    """The OIDs of these object classes and of all that they derive from; unknown ones in lower case."""
    found: set[str] = set()
    for name in names:
        row = object_class(name)
        if row is None:
            found.add(name.lower())
        while row is not None:
            found.add(row.oid)
            row = object_class(row.superior)
    return frozenset(found)


def subschema() -> dict[str, tuple[bytes, ...]]:
    """The tables as the values of the subschema entry's attributes (RFC 4512 section 4.1)."""
    return {
        "ldapSyntaxes": tuple(f"( {oid} DESC '{text}' )".encode() for oid, text in _SYNTAXES.items()),
        "matchingRules": tuple(
            f"( {oid} NAME '{name}' SYNTAX {syntax} )".encode()
            for name, (oid, syntax) in MATCHING_RULES.items()
        ),
        "attributeTypes": tuple(_type_definition(row).encode() for row in ATTRIBUTE_TYPES),
        "objectClasses": tuple(_class_definition(row).encode() for row in OBJECT_CLASSES),
    }


def _type_definition(row: AttributeType) -> str:
    words = [row.oid, "NAME", _names(row.names)]
    words += ["SUP", row.superior] if row.superior else []
    words += ["EQUALITY", row.kind.equality]
    words += ["ORDERING", row.kind.ordering] if row.kind.ordering else []
    words += ["SUBSTR", row.kind.substrings] if row.kind.substrings else []
    words += ["SYNTAX", row.kind.syntax]
    words += ["SINGLE-VALUE"] if row.single else []
    words += ["NO-USER-MODIFICATION", "USAGE", "directoryOperation"] if row.operational else []
    return f"( {' '.join(words)} )"


def _class_definition(row: ObjectClass) -> str:
    words = [row.oid, "NAME", f"'{row.name}'"]
    words += ["SUP", row.superior] if row.superior else []
    words += [row.kind]
    words += ["MUST", _one_or_more(row.must)] if row.must else []
    words += ["MAY", _one_or_more(row.may)] if row.may else []
    return f"( {' '.join(words)} )"


def _names(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"( {' '.join(quoted)} )"


def _one_or_more(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"( {' $ '.join(names)} )"
