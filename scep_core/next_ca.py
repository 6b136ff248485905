"""GetNextCACert's answer (RFC 8894 section 4.7.1): the next CA's certificates, vouched for by this one.

A SignedData, signed by the current CA's own key, RSA or EC, around a bag of certificates.  The RFC does
not say the outer content type.  Ours is id-data, as in every pkiMessage: what reads PKCS #7 rather than
CMS (sscep, ``openssl pkcs7``) knows no OCTET STRING under another type.  xipki writes id-signedData, and
that is read, too.  Certificates that merely accompany the signature (jscep's servlet) are vouched for by
nobody, and not taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from scep_core import cms
from scep_core.certificates import Certificate
from scep_core.cms import Identity
from scep_core.errors import PeerError
from scep_core.values import MODERN, AlgorithmPolicy, Digest, FailInfo


def seal_next_ca(certificates: Sequence[Certificate], signer: Identity, digest: Digest) -> bytes:
    """The next CA's certificates, its RAs' among them if it has any, signed by the current CA."""
    return cms.sign(cms.degenerate(certificates), [], signer, digest, [signer.certificate])


def open_next_ca(
    data: bytes, current: Certificate, policy: AlgorithmPolicy = MODERN
) -> tuple[Certificate, ...]:
    """The next CA's certificates, if the current CA signed for them; PeerError or NotAPkiMessage."""
    signed = cms.parse_signed(data)
    signer = cms.signer_of(signed, [current])
    if signer is not None and signer != current:
        raise PeerError(FailInfo.BAD_MESSAGE_CHECK, "the next CA is vouched for by a stranger")
    cms.verify(signed, signer, policy)
    try:
        certificates, _ = cms.read_degenerate(signed.content or b"")
    except ValueError as error:
        raise PeerError(FailInfo.BAD_REQUEST, "no certificates inside") from error
    if not certificates:
        raise PeerError(FailInfo.BAD_REQUEST, "no certificates inside")
    return certificates
