"""Public keys by which operators log in: every form of the import, the display, the removal."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from router_emu.commands.context import Router
from router_emu.pki.login_keys import MOST_BYTES, LoginKey, LoginKeys, read_public_key
from tests.router_emu.pki_lab import Lab, ScriptedCa, rsa_key
from tests.router_emu.test_crypto_key import masked, shown_data

PUBLIC = rsa_key("operator").public_key()
LINE = PUBLIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
BLOB = base64.b64decode(LINE.split()[1])
PKCS1 = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
SPKI = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).public_key()

FORMS = {
    "blob": BLOB,
    "pkcs1": PKCS1,
    "pem": PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "der": SPKI,
    "pub": LINE + b" admin@laptop\n",
    "base64": base64.encodebytes(BLOB),
}


@pytest.fixture
def make_lab(
    make_router: Callable[..., Router], make_screen: Callable[..., Any], ca: ScriptedCa
) -> Callable[..., Lab]:
    def make(wording: str = "modern") -> Lab:
        lab = Lab(make_screen(make_router(wording)), ca)
        lab.files = {"disk0:/key.b64": BLOB, "harddisk:/bad": b"hello", "disk0:/old": FORMS["pub"]}
        return lab

    return make


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab()


def held(lab: Lab) -> list[tuple[str, str]]:
    return [(key.user, key.position) for key in lab.pki.login_keys]


class TestReading:
    @pytest.mark.parametrize("form", FORMS)
    def test_every_form_is_the_same_key(self, form: str) -> None:
        assert read_public_key(FORMS[form]).public_numbers() == PUBLIC.public_numbers()

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"hello",
            b"\xff" * 99,
            BLOB[:-1],
            LINE[:40],
            PKCS1[:80],
            b"0" + SPKI[1:40],
            b"-----BEGIN CERTIFICATE-----",
            ELLIPTIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
            ELLIPTIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ],
    )
    def test_what_is_no_rsa_key(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="not a"):
            read_public_key(data)

    def test_the_blob_is_what_ssh_sends(self, lab: Lab) -> None:
        assert LoginKey("admin", "first", PUBLIC, lab.screen.now).ssh_blob == BLOB


class TestImport:
    def test_from_a_file_says_nothing(self, lab: Lab) -> None:
        assert lab.type("crypto key import authentication rsa disk0:/key.b64").text == ""
        assert held(lab) == [("admin", "first")]

    @pytest.mark.parametrize("words", ["", " general-keys", " usage-keys", " usage keys mykey"])
    def test_a_pasted_key_is_the_operators_own(self, lab: Lab, words: str) -> None:
        lab.type(f"crypto key import authentication rsa{words}")
        output = lab.type(*PKCS1.decode().splitlines())
        assert (output.question, output.prompt) == (True, "")
        assert lab.type("").prompt.endswith("#")
        [key] = lab.pki.login_keys
        assert (key.user, key.key.public_numbers()) == ("admin", PUBLIC.public_numbers())

    @pytest.mark.parametrize("end", ["quit", "QUIT"])
    def test_quit_ends_the_paste_too(self, lab: Lab, end: str) -> None:
        lab.type("crypto key import authentication rsa", LINE.decode())
        assert lab.type(end).prompt.endswith("#")
        assert held(lab) == [("admin", "first")]

    @pytest.mark.parametrize("end", ["", "quit"])
    def test_an_empty_paste_is_said_to_be_one(self, lab: Lab, end: str) -> None:
        output = lab.type("crypto key import authentication rsa", end)
        assert output.text == "% The public key cannot be imported: nothing was pasted\n"

    def test_four_keys_of_another_user(self, lab: Lab) -> None:
        for position in ("", "second ", "third ", "fourth "):
            lab.type(f"crypto key import authentication rsa username eve {position}disk0:/key.b64")
        assert held(lab) == [("eve", position) for position in ("first", "second", "third", "fourth")]

    def test_a_taken_position_asks(self, lab: Lab) -> None:
        lab.type("crypto key import authentication rsa disk0:/key.b64")
        [old] = lab.pki.login_keys
        lab.screen.now += timedelta(days=1)
        output = lab.type("crypto key import authentication rsa disk0:/old")
        assert output.prompt == "Do you really want to replace them? [yes/no]: "
        lab.type("no")
        assert list(lab.pki.login_keys) == [old]
        lab.type("crypto key import authentication rsa disk0:/old", "yes")
        assert [key.imported > old.imported for key in lab.pki.login_keys] == [True]

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            ("disk0:/none", "% The file cannot be read: disk0:/none: No such file or directory"),
            ("harddisk:/bad", "% The public key cannot be imported: not a public key"),
        ],
    )
    def test_what_cannot_be_imported(self, lab: Lab, path: str, sentence: str) -> None:
        output = lab.type(f"crypto key import authentication rsa {path}")
        assert (output.text, output.failed) == (f"{sentence}\n", True)
        assert held(lab) == []

    def test_a_paste_without_end(self, lab: Lab) -> None:
        lab.type("crypto key import authentication rsa")
        output = lab.type(*["A" * 1024] * (MOST_BYTES // 1024), "A")
        assert output.text == "% The public key cannot be imported: not a public key\n"


class TestShowAndZeroize:
    @pytest.mark.parametrize("wording", ["classic", "modern"])
    def test_the_screens(self, make_lab: Callable[..., Lab], golden: Any, wording: str) -> None:
        lab = make_lab(wording)
        lab.type(
            "crypto key zeroize authentication rsa", "crypto key import authentication rsa disk0:/key.b64"
        )
        lab.type("crypto key import authentication rsa general-keys", LINE.decode(), "", "yes")
        lab.type("crypto key import authentication rsa username eve second disk0:/key.b64")
        lab.type("show crypto key authentication rsa", "show crypto key authentication rsa username eve")
        assert shown_data(lab.screen.text) == [SPKI] * 3
        lab.type("crypto key zeroize authentication rsa all", "no", "crypto key zeroize authentication rsa")
        lab.type("yes", "crypto key zeroize authentication rsa username bob")
        lab.type("show crypto key authentication rsa all | include label")
        golden(f"login-keys-{wording}.txt", masked(lab.screen.text).replace(LINE.decode(), "ssh-rsa ####"))

    @pytest.mark.parametrize(
        ("words", "left"),
        [
            ("", [("eve", "first"), ("eve", "third")]),
            (" username eve", [("admin", "first")]),
            (" username eve third", [("admin", "first"), ("eve", "first")]),
            (" all", []),
            (" all third", [("admin", "first"), ("eve", "first")]),
        ],
    )
    def test_whose_keys_go(self, lab: Lab, words: str, left: list[tuple[str, str]]) -> None:
        for user, position in (("eve", "third"), ("admin", "first"), ("eve", "first")):
            lab.pki.login_keys.put(LoginKey(user, position, PUBLIC, lab.screen.now))
        assert lab.type(f"crypto key zeroize authentication rsa{words}").question
        lab.type("yes")
        assert held(lab) == left

    def test_keys_outlive_a_restart(self, lab: Lab) -> None:
        lab.type("crypto key import authentication rsa username eve third disk0:/key.b64")
        before = list(lab.pki.login_keys)
        lab.restart()
        assert isinstance(lab.pki.login_keys, LoginKeys)
        assert list(lab.pki.login_keys) == before
