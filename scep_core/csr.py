"""PKCS #10 certification requests (RFC 2986), read leniently and kept byte for byte.

``cryptography`` refuses requests that real clients send: attributes out of DER's order (strongSwan),
a multi-valued RDN out of order, no attributes at all, ``@`` in a PrintableString; and it reports
MD5 and SHA-1 signatures as invalid without saying why.  So the request is sliced here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scep_core import algorithms, asn1, certificates, names, structures
from scep_core.algorithms import NotAllowed, PrivateKey, PublicKey
from scep_core.certificates import Extension
from scep_core.errors import PeerError
from scep_core.values import MODERN, AlgorithmPolicy, Digest, FailInfo

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # an attribute's OID, no secret
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
# The same under the names that VeriSign (draft-nourse) and Microsoft gave it.
_EXTENSION_REQUESTS = {EXTENSION_REQUEST, "2.16.840.1.113733.1.9.8", "1.3.6.1.4.1.311.2.1.14"}


@dataclass(frozen=True)
class Csr:
    """A certification request: its own bytes and the slices that matter.

    ``subject`` and ``public_key_info`` are DER as it stands in the request.  ``digest`` is None when
    the signature algorithm is not known here.  The challenge password stays out of ``repr``.
    """

    der: bytes = field(repr=False)
    subject: bytes
    public_key_info: bytes
    challenge_password: str | None = field(repr=False)
    extensions: tuple[Extension, ...]
    digest: Digest | None

    def public_key(self) -> PublicKey:
        """The key; ValueError when it is broken or of a kind we do not know."""
        return algorithms.load_public_key(self.public_key_info)

    def fingerprint(self, digest: Digest) -> bytes:
        """The hash of the whole request, which routers and operators compare."""
        return algorithms.hash_bytes(digest, self.der)

    def extension(self, oid: str) -> Extension | None:
        """The requested extension with this OID."""
        return next((each for each in self.extensions if each.oid == oid), None)

    @property
    def subject_alt_names(self) -> tuple[str, ...]:
        """``DNS:r1.lab``, ``IP:192.0.2.1``, ... for people; empty when none or unreadable."""
        extension = self.extension(certificates.SUBJECT_ALT_NAME)
        try:
            return certificates.read_subject_alt_name(extension.value) if extension else ()
        except ValueError:
            return ()

    @property
    def common_names(self) -> tuple[str, ...]:
        """The common names in the subject; ValueError when that is no Name."""
        rdns = names.parse_name(self.subject)
        return tuple(text for rdn in rdns for oid, text in rdn if oid == names.COMMON_NAME)

    @property
    def key_type(self) -> str:
        """``RSA 2048`` or ``EC secp256r1``."""
        key = self.public_key()
        return f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else f"EC {key.curve.name}"


def slice_csr(der: bytes) -> Csr:
    """A request's parts with nothing verified; ValueError when ``der`` is no request."""
    signed = asn1.decode(structures.Signed, der)
    info = asn1.parse(structures.CertificationRequestInfo, signed.body)
    challenge: str | None = None
    extensions: tuple[Extension, ...] = ()
    for attribute in info.attributes or []:
        values = asn1.set_items(attribute.values)
        if not values:
            continue
        oid = attribute.oid.dotted_string
        if oid == CHALLENGE_PASSWORD:
            challenge = asn1.to_text(values[0])
        elif oid in _EXTENSION_REQUESTS:
            extensions = certificates.read_extensions(asn1.extensions(asn1.raw(values[0])))
    try:
        digest = algorithms.read_signature_digest(signed.algorithm)
    except NotAllowed:
        digest = None
    return Csr(
        der=bytes(der),
        subject=asn1.raw(info.subject),
        public_key_info=asn1.raw(info.public_key_info),
        challenge_password=challenge,
        extensions=extensions,
        digest=digest,
    )


def verify_csr(csr: Csr, policy: AlgorithmPolicy = MODERN) -> None:
    """Check the proof of possession over the request's own bytes: PeerError badAlg or badRequest."""
    signed = asn1.decode(structures.Signed, csr.der)
    try:
        digest = algorithms.read_signature_digest(signed.algorithm)
        algorithms.allow_digest(digest, policy)
        key = csr.public_key()
    except NotAllowed as error:
        raise PeerError(FailInfo.BAD_ALG, f"certification request: {error}") from error
    except ValueError as error:
        raise PeerError(FailInfo.BAD_REQUEST, "certification request: broken public key") from error
    try:
        algorithms.verify(key, digest, signed.signature.as_bytes(), asn1.raw(signed.body))
    except ValueError as error:
        raise PeerError(FailInfo.BAD_REQUEST, "certification request: bad signature") from error


def read_csr(der: bytes, policy: AlgorithmPolicy = MODERN) -> Csr:
    """A request whose self-signature matches: PeerError badRequest or badAlg otherwise."""
    try:
        csr = slice_csr(der)
    except ValueError as error:
        raise PeerError(FailInfo.BAD_REQUEST, "not a certification request") from error
    verify_csr(csr, policy)
    return csr


def build_csr(
    *,
    subject: bytes,
    key: PrivateKey,
    challenge_password: str | None,
    extensions: Sequence[Extension] = (),
    digest: Digest = Digest.SHA256,
) -> Csr:
    """A request signed by ``key``.

    The challenge password is a PrintableString where its characters allow that, as Cisco and
    RFC 2985 section 5.4.1 have it, else a UTF8String.
    """
    attributes = []
    if challenge_password is not None:
        value = asn1.printable_or_utf8(challenge_password)
        attributes.append(asn1.sequence_of(asn1.oid(CHALLENGE_PASSWORD), asn1.set_of([value])))
    if extensions:
        requested = certificates.encode_extensions(extensions)
        attributes.append(asn1.sequence_of(asn1.oid(EXTENSION_REQUEST), asn1.set_of([requested])))
    info = asn1.sequence_of(
        asn1.integer(0),
        subject,
        public_key_info(key.public_key()),
        asn1.encode(0xA0, *sorted(attributes)),
    )
    return slice_csr(certificates.signed(info, key, digest))


def public_key_info(key: PublicKey) -> bytes:
    """A key's SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def transaction_id(public_key_info: bytes) -> str:
    """The upper-case hexadecimal MD5 of the SubjectPublicKeyInfo.

    What Cisco IOS-XE and sscep send, checked against a real enrolment (``scep.md`` section 3.2);
    RFC 8894 section 3.2.1.1 only asks for a unique string.
    """
    return algorithms.hash_bytes(Digest.MD5, public_key_info).hex().upper()
