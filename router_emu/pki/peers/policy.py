"""What this router asks of a path beyond RFC 5280's rules: strength, and that it is made for the purpose.

Whatever is refused for weakness stands here.  An RSA or DSA key below 1024 bits is: routers of the chapter's
age have 1024.  So is a signature over MD5, MD4 or MD2, for which anybody can make two certificates with one
signature.  SHA-1 is allowed, as old routers and their CAs have nothing better.  What real XR refuses is not
known; this is ours.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from router_emu.pki.peers.paths import Path, named
from router_emu.pki.peers.verdict import Bad, PeerPurpose, Reason
from scep_core import asn1, structures
from scep_core.certificates import (
    CLIENT_AUTH,
    EXTENDED_KEY_USAGE,
    IKE_INTERMEDIATE,
    IPSEC_IKE,
    SERVER_AUTH,
    Certificate,
)

_LEAST_BITS = 1024
# The digests themselves, as RSASSA-PSS names them, and the signatures over them: PKCS #1, and OIW's of 1991.
_WEAK_ALGORITHMS = [
    *(asn1.oid(f"1.2.840.113549.2.{digest}") for digest in (2, 4, 5)),
    *(asn1.oid(f"1.2.840.113549.1.1.{signature}") for signature in (2, 3, 4)),
    *(asn1.oid(f"1.3.14.3.2.{signature}") for signature in (2, 3, 4, 24, 25)),
]

_ANY_PURPOSE = "2.5.29.37.0"
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
_EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
_EXTENDED = {
    PeerPurpose.SERVER: {SERVER_AUTH, _ANY_PURPOSE},
    PeerPurpose.CLIENT: {CLIENT_AUTH, _ANY_PURPOSE},
    # RFC 4945 section 5.1.3.12; the last two are none of its, but common in routers' certificates.
    PeerPurpose.IKE: {IPSEC_IKE, IKE_INTERMEDIATE, _ANY_PURPOSE, SERVER_AUTH, CLIENT_AUTH},
    # Ours.  A web server's certificate from a built-in CA vouches for no bundle of CAs.
    PeerPurpose.SIGNER: {_CODE_SIGNING, _EMAIL_PROTECTION, _ANY_PURPOSE},
}
_USAGES = {
    PeerPurpose.SERVER: ("digital_signature", "key_encipherment"),
    PeerPurpose.CLIENT: ("digital_signature",),
    PeerPurpose.IKE: ("digital_signature", "non_repudiation"),  # RFC 4945 section 5.1.3.2
    PeerPurpose.SIGNER: ("digital_signature", "non_repudiation"),
}
_DEMANDED = {"server-auth": SERVER_AUTH, "client-auth": CLIENT_AUTH}


def weakness(path: Path) -> Bad | None:
    """What is too weak in a path; its anchor's own signature proves nothing and is not looked at."""
    for each in path:
        try:
            key = load_der_public_key(each.public_key_info)
        except (ValueError, UnsupportedAlgorithm):
            return Bad(Reason.MALFORMED, f"the key in the certificate of {named(each)} cannot be used")
        if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.key_size < _LEAST_BITS:
            bits = f"only {key.key_size} bits"
            return Bad(Reason.WEAK, f"the key in the certificate of {named(each)} has {bits}")
    for each in path[:-1]:
        if is_weakly_signed(each.der):
            return Bad(Reason.WEAK, f"the certificate of {named(each)} is signed with a broken digest")
    return None


def is_weakly_signed(der: bytes) -> bool:
    """Whether a certificate or a CRL is signed over a digest that does not count any more."""
    algorithm = b"".join(map(asn1.raw, asn1.decode(structures.Signed, der).algorithm))
    return any(weak in algorithm for weak in _WEAK_ALGORITHMS)


def not_for(path: Path, purpose: PeerPurpose, demanded: str) -> Bad | None:
    """What in a path does not allow the purpose.

    An absent keyUsage or extendedKeyUsage allows everything.  An extendedKeyUsage in a CA's certificate, if
    it is not the anchor, binds those below: so everybody does, though RFC 5280 is silent on it.  ``demanded``
    is Trust's ``extended_key_usage``, which has to be there ("only if specified attributes are present" [Y]).
    """
    peer = path[0]
    usages = _USAGES.get(purpose, ())
    if purpose is PeerPurpose.SERVER and not _has_rsa_key(peer):
        usages = ("digital_signature",)
    if usages and not any(map(peer.has_key_usage, usages)):
        return Bad(Reason.KEY_USAGE, f"the key usage of {named(peer)} is none for a {purpose} peer")
    allowed = _EXTENDED.get(purpose)
    for each in path[:-1] or path:
        found = _extended_key_usage(each)
        if allowed and found is not None and not found & allowed:
            what = f"is none for a {purpose} peer"
            return Bad(Reason.PURPOSE, f"the extended key usage of {named(each)} {what}")
    if demanded and _DEMANDED[demanded] not in (_extended_key_usage(peer) or ()):
        return Bad(Reason.PURPOSE, f"the extended key usage of {named(peer)} lacks {demanded}")
    return None


def _has_rsa_key(certificate: Certificate) -> bool:
    return isinstance(load_der_public_key(certificate.public_key_info), rsa.RSAPublicKey)


def _extended_key_usage(certificate: Certificate) -> set[str] | None:
    """The OIDs, none of them when it is malformed; None when there is no such extension."""
    extension = certificate.extension(EXTENDED_KEY_USAGE)
    try:
        return set(map(asn1.to_oid, asn1.items(extension.value))) if extension else None
    except ValueError:
        return set()
