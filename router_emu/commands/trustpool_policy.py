"""The trust pool's policy as it is configured, read for the PKI."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from router_emu.config.store import CommitError
from router_emu.config.tree import Block, BlockKey
from router_emu.pki.peers.verdict import TRUST_POOL
from router_emu.pki.pool.keeper import PoolPolicy

_POLICY, _TRUSTPOINT = "crypto ca trustpool policy", "crypto ca trustpoint"
_URL = "cabundle url"


def read(running: Block) -> PoolPolicy:
    """The policy; without any the bundle has no location, and CRLs are checked."""
    # People's scripts say `crl optional` in a trustpoint of this name (iosxr.md 1.2), which holds nothing.
    named = running.block(_TRUSTPOINT, TRUST_POOL)
    optional = named is not None and named.value("crl optional") is not None
    block = running.block(_POLICY)
    if block is None:
        return PoolPolicy(crl_optional=optional)
    return PoolPolicy(
        cabundle_url=block.text(_URL) or "",
        crl_optional=optional or block.value("crl optional") is not None,
        description=block.text("description") or "",
        vrf=block.text("vrf") or "",
    )


def check(running: Block) -> Sequence[CommitError]:
    """What a commit of this would be refused for: a location that nothing can be fetched from."""
    block = running.block(_POLICY)
    url = block.text(_URL) if block else None
    if url is None or _is_usable(url):
        return []
    return [CommitError((BlockKey(_POLICY),), _URL, "the URL is not http://host/... or https://host/...")]


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
