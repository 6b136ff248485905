"""Which bundles a router takes, and why it refuses the others."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles.domain import forms
from router_emu.pki.pool.bundle import (
    MOST_CERTIFICATES,
    MOST_OCTETS,
    Bundle,
    BundleRefused,
    read_bundle,
    reading,
)
from router_emu.pki.readable import LARGEST_CERTIFICATE
from router_emu.pki.wire import Work
from scep_core import asn1, certificates, cms, names
from scep_core.certificates import Certificate
from scep_core.next_ca import seal_next_ca
from scep_core.values import Digest
from tests.router_emu.pki_lab import make_ca, make_identity
from tests.router_emu.pool_stage import EPOCH, FAULTS, builder, built_in, shipped, signer

GOOD = [
    "builtin",
    "full",
    "full-pem",
    "full-unsigned",
    "core",
    "successor",
    "expiring",
    "repeated",
    "hundreds",
]
GOOD += ["ber", "ber-unsigned", "armoured", "armoured-unsigned", "comments", "single", "wrong-type"]
GOOD += ["certifi", "certifi-pem"]
LIFE = (EPOCH - timedelta(days=1), EPOCH + timedelta(days=900))


def refusal(data: bytes) -> str:
    with pytest.raises(BundleRefused) as refused:
        read_bundle(data, built_in(), EPOCH)
    return str(refused.value)


def ca(name: str = "O=lab,CN=A Root", key: str = "a root", **options: object) -> Certificate:
    return make_ca(key, name, life=LIFE, **options).certificate


def signed_by(usage: certificates.Extension, *more: certificates.Extension) -> bytes:
    """A bundle, signed by somebody whom Lab Root CA M1 has certified with these extensions."""
    root = builder().issuer.identity("lab-root-m1")
    who = make_identity("somebody", "O=lab,CN=Somebody", usage, *more, issuer=root, life=LIFE)
    return seal_next_ca([ca()], who, Digest.SHA256)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_one_is_read_whatever_its_form(name):
    bundle = shipped()[name]
    read = read_bundle(bundle.content, built_in(), EPOCH)
    assert sorted(each.der for each in read.certificates) == sorted(each.der for each in bundle.certificates)
    assert read.signer == bundle.signer


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_one_is_refused_with_its_own_sentence(name):
    assert FAULTS[name] in refusal(shipped()[name].content)


@pytest.mark.parametrize("signers", ["310130", "31023005", "3000"])
def test_malformed_signers_are_no_bundle(signers: str) -> None:
    """They used to get past as another error, and the refresh that met them never ended."""
    content = asn1.sequence_of(asn1.oid("1.2.840.113549.1.7.1"))
    body = asn1.integer(1) + asn1.encode(0x31) + content + bytes.fromhex(signers)
    data = asn1.sequence_of(asn1.oid(cms.SIGNED_DATA), asn1.encode(0xA0, asn1.sequence_of(body)))
    assert refusal(data)


def test_every_shipped_bundle_is_in_one_of_these_tests():
    assert {*GOOD, *FAULTS} == set(shipped())


def test_what_was_built_in_at_first_is_what_the_bundle_server_has():
    assert built_in() == shipped()["builtin"].certificates


class TestSignatures:
    """Who vouches for a bundle."""

    def test_certificates_beside_the_signature_are_nobodys(self):
        stowaway = make_ca("stowaway", "CN=Stowaway", life=LIFE).certificate
        data = cms.sign(cms.degenerate([ca()]), [], signer(), Digest.SHA256, [stowaway, signer().certificate])
        assert read_bundle(data, built_in(), EPOCH).certificates == (ca(),)

    def test_a_signature_without_its_signers_certificate_counts_for_nothing(self):
        data = cms.sign(cms.degenerate([ca()]), [], signer(), Digest.SHA256, [])
        assert refusal(data) == "the certificate of its signer is not in it"

    def test_a_downloaded_ca_vouches_for_no_bundle(self):
        own = make_ca("own", "CN=Own Root", life=LIFE)
        data = seal_next_ca([ca()], own, Digest.SHA256)
        assert refusal(data) == "its signer, CN=Own Root, is certified by no built-in CA"

    def test_a_signature_over_something_else_does_not_verify(self):
        data = seal_next_ca([ca()], signer(), Digest.SHA256)
        other = ca("O=lab,CN=B Root")
        assert len(other.der) == len(ca().der)
        assert "its signature does not verify" in refusal(data.replace(ca().der, other.der))

    @pytest.mark.parametrize(
        ("extensions", "why"),
        [
            ([certificates.ext_key_usage("key_encipherment")], "the key usage of CN=Somebody,O=lab is none"),
            (
                [
                    certificates.ext_key_usage("digital_signature"),
                    certificates.ext_extended_key_usage(certificates.SERVER_AUTH),
                ],
                "the extended key usage of CN=Somebody,O=lab is none for a signer",
            ),
        ],
        ids=["enciphers", "web server"],
    )
    def test_a_web_servers_certificate_vouches_for_no_bundle(self, extensions, why):
        assert f"its signer is not to be believed: {why}" in refusal(signed_by(*extensions))

    def test_a_signer_with_a_signers_certificate_does(self):
        data = signed_by(
            certificates.ext_key_usage("digital_signature"),
            certificates.ext_extended_key_usage("1.3.6.1.5.5.7.3.3"),
        )
        assert read_bundle(data, built_in(), EPOCH).certificates == (ca(),)

    def test_pem_may_be_what_is_signed(self):
        text = forms.pem([ca()]).encode()
        data = cms.sign(text, [], signer(), Digest.SHA256, [signer().certificate])
        assert read_bundle(data, built_in(), EPOCH).certificates == (ca(),)

    def test_a_bundle_that_is_signed_twice_is_refused(self):
        once = seal_next_ca([ca()], signer(), Digest.SHA256)
        twice = cms.sign(once, [], signer(), Digest.SHA256, [signer().certificate])
        assert refusal(twice) == "what is signed in it is signed again"

    def test_a_signature_without_content_has_nothing_inside(self):
        data = cms.sign(None, [], signer(), Digest.SHA256, [signer().certificate])
        assert refusal(data) == "it is empty"


class TestMembers:
    """What may be in a bundle."""

    @pytest.mark.parametrize(
        "extensions",
        [
            [],
            [certificates.ext_basic_constraints(False)],
            [certificates.ext_basic_constraints(True), certificates.ext_key_usage("digital_signature")],
        ],
        ids=["no basicConstraints", "CA:FALSE", "may not sign certificates"],
    )
    def test_cas_alone(self, extensions):
        other = make_identity("no ca", "CN=No CA", *extensions, life=LIFE).certificate
        data = forms.pem([ca(), other]).encode()
        assert refusal(data) == "the certificate of CN=No CA in it is no CA's"

    def test_a_certificate_counts_to_its_last_second(self):
        data = forms.pem([ca()]).encode()
        assert read_bundle(data, (), LIFE[1]).certificates == (ca(),)
        with pytest.raises(BundleRefused, match=r"CN=A Root,O=lab in it was valid until 12:00:00 UTC"):
            read_bundle(data, (), LIFE[1] + timedelta(seconds=1))

    def test_one_that_begins_later_may_wait_in_it(self):
        data = forms.pem([ca()]).encode()
        assert read_bundle(data, (), LIFE[0] - timedelta(days=1)).certificates == (ca(),)

    def test_no_two_of_one_issuer_and_subject_in_any_spelling(self):
        other = ca("O=lab,CN=a  ROOT", "another key")
        assert refusal(forms.pem([ca(), other]).encode()) == (
            "there are two certificates of CN=a  ROOT,O=lab in it"
        )

    def test_one_subject_below_two_issuers_is_fine(self):
        root = make_ca("root", "CN=Root", life=LIFE)
        both = (ca(), ca(issuer=root))
        assert read_bundle(forms.pem(both).encode(), (), EPOCH).certificates == both

    def test_not_too_many(self):
        many = forms.pem([ca()]) * (MOST_CERTIFICATES + 1)
        assert refusal(many.encode()) == f"it has more than {MOST_CERTIFICATES} certificates"

    def test_none_that_is_too_large(self):
        large = certificates.Extension("1.3.6.1.4.1.55555.1", False, bytes(LARGEST_CERTIFICATE))
        said = f"one of its certificates is larger than {LARGEST_CERTIFICATE} octets"
        member = make_identity(
            "large", "CN=Large", certificates.ext_basic_constraints(True), large, life=LIFE
        )
        assert refusal(member.certificate.der) == said
        assert refusal(signed_by(large)) == said

    def test_a_name_of_many_parts_is_not_read(self, monkeypatch):
        """It is refused by its size: 150,000 parts took six seconds."""
        part = asn1.set_of([asn1.sequence_of(asn1.oid("2.5.4.11"), asn1.encode(asn1.UTF8_STRING, b"x"))])
        root = make_ca("a root", life=LIFE)
        large = certificates.build_certificate(
            serial_number=1,
            issuer=root.certificate.subject,
            subject=asn1.sequence_of(part * 150_000),
            public_key_info=root.certificate.public_key_info,
            not_before=LIFE[0],
            not_after=LIFE[1],
            extensions=[certificates.ext_basic_constraints(True)],
            key=root.key,
            digest=Digest.SHA256,
        )
        monkeypatch.setattr(names, "parse_name", lambda name: pytest.fail("it is read"))
        assert "larger than" in refusal(large.der)

    def test_not_too_large(self):
        assert refusal(b"#" * (MOST_OCTETS + 1)) == f"it has more than {MOST_OCTETS} bytes"

    def test_a_hostile_name_does_not_reach_the_terminal(self):
        other = make_identity("no ca", "CN=x\x1b[2Jy\\\nz", life=LIFE).certificate
        assert refusal(other.der).isprintable()


class TestPem:
    """Text around certificates."""

    def test_any_order_comments_ends_of_lines_and_a_mark_at_the_start(self):
        one, two = ca(), ca("O=lab,CN=B Root")
        text = (
            f"\ufeff# ours\r\n=====\r\n{forms.pem([one])}----- two -----\r\n{forms.pem([two])}\r\nthe end\r\n"
        )
        assert read_bundle(text.replace("\n", "\r\n").encode(), (), EPOCH).certificates == (one, two)

    @pytest.mark.parametrize("label", ["CERTIFICATE", "X509 CERTIFICATE"])
    def test_old_labels(self, label):
        assert read_bundle(forms.armoured(label, ca().der).encode(), (), EPOCH).certificates == (ca(),)

    @pytest.mark.parametrize("label", ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"])
    def test_armoured_pkcs7(self, label):
        data = forms.armoured(label, forms.ber(cms.degenerate([ca()]))).encode()
        assert read_bundle(data, (), EPOCH).certificates == (ca(),)

    @pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "TRUSTED CERTIFICATE", "PKCS7", "\x1b[2J" * 30])
    def test_nothing_else_beside_certificates(self, label):
        said = refusal((forms.pem([ca()]) + forms.armoured(label, ca().der)).encode())
        assert said.endswith(" is in it")
        assert said.isprintable()
        assert len(said) < 60

    @pytest.mark.parametrize("kept", [10, 40, 300, -3, -20, -28])
    def test_one_that_is_cut_off_is_noticed(self, kept):
        two = forms.pem([ca("O=lab,CN=B Root")])
        assert refusal((forms.pem([ca()]) + two[:kept]).encode()) == "it ends too early"

    def test_what_is_no_base64_or_no_certificate_cannot_be_read(self):
        for body in ("?", base64.b64encode(b"no certificate").decode()):
            said = refusal(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode())
            assert said == "one of its certificates cannot be read"

    def test_one_certificate_that_is_spoilt_spoils_the_bag(self):
        for part, other in [(ca().subject, b"\x31" + ca().subject[1:]), (b"\x17\x0d", b"\x16\x0d")]:
            data = cms.degenerate([ca()]).replace(part, other)
            assert refusal(data) == "one of its certificates cannot be read"

    @pytest.mark.parametrize(
        "data",
        [
            b"\x30",
            b"\x30\x00",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x00",
            b"{}",
            b"-----",
            b"\x30\x80" * 99,
        ],
    )
    def test_scraps_are_refused(self, data):
        assert refusal(data) in ("it ends too early", "it is no bundle of certificates")

    def test_other_messages_of_pkcs7_are_none(self):
        assert (
            refusal(cms.content_info(cms.DATA, asn1.octet_string(b"x"))) == "it is no bundle of certificates"
        )


class TestReading:
    """Without anybody else waiting, or raising."""

    def test_a_long_one_is_left_to_a_thread_and_a_short_one_is_not(self):
        exchange = reading(shipped()["hundreds"].content, built_in(), EPOCH)
        work = next(exchange)
        assert isinstance(work, Work)
        bundle = work.do()
        assert isinstance(bundle, Bundle)
        assert len(bundle.certificates) == 300
        with pytest.raises(StopIteration) as end:
            exchange.send(bundle)
        assert end.value.value is bundle
        with pytest.raises(StopIteration) as end:
            next(reading(shipped()["single"].content, built_in(), EPOCH))
        assert len(end.value.value.certificates) == 1

    @pytest.mark.parametrize("data", [b"", b"x" * 70_000])
    def test_what_is_wrong_is_returned(self, data):
        exchange = reading(data, built_in(), EPOCH)
        with pytest.raises(StopIteration) as end:
            exchange.send(next(exchange).do())
        assert isinstance(end.value.value, BundleRefused)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_spoilt_is_refused_or_harmless(data):
    """A signed bundle with a byte changed is refused, unless it is one beside what is signed and believed."""
    name = data.draw(st.sampled_from(["core", "ber", "core-unsigned", "comments"]))
    whole = (
        shipped()[name].content if name in shipped() else forms.pkcs7(shipped()["core"].certificates, None)
    )
    at, size = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 3))
    spoilt = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + size :]
    try:
        bundle = read_bundle(spoilt, built_in(), EPOCH)
    except BundleRefused:
        return
    if name in ("core", "ber") and bundle.signer is not None:
        original = shipped()[name].certificates
        assert sorted(each.der for each in bundle.certificates) == sorted(each.der for each in original)
