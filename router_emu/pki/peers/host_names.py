"""Is this certificate for the host that was called?  RFC 6125, for TLS servers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from scep_core import names
from scep_core.certificates import SUBJECT_ALT_NAME, Certificate, read_subject_alt_name

# Below a wildcard there is a domain, not a whole country (RFC 6125 section 7.2 leaves it open; ours).
_LABELS_BELOW_WILDCARD = 2


def is_for(certificate: Certificate, host: str) -> bool:
    """Whether a certificate is for ``host``, a DNS name or an IP address, as a URL has it.

    An address is looked for among the certificate's addresses only.
    """
    presented = [name.partition(":") for name in names_of(certificate)]
    address = _address(host)
    if address is not None:
        return any(_address(text) == address for kind, _, text in presented if kind == "IP")
    called = _labels(_ascii(host))
    return any(_matches(_labels(text), called) for kind, _, text in presented if kind == "DNS")


def is_address(host: str) -> bool:
    """Whether a URL's host is an IP address."""
    return _address(host) is not None


def names_of(certificate: Certificate) -> tuple[str, ...]:
    """The names that count, as ``DNS:r1.lab`` and ``IP:192.0.2.1``.

    Without any in the subjectAltName it is the subject's last common name, as old CAs have it (RFC 6125
    section 6.4.4).
    """
    extension = certificate.extension(SUBJECT_ALT_NAME)
    try:
        alternative = read_subject_alt_name(extension.value) if extension else ()
    except ValueError:
        return ()
    found = tuple(name for name in alternative if name.startswith(("DNS:", "IP:")))
    return found or tuple(f"DNS:{text}" for text in _common_names(certificate)[-1:])


def _common_names(certificate: Certificate) -> list[str]:
    try:
        rdns = names.parse_name(certificate.subject)
    except ValueError:
        return []
    return [text for rdn in rdns for kind, text in rdn if kind == names.COMMON_NAME]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""


def _labels(name: str) -> list[str]:
    """A DNS name's labels in lower case; empty when it is none.

    A certificate's name is taken as it stands: what merely looks like another name is not that one.
    """
    labels = name.lower().removesuffix(".").split(".")
    return labels if name.isascii() and all(labels) else []


def _matches(presented: list[str], called: list[str]) -> bool:
    """Whether a certificate's name is the one called; ``*`` stands for the whole first label, and only there.

    RFC 6125 section 6.4.3.
    """
    if not called or len(presented) != len(called):
        return False
    if presented[0] == "*" and len(presented) > _LABELS_BELOW_WILDCARD:
        return presented[1:] == called[1:]
    return presented == called
