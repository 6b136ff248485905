"""What other programs think of the rows where it is not what we think: their verdict, why, and the rows.

"none" is the verdict of a program that gives up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Opinions = Mapping[str, Sequence[str]]

_NOT_ASKED = [
    "code signing for an IKE peer",
    "server-auth demanded, and something else there",
    "client-auth demanded, and no extendedKeyUsage",
    "client-auth demanded, and any purpose there",
    "an EC server that may only encipher keys",
    "an IKE peer that may only encipher keys",
]
_SUB_CA_AS_ANCHOR = [
    "a sub-CA as the anchor",
    "a sub-CA as the anchor, the root sent",
    "a sub-CA as the anchor, and no CRL of the root",
    "the sub-CA and the root as anchors",
]

# openssl 3.0's verify, with -crl_check_all -partial_chain -policy_check.
OPENSSL: Opinions = {
    "bad or good: up to version 3 nothing is valid in its last second": [
        "in the leaf's last second",
        "in the sub-CA's last second",
        "in the anchor's last second",
        "within the last second",
    ],
    "cannot tell or good: up to version 3 no CRL is valid in its last second": [
        "a CRL in its last second",
        "within the last second of a CRL",
    ],
    "good: it minds no repeated extension that it does not know": ["an unknown extension twice"],
    "good: it knows Ed25519": ["a CRL signed with Ed25519"],
    "good: it reads BER": ["an extendedKeyUsage in BER"],
    "good: it minds no weakness unless asked for an -auth_level": [
        "a leaf with RSA 512",
        "a sub-CA with RSA 768",
        "an anchor with RSA 512",
        "a leaf signed over MD5",
        "a sub-CA signed over MD5",
        "a CRL over MD5",
    ],
    "cannot tell: it wants a CRL that is about the anchor": [
        *_SUB_CA_AS_ANCHOR,
        "a self-signed peer that is the anchor",
        "a peer that is the anchor, a sub-CA",
    ],
    "bad: it asks a CRL about the anchor": ["the anchor revoked by itself"],
    "bad: of CAs with one name it takes the first": ["the root's old and new key, told by the signature"],
    "cannot tell: of CRLs with one issuer's name it takes one, by date and key identifier": [
        "path length 0, and the CA's own new key below",
        "the root's old and new key, the other order",
        "the root's old and new key, told by the key identifier",
        "the new key certified by the old one",
        "the sub-CA's old and new key",
        "revoked in a CRL that is not the newest usable",
        "any policy inhibited, but the CA's own new key has it",
        "a policy demanded further down, and the CA's own new key is no step",
    ],
    "bad: it tries one path only": [
        "the long way because the short one has run out",
        "one of two certificates of a CA revoked",
        "one path has run out, of the other nobody can tell",
    ],
    "cannot tell: it has no such limit, and this row no CRLs": ["a chain of nine"],
    "cannot tell: it stops at the first certificate without a CRL": [
        "the sub-CA revoked, and of the leaf nobody can tell"
    ],
    "good: a CRL that does not say when the next one comes never runs out for it": [
        "an old CRL that does not say when the next one comes"
    ],
    "bad: an old CRL that lists a certificate is enough for it": ["a CRL that lists the leaf, run out"],
    "bad: any purpose is none to it": ["any purpose for a server"],
    "bad: the anchor's extendedKeyUsage binds, too": ["an anchor for code signing"],
    "good: it is not asked": _NOT_ASKED,
}

# pyhanko-certvalidator, with revocation_mode "require".
CERTVALIDATOR: Opinions = {
    "good: of an anchor only the name and the key count": [
        "a second after the anchor",
        "a second before the anchor",
        "an anchor that may not sign certificates",
        "an anchor that says CA:FALSE",
        "the anchor's path length 0",
        "the anchor's constraints",
        "an anchor that has run out shown by itself",
        "the anchor's name and key in a stranger's certificate",
        "the anchor itself as a server",
        "one path has run out, of the other nobody can tell",
    ],
    "bad: to it the last second is over with its first instant": ["within the last second"],
    "cannot tell: to it the last second is over with its first instant": ["within the last second of a CRL"],
    "cannot tell: its last word is about the last path": ["one path revoked, of the other nobody can tell"],
    "good: it knows Ed25519": ["a CRL signed with Ed25519"],
    "good: it reads BER": ["an extendedKeyUsage in BER"],
    "none: it expects the key to be of the signature's kind": ["the signature of another kind of key"],
    "none: it cannot check addresses": [
        "an address inside",
        "an address outside",
        "an address excluded",
    ],
    "none: it cannot check such names": ["constraints of a kind that nobody checks"],
    "good: name constraints do not bind common names, as RFC 5280 has it": [
        "a common name that is a DNS name outside"
    ],
    "good: it minds no repeated extension": ["every extension twice", "an unknown extension twice"],
    "good: it minds no key that has signed nothing": ["a leaf with RSA 512"],
    "cannot tell: it wants the anchor above whoever signs a CRL": _SUB_CA_AS_ANCHOR,
    "good: it tries every certificate of a CA": ["the new key certified by the old one, no key identifier"],
    "cannot tell: it has no such limit, and this row no CRLs": ["a chain of nine"],
    "bad: what one CRL has revoked no later one gives back": ["the newer CRL does not revoke any more"],
    "cannot tell: it stops at the first certificate without a CRL": [
        "revoked, and of the sub-CA nobody can tell"
    ],
    "good: it takes MD5 under a CRL": ["a CRL over MD5"],
    "good: it minds only the entry of the certificate": ["an unknown critical extension in an entry"],
    "good: it understands indirect CRLs": ["an indirect CRL"],
    "cannot tell: it wants to know when the next CRL comes": [
        "a CRL of this hour that does not say when the next one comes"
    ],
    "bad: any purpose is none to it": ["any purpose for a server"],
    "good: a CA's extendedKeyUsage binds nobody, as RFC 5280 has it": ["a sub-CA for code signing"],
    "good: it is not asked": [*_NOT_ASKED, "an RSA client that may only encipher keys"],
}


def verdicts(opinions: Opinions, name: str, ours: str) -> list[str]:
    """What a program may say of a row, as we do or otherwise."""
    said = next((each for each, rows in opinions.items() if name in rows), ours)
    return said.partition(": ")[0].split(" or ")
