"""The shipped bundles as OpenSSL reads them, by the commands that Cisco's users are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bundles.domain.builder import Bundle
from tests.bundles.stage import START
from tests.programs import program, run

pytestmark = pytest.mark.interop

PEM_FORMS = {"pem", "pem-annotated"}
UNREADABLE = {"truncated", "truncated-pem", "empty", "not-a-bundle"}
SIGNED = ("full", "core", "successor", "expiring", "repeated", "expired", "non-ca", "duplicate", "hundreds")
SIGNED += ("ber", "armoured", "certifi", "changing", "no-certificates", "wrong-type")
AT = str(int(START.timestamp()))


@pytest.fixture
def openssl() -> str:
    return program("openssl")


@pytest.fixture
def trust(tmp_path, built) -> Path:
    path = tmp_path / "builtin.pem"
    path.write_bytes(built["builtin"].content)
    return path


def inform(bundle: Bundle) -> str:
    return "PEM" if bundle.form == "pkcs7-pem" else "DER"


def printed(openssl: str, path: Path, form: str) -> int:
    """How many certificates ``openssl pkcs7`` prints."""
    said = run([openssl, "pkcs7", "-in", str(path), "-inform", form, "-print_certs"])
    return said.stdout.count(b"BEGIN CERTIFICATE")


def verify(openssl: str, bundle: Bundle, folder: Path, trust: Path) -> subprocess.CompletedProcess[bytes]:
    (folder / "bundle").write_bytes(bundle.content)
    command = [openssl, "cms", "-verify", "-in", str(folder / "bundle"), "-inform", inform(bundle)]
    command += ["-CAfile", str(trust), "-attime", AT, "-binary", "-out", str(folder / "inner.p7b")]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("name", SIGNED)
def test_signed_ones_verify_with_the_builtin_cas_and_hold_a_bag(openssl, built, tmp_path, trust, name):
    bundle = built[name]
    verified = verify(openssl, bundle, tmp_path, trust)
    assert verified.returncode == 0, verified.stderr
    assert printed(openssl, tmp_path / "inner.p7b", "DER") == len(bundle.certificates)
    assert printed(openssl, tmp_path / "bundle", inform(bundle)) == 1  # its signer's


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken-signature", b"bad signature|verification failure|signature failure"),
        ("stranger", b"unable to get local issuer certificate"),
        ("expired-signer", b"certificate has expired"),
    ],
)
def test_badly_signed_ones_do_not(openssl, built, tmp_path, trust, name, why):
    refused = verify(openssl, built[name], tmp_path, trust)
    assert refused.returncode != 0
    assert any(each in refused.stderr for each in why.split(b"|")), refused.stderr


@pytest.mark.parametrize("name", ["full-unsigned", "ber-unsigned", "armoured-unsigned"])
def test_unsigned_ones_are_bags(openssl, built, tmp_path, name):
    (tmp_path / "bundle").write_bytes(built[name].content)
    assert printed(openssl, tmp_path / "bundle", inform(built[name])) == len(built[name].certificates)


@pytest.mark.parametrize("name", ["builtin", "full-pem", "comments", "certifi-pem"])
def test_pem_becomes_a_bag_of_as_many(openssl, built, tmp_path, name):
    (tmp_path / "bundle").write_bytes(built[name].content)
    bag = run([openssl, "crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "bundle"), "-outform", "DER"])
    (tmp_path / "bag").write_bytes(bag.stdout)
    assert printed(openssl, tmp_path / "bag", "DER") == len(built[name].certificates)


def test_an_unsigned_one_holds_what_one_of_openssls_does(openssl, built, tmp_path):
    (tmp_path / "pem").write_bytes(built["full-pem"].content)
    bag = run([openssl, "crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "pem"), "-outform", "DER"])
    (tmp_path / "bag").write_bytes(bag.stdout)
    (tmp_path / "ours").write_bytes(built["full-unsigned"].content)
    theirs, ours = (
        run([openssl, "pkcs7", "-in", str(tmp_path / name), "-inform", "DER", "-print_certs"]).stdout
        for name in ("bag", "ours")
    )
    assert sorted(theirs.split(b"\n\n")) == sorted(ours.split(b"\n\n"))


def test_the_single_one_is_read(openssl, built, tmp_path):
    (tmp_path / "bundle").write_bytes(built["single"].content)
    said = run([openssl, "x509", "-in", str(tmp_path / "bundle"), "-inform", "DER", "-noout", "-subject"])
    assert b"Lab Services CA" in said.stdout


@pytest.mark.parametrize("name", sorted(UNREADABLE - {"truncated-pem"}))
def test_broken_ones_are_not_read(openssl, built, tmp_path, name):
    (tmp_path / "bundle").write_bytes(built[name].content)
    run([openssl, "pkcs7", "-in", str(tmp_path / "bundle"), "-inform", "DER", "-print_certs"], status=1)


def test_every_shipped_bundle_is_in_one_of_these_tests(built):
    tested = {*SIGNED, *UNREADABLE, "broken-signature", "stranger", "expired-signer", "single"}
    tested |= {"full-unsigned", "ber-unsigned", "armoured-unsigned"}
    tested |= {name for name, bundle in built.items() if bundle.form in PEM_FORMS}
    assert set(built) == tested
