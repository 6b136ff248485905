"""Certification requests as they are handed over by hand: in PEM, or in base64 as a router prints them."""

from __future__ import annotations

import re

_PEM = re.compile("-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.*?)(?=-----END|-----BEGIN|\\Z)", re.DOTALL)
# IOS ends a request that it prints with a line that says that it is none of it.
_END = re.compile(r"^[ \t]*---End.*", re.MULTILINE)
_BASE64_LINE = re.compile("[A-Za-z0-9+/]+={0,2}")
_DER_BEGINS = "MI"  # a SEQUENCE of more than 127 bytes, as every request is


def split_requests(text: str) -> list[str]:
    """Return each request of a text, as bare base64 in one line; what stands around them is passed over.

    One that stands there twice, as on a screen after "Redisplay", comes once.  A text without any comes back
    as one, for him who decodes it to say what is wrong.
    """
    blocks = [pem[1] for pem in _PEM.finditer(text)] or _END.split(text)
    found = [_base64_lines(block) for block in blocks]
    requests = [lines for lines in found if any(line.startswith(_DER_BEGINS) for line in lines)]
    if not requests:
        return ["".join(line for lines in found for line in lines) or text]
    return list(dict.fromkeys("".join(lines) for lines in requests))


def _base64_lines(block: str) -> list[str]:
    lines = (line.strip() for line in block.splitlines())
    return [line for line in lines if _BASE64_LINE.fullmatch(line)]
