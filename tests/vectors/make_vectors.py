"""Make the SCEP vectors in this folder: ``python tests/vectors/make_vectors.py``.

Written with ``cryptography``'s primitives and five lines of DER, and without ``scep_core``, so that
a misunderstanding there does not end up on both sides.  Every run makes new keys and so new files.
What the messages look like follows ``scep.md``: section 3.2 (an enrolment recovered byte for byte
from an IOS-XE debug log) and section 2.6 (a FAILURE of Microsoft's NDES).  No byte is copied from
either.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

FOLDER = Path(__file__).parent
FQDN = "r1.lab.example"
NULL = b"\x05\x00"


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + body


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def oid(hexadecimal: str) -> bytes:
    """From the hexadecimal of its contents, as dumps show them."""
    return der(0x06, bytes.fromhex(hexadecimal))


def printable(text: str) -> bytes:
    return der(0x13, text.encode())


SHA1_RSA, SHA256_RSA = (oid("2a864886f70d0101" + last) for last in ("05", "0b"))
RSA = sequence(oid("2a864886f70d010101"), NULL)
SHA1, SHA256 = sequence(oid("2b0e03021a"), NULL), sequence(oid("608648016503040201"), NULL)
DES3 = oid("2a864886f70d0307")
DATA, SIGNED, ENVELOPED = (oid("2a864886f70d0107" + last) for last in ("01", "02", "03"))
CONTENT_TYPE, MESSAGE_DIGEST = oid("2a864886f70d010903"), oid("2a864886f70d010904")
CHALLENGE, EXTENSION_REQUEST = oid("2a864886f70d010907"), oid("2a864886f70d01090e")
UNSTRUCTURED_NAME, UNSTRUCTURED_ADDRESS = oid("2a864886f70d010902"), oid("2a864886f70d010908")
OU, CN, SERIAL = oid("55040b"), oid("550403"), oid("550405")
SAN, KEY_USAGE = oid("551d11"), oid("551d0f")
HRESULT = oid("2b060104018237" + "1521")  # 1.3.6.1.4.1.311.21.33


def scep(number: int) -> bytes:
    return oid(f"6086480186f84501090{number}")  # 2.16.840.1.113733.1.9.n


def attribute(kind: bytes, value: bytes) -> bytes:
    return sequence(kind, der(0x31, value))


def signed_by(key: rsa.RSAPrivateKey, body: bytes) -> bytes:
    signature = key.sign(body, padding.PKCS1v15(), hashes.SHA256())
    return sequence(body, sequence(SHA256_RSA, NULL), der(0x03, b"\0", signature))


def public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def certificate(
    serial: int,
    issuer: bytes,
    subject: bytes,
    key: rsa.RSAPrivateKey,
    signer: rsa.RSAPrivateKey,
    *more: bytes,
) -> bytes:
    return signed_by(
        signer,
        sequence(
            der(0xA0, der(0x02, b"\x02")),
            der(0x02, bytes([serial])),
            sequence(SHA256_RSA, NULL),
            issuer,
            sequence(der(0x17, b"260101000000Z"), der(0x17, b"360101000000Z")),
            subject,
            public(key),
            *more,
        ),
    )


def signed_message(
    content: bytes | None,
    attributes: list[bytes],
    key: rsa.RSAPrivateKey,
    sid: bytes,
    certificates: bytes,
    digest: bytes,
    algorithm: hashes.HashAlgorithm,
) -> bytes:
    signature = key.sign(der(0x31, *attributes), padding.PKCS1v15(), algorithm)
    one = der(0x02, b"\x01")
    info = sequence(one, sid, digest, der(0xA0, *attributes), RSA, der(0x04, signature))
    inside = b"" if content is None else der(0xA0, der(0x04, content))
    body = sequence(
        one,
        der(0x31, digest),
        sequence(DATA, inside),
        certificates and der(0xA0, certificates),
        der(0x31, info),
    )
    return sequence(SIGNED, der(0xA0, body))


def write(name: str, provenance: str, **values: Any) -> None:
    shown = {
        key: b64encode(value).decode() if isinstance(value, bytes) else value for key, value in values.items()
    }
    text = json.dumps({"provenance": provenance, "recipe": "make_vectors.py", **shown}, indent=1)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def pkcs8(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def main() -> None:
    ca_key, ra_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    ca_name = sequence(der(0x31, sequence(CN, printable("vector CA"))))
    ra_name = sequence(der(0x31, sequence(CN, printable("vector RA"))))
    ra = certificate(9, ca_name, ra_name, ra_key, ca_key)
    ra_id = sequence(ca_name, der(0x02, b"\x09"))

    # The request: OU, then one RDN of three; no CN.
    several = [
        sequence(SERIAL, printable("131184645")),
        sequence(UNSTRUCTURED_ADDRESS, printable("192.0.2.1")),
        sequence(UNSTRUCTURED_NAME, der(0x16, FQDN.encode())),
    ]
    subject = sequence(der(0x31, sequence(OU, printable("cml.lab"))), der(0x31, *sorted(several)))
    extensions = sequence(
        sequence(SAN, der(0x04, sequence(der(0x82, FQDN.encode())))),
        sequence(KEY_USAGE, der(0x04, bytes.fromhex("030205a0"))),
    )
    attributes = [attribute(CHALLENGE, printable("cisco")), attribute(EXTENSION_REQUEST, extensions)]
    csr = signed_by(key, sequence(der(0x02, b"\0"), subject, public(key), der(0xA0, *sorted(attributes))))

    # The temporary certificate: another name, in UTF-8, and no extensions.
    temporary_name = sequence(der(0x31, sequence(UNSTRUCTURED_NAME, der(0x0C, FQDN.encode()))))
    temporary = certificate(3, temporary_name, temporary_name, key, key)

    content_key, iv, nonce = os.urandom(24), os.urandom(8), bytes.fromhex("0004cdc0") + os.urandom(12)
    fill = 8 - len(csr) % 8
    encryptor = Cipher(TripleDES(content_key), CBC(iv)).encryptor()
    encrypted = encryptor.update(csr + bytes([fill]) * fill) + encryptor.finalize()
    wrapped = ra_key.public_key().encrypt(content_key, padding.PKCS1v15())
    zero = der(0x02, b"\0")
    recipient = sequence(zero, ra_id, RSA, der(0x04, wrapped))
    inside = sequence(DATA, sequence(DES3, der(0x04, iv)), der(0x80, encrypted))
    envelope = sequence(ENVELOPED, der(0xA0, sequence(zero, der(0x31, recipient), inside)))
    transaction_id = hashlib.md5(public(key)).hexdigest().upper()
    stated = [
        attribute(scep(2), printable("19")),
        attribute(CONTENT_TYPE, DATA),
        attribute(scep(5), der(0x04, nonce)),
        attribute(MESSAGE_DIGEST, der(0x04, hashlib.sha256(envelope).digest())),
        attribute(scep(7), printable(transaction_id)),
    ]
    signer_id = sequence(temporary_name, der(0x02, b"\x03"))
    write(
        "cisco_pkcsreq.json",
        "Our own keys in the shape of an IOS-XE PKCSReq: scep.md section 3.2.",
        message=signed_message(envelope, sorted(stated), key, signer_id, temporary, SHA256, hashes.SHA256()),
        ra_certificate=ra,
        ra_key=pkcs8(ra_key),
        router_key=pkcs8(key),
        csr=csr,
        subject=subject,
        transaction_id=transaction_id,
        sender_nonce=nonce,
    )

    # NDES: one zero byte, no certificates, its attributes in its own order.
    refused = [
        attribute(scep(2), printable("3")),
        attribute(scep(3), printable("2")),
        attribute(scep(4), printable("2")),
        attribute(CONTENT_TYPE, DATA),
        attribute(HRESULT, printable("-2147024809")),
        attribute(scep(5), der(0x04, os.urandom(16))),
        attribute(scep(6), der(0x04, nonce)),
        attribute(MESSAGE_DIGEST, der(0x04, hashlib.sha1(b"\0").digest())),
        attribute(scep(7), printable(transaction_id)),
    ]
    write(
        "ndes_failure.json",
        "Our own keys in the shape of an NDES CertRep FAILURE: scep.md section 2.6.",
        message=signed_message(b"\0", refused, ra_key, ra_id, b"", SHA1, hashes.SHA1()),
        ra_certificate=ra,
        transaction_id=transaction_id,
        recipient_nonce=nonce,
    )


if __name__ == "__main__":
    main()
