"""Certificate policies along a path: RFC 5280 section 6.1, for a router that takes any policy.

Then it only matters whether a policy is left at the end, so that the RFC's tree shrinks to the set of
policies that the next certificate may have.  OpenSSL is not asked: without policies named beforehand it
refuses every path that demands one.
"""

from __future__ import annotations

from collections.abc import Mapping

from router_emu.pki.peers.paths import Path
from scep_core import asn1
from scep_core.certificates import Certificate

_POLICIES = "2.5.29.32"
_MAPPINGS = "2.5.29.33"
_CONSTRAINTS = "2.5.29.36"
_INHIBIT_ANY = "2.5.29.54"
_ANY = "2.5.29.32.0"


def lacks_policy(path: Path) -> bool:
    """Whether a CA in the path demands a policy, and none is left; ValueError for a malformed extension."""
    if len(path) == 1:
        return False
    *above, peer = reversed(path[:-1])
    never = len(path)
    explicit = inhibit_any = inhibit_mapping = never
    valid = {_ANY}
    for each in above:
        valid = _narrowed(valid, each, any_counts=inhibit_any > 0 or each.is_self_issued)
        valid = _mapped(valid, _mappings(each), allowed=inhibit_mapping > 0)
        if not each.is_self_issued:
            explicit, inhibit_any, inhibit_mapping = (
                max(counter - 1, 0) for counter in (explicit, inhibit_any, inhibit_mapping)
            )
        required, no_mapping = _constraints(each, never)
        explicit, inhibit_mapping = min(explicit, required), min(inhibit_mapping, no_mapping)
        inhibit_any = min(inhibit_any, _inhibit_any(each, never))
    valid = _narrowed(valid, peer, any_counts=inhibit_any > 0)
    explicit = max(explicit - 1, 0)
    if _constraints(peer, never)[0] == 0:
        explicit = 0
    return not explicit and not valid


def _narrowed(valid: set[str], certificate: Certificate, *, any_counts: bool) -> set[str]:
    """Steps (d) and (e) of section 6.1.3."""
    stated = {asn1.to_oid(_first(asn1.raw(each))) for each in _items(certificate, _POLICIES)}
    kept = stated - {_ANY} if _ANY in valid else (stated - {_ANY}) & valid
    return kept | valid if _ANY in stated and any_counts else kept


def _mapped(valid: set[str], mappings: Mapping[str, set[str]], *, allowed: bool) -> set[str]:
    """Steps (a) and (b) of section 6.1.4."""
    kept = valid - set(mappings)
    if allowed:
        kept |= {to for policy, mapped in mappings.items() if {policy, _ANY} & valid for to in mapped}
    return kept


def _mappings(certificate: Certificate) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in _items(certificate, _MAPPINGS):
        here, below = map(asn1.to_oid, asn1.items(asn1.raw(each)))
        found.setdefault(here, set()).add(below)
    return found


def _constraints(certificate: Certificate, never: int) -> tuple[int, int]:
    """After how many certificates a policy is required, and mappings end."""
    fields = {each.tag_bytes: bytes(each.data) for each in _items(certificate, _CONSTRAINTS)}
    required, no_mapping = (
        int.from_bytes(fields[tag], "big") if tag in fields else never for tag in (b"\x80", b"\x81")
    )
    return required, no_mapping


def _inhibit_any(certificate: Certificate, never: int) -> int:
    extension = certificate.extension(_INHIBIT_ANY)
    return asn1.to_integer(_first(asn1.sequence_of(extension.value))) if extension else never


def _first(sequence: bytes) -> asn1.TLV:
    found = asn1.items(sequence)
    if not found:
        raise ValueError("a SEQUENCE that must not be empty")
    return found[0]


def _items(certificate: Certificate, oid: str) -> list[asn1.TLV]:
    extension = certificate.extension(oid)
    return asn1.items(extension.value) if extension else []
