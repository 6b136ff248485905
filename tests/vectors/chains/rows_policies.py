"""Certificate policies: demanded, mapped, inhibited."""

from __future__ import annotations

from dataclasses import replace

from cryptography import x509

from router_emu.pki.peers.verdict import Reason
from scep_core import asn1
from tests.vectors.chains.recipe import CA_USAGE, CertificateRecipe, row
from tests.vectors.chains.rows_rules import DEEP

Encoded = tuple[x509.ExtensionType, bool]
GOLD, IRON, ANY = "1.3.6.1.4.1.55555.3", "1.3.6.1.4.1.55555.4", "2.5.29.32.0"
NONE_LEFT = Reason.POLICY


def policies(*oids: str) -> Encoded:
    stated = [x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in oids]
    return x509.CertificatePolicies(stated), False


def demanded(after: int = 0, *, unmapped: int | None = None) -> Encoded:
    return x509.PolicyConstraints(require_explicit_policy=after, inhibit_policy_mapping=unmapped), True


def no_any(after: int = 0) -> Encoded:
    return x509.InhibitAnyPolicy(after), True


def mapped(here: str, below: str) -> Encoded:
    value = asn1.sequence_of(asn1.sequence_of(asn1.oid(here), asn1.oid(below)))
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value), True


def having(*extensions: Encoded) -> dict[str, object]:
    return {"extensions": extensions}


def lower(*extensions: Encoded, issuer: str = "sub") -> dict[str, CertificateRecipe]:
    return {"lower": CertificateRecipe(issuer, ca=True, key_usage=CA_USAGE, extensions=extensions)}


def below(*extensions: Encoded) -> dict[str, object]:
    return {"issuer": "lower", **having(*extensions)}


# The sub-CA's new key, certified by its old one.
NEW_KEY = {"lower": replace(lower(policies(ANY))["lower"], subject="sub", authority_key="sub")}

ROWS = [
    row("policies that nobody demands", leaf=having(policies(GOLD))),
    row("different policies that nobody demands", sub=having(policies(IRON)), leaf=having(policies(GOLD))),
    row("a policy demanded, and nobody has one", NONE_LEFT, sub=having(demanded())),
    row(
        "a policy demanded, and all have it",
        sub=having(demanded(), policies(GOLD)),
        leaf=having(policies(GOLD)),
    ),
    row(
        "a policy demanded, and the leaf has another",
        NONE_LEFT,
        sub=having(demanded(), policies(GOLD)),
        leaf=having(policies(IRON)),
    ),
    row(
        "a policy demanded, and the leaf has another, too",
        sub=having(demanded(), policies(GOLD)),
        leaf=having(policies(IRON, GOLD)),
    ),
    row("a policy demanded, and only the CA has it", NONE_LEFT, sub=having(demanded(), policies(GOLD))),
    row(
        "a policy demanded, and only the leaf has it",
        NONE_LEFT,
        sub=having(demanded()),
        leaf=having(policies(GOLD)),
    ),
    row(
        "a policy demanded, and the CA may do with any",
        sub=having(demanded(), policies(ANY)),
        leaf=having(policies(GOLD)),
    ),
    row(
        "a policy demanded, and the leaf may do with any",
        sub=having(demanded(), policies(GOLD)),
        leaf=having(policies(ANY)),
    ),
    row("a policy demanded of the next but one", NONE_LEFT, sub=having(demanded(1))),
    row("a policy demanded further down than there is anybody", sub=having(demanded(2))),
    row("a policy demanded by the leaf itself", NONE_LEFT, leaf=having(demanded())),
    row("a policy demanded by the anchor", root=having(demanded())),
    row(
        "any policy inhibited for the leaf",
        NONE_LEFT,
        sub=having(demanded(), policies(GOLD), no_any()),
        leaf=having(policies(ANY)),
    ),
    row(
        "any policy inhibited, and the leaf has one",
        sub=having(demanded(), policies(GOLD), no_any()),
        leaf=having(policies(GOLD)),
    ),
    row(
        "any policy inhibited for the lower CA",
        NONE_LEFT,
        sub=having(demanded(), policies(ANY), no_any()),
        **lower(policies(ANY)),
        leaf=below(policies(GOLD)),
        **DEEP,
    ),
    row(
        "any policy inhibited further down",
        NONE_LEFT,
        sub=having(demanded(), policies(ANY), no_any(1)),
        **lower(policies(ANY)),
        leaf=below(policies(ANY)),
        **DEEP,
    ),
    row(
        "any policy inhibited below the leaf",
        sub=having(demanded(), policies(ANY), no_any(2)),
        **lower(policies(ANY)),
        leaf=below(policies(ANY)),
        **DEEP,
    ),
    row(
        "a policy mapped",
        sub=having(demanded(), policies(GOLD), mapped(GOLD, IRON)),
        leaf=having(policies(IRON)),
    ),
    row(
        "a policy mapped, and the leaf has the old one",
        NONE_LEFT,
        sub=having(demanded(), policies(GOLD), mapped(GOLD, IRON)),
        leaf=having(policies(GOLD)),
    ),
    row(
        "a policy mapped that the CA itself has not",
        NONE_LEFT,
        sub=having(demanded(), policies(GOLD), mapped(IRON, IRON)),
        leaf=having(policies(IRON)),
    ),
    row(
        "a policy mapped out of any",
        sub=having(demanded(), policies(ANY), mapped(GOLD, IRON)),
        leaf=having(policies(IRON)),
    ),
    row(
        "a policy mapped twice on the way",
        sub=having(demanded(), policies(GOLD), mapped(GOLD, IRON)),
        **lower(policies(IRON), mapped(IRON, GOLD)),
        leaf=below(policies(GOLD)),
        **DEEP,
    ),
    row(
        "a policy mapped where mapping is inhibited",
        NONE_LEFT,
        sub=having(demanded(unmapped=0), policies(GOLD)),
        **lower(policies(GOLD), mapped(GOLD, IRON)),
        leaf=below(policies(IRON)),
        **DEEP,
    ),
    row(
        "a policy mapped where mapping is inhibited further down",
        sub=having(demanded(unmapped=1), policies(GOLD)),
        **lower(policies(GOLD), mapped(GOLD, IRON)),
        leaf=below(policies(IRON)),
        **DEEP,
    ),
    row(
        "any policy inhibited, but the CA's own new key has it",
        sub=having(demanded(), policies(ANY), no_any()),
        **NEW_KEY,
        leaf={**below(policies(GOLD)), "authority_key": "lower"},
        **DEEP,
    ),
    row(
        "a policy demanded further down, and the CA's own new key is no step",
        sub=having(demanded(2)),
        **NEW_KEY,
        leaf={**below(), "authority_key": "lower"},
        **DEEP,
    ),
    row(
        "policies that are no DER",
        Reason.MALFORMED,
        leaf={
            "extensions": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.32"), b"junk"), False)]
        },
    ),
]
