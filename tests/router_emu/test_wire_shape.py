"""A whole enrolment of the ``cisco`` wire as it leaves the socket, against the recorded one.

That is scep.md 3.1 and 3.2, and the trustpoint is the recorded one's.  The router's own HTTP carries it;
nothing of ours reads it back: asn1crypto decodes it, cryptography opens the envelope and checks the
signatures.  test_pki_wire.py has the variations.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from asn1crypto import algos, cms, core, csr, x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from router_emu.adapters import http
from router_emu.commands.context import Router
from router_emu.pki.wire import HttpRequest, NoResponse
from scep_core import certificates
from tests.router_emu.pki_lab import PASSWORD, Lab, ScriptedCa, make_identity, rsa_key

FQDN = "r1.lab.example"
VERISIGN = "2.16.840.1.113733.1.9."
SERIAL_NUMBER, UNSTRUCTURED_ADDRESS, UNSTRUCTURED_NAME = (
    *("2.5.4.5", "1.2.840.113549.1.9.8"),
    "1.2.840.113549.1.9.2",
)


class Recorder(socketserver.TCPServer):
    """The scripted CA behind a raw socket, and every byte that came."""

    def __init__(self, ca: ScriptedCa) -> None:
        self.ca = ca
        self.heard: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Connection)

    @property
    def where(self) -> str:
        return "{}:{}".format(*self.server_address)


class Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Recorder)
        lines = list(iter(self.rfile.readline, b"\r\n"))
        self.server.heard.append(b"".join(lines))
        answer = self.server.ca(HttpRequest("GET", f"http://ca{lines[0].split()[1].decode()}"))
        assert not isinstance(answer, NoResponse)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + answer.body)


@pytest.fixture
def recorder(ca: ScriptedCa) -> Iterator[Recorder]:
    # As the recorded CA: an RA with one certificate for both purposes, and AES that IOS does not know.
    usage = certificates.ext_key_usage("digital_signature", "key_encipherment")
    ca.signer = make_identity("ra", "CN=RA", usage, issuer=ca.identity, serial_number=7)
    ca.recipients = [ca.signer]
    ca.certificates = [ca.signer.certificate, ca.identity.certificate]
    ca.capabilities = "Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n"
    with Recorder(ca) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def heard(recorder: Recorder, router: Router, make_screen: Callable[..., Any]) -> list[bytes]:
    """What the router said: to learn of the CA, to ask for a certificate, and to poll once."""
    lab = Lab(make_screen(router), lambda request: asyncio.run(http.send(request)))
    lab.configure(
        *("subject-name OU=cml.lab", "serial-number", "ip-address 192.0.2.1", "message-digest sha256"),
        url=f"http://{recorder.where}/scep/scep",
    )
    lab.type("crypto ca authenticate myca", "yes", "crypto ca enroll myca", PASSWORD, PASSWORD)
    lab.wait(minutes=2)
    return recorder.heard


def message(head: bytes) -> bytes:
    """The pkiMessage of a GET; ``validate`` takes no character that base64 has not."""
    query = head.split()[1].partition(b"message=")[2].decode()
    return base64.b64decode(unquote(query).replace("\n", ""), validate=True)


def rdns(name: Any) -> list[dict[str, bytes]]:
    return [{each["type"].dotted: each["value"].dump() for each in rdn} for rdn in name.chosen]


def signed_data(der: bytes) -> Any:
    """The SignedData; strict, and the same when it is encoded anew: nothing of indefinite length."""
    info = cms.ContentInfo.load(der, strict=True)
    assert info["content_type"].native == "signed_data"
    assert core.Sequence.load(der).dump(force=True) == der
    return info["content"]


def attributes(signed: Any) -> dict[str, Any]:
    [signer] = signed["signer_infos"]
    assert all(len(each["values"]) == 1 for each in signer["signed_attrs"])
    return {each["type"].dotted: each["values"][0] for each in signer["signed_attrs"]}


def opened(signed: Any) -> bytes:
    """What is in the envelope: the RA's key, PKCS #1 v1.5, 3DES."""
    envelope = cms.ContentInfo.load(signed["encap_content_info"]["content"].native, strict=True)["content"]
    [recipient] = envelope["recipient_infos"]
    key = rsa_key("ra").decrypt(recipient.chosen["encrypted_key"].native, PKCS1v15())
    encrypted = envelope["encrypted_content_info"]
    iv = encrypted["content_encryption_algorithm"]["parameters"].native
    decryptor = Cipher(TripleDES(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(64).unpadder()
    return unpadder.update(decryptor.update(encrypted["encrypted_content"].native)) + unpadder.finalize()


def verify(key_info: Any, signature: bytes, data: bytes) -> None:
    key: Any = load_der_public_key(key_info.dump())
    key.verify(signature, data, PKCS1v15(), hashes.SHA256())


def test_each_request_line_and_each_header(heard: list[bytes], recorder: Recorder) -> None:
    path = b"GET /scep/scep/pkiclient.exe?operation="
    host = b"Host: " + recorder.where.encode() + b"\r\n"
    agent = b"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"
    told, capabilities, *operations = heard
    assert told == path + b"GetCACert&message=myca HTTP/1.0\r\n" + agent + host
    assert capabilities == path + b"GetCACaps&message=myca HTTP/1.0\r\n" + host
    assert len(operations) == 2
    for head in operations:
        line, rest = head.split(b"\r\n", 1)
        assert rest == host
        text = re.fullmatch(re.escape(path) + rb"PKIOperation&message=(\S+) HTTP/1\.0", line)
        assert text
        *lines, end = text[1].split(b"%0A")
        assert end == b""
        full, last = [unquote(each.decode()) for each in lines[:-1]], unquote(lines[-1].decode())
        assert {len(each) for each in full} == {64}
        assert 0 < len(last) <= 64
        escaped = set(re.findall(rb"%..", text[1]))
        assert escaped <= {b"%0A", b"%2B", b"%2F", b"%3D"}
        assert not set(text[1]) & set(b"+/=")


def test_the_signature_and_its_attributes(heard: list[bytes]) -> None:
    for head, kind in zip(heard[2:], ("19", "20"), strict=True):
        signed = signed_data(message(head))
        assert signed["version"].native == "v1"
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256", "parameters": core.Null()}).dump()
        assert [each.dump() for each in signed["digest_algorithms"]] == [sha256]
        assert signed["encap_content_info"]["content_type"].native == "data"
        assert not signed["crls"]
        [certificate], [signer] = signed["certificates"], signed["signer_infos"]
        assert signer["version"].native == "v1"
        sid = signer["sid"].chosen
        assert sid["issuer"].dump() == certificate.chosen.issuer.dump()
        assert sid["serial_number"].native == certificate.chosen.serial_number
        assert signer["digest_algorithm"].dump() == sha256
        assert signer["signature_algorithm"].dump().hex() == "300d06092a864886f70d0101010500"  # rsaEncryption
        assert not signer["unsigned_attrs"]

        found = attributes(signed)
        key_info = certificate.chosen.public_key
        content = signed["encap_content_info"]["content"].native
        transaction_id = hashlib.md5(key_info.dump(), usedforsecurity=False).hexdigest().upper()
        nonce = found.pop(VERISIGN + "5").dump()
        assert (nonce[:2], len(nonce)) == (b"\x04\x10", 18)
        assert {kind: value.dump() for kind, value in found.items()} == {
            "1.2.840.113549.1.9.3": core.ObjectIdentifier("1.2.840.113549.1.7.1").dump(),
            "1.2.840.113549.1.9.4": core.OctetString(hashlib.sha256(content).digest()).dump(),
            VERISIGN + "2": core.PrintableString(kind).dump(),
            VERISIGN + "7": core.PrintableString(transaction_id).dump(),
        }
        signed_attributes = signer["signed_attrs"].untag()
        order = [each.dump() for each in signer["signed_attrs"]]
        assert order == sorted(order)
        verify(key_info, signer["signature"].native, signed_attributes.dump())


def test_the_envelope_for_the_ra(heard: list[bytes], ca: ScriptedCa) -> None:
    content = signed_data(message(heard[2]))["encap_content_info"]["content"].native
    envelope = cms.ContentInfo.load(content, strict=True)["content"]
    assert core.Sequence.load(content).dump(force=True) == content
    assert envelope["version"].native == "v0"
    [recipient] = envelope["recipient_infos"]
    assert recipient.chosen["version"].native == "v0"
    assert recipient.chosen["rid"].chosen["issuer"].dump() == ca.identity.certificate.subject
    assert recipient.chosen["rid"].chosen["serial_number"].native == 7
    transport = recipient.chosen["key_encryption_algorithm"]
    assert transport.dump().hex() == "300d06092a864886f70d0101010500"  # rsaEncryption, NULL
    encrypted = envelope["encrypted_content_info"]
    assert encrypted["content_type"].native == "data"
    assert encrypted["content_encryption_algorithm"]["algorithm"].dotted == "1.2.840.113549.3.7"
    assert not envelope["unprotected_attrs"]


def test_the_request(heard: list[bytes]) -> None:
    signed = signed_data(message(heard[2]))
    der = opened(signed)
    request = csr.CertificationRequest.load(der, strict=True)
    info = request["certification_request_info"]
    assert info["version"].native == "v1"  # its number is 0
    unit, device = rdns(info["subject"])
    assert unit == {"2.5.4.11": core.PrintableString("cml.lab").dump()}
    serial = device.pop(SERIAL_NUMBER)
    assert core.PrintableString.load(serial, strict=True).native
    assert device == {
        UNSTRUCTURED_ADDRESS: core.PrintableString("192.0.2.1").dump(),
        UNSTRUCTURED_NAME: core.IA5String(FQDN).dump(),
    }
    password, extensions = info["attributes"]
    assert password["type"].dotted == "1.2.840.113549.1.9.7"
    assert [each.chosen.dump() for each in password["values"]] == [core.PrintableString(PASSWORD).dump()]
    assert extensions["type"].dotted == "1.2.840.113549.1.9.14"
    [[names, usage]] = extensions["values"]
    assert (names["extn_id"].dotted, usage["extn_id"].dotted) == ("2.5.29.17", "2.5.29.15")
    assert {each.dump()[7] for each in (names, usage)} == {0x04}  # after the OID the value: not critical
    assert names["extn_value"].contents == x509.GeneralNames([x509.GeneralName("dns_name", FQDN)]).dump()
    assert usage["extn_value"].contents.hex() == "030205a0"
    assert request["signature_algorithm"].dump().hex() == "300d06092a864886f70d01010b0500"
    verify(info["subject_pk_info"], request["signature"].native, info.dump())
    [certificate] = signed["certificates"]
    assert info["subject_pk_info"].dump() == certificate.chosen.public_key.dump()


def test_the_temporary_certificate(heard: list[bytes]) -> None:
    ders = set()
    for head in heard[2:]:
        [choice] = signed_data(message(head))["certificates"]
        certificate = choice.chosen
        ders.add(certificate.dump())
        tbs = certificate["tbs_certificate"]
        assert tbs["version"].native == "v3"
        assert "extensions" not in tbs or not tbs["extensions"]
        assert rdns(tbs["subject"]) == [{UNSTRUCTURED_NAME: core.UTF8String(FQDN).dump()}]
        assert tbs["issuer"].dump() == tbs["subject"].dump()
        assert 0 < tbs["serial_number"].native < 128
        life = tbs["validity"]["not_after"].native - tbs["validity"]["not_before"].native
        assert life.days == 3650
        assert certificate["signature_algorithm"].dump().hex() == "300d06092a864886f70d01010b0500"
        verify(certificate.public_key, certificate["signature_value"].native, tbs.dump())
    assert len(ders) == 1


def test_the_poll(heard: list[bytes], ca: ScriptedCa) -> None:
    """In its request's transaction, with a nonce of its own, about the CA and the request's subject."""
    request, poll = (signed_data(message(head)) for head in heard[2:])
    [first, second] = (attributes(each) for each in (request, poll))
    assert first[VERISIGN + "7"].dump() == second[VERISIGN + "7"].dump()
    assert first[VERISIGN + "5"].dump() != second[VERISIGN + "5"].dump()
    subject = csr.CertificationRequest.load(opened(request))["certification_request_info"]["subject"]
    issuer_and_subject = core.Sequence.load(opened(poll), strict=True)
    assert issuer_and_subject.contents == ca.identity.certificate.subject + subject.dump()
