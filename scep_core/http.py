"""SCEP over HTTP (RFC 8894 section 4) as strings and bytes: queries, capabilities, GetCACert's answer.

Queries are read from the raw query string.  A web framework's decoded one is no use: it turns the
``+`` that some clients leave raw in their base64 into a space, and Python's ``b64decode`` then drops
that silently, which corrupts the message without an error.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from scep_core import cms
from scep_core.certificates import Certificate, read_certificate
from scep_core.errors import NotAPkiMessage

GET_CA_CAPS = "GetCACaps"
GET_CA_CERT = "GetCACert"
GET_NEXT_CA_CERT = "GetNextCACert"
PKI_OPERATION = "PKIOperation"

TYPE_CAPS = "text/plain"
TYPE_CA_CERT = "application/x-x509-ca-cert"
TYPE_CA_RA_CERT = "application/x-x509-ca-ra-cert"
TYPE_NEXT_CA_CERT = "application/x-x509-next-ca-cert"
TYPE_PKI_MESSAGE = "application/x-pki-message"

_TO_BASE64 = bytes.maketrans(b" -_", b"++/")

# Where a client looks when its URL names no path (draft-nourse section 5.1; Cisco, scep.md 3.1).
DEFAULT_PATH = "/cgi-bin/pkiclient.exe"
CGI_SUFFIX = "/pkiclient.exe"


@dataclass(frozen=True)
class Query:
    """A SCEP query: the operation as sent (None: no such key) and the percent-decoded message."""

    operation: str | None
    message: bytes | None


def parse_query(query_string: bytes) -> Query:
    """Take a raw query string apart; never fails, a first value wins, key names in any case."""
    found: dict[bytes, bytes] = {}
    for pair in query_string.split(b"&"):
        key, _, value = pair.partition(b"=")
        found.setdefault(key.lower(), unquote_to_bytes(value))
    operation = found.get(b"operation")
    return Query(operation.decode("latin-1") if operation is not None else None, found.get(b"message"))


def decode_get_message(message: bytes) -> bytes:
    """A PKIOperation's message from its (percent-decoded) base64; NotAPkiMessage when it is none.

    Takes line ends anywhere (Cisco ends every 64 characters with ``%0A``), spaces that once were a
    raw ``+``, missing padding, and the alphabet of base64url, which is micromdm's by GET.
    """
    text = message.translate(_TO_BASE64, b"\r\n").rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise NotAPkiMessage("the message parameter is not base64") from error


def get_query(operation: str, message: str | None = None) -> str:
    """The query of a GET that carries a name or nothing (GetCACert, GetCACaps)."""
    return f"operation={operation}" + ("" if message is None else f"&message={quote(message, safe='')}")


def pki_operation_query(message: bytes, *, line_length: int = 0) -> str:
    """The query of a PKIOperation by GET.

    ``line_length`` 64 is Cisco's: base64 in lines, each ended by ``%0A``, the last one too
    (``scep.md`` section 3.1).
    """
    text = base64.b64encode(message).decode()
    if line_length:
        lines = (text[at : at + line_length] for at in range(0, len(text), line_length))
        text = "".join(line + "\n" for line in lines)
    return f"operation={PKI_OPERATION}&message={quote(text, safe='')}"


def format_capabilities(capabilities: Iterable[str]) -> str:
    """GetCACaps' answer, one keyword a line (section 3.5.2)."""
    return "".join(f"{capability}\n" for capability in capabilities)


def parse_capabilities(text: str) -> frozenset[str]:
    """The keywords in lower case: clients SHOULD ignore case and MUST ignore unknown words."""
    return frozenset(line.strip().lower() for line in text.splitlines() if line.strip())


def format_ca_certificates(certificates: tuple[Certificate, ...]) -> tuple[str, bytes]:
    """GetCACert's content type and body: the certificate itself, or a bag of several (section 4.2.1)."""
    if len(certificates) == 1:
        return TYPE_CA_CERT, certificates[0].der
    return TYPE_CA_RA_CERT, cms.degenerate(certificates)


def parse_ca_certificates(body: bytes) -> tuple[Certificate, ...]:
    """GetCACert's answer, told apart by its content and not by its type, which real CAs get wrong.

    NotAPkiMessage when the body is neither a certificate nor a bag with one at least.
    """
    try:
        return (read_certificate(body),)
    except ValueError:
        pass
    try:
        certificates, _ = cms.read_degenerate(body)
    except ValueError as error:
        raise NotAPkiMessage("neither a certificate nor a bag of certificates") from error
    if not certificates:
        raise NotAPkiMessage("a bag without certificates")
    return certificates
