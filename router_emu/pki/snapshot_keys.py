"""Keys as JSON values and back; with the private ones, so for private state only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
)

from router_emu.pki.dsa import DsaPrivateKey
from router_emu.pki.keys import CURVES, KeyPair, KeyRing, OwnKey, PrivateKey, Purpose
from router_emu.pki.login_keys import POSITIONS, LoginKey, LoginKeys

Json = dict[str, Any]
_DSA_NUMBERS = ("p", "q", "g", "y", "x")
_CURVE_NAMES = {curve.name for curve in CURVES.values()}


def dump_ring(ring: KeyRing) -> list[Json]:
    """Every key of the router's own."""
    return [
        {
            "label": key.label,
            "purpose": str(key.purpose),
            "created": key.created.isoformat(),
            "private_key": _dump_private(key.key),
        }
        for key in ring
    ]


def load_ring(stored: Iterable[Json]) -> KeyRing:
    """The ring that ``dump_ring`` wrote; ValueError, KeyError or TypeError when it is none."""
    ring = KeyRing()
    for each in stored:
        own = _load_own(each)
        ring.put(*ring.find(own.algorithm, own.label), own)
    for algorithm, label in {(key.algorithm, key.label) for key in ring}:
        purposes = [key.purpose for key in ring.find(algorithm, label)]
        if purposes not in ([Purpose.GENERAL], [Purpose.SIGNATURE, Purpose.ENCRYPTION]):
            raise ValueError(f"the keys {label} do not go together")
    return ring


def dump_login_keys(keys: LoginKeys) -> list[Json]:
    """Every operator's public key."""
    return [
        {
            "user": key.user,
            "position": key.position,
            "imported": key.imported.isoformat(),
            "public_key": key.public_key_info.hex(),
        }
        for key in keys
    ]


def load_login_keys(stored: Iterable[Json]) -> LoginKeys:
    """The keys that ``dump_login_keys`` wrote; ValueError, KeyError or TypeError when they are none."""
    keys = LoginKeys()
    for each in stored:
        public = _readable(load_der_public_key, bytes.fromhex(each["public_key"]))
        if not isinstance(public, rsa.RSAPublicKey) or each["position"] not in POSITIONS:
            raise ValueError("not a login key")
        keys.put(LoginKey(str(each["user"]), each["position"], public, read_instant(each["imported"])))
    return keys


def _dump_private(key: PrivateKey) -> str | Json:
    if isinstance(key, DsaPrivateKey):
        return {name: f"{getattr(key, name):x}" for name in _DSA_NUMBERS}
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _load_own(stored: Json) -> OwnKey:
    label, private = str(stored["label"]), stored["private_key"]
    created, purpose = read_instant(stored["created"]), Purpose(stored["purpose"])
    if isinstance(private, dict):
        numbers = [int(private[name], 16) for name in _DSA_NUMBERS]
        if min(numbers) <= 0:
            raise ValueError("not a DSA key")
        return OwnKey(label, DsaPrivateKey(*numbers), created)
    key = _readable(load_pem_private_key, private.encode(), None)
    if isinstance(key, rsa.RSAPrivateKey):
        return KeyPair(label, key, created, purpose)
    known = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVE_NAMES
    if not known and not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError("a private key of an unknown kind")
    return OwnKey(label, key, created)


def _readable(load: Callable[..., Any], *arguments: object) -> Any:
    """The key that ``load`` reads; ValueError for one of a kind that is not supported, too."""
    try:
        return load(*arguments)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def read_instant(stored: str) -> datetime:
    """An instant in ISO 8601; ValueError without a time zone."""
    instant = datetime.fromisoformat(stored)
    if instant.tzinfo is None:
        raise ValueError(f"{stored} has no time zone")
    return instant
