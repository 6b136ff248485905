"""The trust pool's policy as it is configured, read for the PKI."""

from __future__ import annotations

from router_emu.config.tree import Block
from router_emu.pki.peers.verdict import TRUST_POOL
from router_emu.pki.pool.keeper import PoolPolicy

_POLICY, _TRUSTPOINT = "crypto ca trustpool policy", "crypto ca trustpoint"


def read(running: Block) -> PoolPolicy:
    """The policy; without any the bundle has no location, and CRLs are checked."""
    # People's scripts say `crl optional` in a trustpoint of this name (iosxr.md 1.2), which holds nothing.
    named = running.block(_TRUSTPOINT, TRUST_POOL)
    optional = named is not None and named.value("crl optional") is not None
    block = running.block(_POLICY)
    if block is None:
        return PoolPolicy(crl_optional=optional)
    return PoolPolicy(
        cabundle_url=block.text("cabundle url") or "",
        crl_optional=optional or block.value("crl optional") is not None,
        description=block.text("description") or "",
        vrf=block.text("vrf") or "",
    )
