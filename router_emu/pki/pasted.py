"""Certificates as people paste them into a terminal, and requests as a router prints them for that."""

from __future__ import annotations

import base64
import re

from scep_core.certificates import Certificate
from scep_core.csr import Csr
from scep_core.errors import NotAPkiMessage
from scep_core.http import parse_ca_certificates

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_LINE = 64


def read_certificates(text: str) -> tuple[Certificate, ...]:
    """The certificates in PEM, one or several, or in bare base64; each may be a bag of them (PKCS #7).

    What stands around PEM, as of ``openssl x509 -text``, is passed over.  ValueError says what is wrong.
    """
    if "-----BEGIN " in _PEM.sub("", text):
        raise ValueError("a line -----BEGIN ...----- has no line -----END ...----- that belongs to it")
    found: list[Certificate] = []
    for body in [block[2] for block in _PEM.finditer(text)] or [text]:
        try:
            found += parse_ca_certificates(base64.b64decode("".join(body.split()), validate=True))
        except NotAPkiMessage as error:
            raise ValueError(str(error)) from error
        except ValueError as error:
            raise ValueError("it is neither PEM nor base64") from error
    return tuple(found)


def certificates_in_file(data: bytes) -> tuple[Certificate, ...]:
    """The same from a file, which may hold DER as well; ValueError says what is wrong."""
    try:
        return parse_ca_certificates(data)
    except NotAPkiMessage:
        return read_certificates(data.decode("ascii", errors="replace"))


def request_lines(request: Csr) -> str:
    """A request in base64, without PEM's head and foot: IOS prints it so [U]."""
    text = base64.b64encode(request.der).decode()
    return "\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))


def request_pem(request: Csr) -> str:
    """A request in PEM, for a file."""
    return (
        f"-----BEGIN CERTIFICATE REQUEST-----\n{request_lines(request)}\n-----END CERTIFICATE REQUEST-----\n"
    )
