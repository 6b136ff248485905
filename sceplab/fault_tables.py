"""What ``sceplab fault`` prints for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sceplab.printing import listing

_ACTIVE = {
    "SERVICE": "service",
    "ID": "id",
    "FAULT": "name",
    "LEFT": "left",
    "PROBABILITY": "probability",
    "CLIENT": "client",
    "VALUE": "value",
    "HAPPENED": "happened",
}
_KNOWN = {"SERVICE": "service", "FAULT": "name", "VALUE": "value", "WHAT IT DOES": "sentence"}
# By service, what its management API answers.
Found = Mapping[str, Mapping[str, Any]]


def active_faults(found: Found) -> str:
    """Print the faults that are on, one a line."""
    return listing(_ACTIVE, _rows(found, "active"), "No fault is on.", whole=True)


def known_faults(found: Found) -> str:
    """Print the faults that there are, one a line."""
    return listing(_KNOWN, _rows(found, "catalogue"), "No fault is known there.", whole=True)


def _rows(found: Found, key: str) -> list[dict[str, Any]]:
    return [{"service": service, **each} for service, faults in found.items() for each in faults[key]]
