"""What ``sceplab bundles`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sceplab.clock import parse_instant
from sceplab.printing import details, instant_text, listing, shown, visible

_PUBLISHED = {
    "PATH": "path",
    "BUNDLE": "bundle",
    "FORM": "form",
    "SIGNED": "signed",
    "CERTIFICATES": "certificates",
    "FAULT": "fault",
}
_BUNDLE = {
    "What it is": "title",
    "Form": "form",
    "Media type": "content_type",
    "Fault": "fault",
    "Signed by": "signer",
    "Octets": "size",
    "SHA256": "sha256",
    "Published at": "paths",
}
_MEMBER = {
    "Issuer": "issuer",
    "Serial number": "serial_number",
    "From": "not_before",
    "Until": "not_after",
    "CA": "ca",
}


def published_table(published: Sequence[Mapping[str, Any]]) -> str:
    """Print the paths, one a line, and what is to come."""
    table = listing(_PUBLISHED, published, "Nothing is published.", whole=True)
    return "\n".join([table, *(line for each in published for line in _coming(each))])


def published_lines(path: str, published: Sequence[Mapping[str, Any]]) -> str:
    """Say what a path serves and will serve; ``published`` is empty when it serves nothing."""
    lines = [
        line
        for each in published
        for line in (f"{visible(path)} serves {visible(each['bundle'])}.", *_coming(each))
    ]
    return "\n".join(lines) or f"{visible(path)} serves nothing."


def _coming(published: Mapping[str, Any]) -> Iterator[str]:
    for each in published["coming"]:
        at = instant_text(parse_instant(each["at"]))
        yield visible(f"{published['path']} becomes {each['bundle']} at {at}.")


def bundle_details(bundle: Mapping[str, Any]) -> str:
    """Print one bundle, and its members with the fingerprints that routers print."""
    parts = [
        details(
            f"Bundle {bundle['name']}", [(label, shown(key, bundle[key])) for label, key in _BUNDLE.items()]
        )
    ]
    for each in bundle["members"]:
        pairs = [(label, shown(key, each[key])) for label, key in _MEMBER.items()]
        pairs += [(name.upper(), shown(name, value)) for name, value in each["fingerprints"].items()]
        parts.append(details(visible(each["subject"]), pairs))
    return "\n".join(parts)
