"""What the CRLs say, and whether they may say it; each of these with CRLs optional, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cryptography import x509

from router_emu.pki.peers.verdict import Good, Reason
from scep_core.values import Digest
from tests.vectors.chains.recipe import CA_USAGE, DAY, HOUR, NOON, SECOND, CrlRecipe, Row, row
from tests.vectors.chains.rows_rules import UNKNOWN

HERE, ELSEWHERE = (
    x509.UniformResourceIdentifier(f"http://ca.lab/{name}.crl") for name in ("here", "elsewhere")
)


def scope(**said: object) -> dict[str, object]:
    """The change that gives a CRL an issuingDistributionPoint."""
    fields = {
        "full_name": None,
        "relative_name": None,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_contains_attribute_certs": False,
    }
    return {"extensions": [(x509.IssuingDistributionPoint(**{**fields, **said}), True)]}  # type: ignore[arg-type]


def points(*names: x509.GeneralName) -> dict[str, object]:
    """The change that gives a certificate cRLDistributionPoints."""
    point = x509.DistributionPoint(list(names), None, None, None)
    return {"extensions": [(x509.CRLDistributionPoints([point]), False)]}


OPTIONAL = ", CRLs optional"
NOT_INDIRECT = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"0\x03\x84\x01\0"), True)
DELTA = {"extensions": [(x509.DeltaCRLIndicator(1), True)]}

REVOKED = [
    row("the leaf revoked", Reason.REVOKED, crls={"sub": {"revoked": {"leaf": None}}}),
    row("the sub-CA revoked", Reason.REVOKED, crls={"root": {"revoked": {"sub": 2}}}),
    row("others revoked", crls={"sub": {"revoked": {4711: 1, 4712: None}}}),
    row("the leaf's serial number revoked by the root", crls={"root": {"revoked": {"leaf": None}}}),
    row("the anchor revoked by itself", crls={"root": {"revoked": {"root": 1}}}),
    row("on hold", Reason.REVOKED, crls={"sub": {"revoked": {"leaf": 6}}}),
    row("to be removed from the CRL", crls={"sub": {"revoked": {"leaf": 8}}}),
    row(
        "the newer CRL revokes",
        Reason.REVOKED,
        crls={
            "sub": {"this_update": NOON - 2 * DAY},
            "newer": CrlRecipe("sub", revoked={"leaf": 1}, number=2, this_update=NOON - DAY),
        },
    ),
    row(
        "the newer CRL does not revoke any more",
        crls={
            "old": CrlRecipe("sub", revoked={"leaf": 6}, this_update=NOON - 90 * DAY),
            "sub": {"this_update": NOON - DAY, "number": 2},
        },
    ),
    row(
        "revoked in a CRL that is not the newest usable",
        Reason.REVOKED,
        crls={
            "sub": {"revoked": {"leaf": 1}},
            "newer": CrlRecipe("sub", tampered=True, this_update=NOON - DAY),
        },
    ),
    row(
        "revoked, and of the sub-CA nobody can tell",
        Reason.REVOKED,
        crls={"root": None, "sub": {"revoked": {"leaf": None}}},
    ),
    row(
        "the sub-CA revoked, and of the leaf nobody can tell",
        Reason.REVOKED,
        crls={"root": {"revoked": {"sub": None}}, "sub": None},
    ),
    row(
        "revoked over SHA-1",
        Reason.REVOKED,
        sub={"kind": "rsa1024"},
        crls={"sub": {"revoked": {"leaf": None}, "digest": Digest.SHA1}},
    ),
]

DOUBTFUL = [
    row("no CRL at all", Reason.NO_CRL, crls={"root": None, "sub": None}),
    row("no CRL of the sub-CA", Reason.NO_CRL, crls={"sub": None}),
    row("no CRL of the root", Reason.NO_CRL, crls={"root": None}),
    row("another issuer's CRL", Reason.NO_CRL, crls={"sub": {"issuer": "other"}}),
    row("the sub-CA's CRL run out", Reason.STALE_CRL, crls={"sub": {"next_update": NOON - SECOND}}),
    row("the root's CRL run out", Reason.STALE_CRL, crls={"root": {"next_update": NOON - SECOND}}),
    row(
        "a CRL that lists the leaf, run out",
        Reason.STALE_CRL,
        crls={"sub": {"next_update": NOON - SECOND, "revoked": {"leaf": None}}},
    ),
    row(
        "an old CRL that does not say when the next one comes",
        Reason.STALE_CRL,
        crls={"sub": {"this_update": NOON - HOUR - SECOND, "next_update": None}},
    ),
    row("a CRL from the future", Reason.STALE_CRL, crls={"sub": {"this_update": NOON + SECOND}}),
    row("a forged CRL", Reason.CRL_NOT_BELIEVED, crls={"sub": {"tampered": True}}),
    row(
        "a forged CRL that lists the leaf",
        Reason.CRL_NOT_BELIEVED,
        crls={"sub": {"tampered": True, "revoked": {"leaf": None}}},
    ),
    row("a CRL signed by a stranger", Reason.CRL_NOT_BELIEVED, crls={"sub": {"signer": "stranger"}}),
    row(
        "a CRL signed by the root in the sub-CA's name",
        Reason.CRL_NOT_BELIEVED,
        crls={"sub": {"signer": "root"}},
    ),
    row("a sub-CA that may not sign CRLs", Reason.CRL_NOT_BELIEVED, sub={"key_usage": CA_USAGE[:1]}),
    row("a root that may not sign CRLs", Reason.CRL_NOT_BELIEVED, root={"key_usage": CA_USAGE[:1]}),
    row(
        "a CRL over MD5",
        Reason.CRL_NOT_BELIEVED,
        sub={"kind": "rsa1024"},
        crls={"sub": {"digest": Digest.MD5}},
    ),
    row("a CRL signed with Ed25519", Reason.CRL_NOT_BELIEVED, sub={"kind": "ed25519"}),
    row("a delta CRL", Reason.CRL_NOT_BELIEVED, crls={"sub": DELTA}),
    row(
        "an unknown critical extension in the CRL",
        Reason.CRL_NOT_BELIEVED,
        crls={"sub": {"extensions": [(UNKNOWN, True)]}},
    ),
    row(
        "an unknown critical extension in an entry",
        Reason.CRL_NOT_BELIEVED,
        crls={"sub": {"revoked": {4711: 1}, "entry_extensions": [(UNKNOWN, True)]}},
    ),
    row(
        "an unknown critical extension in the leaf's entry",
        Reason.CRL_NOT_BELIEVED,
        crls={"sub": {"revoked": {"leaf": 1}, "entry_extensions": [(UNKNOWN, True)]}},
    ),
    row(
        "a CRL about CAs only, for the leaf", Reason.NO_CRL, crls={"sub": scope(only_contains_ca_certs=True)}
    ),
    row(
        "a CRL about users only, for the sub-CA",
        Reason.NO_CRL,
        crls={"root": scope(only_contains_user_certs=True)},
    ),
    row(
        "a CRL about attribute certificates",
        Reason.NO_CRL,
        crls={"sub": scope(only_contains_attribute_certs=True)},
    ),
    row(
        "a CRL of some reasons only",
        Reason.NO_CRL,
        crls={"sub": scope(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]))},
    ),
    row("an indirect CRL", Reason.NO_CRL, crls={"sub": scope(indirect_crl=True)}),
    row(
        "the CRL of another distribution point",
        Reason.NO_CRL,
        leaf=points(HERE),
        crls={"sub": scope(full_name=[ELSEWHERE])},
    ),
    row(
        "the CRL of a distribution point, and the leaf names none",
        Reason.NO_CRL,
        crls={"sub": scope(full_name=[HERE])},
    ),
]

USABLE = [
    row("a CRL in its first second", crls={"sub": {"this_update": NOON}}),
    row("a CRL in its last second", crls={"sub": {"next_update": NOON}}),
    row(
        "a CRL of this hour that does not say when the next one comes",
        crls={"sub": {"this_update": NOON - HOUR, "next_update": None}},
    ),
    row("a CRL of version 1", crls={"sub": {"number": None}}),
    row("a CRL by a CA without keyUsage", sub={"key_usage": None}),
    row("a CRL about users only, for the leaf", crls={"sub": scope(only_contains_user_certs=True)}),
    row("a CRL about CAs only, for the sub-CA", crls={"root": scope(only_contains_ca_certs=True)}),
    row(
        "the CRL of the leaf's distribution point",
        leaf=points(ELSEWHERE, HERE),
        crls={"sub": scope(full_name=[HERE])},
    ),
    row("an unknown extension in the CRL", crls={"sub": {"extensions": [(UNKNOWN, False)]}}),
    row(
        "an unknown extension in an entry",
        crls={"sub": {"revoked": {4711: 1}, "entry_extensions": [(UNKNOWN, False)]}},
    ),
    row("within the last second of a CRL", at=NOON + SECOND / 2, crls={"sub": {"next_update": NOON}}),
    row("the issuer's name in capitals, and UTF-8, in the CRL", crls={"sub": {"upper_case": True}}),
    row("a CRL that is said not to be indirect", crls={"sub": {"extensions": [NOT_INDIRECT]}}),
    row("the CRL twice", crls={"again": CrlRecipe("sub")}),
    row(
        "a forged CRL beside the CA's", crls={"forged": CrlRecipe("sub", tampered=True, revoked={"leaf": 1})}
    ),
    row("a CRL run out beside the new one", crls={"old": CrlRecipe("sub", next_update=NOON - SECOND)}),
]


def optional() -> Iterator[Row]:
    """The same where CRLs are optional: whatever was doubtful is good, whatever was revoked still is."""
    for each in REVOKED:
        yield replace(each, name=each.name + OPTIONAL, crl_optional=True)
    for each in DOUBTFUL:
        yield replace(each, name=each.name + OPTIONAL, crl_optional=True, wanted=Good, reason=None)


ROWS = [*REVOKED, *DOUBTFUL, *USABLE, *optional()]
