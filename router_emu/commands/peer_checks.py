"""How peers are checked, read from the configuration for the PKI."""

from __future__ import annotations

from collections.abc import Collection

from router_emu.config.tree import Block
from router_emu.pki.peers.checking import Checker
from router_emu.pki.peers.crl_fetch import Getter, scep_accesses
from router_emu.pki.peers.host_names import is_address
from router_emu.pki.peers.verdict import pool_trust, trusts
from router_emu.pki.store import Pki
from router_emu.pki.wire import Limits

_PROXY = "crypto ca http-proxy"
_TIMEOUT = "crypto ca crl curl-timeout"


def checker(
    running: Block, pki: Pki, trustpoints: Collection[str] | None = None, *, with_pool: bool = False
) -> Checker:
    """What a router checks peers by now: all of its trustpoints, or those named; then perhaps its pool."""
    settings = {
        name: each for name, each in pki.settings.items() if trustpoints is None or name in trustpoints
    }
    trusted = tuple(trusts(settings, pki.trustpoints))
    active = pki.pool.pool.active
    if with_pool and active:
        trusted = (*trusted, pool_trust(active, pki.pool.policy.crl_optional, trusted))
    return Checker(
        trusts=trusted,
        cache=pki.crls,
        getter=crl_getter(running, pki),
        accesses=tuple(scep_accesses(pki.settings, pki.trustpoints, pki.keys)),
    )


def crl_getter(running: Block, pki: Pki) -> Getter:
    """With what CRLs are fetched: by which proxy, and how long we wait."""
    host, _, port = str(running.values.get(_PROXY, "")).partition(" port ")
    seconds = running.values.get(_TIMEOUT)
    limits = Limits() if seconds is None else Limits(connect=float(seconds), response=float(seconds))
    host = f"[{host}]" if ":" in host else host
    return Getter(pki.wire, pki.random_bytes, f"{host}:{port}" if host else "", limits)


def name_to_check(running: Block, host: str) -> str:
    """The name that a server's certificate must be for; empty when any will do."""
    any_will_do = running.value("crypto ca fqdn-check ip-address allow") is not None and is_address(host)
    return "" if any_will_do else host
