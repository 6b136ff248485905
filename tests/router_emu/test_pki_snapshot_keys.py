"""Every kind of key comes back from a restart; what is damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from router_emu.pki.keys import Algorithm, GenerateKey, KeyPair, KeyRing, OwnKey, Purpose, generate
from router_emu.pki.login_keys import LoginKey, LoginKeys
from router_emu.pki.snapshot_keys import dump_login_keys, dump_ring, load_login_keys, load_ring
from tests.router_emu.conftest import THE_CHAPTERS_DAY
from tests.router_emu.pki_lab import rsa_key


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    ring = KeyRing()
    for algorithm in set(Algorithm) - {Algorithm.RSA}:
        key = generate(GenerateKey(algorithm, 512), Random(1).randbytes)
        ring.put(OwnKey("the_default", key, THE_CHAPTERS_DAY))
    ring.put(KeyPair("the_default", rsa_key("router"), THE_CHAPTERS_DAY))
    ring.put(
        *(
            KeyPair("usage", rsa_key(purpose), THE_CHAPTERS_DAY, purpose)
            for purpose in (Purpose.SIGNATURE, Purpose.ENCRYPTION)
        )
    )
    return ring


@pytest.fixture
def stored(ring: KeyRing) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = json.loads(json.dumps(dump_ring(ring)))
    return stored


def test_every_key_comes_back(ring: KeyRing, stored: list[dict[str, Any]]) -> None:
    back = load_ring(stored)
    assert [(key.algorithm, key.label, key.purpose, key.created, key.public_key_info) for key in back] == [
        (key.algorithm, key.label, key.purpose, key.created, key.public_key_info) for key in ring
    ]
    assert dump_ring(back) == stored
    assert len(back.for_enrolment("usage")) == 2


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored[0].update(private_key=pem(x25519.X25519PrivateKey.generate())),
        lambda stored: stored[0].update(private_key=pem(ec.generate_private_key(ec.SECP256K1()))),
        lambda stored: stored[0].update(private_key={"p": "7"}),
        lambda stored: stored[0].update(purpose="signature"),
        lambda stored: stored[0].update(purpose="fun"),
        lambda stored: stored[1].update(purpose="encryption"),
        lambda stored: stored.append(stored[0]),
        lambda stored: stored.reverse(),
        lambda stored: stored[3]["private_key"].update(x="-1"),
        lambda stored: stored[3]["private_key"].update(x=1),
    ],
)
def test_damage_is_refused(
    stored: list[dict[str, Any]], damage: Callable[[list[dict[str, Any]]], object]
) -> None:
    damage(stored)
    with pytest.raises((ValueError, KeyError, TypeError)):
        load_ring(stored)


def test_no_secret_is_shown(ring: KeyRing) -> None:
    shown = repr(list(ring))
    for key in ring:
        secret = key.key.x if not hasattr(key.key, "private_bytes") else None
        assert secret is None or str(secret) not in shown
        assert "PrivateKey" not in shown


class TestLoginKeys:
    def test_they_come_back(self) -> None:
        keys = LoginKeys()
        for user, position in (("eve", "third"), ("admin", "first"), ("eve", "first")):
            keys.put(LoginKey(user, position, rsa_key(user).public_key(), THE_CHAPTERS_DAY))
        back = load_login_keys(json.loads(json.dumps(dump_login_keys(keys))))
        assert list(back) == list(keys)
        assert [(key.user, key.position) for key in back] == [
            ("admin", "first"),
            ("eve", "first"),
            ("eve", "third"),
        ]

    @pytest.mark.parametrize("change", [{"public_key": "00"}, {"public_key": 1}, {"position": "fifth"}])
    def test_damage_is_refused(self, change: dict[str, Any]) -> None:
        keys = LoginKeys()
        keys.put(LoginKey("eve", "first", rsa_key("eve").public_key(), THE_CHAPTERS_DAY))
        with pytest.raises((ValueError, TypeError)):
            load_login_keys([dump_login_keys(keys)[0] | change])
