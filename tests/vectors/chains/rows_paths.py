"""Which path: what else the peer sends, what is missing, CAs with a new key, CAs that certify each other."""

from __future__ import annotations

from router_emu.pki.peers.verdict import Reason
from tests.vectors.chains.recipe import CA_USAGE, NOON, SECOND, CertificateRecipe, CrlRecipe, row

OTHER = {"other": CertificateRecipe("other", ca=True, key_usage=CA_USAGE)}
# The root's next key, in the same name: newer certificates are signed with it.
NEW_ROOT = CertificateRecipe("new", subject="root", ca=True, key_usage=CA_USAGE)
NEW_BY_OLD = CertificateRecipe("root", subject="root", ca=True, key_usage=CA_USAGE, authority_key="root")
NEW_CRL = {"new": CrlRecipe("new")}
# The root and another CA have certified each other.
CROSSED = {
    **OTHER,
    "root-by-other": CertificateRecipe("other", subject="root", key="root", ca=True, key_usage=CA_USAGE),
    "other-by-root": CertificateRecipe("root", subject="other", key="other", ca=True, key_usage=CA_USAGE),
}
OTHER_CRL = {"other": CrlRecipe("other")}

SUB_BY_OTHER = {
    "sub-by-other": CertificateRecipe("other", subject="sub", key="sub", ca=True, key_usage=CA_USAGE)
}

SENT = [
    row("the root sent, too", shown=("leaf", "sub", "root")),
    row("out of order", shown=("leaf", "root", "sub")),
    row("all of it twice", shown=("leaf", "sub", "leaf", "sub", "root", "root")),
    row(
        "rubbish besides",
        shown=("leaf", "other", "sub", "rubbish"),
        **OTHER,
        rubbish=CertificateRecipe("nobody"),
    ),
    row("the sub-CA not sent", Reason.NO_PATH, shown=("leaf",)),
    row("the sub-CA not sent, but held", shown=("leaf",), intermediates=("sub",)),
    row("nothing but an untrusted root", Reason.NO_PATH, shown=("other",), **OTHER),
    row(
        "a chain to an untrusted root",
        Reason.NO_PATH,
        shown=("leaf", "sub", "root"),
        anchors=("other",),
        **OTHER,
    ),
    row("an issuer's name that nobody has", Reason.NO_PATH, leaf={"issuer": "nobody", "signer": "sub"}),
    row("the issuer's name in capitals, and UTF-8", leaf={"upper_case": True}),
    row(
        "the sub-CA twice, once run out",
        sub={},
        shown=("leaf", "old", "sub"),
        old=CertificateRecipe("root", subject="sub", key="sub", ca=True, not_after=NOON - SECOND),
    ),
]

ANCHORS = [
    row("a sub-CA as the anchor", anchors=("sub",), path=("leaf", "sub")),
    row(
        "a sub-CA as the anchor, the root sent",
        anchors=("sub",),
        path=("leaf", "sub"),
        shown=("leaf", "root"),
    ),
    row(
        "a sub-CA as the anchor, and no CRL of the root",
        anchors=("sub",),
        path=("leaf", "sub"),
        crls={"root": None},
    ),
    row("two anchors", anchors=("other", "root"), **OTHER),
    row("the sub-CA and the root as anchors", anchors=("root", "sub"), path=("leaf", "sub")),
    row(
        "a self-signed peer that is the anchor",
        anchors=("leaf",),
        path=("leaf",),
        shown=("leaf",),
        leaf={"issuer": "leaf"},
    ),
    row("a peer that is the anchor's CA", shown=("root",), path=("root",)),
    row("a peer that is the anchor, a sub-CA", shown=("sub",), path=("sub",), anchors=("sub",)),
    row(
        "an anchor that has run out shown by itself",
        Reason.EXPIRED,
        shown=("root",),
        root={"not_after": NOON - SECOND},
    ),
    row(
        "the anchor's name and key in a stranger's certificate",
        Reason.NO_PATH,
        shown=("twin",),
        twin=CertificateRecipe("other", subject="root", key="root"),
        **OTHER,
    ),
    row("a peer below the root", shown=("leaf",), path=("leaf", "root"), leaf={"issuer": "root"}),
]

KEY_IDENTIFIERS = [
    row("key identifiers that fit", leaf={"authority_key": "sub"}, sub={"authority_key": "root"}),
    row("a key identifier of another CA", Reason.NO_PATH, leaf={"authority_key": "root"}),
    row(
        "the root's old and new key, told by the signature",
        anchors=("root", "new"),
        new=NEW_ROOT,
        sub={"signer": "new"},
        path=("leaf", "sub", "new"),
        crls=NEW_CRL,
    ),
    row("the root's old and new key, the other order", anchors=("new", "root"), new=NEW_ROOT, crls=NEW_CRL),
    row(
        "the root's old and new key, told by the key identifier",
        anchors=("root", "new"),
        new=NEW_ROOT,
        sub={"signer": "new", "authority_key": "new"},
        path=("leaf", "sub", "new"),
        crls=NEW_CRL,
    ),
    row(
        "the new key certified by the old one",
        new=NEW_BY_OLD,
        sub={"signer": "new", "authority_key": "new"},
        shown=("leaf", "sub", "new"),
        path=("leaf", "sub", "new", "root"),
        crls=NEW_CRL,
    ),
    row(
        "the new key certified by the old one, no key identifier",
        Reason.SIGNATURE,
        new=NEW_BY_OLD,
        sub={"signer": "new"},
        shown=("leaf", "sub", "new"),
        crls=NEW_CRL,
    ),
    row(
        "the new key certified by the old one, not sent",
        Reason.SIGNATURE,
        anchors=("root",),
        sub={"signer": "new"},
    ),
    row(
        "the sub-CA's old and new key",
        shown=("leaf", "newer", "sub"),
        newer=CertificateRecipe("root", subject="sub", ca=True, key_usage=CA_USAGE),
    ),
    row(
        "the CRL of the CA's other key only",
        Reason.CRL_NOT_BELIEVED,
        anchors=("root", "new"),
        new=NEW_ROOT,
        crls={"root": None, **NEW_CRL},
    ),
]

CIRCLES = [
    row(
        "two CAs that certified each other",
        shown=("leaf", "sub", "root-by-other", "other-by-root"),
        **CROSSED,
    ),
    row(
        "two CAs that certified each other, trusted on the other side",
        anchors=("other",),
        shown=("leaf", "sub", "other-by-root", "root-by-other"),
        path=("leaf", "sub", "root-by-other", "other"),
        crls=OTHER_CRL,
        **CROSSED,
    ),
    row(
        "two CAs that certified each other, and nobody trusts",
        Reason.NO_PATH,
        anchors=("third",),
        shown=("leaf", "sub", "root-by-other", "other-by-root"),
        third=CertificateRecipe("third", ca=True),
        **CROSSED,
    ),
    row(
        "the long way because the short one has run out",
        anchors=("root", "other"),
        root={"not_after": NOON - SECOND},
        shown=("leaf", "sub", "root-by-other"),
        path=("leaf", "sub", "root-by-other", "other"),
        crls=OTHER_CRL,
        **CROSSED,
    ),
    row(
        "one of two certificates of a CA revoked",
        anchors=("root", "other"),
        crls={"root": {"revoked": {"sub": None}}, **OTHER_CRL},
        shown=("leaf", "sub", "sub-by-other"),
        path=("leaf", "sub-by-other", "other"),
        **OTHER,
        **{"sub-by-other": CertificateRecipe("other", subject="sub", key="sub", ca=True, key_usage=CA_USAGE)},
    ),
    row(
        "one path has run out, of the other nobody can tell",
        Reason.NO_CRL,
        anchors=("root", "other"),
        root={"not_after": NOON - SECOND},
        shown=("leaf", "sub", "root-by-other"),
        **CROSSED,
    ),
    row(
        "one path revoked, of the other nobody can tell",
        Reason.REVOKED,
        anchors=("root", "other"),
        crls={"root": {"revoked": {"sub": None}}},
        shown=("leaf", "sub", "sub-by-other"),
        **OTHER,
        **SUB_BY_OTHER,
    ),
    row(
        "no way round a revoked CA by its issuer's other key",
        Reason.REVOKED,
        new=NEW_BY_OLD,
        shown=("leaf", "sub", "new"),
        crls={"root": {"revoked": {"sub": None}}, **NEW_CRL},
    ),
    row(
        "a chain of nine",
        Reason.NO_PATH,
        shown=("leaf", *(f"c{n}" for n in range(7))),
        crl_optional=True,
        leaf={"issuer": "c0"},
        **{f"c{n}": CertificateRecipe(f"c{n + 1}" if n < 6 else "root", ca=True) for n in range(7)},
    ),
    row(
        "a chain of eight",
        shown=("leaf", *(f"c{n}" for n in range(6))),
        crl_optional=True,
        path=("leaf", *(f"c{n}" for n in range(6)), "root"),
        leaf={"issuer": "c0"},
        **{f"c{n}": CertificateRecipe(f"c{n + 1}" if n < 5 else "root", ca=True) for n in range(6)},
        crls={f"c{n}": CrlRecipe(f"c{n}") for n in range(6)},
    ),
]

ROWS = [*SENT, *ANCHORS, *KEY_IDENTIFIERS, *CIRCLES]
