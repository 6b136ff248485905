"""`enrollment self`: the router's own CA, and its certificate by that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from router_emu.pki.keys import Algorithm, GenerateKey, OwnKey, Purpose, generate
from router_emu.texts import MODERN
from tests.programs import program, run
from tests.router_emu.pki_lab import BORN, Lab, awaited

NAME = "system-trustpoint"
AUTHENTICATE, ENROLL = f"crypto ca authenticate {NAME}", f"crypto ca enroll {NAME}"

STATEMENTS = [
    "ca-keypair ecdsanistp384 root",
    "enrollment self",
    "key-usage ca-certificate keycertsign crlsign",
    "key-usage certificate digitalsignature keyagreement",
    "keypair ecdsanistp256 leaf",
    "lifetime ca-certificate 30",
    "lifetime certificate 40",
    "message-digest sha384",
    "subject-alternative-name DNS:r1.lab,IP:192.0.2.1",
    "subject-name CN=r1,O=Lab",
    "subject-name ca-certificate CN=Root of r1,O=Lab",
]


def key(lab: Lab, algorithm: Algorithm, label: str, bits: int = 0) -> OwnKey:
    made = OwnKey(label, generate(GenerateKey(algorithm, bits), lab.pki.random_bytes), BORN)
    lab.pki.set_keys(made, now=lab.screen.now)
    return made


@pytest.fixture
def configured(lab: Lab) -> Callable[..., Lab]:
    def configure(*lines: str) -> Lab:
        lab.type("configure", "hostname r1", "domain name lab.example", f"crypto ca trustpoint {NAME}")
        lab.type("enrollment self", *lines, "commit", "end")
        assert lab.router.config.running.block("crypto ca trustpoint", NAME) is not None
        return lab

    return configure


def held(lab: Lab) -> tuple[x509.Certificate, x509.Certificate]:
    """The CA's and the router's certificate, in cryptography's eyes; the one has issued the other."""
    state = lab.pki.trustpoint(NAME)
    assert state.ca is not None
    assert state.router is not None
    ca, own = (x509.load_der_x509_certificate(each.der) for each in (state.ca, state.router))
    own.verify_directly_issued_by(ca)
    ca.verify_directly_issued_by(ca)
    return ca, own


def extension(certificate: x509.Certificate, kind: Any) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


def test_the_router_certifies_itself(configured: Callable[..., Lab]) -> None:
    lab = configured()
    lab.type("crypto key generate rsa", "1024")
    start = lab.screen.now.replace(microsecond=0)
    shown = lab.type(AUTHENTICATE)
    assert not shown.question
    assert "CN=r1.lab.example CA" in shown.text
    assert lab.type(ENROLL).text.endswith(MODERN.self_issued + "\n")
    ca, own = held(lab)
    assert ca.subject.rfc4514_string() == "CN=r1.lab.example CA"
    assert own.subject.rfc4514_string() == "CN=r1.lab.example"
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=365)
    assert own.not_valid_after_utc - own.not_valid_before_utc == timedelta(days=200)
    assert ca.not_valid_before_utc - start < timedelta(minutes=1)
    assert extension(ca, x509.BasicConstraints).ca
    assert not extension(own, x509.BasicConstraints).ca
    assert extension(ca, x509.KeyUsage).key_cert_sign
    assert extension(own, x509.SubjectAlternativeName).get_values_for_type(x509.DNSName) == ["r1.lab.example"]
    assert ca.serial_number != own.serial_number
    assert [line.partition(" : ")[0] for line in lab.log] == ["SECURITY-CEPKI-6-CERTRET"]
    lab.restart()
    assert held(lab) == (ca, own)
    assert lab.type("show crypto ca certificates").text.count("Available") == 1
    assert awaited(lab.pki) == []


def test_what_is_configured_stands_in_the_certificates(configured: Callable[..., Lab]) -> None:
    lab = configured(*STATEMENTS)
    shown = lab.type(f"show running-config crypto ca trustpoint {NAME}").text.splitlines()
    assert [line.strip() for line in shown if line.startswith(" ")] == STATEMENTS
    leaf, root = key(lab, Algorithm.NISTP256, "leaf"), key(lab, Algorithm.NISTP384, "root")
    lab.type(AUTHENTICATE)
    lab.type(ENROLL)
    ca, own = held(lab)
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey)
    assert isinstance(root.key, ec.EllipticCurvePrivateKey)
    assert (own.public_key(), ca.public_key()) == (leaf.key.public_key(), root.key.public_key())
    assert own.subject.rfc4514_string() == "O=Lab,CN=r1"
    assert ca.subject.rfc4514_string() == "O=Lab,CN=Root of r1"
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=30)
    assert own.not_valid_after_utc == ca.not_valid_after_utc  # it ends with its CA
    assert not extension(ca, x509.KeyUsage).digital_signature
    assert extension(own, x509.KeyUsage).key_agreement
    assert extension(own, x509.SubjectAlternativeName).get_values_for_type(x509.DNSName) == ["r1.lab"]
    assert own.signature_hash_algorithm is not None
    assert own.signature_hash_algorithm.name == "sha384"


def test_an_ed25519_key_is_certified_by_a_ca_of_another_kind(configured: Callable[..., Lab]) -> None:
    lab = configured("keypair ed25519 leaf", "ca-keypair ecdsanistp256 root")
    key(lab, Algorithm.ED25519, "leaf")
    key(lab, Algorithm.NISTP256, "root")
    lab.type(AUTHENTICATE)
    lab.type(ENROLL)
    _, own = held(lab)
    assert not extension(own, x509.KeyUsage).key_encipherment


@pytest.mark.parametrize(("words", "algorithm"), [("ed25519", Algorithm.ED25519), ("dsa", Algorithm.DSA)])
def test_no_ca_of_a_key_that_cannot_sign_here(
    configured: Callable[..., Lab], words: str, algorithm: Algorithm
) -> None:
    lab = configured(f"keypair {words} k1")
    key(lab, algorithm, "k1", bits=512)
    shown = lab.type(AUTHENTICATE)
    assert shown.failed
    assert "the key pair k1 of the CA is neither RSA nor ECDSA" in shown.text
    assert lab.pki.trustpoints == {}


def test_usage_keys_get_a_certificate_each(configured: Callable[..., Lab]) -> None:
    lab = configured()
    lab.type("crypto key generate rsa usage-keys", "1024", "1024", AUTHENTICATE, ENROLL)
    state = lab.pki.trustpoint(NAME)
    assert set(state.own) == {Purpose.SIGNATURE, Purpose.ENCRYPTION}
    assert state.own[Purpose.ENCRYPTION].has_key_usage("key_encipherment")
    assert not state.own[Purpose.ENCRYPTION].has_key_usage("digital_signature")
    assert state.ca is not None
    assert state.ca.public_key_info == state.own[Purpose.SIGNATURE].public_key_info


class TestRefusals:
    def test_without_keys(self, configured: Callable[..., Lab]) -> None:
        lab = configured("ca-keypair ecdsanistp256 root")
        refused = MODERN.self_no_key.format(kind="NISTP256", label="root")
        assert refused in lab.type(AUTHENTICATE).text
        key(lab, Algorithm.NISTP256, "root")
        lab.type(AUTHENTICATE)
        assert MODERN.self_no_key.format(kind="RSA", label="the_default") in lab.type(ENROLL).text

    def test_without_a_ca(self, configured: Callable[..., Lab]) -> None:
        assert MODERN.not_authenticated.format(name=NAME) in configured().type(ENROLL).text

    def test_when_the_ca_has_expired(self, configured: Callable[..., Lab]) -> None:
        lab = configured()
        lab.type("crypto key generate rsa", "1024", AUTHENTICATE)
        lab.screen.now += timedelta(days=366)
        assert MODERN.self_ca_expired.format(name=NAME) in lab.type(ENROLL).text
        lab.type(AUTHENTICATE, "yes", ENROLL)
        assert held(lab)[1].not_valid_before_utc > BORN + timedelta(days=365)

    def test_when_its_key_is_gone(self, configured: Callable[..., Lab]) -> None:
        lab = configured()
        lab.type("crypto key generate rsa", "1024", AUTHENTICATE, "crypto key zeroize rsa", "yes")
        assert MODERN.self_ca_key_lost.format(name=NAME) in lab.type(ENROLL).text

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("subject-name CN=r1.lab.example CA", "the router's subject name is that of its CA"),
            ("key-usage ca-certificate crlsign", "does not allow signing certificates"),
        ],
    )
    def test_what_cannot_be_verified_is_not_issued(
        self, configured: Callable[..., Lab], line: str, why: str
    ) -> None:
        lab = configured(line)
        lab.type("crypto key generate rsa", "1024", AUTHENTICATE)
        assert why in lab.type(ENROLL).text
        assert lab.pki.trustpoint(NAME).own == {}

    def test_a_digest_that_ecdsa_has_not(self, configured: Callable[..., Lab]) -> None:
        lab = configured("keypair ecdsanistp256 k1", "message-digest md5")
        key(lab, Algorithm.NISTP256, "k1")
        assert "there is no ECDSA with md5" in lab.type(AUTHENTICATE).text

    def test_a_file_has_no_place_here(self, configured: Callable[..., Lab]) -> None:
        lab = configured()
        refused = MODERN.local_not_configured.format(name=NAME)
        assert refused in lab.type(f"{AUTHENTICATE} disk0:/ca.pem").text


def test_a_second_ca_takes_the_certificate_of_the_first_away(configured: Callable[..., Lab]) -> None:
    lab = configured()
    lab.type("crypto key generate rsa", "1024", AUTHENTICATE, ENROLL)
    before = lab.pki.trustpoint(NAME)
    shown = lab.type(AUTHENTICATE)
    assert (MODERN.self_removes_own in shown.text, shown.prompt) == (True, MODERN.authenticate_sure)
    lab.type("no")
    assert lab.pki.trustpoint(NAME) == before
    lab.type(AUTHENTICATE, "yes")
    after = lab.pki.trustpoint(NAME)
    assert (after.ca != before.ca, after.own) == (True, {})


def test_a_second_certificate_is_asked_about(configured: Callable[..., Lab]) -> None:
    lab = configured()
    lab.type("crypto key generate rsa", "1024", AUTHENTICATE, ENROLL)
    _, first = held(lab)
    assert lab.type(ENROLL).prompt == MODERN.enroll_again
    lab.type("no")
    assert held(lab)[1] == first
    lab.type(ENROLL, "yes")
    assert held(lab)[1] != first


def test_the_statement_goes_away_while_the_question_waits(configured: Callable[..., Lab]) -> None:
    lab = configured()
    lab.type("crypto key generate rsa", "1024", AUTHENTICATE, ENROLL, AUTHENTICATE)
    other = lab.router.config.open("other", "vty1", lab.screen.now)
    [path] = [(key,) for key in other.target.children if key.name == NAME]
    other.drop(path, "enrollment self")
    other.commit(lab.screen.now)
    assert MODERN.self_no_more.format(name=NAME) in lab.type("yes").text
    assert held(lab)


@pytest.mark.parametrize(
    ("lines", "wrong", "reason"),
    [
        (["enrollment terminal"], "enrollment terminal", "enrollment local, self and terminal exclude"),
        (["keypair dsa a", "keypair rsa b"], "keypair rsa b", "keypair names one key pair"),
        (["ca-keypair dsa a", "ca-keypair rsa b"], "ca-keypair rsa b", "ca-keypair names one key pair"),
        (["key-usage certificate crlsign"], "key-usage certificate crlsign", "'crlsign' is none of dataenc"),
        (["subject-name ca-certificate x"], "subject-name ca-certificate x", "not an attribute of a disting"),
    ],
)
def test_a_commit_refuses_what_does_not_go_together(
    lab: Lab, lines: list[str], wrong: str, reason: str
) -> None:
    lab.type("configure", f"crypto ca trustpoint {NAME}", "enrollment self", *lines)
    assert MODERN.commit_failed in lab.type("commit").text
    assert f"\n {wrong}\n!!% {reason}" in lab.type("show configuration failed").text


@pytest.mark.parametrize(
    "line",
    [
        "enrollment self",
        "keypair rsa a",
        "ca-keypair ed25519 a",
        "lifetime certificate 30",
        "lifetime ca-certificate 30",
        "key-usage certificate digitalsignature",
        "subject-name ca-certificate CN=x",
    ],
)
def test_other_trustpoints_are_not_their_own_ca(lab: Lab, line: str) -> None:
    lab.type("configure", "crypto ca trustpoint myca", line)
    assert MODERN.commit_failed in lab.type("commit").text
    reason = f"only the trustpoint {NAME} has this"
    assert f"\n {line}\n!!% {reason}\n" in lab.type("show configuration failed").text


@pytest.mark.interop
@pytest.mark.parametrize("lines", [(), ("keypair ecdsanistp256 leaf", "ca-keypair ecdsanistp384 root")])
def test_openssl_verifies_it(configured: Callable[..., Lab], lines: tuple[str, ...], tmp_path: Path) -> None:
    lab = configured(*lines)
    key(lab, Algorithm.NISTP256, "leaf")
    key(lab, Algorithm.NISTP384, "root")
    lab.type("crypto key generate rsa", "1024", AUTHENTICATE, ENROLL)
    for name, certificate in zip(("ca", "own"), held(lab), strict=True):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    at = int(lab.screen.now.timestamp())
    options = f"-x509_strict -check_ss_sig -auth_level 0 -verify_hostname r1.lab.example -attime {at}"
    run(f"{program('openssl')} verify {options} -CAfile {tmp_path}/ca.pem {tmp_path}/own.pem")
