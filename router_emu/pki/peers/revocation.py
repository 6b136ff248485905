"""Whether a certificate in a path is revoked: RFC 5280 section 6.3, for complete CRLs of its own issuer.

A CRL counts when it has the issuer's name, is signed with the key that issued the certificate, covers the
certificate, and is neither too old nor from the future.  Delta and indirect CRLs, and those that tell only
of some reasons, do not.  The signature tells which CRL is meant after a CA has changed its key and kept its
name.  Of several that count, the newest has the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from router_emu import dates
from router_emu.pki.peers.paths import Path, issuer_named, named, same_name
from router_emu.pki.peers.policy import is_weakly_signed
from router_emu.pki.peers.verdict import Bad, CannotTell, Reason
from scep_core import asn1
from scep_core.certificates import (
    AUTHORITY_KEY_ID,
    CRL_DISTRIBUTION_POINTS,
    Certificate,
    read_crl_distribution_points,
    verify_signature,
)
from scep_core.crls import CRL_NUMBER, INVALIDITY_DATE, REASON_CODE, Crl

ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
# How long a CRL serves that does not say when the next one comes, which RFC 5280 section 5.1.2.5 demands.
LIFE_WITHOUT_NEXT_UPDATE = timedelta(hours=1)

_DELTA_CRL_INDICATOR = "2.5.29.27"
_UNDERSTOOD = {AUTHORITY_KEY_ID, CRL_NUMBER, ISSUING_DISTRIBUTION_POINT}
_UNDERSTOOD_IN_ENTRY = {REASON_CODE, INVALIDITY_DATE}
# What is nearest to a CRL that counts tells most about why there is none.
_FROM_FAR_TO_NEAR = (Reason.NO_CRL, Reason.CRL_NOT_BELIEVED, Reason.STALE_CRL)


def revoked_or_unknown(path: Path, at: datetime, crls: Sequence[Crl]) -> Bad | CannotTell | None:
    """What the CRLs say of the certificates below the anchor; None when all of them are good.

    One that is revoked outweighs others about which nothing can be told.
    """
    found = [_status(each, issuer, at, crls) for each, issuer in pairwise(path)]
    revoked = next((each for each in found if isinstance(each, Bad)), None)
    return revoked or next((each for each in found if each is not None), None)


def covers(crl: Crl, certificate: Certificate) -> bool:
    """Whether a CRL, of the right issuer, is about this certificate by what it says of its scope."""
    try:
        return not _outside(crl, certificate)
    except ValueError:
        return False


def serves_until(crl: Crl) -> datetime:
    """When a CRL has run out."""
    return crl.next_update or crl.this_update + LIFE_WITHOUT_NEXT_UPDATE


def _status(
    certificate: Certificate, issuer: Certificate, at: datetime, crls: Sequence[Crl]
) -> Bad | CannotTell | None:
    usable, doubts = [], [(Reason.NO_CRL, "there is no CRL of its issuer")]
    for crl in crls:
        if same_name(crl.issuer, issuer.subject):
            doubt = _doubt(crl, certificate, issuer, at)
            if doubt is None:
                usable.append(crl)
            else:
                doubts.append(doubt)
    if not usable:
        reason, why = max(doubts, key=lambda doubt: _FROM_FAR_TO_NEAR.index(doubt[0]))
        whether = f"whether the certificate of {named(certificate)}, issued by {issuer_named(certificate)}"
        return CannotTell(reason, f"{whether}, is revoked is not known: {why}")
    newest = max(usable, key=lambda crl: (crl.this_update, crl.number or 0))
    return _entry(newest, certificate)


def _entry(crl: Crl, certificate: Certificate) -> Bad | None:
    """A certificate that is to leave the list is not revoked any more (section 6.3.3, step (k))."""
    entry = crl.revoked_by_serial_number.get(certificate.serial_number)
    if entry is None:
        return None
    since = dates.long(entry.revoked_at)
    return Bad(Reason.REVOKED, f"the certificate of {named(certificate)} is revoked since {since}")


def _doubt(
    crl: Crl, certificate: Certificate, issuer: Certificate, at: datetime
) -> tuple[Reason, str] | None:
    """Why a CRL with the issuer's name does not count; None when it does."""
    try:
        untrue = why_untrue(crl, issuer)
        outside = _outside(crl, certificate)
    except ValueError:
        untrue, outside = "is malformed", ""
    if untrue:
        return Reason.CRL_NOT_BELIEVED, f"its issuer's CRL {untrue}"
    if outside:
        return Reason.NO_CRL, outside
    at = at.replace(microsecond=0)
    if at < crl.this_update:
        return Reason.STALE_CRL, f"its issuer's CRL is not valid before {dates.long(crl.this_update)}"
    if serves_until(crl) < at:
        return Reason.STALE_CRL, f"its issuer's CRL was valid until {dates.long(serves_until(crl))}"
    return None


def why_untrue(crl: Crl, issuer: Certificate) -> str:
    """Why a CRL is not believed, without "it"; empty when it is, ValueError when it is malformed."""
    if not same_name(crl.issuer, issuer.subject):
        return "is another issuer's"
    if not issuer.has_key_usage("crl_sign"):
        return "is of a CA whose key usage does not allow it to sign CRLs"
    if is_weakly_signed(crl.der):
        return "is signed with a broken digest"
    try:
        verify_signature(crl.der, issuer.public_key())
    except ValueError:
        return "cannot be verified with its issuer's key"
    if any(each.oid == _DELTA_CRL_INDICATOR for each in crl.extensions):
        return "tells only what has changed"
    if not _UNDERSTOOD.issuperset(each.oid for each in crl.extensions if each.critical):
        return "has a critical extension that is not understood here"
    if not _UNDERSTOOD_IN_ENTRY.issuperset(crl.critical_in_entries):  # section 5.3: of no use for anybody
        return "has an entry with a critical extension that is not understood here"
    return ""


def _outside(crl: Crl, certificate: Certificate) -> str:
    """Why a CRL is not about this certificate (section 5.2.5); empty when it is, ValueError if malformed."""
    extension = next((each for each in crl.extensions if each.oid == ISSUING_DISTRIBUTION_POINT), None)
    for field in asn1.items(extension.value) if extension else ():
        if bytes(field.data) == b"\0":
            continue  # FALSE, which DER would have left out
        match field.tag_bytes[0] & 0x1F:
            case 0:
                point = asn1.sequence_of(asn1.raw(field))
                if not _places(asn1.sequence_of(point), crl.issuer) & _named_places(certificate):
                    return "its issuer's CRL is for another distribution point"
            case 1 if certificate.is_ca:
                return "its issuer's CRL is only about certificates that are no CA's"
            case 2 if not certificate.is_ca:
                return "its issuer's CRL is only about CAs' certificates"
            case 3:
                return "its issuer's CRL tells only of some reasons"
            case 4:
                return "its issuer's CRL is an indirect one"
            case 5:
                return "its issuer's CRL is about attribute certificates"
            case _:
                pass
    return ""


def _places(distribution_points: bytes, issuer: bytes) -> set[str]:
    return set(read_crl_distribution_points(distribution_points, issuer))


def _named_places(certificate: Certificate) -> set[str]:
    extension = certificate.extension(CRL_DISTRIBUTION_POINTS)
    return _places(extension.value, certificate.issuer) if extension else set()
