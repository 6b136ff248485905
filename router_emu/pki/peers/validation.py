"""Whether the chain that a peer shows is good, bad, or cannot be told: RFC 5280 section 6, without I/O.

``paths`` says which ways lead to a CA that we trust, ``path_rules`` (OpenSSL) whether one keeps the rules,
``policy`` whether it is strong enough and made for the purpose, ``revocation`` what the CRLs say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from router_emu.pki.peers.path_rules import broken_rule
from router_emu.pki.peers.paths import Path, candidate_paths, issuer_named, named
from router_emu.pki.peers.policy import not_for, weakness
from router_emu.pki.peers.revocation import revoked_or_unknown
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict, entity
from scep_core.certificates import Certificate
from scep_core.crls import Crl

_MOST_PATHS = 32
# Why a path is none at all tells least.
_LEAST_TELLING = (Reason.NO_PATH, Reason.SIGNATURE, Reason.MALFORMED)


def check_chain(
    chain: Sequence[Certificate],
    purpose: PeerPurpose,
    at: datetime,
    trust: Trust,
    crls: Sequence[Crl] | None,
) -> Verdict:
    """What to think of a peer's certificate, ``chain[0]``, whatever else it sent and in whatever order.

    With ``crls`` None nobody asks whether anything is revoked.  Else every certificate in the path below the
    anchor needs a CRL that counts, or ``trust`` makes CRLs optional; even then a revoked one is bad.  A peer
    may show an anchor itself: whoever has that key is who we trust.

    One good path is enough.  Without one the most telling verdict counts: that something is revoked, then
    that nothing can be told, then what else is bad.
    """
    if not chain:
        return Bad(Reason.MALFORMED, "no certificate was shown")
    verdicts: list[Bad | CannotTell] = []
    barred = set(map(entity, trust.not_through))
    paths = candidate_paths(chain, trust.anchors, trust.intermediates)
    for path in islice((each for each in paths if barred.isdisjoint(map(entity, each))), _MOST_PATHS):
        verdict = _check_path(path, purpose, at, trust, crls)
        if isinstance(verdict, Good):
            return verdict
        verdicts.append(verdict)
    if not verdicts:
        peer = f"{named(chain[0])}, issued by {issuer_named(chain[0])},"
        return Bad(Reason.NO_PATH, f"no way leads from {peer} to a CA of {trust.name}")
    return max(verdicts, key=_telling)


def _check_path(
    path: Path, purpose: PeerPurpose, at: datetime, trust: Trust, crls: Sequence[Crl] | None
) -> Verdict:
    bad = weakness(path) or broken_rule(path, at) or not_for(path, purpose, trust.extended_key_usage)
    if bad is not None:
        return bad
    doubt = None if crls is None else revoked_or_unknown(path, at, crls)
    if doubt is None or (trust.crl_optional and isinstance(doubt, CannotTell)):
        return Good(path, trust.name)
    return doubt


def _telling(verdict: Bad | CannotTell) -> int:
    match verdict:
        case Bad(Reason.REVOKED):
            return 5
        case CannotTell():
            return 4
        case Bad(reason) if reason in _LEAST_TELLING:
            return _LEAST_TELLING.index(reason)
    return 3
