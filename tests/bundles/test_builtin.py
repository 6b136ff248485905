"""What routers have built in: the same octets for whoever builds them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificates

import router_emu
from bundles.__main__ import main
from bundles.app import builtin_pem
from bundles.domain.issuing import derived_key

COMMITTED = Path(router_emu.__file__).with_name("builtin.pem")


def test_the_committed_file_is_what_the_recipe_builds():
    assert COMMITTED.read_bytes() == builtin_pem(), "run: make builtins"


def test_every_build_is_the_same(built):
    assert built["builtin"].content == builtin_pem()


def test_the_command_prints_it_without_a_state_folder():
    assert CliRunner().invoke(main, ["builtin"]).stdout_bytes == builtin_pem()


def test_the_file_says_that_anybody_can_sign():
    assert "ANYBODY CAN SIGN FOR THESE CAs" in COMMITTED.read_text()
    assert "PRIVATE" not in COMMITTED.read_text()


def test_they_are_selfsigned_cas_of_the_lab():
    found = load_pem_x509_certificates(COMMITTED.read_bytes())
    assert [each.subject.rfc4514_string() for each in found] == [
        f"CN=Lab Root CA {name},O=scep-lab" for name in ("2048", "M1", "M2", "2099")
    ]
    for each in found:
        each.verify_directly_issued_by(each)


def test_a_derived_key_is_a_point_that_the_seed_and_the_name_give():
    key = derived_key("seed", "name")
    assert isinstance(key.curve, ec.SECP256R1)
    # Fixed for good: with another way to derive them every router's built-in certificates would change.
    assert f"{key.private_numbers().private_value:x}" == (
        "47d9e791844d924303f17ac5430fb74108ca1a928bcfab4bb945ed7ecb284539"
    )
    assert derived_key("seed", "other").private_numbers() != key.private_numbers()
