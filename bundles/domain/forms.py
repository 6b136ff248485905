"""How certificates are written down together: PKCS #7 in DER, BER and PEM armour, concatenated PEM.

A signed bundle is as Cisco's are: a SignedData whose content is a bag of certificates in DER, and whose own
certificates are the signer's alone.  (Cisco's users are told to ``openssl cms -verify`` the one and to
``openssl pkcs7 -print_certs`` what comes out.)  What nobody has signed is the bag by itself.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from scep_core import asn1, cms, names
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.next_ca import seal_next_ca
from scep_core.values import Digest

_PIECE = 1000  # octets of a string that BER cuts into pieces
_CONSTRUCTED_OCTET_STRING = 0x24
_END_OF_CONTENTS = b"\0\0"


def pkcs7(certificates: Sequence[Certificate], signer: Identity | None) -> bytes:
    """A bag, or a SignedData around one; in DER, where a SET OF is sorted (X.690 section 11.6)."""
    in_order = sorted(certificates, key=lambda each: each.der)
    if signer is None:
        return cms.degenerate(in_order)
    return seal_next_ca(in_order, signer, Digest.SHA256)


def ber(pkcs7_der: bytes) -> bytes:
    """The same in BER as Java's libraries stream it: indefinite lengths, the content in pieces.

    What is signed stays in DER: certificates, and the signed attributes in the SignerInfos.
    """
    content_type, content = asn1.items(pkcs7_der)
    version, digests, encapsulated, *fields = asn1.items(bytes(content.data))
    kind, *inside = asn1.items(asn1.raw(encapsulated))
    pieces = [_indefinite(0xA0, _in_pieces(bytes(asn1.set_items(each, 0xA0)[0].data))) for each in inside]
    bags = [
        _indefinite(each.tag_bytes[0], bytes(each.data)) if each.tag_bytes == b"\xa0" else asn1.raw(each)
        for each in fields
    ]
    signed_data = _indefinite(
        asn1.SEQUENCE,
        asn1.raw(version),
        asn1.raw(digests),
        _indefinite(asn1.SEQUENCE, asn1.raw(kind), *pieces),
        *bags,
    )
    return _indefinite(asn1.SEQUENCE, asn1.raw(content_type), _indefinite(0xA0, signed_data))


def _in_pieces(octets: bytes) -> bytes:
    cut = (octets[at : at + _PIECE] for at in range(0, len(octets), _PIECE))
    return _indefinite(_CONSTRUCTED_OCTET_STRING, *map(asn1.octet_string, cut))


def _indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(parts) + _END_OF_CONTENTS


def armoured(label: str, der: bytes) -> str:
    """PEM (RFC 7468)."""
    text = base64.b64encode(der).decode()
    lines = (text[at : at + 64] for at in range(0, len(text), 64))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----\n"))


def pem(certificates: Iterable[Certificate], comment: str = "") -> str:
    """PEM after PEM; a comment stands above them, each of its lines after a ``#``."""
    return commented(comment) + "".join(armoured("CERTIFICATE", each.der) for each in certificates)


def commented(comment: str) -> str:
    """The lines of a comment."""
    return "".join(f"# {line}".rstrip() + "\n" for line in comment.strip().splitlines())


def annotated(certificates: Iterable[Certificate], comment: str = "") -> str:
    """The same as people's tools write it: who it is above each one, and Windows' ends of lines."""
    told = (
        f"subject={names.rfc4514(each.subject)}\nissuer={names.rfc4514(each.issuer)}\n"
        f"{armoured('CERTIFICATE', each.der)}\n"
        for each in certificates
    )
    return (commented(comment) + "".join(told)).replace("\n", "\r\n")
