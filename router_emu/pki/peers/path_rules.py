"""The rules of RFC 5280 section 6.1 for one path, by OpenSSL; nothing else here uses its certificate stores.

What OpenSSL does otherwise than the RFC is put right here: it takes a CA without basicConstraints for one
when keyUsage says so, and passes over an extension that is there twice.  It is stricter in two points, and
that stays: an authorityKeyIdentifier that fits no issuer is refused, and name constraints on DNS names bind
the common name of a certificate without such a subjectAltName, as that is what it would be called by.  A CA's
new key that its old one has certified needs key identifiers, since OpenSSL goes by the name otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from OpenSSL import crypto

from router_emu import dates
from router_emu.pki.peers.certificate_policies import lacks_policy
from router_emu.pki.peers.paths import Path, named
from router_emu.pki.peers.verdict import Bad, Reason
from router_emu.pki.readable import check_readable
from scep_core.certificates import Certificate

# OpenSSL's numbers, x509_vfy.h, and what we make of them.  A clause goes on after "the certificate of ...".
_NOT_ITS_ISSUER = (Reason.NO_PATH, "was not issued by the CA above it, or not with that key")
_FORGED = (Reason.SIGNATURE, "is not signed with the key of its issuer")
_ODD_NAME = (Reason.NAME_CONSTRAINTS, "has name constraints, or a name, of a kind that is not checked here")
_PROXY = (Reason.CRITICAL_EXTENSION, "is a proxy certificate")
_NO_CA = (Reason.NOT_A_CA, "is no CA's, but has issued others")
_NO_CERT_SIGN = (Reason.KEY_USAGE, "is not for signing certificates, by its key usage")
_NO_POLICY = (Reason.POLICY, "is issued under none of the policies that a CA above it demands")
_PROBLEMS = {
    2: _NOT_ITS_ISSUER,
    4: _FORGED,
    7: _FORGED,
    9: (Reason.NOT_YET_VALID, "is not valid before {since}"),
    10: (Reason.EXPIRED, "was valid until {until}"),
    18: _NOT_ITS_ISSUER,
    19: _NOT_ITS_ISSUER,
    20: _NOT_ITS_ISSUER,
    21: _NOT_ITS_ISSUER,
    25: (Reason.PATH_LENGTH, "allows fewer CAs below it than there are"),
    34: (Reason.CRITICAL_EXTENSION, "has a critical extension that is not understood here"),
    38: _PROXY,
    40: _PROXY,
    47: (Reason.NAME_CONSTRAINTS, "has a name that a CA above it may not give"),
    48: (Reason.NAME_CONSTRAINTS, "has a name that a CA above it may not give"),
    49: _ODD_NAME,
    51: _ODD_NAME,
    52: _ODD_NAME,
    53: _ODD_NAME,
    79: _NO_CA,
}
_MALFORMED = (Reason.MALFORMED, "is malformed")
_MALFORMED_POLICIES = (Reason.MALFORMED, "is malformed in what it says of policies")


def broken_rule(path: Path, at: datetime) -> Bad | None:
    """The first rule that a path, from the peer's certificate to the anchor, breaks; None for a good one.

    ``at`` counts in whole seconds; a certificate is valid from its first second to its last, both included.
    """
    loaded = []
    for each in path:
        try:
            loaded.append(_load(each))
        except ValueError:
            return _bad(each, _MALFORMED)
    for each in path[1:]:
        if not each.is_ca and each is not path[-1]:
            return _bad(each, _NO_CA)
        if not each.has_key_usage("key_cert_sign"):
            return _bad(each, _NO_CERT_SIGN)
    store = crypto.X509Store()
    store.add_cert(loaded[-1])
    store.set_time(at.astimezone(UTC))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    try:
        used = crypto.X509StoreContext(store, loaded[0], loaded[1:-1]).get_verified_chain()
    except crypto.X509StoreContextError as error:
        number, depth, _text = error.errors
        problem = _PROBLEMS.get(number, _MALFORMED)
        if problem in (_NOT_ITS_ISSUER, _MALFORMED):
            # OpenSSL goes on without a malformed issuer, and finds none for the certificate below.
            malformed = next(filter(_has_malformed_extension, path[depth : depth + 2]), None)
            if malformed is not None:
                return _bad(malformed, _MALFORMED)
        return _bad(path[min(depth, len(path) - 1)], problem)
    if len(used) != len(path):
        return _bad(path[0], _NOT_ITS_ISSUER)  # OpenSSL found a shorter way, which is another path
    try:
        return _bad(path[0], _NO_POLICY) if lacks_policy(path) else None
    except ValueError:
        return _bad(next(filter(_has_malformed_policies, path), path[0]), _MALFORMED_POLICIES)


def _load(certificate: Certificate) -> crypto.X509:
    """The certificate as OpenSSL has it; ValueError when it, or RFC 5280 section 4.2, cannot have it."""
    check_readable(certificate)
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)
    except crypto.Error as error:
        raise ValueError("OpenSSL cannot read it") from error


def _has_malformed_extension(certificate: Certificate) -> bool:
    try:
        _ = x509.load_der_x509_certificate(certificate.der).extensions
    except x509.UnsupportedGeneralNameType:
        return False  # not known to that library, but well-formed
    except (ValueError, x509.InvalidVersion):
        return True
    return False


def _has_malformed_policies(certificate: Certificate) -> bool:
    try:
        lacks_policy((certificate,) * 3)  # as a CA whose policies are all looked at
    except ValueError:
        return True
    return False


def _bad(certificate: Certificate, problem: tuple[Reason, str]) -> Bad:
    reason, clause = problem
    times = {"since": dates.long(certificate.not_before), "until": dates.long(certificate.not_after)}
    return Bad(reason, f"the certificate of {named(certificate)} {clause.format(**times)}")
