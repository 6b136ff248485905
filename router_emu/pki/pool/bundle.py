"""Bundles of CA certificates as a router takes them: whole or not at all.

A bundle is recognised by what is in it: PKCS #7 in DER, BER or PEM armour, concatenated PEM, one certificate.
A signed one is a SignedData whose content is a bundle again.  Its certificates are those of the content, over
which the signature is; the ones beside the signature are the signer's, and vouched for by nobody.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from router_emu import dates
from router_emu.pki.peers.paths import named
from router_emu.pki.peers.validation import check_chain
from router_emu.pki.peers.verdict import Bad, Good, PeerPurpose, Reason, Trust, name_key
from router_emu.pki.readable import LARGEST_CERTIFICATE
from router_emu.pki.wire import Exchange, Work, printable
from scep_core import asn1, ber, cms, names, structures
from scep_core.certificates import Certificate, read_certificate
from scep_core.errors import NotAPkiMessage, PeerError

MOST_OCTETS = 4 * 1024 * 1024
MOST_CERTIFICATES = 2000
_LONG_TO_READ = 65536  # octets, from which on it is done in a thread

_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE"}
_PKCS7_LABELS = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA"}
_BEGIN, _DASHES = b"-----BEGIN ", b"-----"
_NO_BUNDLE = "it is no bundle of certificates"
_CUT_OFF = "it ends too early"
_UNREADABLE = "one of its certificates cannot be read"
_BUILT_IN = "built-in"  # the name of the trust by which signers are judged


class BundleRefused(ValueError):
    """A bundle is not taken, nothing of it; ``str()`` says why, for people."""


@dataclass(frozen=True)
class Bundle:
    """The CA certificates of a bundle, in its order, and who has signed for them; None: nobody."""

    certificates: tuple[Certificate, ...]
    signer: Certificate | None


def read_bundle(data: bytes, built_in: Sequence[Certificate], now: datetime) -> Bundle:
    """The bundle in ``data``; BundleRefused when one thing about it is wrong.

    A signature must be good, and its signer certified by a built-in CA.  Whether a bundle may be signed by
    nobody is for others to say.  Every certificate must be a CA's that has not ended, and no two may have the
    same issuer and subject (a restriction of IOS's [D]).  The rules but for that one are ours.
    """
    try:
        return _read(data, built_in, now)
    except BundleRefused:
        raise
    except ValueError:  # inside of a SignedData, too, anything may be malformed
        raise BundleRefused(_NO_BUNDLE) from None


def reading(data: bytes, built_in: Sequence[Certificate], now: datetime) -> Exchange[Bundle | BundleRefused]:
    """The same, what is wrong returned; nobody else waits while a long one is read."""

    def do() -> Bundle | BundleRefused:
        try:
            return read_bundle(data, built_in, now)
        except BundleRefused as refused:
            return refused

    if len(data) <= _LONG_TO_READ:
        return do()
    done: Bundle | BundleRefused = yield Work(do)
    return done


def _read(data: bytes, built_in: Sequence[Certificate], now: datetime) -> Bundle:
    found, signer = _take_apart(data), None
    if isinstance(found, bytes) and cms.has_signers(found):
        content, signer = _verified(found, built_in, now)
        found = _take_apart(content)
    if isinstance(found, bytes):
        if cms.has_signers(found):
            raise BundleRefused("what is signed in it is signed again")
        try:
            found, _ = cms.read_degenerate(found)
        except ValueError:
            raise BundleRefused(_UNREADABLE) from None
    _check(found, now)
    return Bundle(found, signer)


def _take_apart(data: bytes) -> tuple[Certificate, ...] | bytes:
    """The certificates, where they stand alone or as PEM; else a SignedData in DER."""
    if len(data) > MOST_OCTETS:
        raise BundleRefused(f"it has more than {MOST_OCTETS} bytes")
    if not data.strip():
        raise BundleRefused("it is empty")
    if data[0] != asn1.SEQUENCE:
        return _from_pem(data)
    try:
        return (read_certificate(data),)
    except ValueError:
        return _signed_data(data)


def _signed_data(pkcs7: bytes) -> bytes:
    """The same, in DER where it is in BER."""
    if _is_cut_off(pkcs7):
        raise BundleRefused(_CUT_OFF)
    if not _is_signed_data(pkcs7):
        try:
            pkcs7 = ber.to_der(pkcs7)
        except ValueError:
            raise BundleRefused(_NO_BUNDLE) from None
        if not _is_signed_data(pkcs7):
            raise BundleRefused(_NO_BUNDLE)
    return pkcs7


def _is_signed_data(der: bytes) -> bool:
    try:
        info = asn1.decode(structures.ContentInfo, der)
        asn1.parse(structures.SignedData, info.content)
    except ValueError:
        return False
    return info.content_type.dotted_string == cms.SIGNED_DATA


def _is_cut_off(der: bytes) -> bool:
    """Whether there are fewer octets than the first length says; that of BER may say nothing."""
    size, octets = (der[1], 0) if len(der) > 1 else (1, 0)
    if size > 0x80:
        octets = size & 0x7F
        size = int.from_bytes(der[2 : 2 + octets], "big")
    return size != 0x80 and len(der) < 2 + octets + size


def _from_pem(data: bytes) -> tuple[Certificate, ...] | bytes:
    blocks = list(_pem_blocks(data))
    if not blocks:
        raise BundleRefused(_NO_BUNDLE)
    if len(blocks) == 1 and blocks[0][0] in _PKCS7_LABELS:
        return _signed_data(blocks[0][1])
    for label, _ in blocks:
        if label not in _CERTIFICATE_LABELS:
            raise BundleRefused(f"a {printable(label)[:40]} is in it")
    try:
        return tuple(read_certificate(der) for _, der in blocks)
    except ValueError:
        raise BundleRefused(_UNREADABLE) from None


def _pem_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The label and the octets of each PEM block (RFC 7468); what stands between them is for people."""
    end = 0
    while (begin := data.find(_BEGIN, end)) >= 0:
        inside = data.find(_DASHES, begin + len(_BEGIN))
        body = data.find(_DASHES, inside + len(_DASHES))
        label = data[begin + len(_BEGIN) : inside]
        last = b"-----END " + label + _DASHES
        if inside < 0 or not data.startswith(last, body):
            raise BundleRefused(_CUT_OFF)
        try:
            octets = base64.b64decode(b"".join(data[inside + len(_DASHES) : body].split()), validate=True)
        except ValueError:
            raise BundleRefused(_UNREADABLE) from None
        yield label.decode("ascii", "replace"), octets
        end = body + len(last)
    rest = data[end:].strip().rpartition(b"\n")[2]
    if rest and _BEGIN.startswith(rest):
        raise BundleRefused(_CUT_OFF)


def _verified(pkcs7: bytes, built_in: Sequence[Certificate], now: datetime) -> tuple[bytes, Certificate]:
    """What is signed, and by whom that a built-in CA vouches for."""
    try:
        signed = cms.parse_signed(pkcs7)
    except NotAPkiMessage as error:
        raise BundleRefused(f"its signature cannot be read: {error}") from None
    signer = cms.signer_of(signed, built_in)
    if signer is None:
        raise BundleRefused("the certificate of its signer is not in it")
    _check_size(signer)
    try:
        cms.verify(signed, signer)
    except PeerError as error:
        raise BundleRefused(f"its signature does not verify: {error}") from None
    trust = Trust(_BUILT_IN, tuple(built_in))
    verdict = check_chain((signer, *signed.certificates), PeerPurpose.SIGNER, now, trust, None)
    match verdict:
        case Good():
            return signed.content or b"", signer
        case Bad(Reason.NO_PATH):
            raise BundleRefused(f"its signer, {named(signer)}, is certified by no built-in CA")
        case _:
            raise BundleRefused(f"its signer is not to be believed: {verdict.why}")


def _check(certificates: Sequence[Certificate], now: datetime) -> None:
    if not certificates:
        raise BundleRefused("there are no certificates in it")
    if len(certificates) > MOST_CERTIFICATES:
        raise BundleRefused(f"it has more than {MOST_CERTIFICATES} certificates")
    seen: dict[object, Certificate] = {}
    for each in certificates:
        _check_size(each)
        if not _has_names(each):
            raise BundleRefused(_UNREADABLE)
        if not each.is_ca or not each.has_key_usage("key_cert_sign"):
            raise BundleRefused(f"the certificate of {named(each)} in it is no CA's")
        if each.not_after < now:
            raise BundleRefused(
                f"the certificate of {named(each)} in it was valid until {dates.long(each.not_after)}"
            )
        other = seen.setdefault((name_key(each.issuer), name_key(each.subject)), each)
        if other == each and other is not each:
            raise BundleRefused(f"the certificate of {named(each)} is in it twice")
        if other is not each:
            raise BundleRefused(f"there are two certificates of {named(each)} in it")


def _check_size(certificate: Certificate) -> None:
    """Before its names are looked at: there may be so many that they take long."""
    if len(certificate.der) > LARGEST_CERTIFICATE:
        raise BundleRefused(f"one of its certificates is larger than {LARGEST_CERTIFICATE} octets")


def _has_names(certificate: Certificate) -> bool:
    """Whether its names are such: the rest of a certificate is read with it."""
    try:
        return all(map(names.parse_name, (certificate.issuer, certificate.subject)))
    except ValueError:
        return False
