"""Messages in the shapes of real devices, made without scep_core: tests/vectors/make_vectors.py."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from scep_core import cms, codec, envelopes
from scep_core.certificates import read_certificate
from scep_core.codec import Identity
from scep_core.csr import slice_csr, transaction_id
from scep_core.errors import PeerError
from scep_core.messages import Failure, PkcsReq
from scep_core.names import rfc4514
from scep_core.values import PKCS1, Algorithms, Cipher, Digest, FailInfo

FOLDER = Path(__file__).parent.parent / "vectors"


def vector(name: str) -> dict[str, Any]:
    """A vector's values; what is not meant for people is base64."""
    values = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    as_text = {"provenance", "recipe", "transaction_id"}
    return {key: value if key in as_text else b64decode(value) for key, value in values.items()}


def private_key(der: bytes) -> RSAPrivateKey:
    key = load_der_private_key(der, None)
    assert isinstance(key, RSAPrivateKey)
    return key


def test_a_cisco_enrolment() -> None:
    values = vector("cisco_pkcsreq.json")
    ra = Identity(read_certificate(values["ra_certificate"]), private_key(values["ra_key"]))
    message = codec.parse_message(values["message"])
    request = codec.open_request(message, [ra], random_bytes=os.urandom)
    assert isinstance(request.message, PkcsReq)
    csr = request.message.csr
    assert (csr.der, csr.subject) == (values["csr"], values["subject"])
    shown = "serialNumber=131184645+unstructuredAddress=192.0.2.1+unstructuredName=r1.lab.example,OU=cml.lab"
    assert rfc4514(csr.subject) == shown
    assert csr.challenge_password == "cisco"
    assert csr.subject_alt_names == ("DNS:r1.lab.example",)
    assert request.head.algorithms == Algorithms(Digest.SHA256, Cipher.DES3, PKCS1)
    assert request.head.transaction_id == transaction_id(csr.public_key_info) == values["transaction_id"]
    assert request.head.sender_nonce == values["sender_nonce"]
    assert request.signer.extensions == ()
    assert request.signer.subject != csr.subject
    assert request.signer.public_key_info == csr.public_key_info


def test_our_cisco_wire_shape_is_that_of_the_vector() -> None:
    """The same message sealed by scep_core has the same bytes up to nonces, keys and signatures."""
    values = vector("cisco_pkcsreq.json")
    ra_certificate = read_certificate(values["ra_certificate"])
    theirs = cms.parse_signed(values["message"])
    ours_sealed = codec.seal_request(
        PkcsReq(slice_csr(values["csr"])),
        transaction_id=values["transaction_id"],
        sender_nonce=values["sender_nonce"],
        signer=Identity(theirs.certificates[0], private_key(values["router_key"])),
        recipient=ra_certificate,
        algorithms=Algorithms(Digest.SHA256, Cipher.DES3, PKCS1),
        random_bytes=os.urandom,
    )
    ours = cms.parse_signed(ours_sealed)
    assert len(ours_sealed) == len(values["message"])
    assert list(ours.attributes) == list(theirs.attributes)
    changing = {cms.MESSAGE_DIGEST}
    for oid in theirs.attributes.keys() - changing:
        assert bytes(ours.attributes[oid].data) == bytes(theirs.attributes[oid].data), oid
    lengths = [len(envelopes.parse_envelope(each.content or b"").encrypted) for each in (ours, theirs)]
    assert lengths[0] == lengths[1]


def test_an_ndes_failure() -> None:
    values = vector("ndes_failure.json")
    ra = read_certificate(values["ra_certificate"])
    arguments: dict[str, Any] = {
        "transaction_id": values["transaction_id"],
        "sender_nonce": values["recipient_nonce"],
        "identity": Identity(ra, private_key(vector("cisco_pkcsreq.json")["router_key"])),
        "random_bytes": os.urandom,
    }
    reply = codec.open_reply(values["message"], trusted=[ra], **arguments)
    assert reply == Failure(FailInfo.BAD_REQUEST, hresult=-2147024809)

    signed = cms.parse_signed(values["message"])
    assert (signed.content, signed.certificates) == (b"\0", ())
    with pytest.raises(PeerError, match="missing"):
        codec.open_reply(values["message"], trusted=[], **arguments)
