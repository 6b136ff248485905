"""What a router sends, byte for byte: scep.md 3.1 and 3.2, read back with asn1crypto."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from asn1crypto import cms, csr, x509

from router_emu.commands.context import Router
from router_emu.pki.wire import (
    CISCO,
    RFC8894,
    WIRE_PROFILES,
    HttpRequest,
    HttpResponse,
    NoResponse,
    WireProfile,
)
from scep_core.messages import CertPoll, PkcsReq
from scep_core.values import Algorithms, Cipher, Digest
from tests.router_emu.pki_lab import PASSWORD, URL, Lab, ScriptedCa

AGENT = ("User-Agent", "Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)")
SUBJECT_ALT_NAME, KEY_USAGE = "2.5.29.17", "2.5.29.15"


def message_of(request: HttpRequest) -> bytes:
    """The pkiMessage of a GET, decoded without our own code."""
    return base64.b64decode(unquote(request.url.partition("&message=")[2]), validate=False)


@pytest.mark.parametrize(
    ("profile", "typed", "base"),
    [
        (CISCO, "http://ca", "http://ca/cgi-bin/pkiclient.exe"),
        (CISCO, "http://ca/", "http://ca/cgi-bin/pkiclient.exe"),
        (CISCO, "http://ca:8080", "http://ca:8080/cgi-bin/pkiclient.exe"),
        (CISCO, "http://ca/certsrv/mscep/mscep.dll", "http://ca/certsrv/mscep/mscep.dll/pkiclient.exe"),
        (CISCO, "http://ca/certsrv/mscep/mscep.dll/", "http://ca/certsrv/mscep/mscep.dll/pkiclient.exe"),
        (CISCO, "http://ca/cgi-bin/PkiClient.exe", "http://ca/cgi-bin/PkiClient.exe"),
        (CISCO, "http://ca/scep:8081", "http://ca/scep:8081/pkiclient.exe"),
        (CISCO, "http://[::1]:80/scep?x=1#y", "http://[::1]:80/scep/pkiclient.exe"),
        (RFC8894, "http://ca:8080", "http://ca:8080/cgi-bin/pkiclient.exe"),
        (RFC8894, "http://ca/scep/", "http://ca/scep"),
    ],
)
def test_where_the_ca_is(profile: WireProfile, typed: str, base: str) -> None:
    assert profile.base_url(typed) == base


@pytest.mark.parametrize(
    ("profile", "capabilities", "digest", "cipher", "posts"),
    [
        (CISCO, "", Digest.SHA1, Cipher.DES3, False),
        (CISCO, "sha-256 aes des3 postpkioperation", Digest.SHA256, Cipher.DES3, False),
        (CISCO, "scepstandard", Digest.SHA256, Cipher.DES3, False),
        (CISCO, "sha-512", Digest.SHA1, Cipher.DES3, False),
        (RFC8894, "", Digest.SHA1, Cipher.DES3, False),
        (RFC8894, "sha-1 des3", Digest.SHA1, Cipher.DES3, False),
        (RFC8894, "scepstandard", Digest.SHA256, Cipher.AES128, True),
        (RFC8894, "sha-256 aes postpkioperation", Digest.SHA256, Cipher.AES128, True),
    ],
)
def test_capabilities_choose(
    profile: WireProfile, capabilities: str, digest: Digest, cipher: Cipher, posts: bool
) -> None:
    offered = frozenset(capabilities.split())
    assert profile.algorithms(offered) == Algorithms(digest, cipher)
    assert profile.posts(offered) is posts


class TestCisco:
    def test_what_is_asked_in_which_order(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        lab.wait(minutes=2)
        base = URL + "/pkiclient.exe"
        told, capabilities, *operations = ca.requests
        assert told == HttpRequest("GET", f"{base}?operation=GetCACert&message=myca", "1.0", (AGENT,))
        assert capabilities == HttpRequest("GET", f"{base}?operation=GetCACaps&message=myca", "1.0")
        assert ca.kinds == ["PkcsReq", "CertPoll"]  # and the capabilities are asked once
        for each in operations:
            assert (each.method, each.version, each.headers, each.body) == ("GET", "1.0", (), b"")
            assert each.url.startswith(f"{base}?operation=PKIOperation&message=")

    def test_base64_goes_in_lines_of_64_each_ended(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        for _ in range(3):
            lab.wait(minutes=2)
        messages = [each.url.partition("&message=")[2] for each in ca.requests[2:]]
        assert len(messages) == 4
        for text in messages:
            assert re.fullmatch(r"([A-Za-z0-9]|%2B|%2F|%3D|%0A)+", text)
            *lines, end = text.split("%0A")
            assert end == ""
            assert [len(unquote(line)) for line in lines[:-1]] == [64] * (len(lines) - 1)
            assert 0 < len(unquote(lines[-1])) <= 64
        assert any("%2F" in text for text in messages)
        assert any("%2B" in text for text in messages)

    def test_names_in_queries_are_escaped(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.type("configure", "crypto ca trustpoint a&b=c+d/%", f"enrollment url {URL}", "commit", "end")
        lab.type("crypto ca authenticate a&b=c+d/%", "no")
        assert ca.requests[0].url.endswith("?operation=GetCACert&message=a%26b%3Dc%2Bd%2F%25")

    def test_the_signed_layer(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        lab.wait(minutes=2)
        request, poll = (cms.ContentInfo.load(message_of(each), strict=True) for each in ca.requests[2:])
        nonces = []
        for sent, kind in ((request, "19"), (poll, "20")):
            signed = sent["content"]
            assert [each.native for each in signed["digest_algorithms"]] == [
                {"algorithm": "sha256", "parameters": None}
            ]
            [signer] = signed["signer_infos"]
            assert signer["signature_algorithm"]["algorithm"].native == "rsassa_pkcs1v15"  # rsaEncryption
            attributes = {each["type"].dotted: each["values"][0] for each in signer["signed_attrs"]}
            verisign = "2.16.840.1.113733.1.9."
            assert set(attributes) == {  # no signingTime
                *("1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"),
                *(verisign + number for number in "257"),
            }
            assert attributes[verisign + "2"].dump() == b"\x13\x02" + kind.encode()
            transaction_id = attributes[verisign + "7"].dump()
            key_info = lab.key().public_key_info
            expected = hashlib.md5(key_info, usedforsecurity=False).hexdigest().upper()
            assert transaction_id == b"\x13\x20" + expected.encode()
            nonces.append(attributes[verisign + "5"].dump())
            assert nonces[-1][:2] == b"\x04\x10"
            der = [each.dump() for each in signer["signed_attrs"]]
            assert der == sorted(der)
        assert nonces[0] != nonces[1]

    def test_the_envelope(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        signed = cms.ContentInfo.load(message_of(ca.requests[2]))["content"]
        envelope = cms.ContentInfo.load(signed["encap_content_info"]["content"].native)["content"]
        encrypted = envelope["encrypted_content_info"]
        assert encrypted["content_encryption_algorithm"]["algorithm"].native == "tripledes_3key"
        [recipient] = envelope["recipient_infos"]
        wanted = ca.identity.certificate
        assert recipient.chosen["rid"].chosen["serial_number"].native == wanted.serial_number
        assert recipient.chosen["rid"].chosen["issuer"].dump() == wanted.issuer
        assert recipient.chosen["key_encryption_algorithm"]["algorithm"].native == "rsaes_pkcs1v15"

    def test_the_temporary_certificate(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        [carried] = cms.ContentInfo.load(message_of(ca.requests[2]))["content"]["certificates"]
        temporary: x509.TbsCertificate = carried.chosen["tbs_certificate"]
        assert temporary["version"].native == "v3"
        assert temporary["extensions"].native is None
        assert temporary["serial_number"].native == 3
        assert temporary["subject"].dump() == temporary["issuer"].dump()
        [[attribute]] = temporary["subject"].chosen
        assert attribute["type"].dotted == "1.2.840.113549.1.9.2"
        assert attribute["value"].dump() == b"\x0c\x0er1.lab.example"
        assert carried.chosen["signature_algorithm"]["algorithm"].native == "sha256_rsa"
        life = temporary["validity"]["not_after"].native - temporary["validity"]["not_before"].native
        assert life.days == 3650

    def test_the_request_inside(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol("subject-name OU=cml.lab,C=IN,serialNumber=131184645+O=Lab")
        message = ca.messages[0].message
        assert isinstance(message, PkcsReq)
        request = csr.CertificationRequest.load(message.csr.der, strict=True)
        info = request["certification_request_info"]
        names = [[each["type"].native for each in rdn] for rdn in info["subject"].chosen]
        assert names == [
            ["organizational_unit_name"],
            ["country_name"],
            ["organization_name", "serial_number"],  # a SET: in the order of DER
            ["1.2.840.113549.1.9.2"],
        ]
        assert info["subject"].chosen[3][0]["value"].dump() == b"\x16\x0er1.lab.example"
        password, extensions = info["attributes"]
        assert password["type"].native == "challenge_password"
        assert password["values"][0].chosen.dump() == b"\x13\x0d" + PASSWORD.encode()
        assert extensions["type"].native == "extension_request"
        asked = {each["extn_id"].dotted: each for each in extensions["values"][0]}
        assert [each["critical"].native for each in asked.values()] == [False, False]
        assert asked[SUBJECT_ALT_NAME]["extn_value"].parsed.native == ["r1.lab.example"]
        assert asked[KEY_USAGE]["extn_value"].contents == bytes.fromhex("030205a0")
        assert request["signature_algorithm"]["algorithm"].native == "sha256_rsa"
        assert message.csr.public_key_info == ca.messages[0].signer.public_key_info

    def test_a_poll_names_the_ca_and_the_request(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.enrol()
        lab.wait(minutes=2)
        request, poll = (each.message for each in ca.messages)
        assert isinstance(request, PkcsReq)
        assert poll == CertPoll(ca.identity.certificate.subject, request.csr.subject)

    def test_no_password_is_no_attribute(self, lab: Lab, ca: ScriptedCa) -> None:
        lab.authenticate()
        lab.type("crypto ca enroll myca", "", "")
        message = ca.messages[0].message
        assert isinstance(message, PkcsReq)
        assert message.csr.challenge_password is None
        assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07" not in message.csr.der

    @pytest.mark.parametrize(
        "capabilities", [HttpResponse(404, "", b""), HttpResponse(500, "", b"SHA-256"), "", "<html>\n"]
    )
    def test_a_ca_without_capabilities_gets_sha_1(
        self, lab: Lab, ca: ScriptedCa, capabilities: str | HttpResponse
    ) -> None:
        ca.capabilities = capabilities
        lab.enrol()
        assert ca.messages[0].head.algorithms == Algorithms(Digest.SHA1, Cipher.DES3)

    def test_silence_about_capabilities_is_no_answer_and_is_asked_again(
        self, lab: Lab, ca: ScriptedCa
    ) -> None:
        ca.capabilities = NoResponse("connection refused")
        lab.enrol()
        assert ca.messages == []
        assert "connection refused" in lab.log[-1]
        ca.capabilities = "SHA-256"
        lab.wait(minutes=2)
        assert ca.messages[0].head.algorithms.digest is Digest.SHA256


def test_rfc8894_posts_with_aes(
    make_router: Callable[..., Router], make_screen: Callable[..., Any], ca: ScriptedCa
) -> None:
    router = make_router()
    router.pki.wire = WIRE_PROFILES["rfc8894"]
    lab = Lab(make_screen(router), ca).enrol()
    told, _, sent = ca.requests
    assert told == HttpRequest("GET", f"{URL}?operation=GetCACert&message=myca", "1.1")
    assert (sent.method, sent.url, sent.version) == ("POST", f"{URL}?operation=PKIOperation", "1.1")
    assert sent.headers == (("Content-Type", "application/x-pki-message"),)
    assert ca.messages[0].head.algorithms == Algorithms(Digest.SHA256, Cipher.AES128)
    ca.capabilities = "SHA-256"  # remembered from the first time
    lab.wait(minutes=2)
    assert ca.requests[-1].method == "POST"
    lab.type("crypto ca authenticate myca", "yes", "yes")  # asks anew
    lab.wait(minutes=2)
    assert ca.requests[-1].method == "GET"
    query = urlsplit(ca.requests[-1].url).query
    assert "%0A" not in query
    assert ca.messages[-1].head.algorithms.cipher is Cipher.DES3


def test_repr_tells_no_secret(lab: Lab) -> None:
    lab.enrol()
    attempt = lab.pki.attempts["myca"]
    shown = repr((attempt, list(lab.pki.keys), lab.pki.trustpoints))
    assert PASSWORD not in shown
    assert PASSWORD.encode().hex() not in shown
    numbers = lab.key().key.private_numbers()
    assert all(text not in shown for text in (str(numbers.d), f"{numbers.d:x}"))
