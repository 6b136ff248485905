"""Check a peer's chain: fetch the CRLs that its path needs, then say what we think of it.

For each certificate of the path the CRL is the one that is held, else one from the certificate's
distribution points, else one that the trustpoint's CA hands out by GetCRL: the order of IOS's manuals [D].
Where a point names an entry but no server, the trustpoint's ``query url`` says whom to ask.
Nothing is fetched for a chain that has no path to a CA of ours, so no stranger chooses where we connect to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from router_emu.pki.peers import host_names
from router_emu.pki.peers.crl_cache import CrlCache, distribution_points
from router_emu.pki.peers.crl_fetch import Getter, ScepAccess, fetch_crls, get_crl
from router_emu.pki.peers.paths import named
from router_emu.pki.peers.revocation import covers
from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, CannotTell, Good, PeerPurpose, Reason, Trust, Verdict
from router_emu.pki.wire import (
    LONGEST_REASON,
    Exchange,
    ExchangeFailed,
    Judge,
    printable,
    shortened,
    without_password,
)
from scep_core.certificates import Certificate
from scep_core.crls import Crl

# Each may take as long as a server that says nothing.
MOST_POINTS = 4


@dataclass(frozen=True)
class Checker:
    """What a router checks peers by: whom it trusts, the CRLs that it holds, and how it gets others."""

    trusts: tuple[Trust, ...]
    cache: CrlCache
    getter: Getter
    accesses: tuple[ScepAccess, ...] = ()


def judge_by(checker: Checker, purpose: PeerPurpose, now: datetime, host: str = "") -> Judge:
    """A judge for whoever shows a chain; with a ``host`` the certificate must be for that name."""

    def judge(chain: Sequence[Certificate]) -> Exchange[Verdict]:
        verdict = yield from check_peer(checker, chain, purpose, now)
        if isinstance(verdict, Good) and host and not host_names.is_for(chain[0], host):
            shown = shortened(", ".join(host_names.names_of(chain[0]))) or "nobody"
            return Bad(Reason.NAME, f"the certificate is for {shown}, not for {printable(host)}")
        return verdict

    return judge


def check_peer(
    checker: Checker, chain: Sequence[Certificate], purpose: PeerPurpose, now: datetime
) -> Exchange[Verdict]:
    """What to think of a chain, the peer's certificate first; good when one trustpoint finds it good."""
    verdicts: list[Verdict] = []
    for trust in checker.trusts:
        verdict = check_chain(chain, purpose, now, trust, None)
        if isinstance(verdict, Good) and trust.revocation:
            verdict = yield from _check_revocation(checker, chain, purpose, now, trust, verdict.path)
        if isinstance(verdict, Good):
            return verdict
        verdicts.append(verdict)
    nobody = Bad(Reason.NO_PATH, "no trustpoint has a CA certificate")
    return max(verdicts, key=_told, default=nobody)


def _told(verdict: Verdict) -> int:
    """How much a verdict tells: most, that a CA which we trust has revoked it."""
    match verdict:
        case Bad(Reason.NO_PATH):
            return 0
        case Bad(Reason.REVOKED):
            return 3
        case CannotTell():
            return 2
    return 1


def _check_revocation(
    checker: Checker,
    chain: Sequence[Certificate],
    purpose: PeerPurpose,
    now: datetime,
    trust: Trust,
    path: Sequence[Certificate],
) -> Exchange[Verdict]:
    """Fetch what ``path`` needs.  With that another path may be the good one: then what that one needs."""
    crls: list[Crl] = []
    spoilt: list[tuple[Crl, str]] = []
    failed: list[str] = []
    asked: set[tuple[Certificate, Certificate]] = set()
    while True:
        for certificate, issuer in pairwise(path):
            if (certificate, issuer) not in asked:
                found = yield from _crls_for(checker, trust, certificate, issuer, now)
                crls += found.crls
                spoilt += found.spoilt
                failed += found.failed
                asked.add((certificate, issuer))
        verdict = check_chain(chain, purpose, now, trust, crls)
        if not isinstance(verdict, Good) or asked.issuperset(pairwise(verdict.path)):
            break
        path = verdict.path
    if not isinstance(verdict, CannotTell):
        return verdict
    # What was refused has no say, but the verdict over it says best what is wrong with it.
    told = check_chain(chain, purpose, now, trust, [*crls, *(crl for crl, _ in spoilt)])
    if isinstance(told, CannotTell):
        verdict = told
    else:
        failed += [why for _, why in spoilt]
    why = failed if failed and verdict.reason is Reason.NO_CRL else [verdict.why, *failed]
    return replace(verdict, why=shortened("; ".join(why), LONGEST_REASON))


@dataclass(frozen=True)
class _Found:
    """The CRLs that may list a certificate; those of no use, with a sentence each; what could not be had."""

    crls: list[Crl] = field(default_factory=list)
    spoilt: list[tuple[Crl, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def _crls_for(
    checker: Checker, trust: Trust, certificate: Certificate, issuer: Certificate, now: datetime
) -> Exchange[_Found]:
    found = checker.cache.find(certificate, issuer, now)
    held = [each for each in found if covers(each, certificate)]
    if held:
        return _Found(held)
    useless = _Found()
    for source, exchange in _ways(checker, trust, certificate, issuer):
        where = shortened(without_password(source))
        try:
            crls = yield from exchange
        except ExchangeFailed as failure:
            useless.failed.append(f"the CRL of {named(issuer)} could not be had from {where}: {failure}")
            continue
        kept, refused = checker.cache.put_all(crls, issuer, source, now)
        held = [each for each in kept if covers(each, certificate)]
        if held:
            return _Found(held)
        useless.crls.extend(kept)
        useless.spoilt.extend(
            (crl, f"the CRL of {named(issuer)} from {where} does not count: {why}") for crl, why in refused
        )
    return useless


def _ways(
    checker: Checker, trust: Trust, certificate: Certificate, issuer: Certificate
) -> Iterator[tuple[str, Exchange[list[Crl]]]]:
    """From where a certificate's CRL may be had, and how; an exchange begins when it is iterated."""
    for point in distribution_points(certificate)[:MOST_POINTS]:
        yield point, fetch_crls(checker.getter, point, trust.query_url, of_ca=certificate.is_ca)
    for access in checker.accesses:
        if access.state.ca == issuer:
            url = access.settings.enrollment_url
            yield f"{url} by GetCRL", get_crl(checker.getter, access, certificate)
            return
