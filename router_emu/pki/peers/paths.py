"""The ways from a peer's certificate to a CA that we trust: those that there may be, not if they are good."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from router_emu.pki.peers.verdict import entity, name_key
from router_emu.pki.readable import LARGEST_CERTIFICATE
from router_emu.pki.wire import printable
from scep_core import names
from scep_core.certificates import Certificate

# What a peer sends may be made to keep us busy.  Real chains are far below all of these; what is beyond them
# is not looked at.
MOST_CERTIFICATES = 32
LONGEST_PATH = 8
_MOST_STEPS = 1000
_LONGEST_NAME = 200  # characters, in a sentence

Path = tuple[Certificate, ...]


def named(certificate: Certificate) -> str:
    """Whose certificate it is, in a sentence."""
    return _shown(certificate.subject) or f"serial number {certificate.serial_number:X}"


def issuer_named(certificate: Certificate) -> str:
    """Who issued it, in a sentence."""
    return _shown(certificate.issuer) or "an issuer without a name"


def _shown(name: bytes) -> str:
    try:
        text = printable(names.rfc4514(name))
    except ValueError:
        return ""
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "..."


def same_name(one: bytes, other: bytes) -> bool:
    """Whether two Names, in DER, are the same by RFC 5280 section 7.1, in any string type and case."""
    return one == other or name_key(one) == name_key(other)


def candidate_paths(
    chain: Sequence[Certificate], anchors: Sequence[Certificate], intermediates: Sequence[Certificate]
) -> Iterator[Path]:
    """Paths from ``chain[0]`` to an anchor, both included, in which every issuer has the right name.

    The shortest come first, and of those the ones through our own certificates.  No path comes by the same
    name and key twice (RFC 4158 section 5.2), so that CAs that have certified each other are no circle.
    """
    sent = [each for each in chain[1:MOST_CERTIFICATES] if len(each.der) <= LARGEST_CERTIFICATE]
    pool = {each.der: each for each in (*anchors, *intermediates, *sent)}
    by_subject: dict[object, list[Certificate]] = {}
    for each in pool.values():
        by_subject.setdefault(name_key(each.subject), []).append(each)
    trusted = {each.der for each in anchors}
    waiting: deque[Path] = deque([(chain[0],)])
    for _ in range(_MOST_STEPS):
        if not waiting:
            return
        path = waiting.popleft()
        if path[-1].der in trusted:
            yield path
        elif len(path) < LONGEST_PATH:
            seen = {entity(each) for each in path}
            issuers = by_subject.get(name_key(path[-1].issuer), [])
            waiting.extend((*path, each) for each in issuers if entity(each) not in seen)
