"""The bundle server's bundles, built in this process, and what a router has built in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bundles.app import load_recipes
from bundles.domain.builder import Builder, Bundle
from bundles.domain.recipes import KeyKind
from router_emu.pki.pool.bundle import Bundle as RouterBundle
from router_emu.pki.pool.bundle import read_bundle
from router_emu.pki.pool.keeper import PoolKeeper
from router_emu.pki.wire import Work
from scep_core.algorithms import PrivateKey
from scep_core.certificates import Certificate
from scep_core.cms import Identity

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECIPES = ("lab", "faults", "certifi")
# The bad ones, and what a router says of each.
FAULTS = {
    "expired": "the certificate of CN=Lab Expired CA,O=scep-lab in it was valid until",
    "expired-signer": "its signer is not to be believed: the certificate of CN=Lab Expired Signer",
    "broken-signature": "its signature does not verify",
    "stranger": "its signer, CN=Bundles of a Stranger,O=Elsewhere, is certified by no built-in CA",
    "truncated": "it ends too early",
    "truncated-pem": "it ends too early",
    "empty": "it is empty",
    "no-certificates": "there are no certificates in it",
    "not-a-bundle": "it is no bundle of certificates",
    "non-ca": "the certificate of CN=server.lab.example,O=scep-lab in it is no CA's",
    "duplicate": "the certificate of CN=Lab Root CA 2048,O=scep-lab is in it twice",
}
PEM = Path(__file__).parents[2] / "router_emu" / "builtin.pem"


@cache
def built_in() -> tuple[Certificate, ...]:
    """The certificates that come with the router."""
    return read_bundle(PEM.read_bytes(), (), EPOCH).certificates


@cache
def builder(epoch: datetime = EPOCH) -> Builder:
    """A bundle server's builder, with keys that are made quickly."""
    found, files = load_recipes(RECIPES)
    return Builder(found, keys=_key, files=files, epoch=epoch)


@cache
def shipped() -> Mapping[str, Bundle]:
    """Every shipped bundle, by name."""
    return builder().bundles()


def install(keeper: PoolKeeper, data: bytes, source: str = "", now: datetime = EPOCH) -> None:
    """Have a pool take a bundle, as an import by hand does; BundleRefused is raised."""
    keeper.install(taken(keeper, data, now), source, now)


def taken(keeper: PoolKeeper, data: bytes, now: datetime = EPOCH) -> RouterBundle:
    """What a pool would take of these octets; BundleRefused is raised."""
    exchange = keeper.read(data, now)
    try:
        work = next(exchange)
        assert isinstance(work, Work)
        exchange.send(work.do())
    except StopIteration as end:
        if isinstance(end.value, RouterBundle):
            return end.value
        raise end.value from None
    raise AssertionError("nothing else is to be done")


@cache
def _key(name: str, kind: KeyKind) -> PrivateKey:
    if str(kind).startswith("rsa"):
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def signer() -> Identity:
    """Who signs the shipped bundles."""
    return builder().issuer.identity("lab-bundle-signer")
