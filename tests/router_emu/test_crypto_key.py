"""`crypto key generate`, `zeroize` and `show crypto key mypubkey`, as an operator sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto.keys import PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from router_emu.commands.context import Router
from router_emu.commands.crypto_key import hexadecimal_lines
from router_emu.pki.keys import Algorithm, KeyPair, Purpose
from router_emu.texts import CLASSIC, MODERN
from tests.router_emu.pki_lab import Lab, ScriptedCa, awaited, rsa_key

Golden = Callable[[str, str], None]
MakeLab = Callable[[str], Lab]


@pytest.fixture
def make_lab(make_router: Callable[..., Router], make_screen: Callable[..., Any], ca: ScriptedCa) -> MakeLab:
    return lambda wording: Lab(make_screen(make_router(wording)), ca)


def masked(text: str) -> str:
    """Without the keys' own digits; their layout stays."""
    return re.sub(
        r"(?m)^( [0-9A-F]{8}(?: [0-9A-F]{1,8})*)( ?)$",
        lambda found: re.sub("[0-9A-F]", "#", found[1]) + found[2],
        text,
    )


def shown_data(text: str) -> list[bytes]:
    """The data of each key that is shown."""
    blocks = re.split(r"Data +: ?\n", text)[1:]
    return [bytes.fromhex("".join(re.findall(r"(?m)^ ([0-9A-F ]+?) ?$", block))) for block in blocks]


class TestScreens:
    @pytest.mark.parametrize("wording", ["classic", "modern"])
    def test_every_kind_of_key(self, make_lab: MakeLab, golden: Golden, wording: str) -> None:
        lab = make_lab(wording)
        lab.type("crypto key generate rsa usage-keys both", "1024", "1152", "crypto key generate rsa", "1024")
        lab.type("crypto key generate dsa", "1000", "512", "crypto key generate ecdsa nistp384 mine")
        lab.type("crypto key generate ed25519", "show crypto key mypubkey all")
        lab.type("crypto key generate ed25519", "no", "crypto key zeroize ecdsa nistp384 mine", "yes")
        lab.type(
            "crypto key zeroize ecdsa nistp256", "crypto key zeroize rsa other", "crypto key zeroize rsa"
        )
        lab.type("maybe", "no", "crypto key zeroize rsa", "yes", "show crypto key mypubkey rsa")
        golden(f"keys-{wording}.txt", masked(lab.screen.text))


class TestGenerating:
    def test_numbers_that_are_none_ask_again(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        lab.type("crypto key generate rsa")
        for wrong in ("511", "4097", "0", "-1024", "1e3", "１０２４", "1024 bits", "9" * 5000):
            output = lab.type(wrong)
            assert output.text == "% A decimal number between 512 and 4096.\n"
            assert output.prompt == "How many bits in the modulus [2048]: "
        lab.type(" 1024 ")
        ending = "Generating RSA keys ...\nDone w/ crypto generate keypair\n[OK]\n\nRP/0/RP0/CPU0:ios#"
        assert lab.screen.text.endswith(ending)
        assert lab.pki.keys.labels(Algorithm.RSA) == ["the_default"]

    @pytest.mark.parametrize(("wording", "least", "most"), [("classic", 360, 2048), ("modern", 512, 4096)])
    def test_the_ends_of_the_range_are_taken(
        self, make_lab: MakeLab, wording: str, least: int, most: int
    ) -> None:
        lab = make_lab(wording)
        for bits in (least, most):
            lab.screen(f"crypto key generate rsa k{bits}")
            job = lab.screen(str(bits)).job
            assert job is not None
            lab.screen.session.interrupt(lab.screen.now)
        for bits in (least - 1, most + 1):
            lab.screen(f"crypto key generate rsa k{bits}")
            assert lab.screen(str(bits)).question
            lab.screen.session.interrupt(lab.screen.now)
        assert list(lab.pki.keys) == []

    def test_replacing_asks(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        lab.type("crypto key generate rsa general-keys mykey", "1024")
        old = lab.key("mykey")
        output = lab.type("crypto key generate rsa usage-keys mykey")
        assert output.text.splitlines()[1:] == [
            "The name for the keys will be: mykey",
            "% You already have keys defined for mykey",
        ]
        assert output.prompt == "Do you really want to replace them? [yes/no]: "
        assert lab.type("maybe").prompt == output.prompt
        assert lab.type("no").prompt.endswith("#")
        assert lab.key("mykey") is old
        lab.type("crypto key generate rsa mykey", "yes", "1152")
        assert lab.key("mykey").size == 1152

    def test_the_default_sizes(self, make_lab: MakeLab) -> None:
        for wording, size in (("classic", 1024), ("modern", 2048)):
            lab = make_lab(wording)
            lab.type("crypto key generate rsa", "")
            assert lab.key().size == size

    @pytest.mark.parametrize("words", ["usage-keys", "usage keys", "usage-k", "usage k"])
    def test_usage_keys_are_two_under_one_label(self, make_lab: MakeLab, words: str) -> None:
        lab = make_lab("modern")
        lab.type(f"crypto key generate rsa {words} pair", "1024", "1152")
        signature, encryption = lab.pki.keys.for_enrolment("pair")
        assert (signature.purpose, signature.size) == (Purpose.SIGNATURE, 1024)
        assert (encryption.purpose, encryption.size) == (Purpose.ENCRYPTION, 1152)
        lab.type("crypto key generate rsa general-keys pair", "yes", "1024")
        assert [key.purpose for key in lab.pki.keys] == [Purpose.GENERAL]

    def test_kinds_do_not_share_labels(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        for kind in ("rsa", "dsa", "ecdsa nistp256", "ecdsa nistp384", "ecdsa nistp521", "ed25519"):
            question = lab.type(f"crypto key generate {kind}").question
            if question:
                lab.type("1024" if kind == "rsa" else "512")
        assert [key.algorithm for key in lab.pki.keys] == list(Algorithm)
        assert {key.label for key in lab.pki.keys} == {"the_default"}


class TestShowing:
    @pytest.mark.parametrize("texts", [CLASSIC, MODERN], ids=lambda texts: texts.name)
    def test_shown_data_is_the_public_key(self, make_lab: MakeLab, texts: Any) -> None:
        lab = make_lab(texts.name)
        for label, key in (("b", rsa_key("router")), ("a", rsa_key("router", 1152))):
            lab.pki.set_keys(KeyPair(label, key, lab.screen.now), now=lab.screen.now)
        shown = lab.type("show crypto key mypubkey rsa").text
        assert re.findall(r"Key label: ?(\w)", shown) == ["a", "b"]
        assert shown_data(shown) == [lab.key(label).public_key_info for label in "ab"]
        for block in re.split(r"Data +: ?\n", shown)[1:]:
            lines = block.splitlines()
            data = [line for line in lines if re.fullmatch(r" [0-9A-F ]+", line)]
            assert lines[: len(data)] == data
            assert {len(line) for line in data[:-1]} == {8 * 9 + 1}
            assert all(line.endswith(" ") for line in data[:-1])
            assert not data[-1].endswith(" ")

    def test_data_of_every_kind_can_be_read(self, make_lab: MakeLab) -> None:
        """By others: OpenSSL where it takes the key, asn1crypto for 768 bits of DSA."""
        lab = make_lab("modern")
        lab.type("crypto key generate dsa big", "", "crypto key generate dsa small", "768")
        lab.type("crypto key generate ecdsa nistp521", "crypto key generate ed25519")
        big, small, ecdsa, ed25519 = shown_data(lab.type("show crypto key mypubkey all").text)
        assert load_der_public_key(big).key_size == 1024  # type: ignore[union-attr]
        assert PublicKeyInfo.load(small).native["algorithm"]["parameters"]["p"].bit_length() == 768
        assert load_der_public_key(ecdsa).curve.name == "secp521r1"  # type: ignore[union-attr]
        assert isinstance(load_der_public_key(ed25519), Ed25519PublicKey)

    def test_one_kind_at_a_time(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        lab.type("crypto key generate ecdsa nistp256 a", "crypto key generate ecdsa nistp384 b")
        lab.type("crypto key generate ed25519 c", "crypto key generate dsa d", "512")
        for words, labels in (("rsa", []), ("ecdsa", ["a", "b"]), ("ed25519", ["c"]), ("dsa", ["d"])):
            shown = lab.type(f"show crypto key mypubkey {words}").text
            assert re.findall(r"Key label: (\w)", shown) == labels
        shown = lab.type("show crypto key mypubkey all").text
        assert re.findall(r"(?m)^(Size|Degree) +: (\d+)", shown) == [
            ("Size", "512"),
            ("Degree", "256"),
            ("Degree", "384"),
            ("Size", "256"),
        ]

    def test_no_keys(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        assert lab.type("terminal exec prompt no-timestamp", "show crypto key mypubkey all").text == ""


class TestZeroizing:
    def test_without_a_label_all_of_the_kind_go(self, make_lab: MakeLab) -> None:
        lab = make_lab("modern")
        lab.type(
            "crypto key generate rsa one", "1024", "crypto key generate rsa usage-keys two", "1024", "1024"
        )
        lab.type("crypto key generate ed25519 one")
        output = lab.type("crypto key zeroize rsa")
        assert output.text.splitlines()[1:] == ["% Keys to be removed are named one, two"]
        assert output.prompt == "Do you really want to remove these keys ?? [yes/no]: "
        lab.type("no")
        assert lab.pki.keys.labels(Algorithm.RSA) == ["one", "two"]
        lab.type("crypto key zeroize rsa two", "yes")
        assert lab.pki.keys.labels(Algorithm.RSA) == ["one"]
        lab.type("crypto key zeroize rsa", "yes")
        assert [key.algorithm for key in lab.pki.keys] == [Algorithm.ED25519]

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [("rsa", "% There are no RSA keys."), ("dsa x", "% There are no DSA keys named x.")],
    )
    def test_what_is_not_there(self, make_lab: MakeLab, words: str, sentence: str) -> None:
        lab = make_lab("modern")
        lab.type("crypto key generate rsa", "1024") if "x" in words else None
        output = lab.type(f"crypto key zeroize {words}")
        assert (output.text.splitlines()[1:], output.failed, output.question) == ([sentence], True, False)

    def test_two_operators_at_once(self, make_lab: MakeLab, make_screen: Callable[..., Any]) -> None:
        lab = make_lab("modern")
        lab.type("crypto key generate rsa", "1024", "crypto key zeroize rsa")
        other = make_screen(lab.router, "vty1")
        other("crypto key zeroize rsa", "yes")
        assert not lab.type("yes").failed
        assert list(lab.pki.keys) == []

    def test_a_pending_enrolment_goes_and_the_certificate_stays(
        self, make_lab: MakeLab, ca: ScriptedCa
    ) -> None:
        """Nothing could open the answer any more; to remove a certificate is the operator's to say."""
        lab = make_lab("modern")
        ca.answer = ca.issued
        lab.enrol()
        ca.answer = ca.pending
        lab.type("crypto ca enroll myca", "yes", "", "", "crypto key generate ed25519")
        assert awaited(lab.pki)
        lab.type("crypto key zeroize ed25519", "yes")
        assert awaited(lab.pki)
        lab.type("crypto key zeroize rsa", "yes")
        assert awaited(lab.pki) == []
        assert "Certificate enrollment was cancelled for trustpoint myca" in lab.log[-1]
        assert "Status         : Available" in lab.type("show crypto ca certificates").text
        sent = len(ca.requests)
        lab.wait(minutes=30)
        assert len(ca.requests) == sent


def test_hexadecimal_lines() -> None:
    assert hexadecimal_lines(bytes(range(34))) == [
        " 00010203 04050607 08090A0B 0C0D0E0F 10111213 14151617 18191A1B 1C1D1E1F ",
        " 2021",
    ]
