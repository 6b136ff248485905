"""The directory's own copy of what the CA has published: a state folder, so that it outlasts both of them.

The certificates are lines that are only added, since there may be a hundred thousand.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ldap_mock.dn import parse_dn
from ldap_mock.published import PublishedCa
from sceplab.files import write_json

CAS, ISSUED = "cas.json", "issued.jsonl"
Issued = tuple[int, bytes]  # sequence, DER


class StateError(Exception):
    """The state folder cannot be used; the text says why."""


class KeptCopy:
    """One directory's folder, made when it is not there; StateError."""

    def __init__(self, folder: Path) -> None:
        self._cas, self._issued = folder / CAS, folder / ISSUED
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateError(f"the state folder {folder} cannot be made: {error.strerror}") from error

    def read(self) -> tuple[tuple[PublishedCa, ...], list[Issued]] | None:
        """What was kept; None when nothing was; ValueError when it is damaged."""
        try:
            kept = json.loads(self._cas.read_bytes())
            lines = self._issued.read_bytes().splitlines() if self._issued.exists() else []
            issued = [_read_issued(json.loads(line)) for line in lines]
            return tuple(_ca(each) for each in kept), issued
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise ValueError(f"{self._cas.parent}: {error}") from error

    def save_cas(self, cas: Sequence[PublishedCa]) -> None:
        """Keep the CAs in place of those before."""
        write_json(self._cas, [_ca_json(ca) for ca in cas])

    def add_issued(self, issued: Sequence[Issued]) -> None:
        """Keep more certificates."""
        lines = (json.dumps([number, _text(der)]) + "\n" for number, der in issued)
        descriptor = os.open(self._issued, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(lines)

    def forget(self) -> None:
        """Keep nothing any more."""
        for each in (self._cas, self._issued):
            with suppress(FileNotFoundError):
                each.unlink()


def _ca_json(ca: PublishedCa) -> dict[str, Any]:
    return {
        "name": ca.name,
        "dn": str(ca.dn),
        "cdp_dn": str(ca.cdp_dn),
        "aia_dn": str(ca.aia_dn),
        "certificate": _text(ca.certificate),
        "crl": None if ca.crl is None else _text(ca.crl),
        "current": ca.current,
    }


def _ca(kept: dict[str, Any]) -> PublishedCa:
    return PublishedCa(
        name=kept["name"],
        dn=parse_dn(kept["dn"]),
        cdp_dn=parse_dn(kept["cdp_dn"]),
        aia_dn=parse_dn(kept["aia_dn"]),
        certificate=base64.b64decode(kept["certificate"], validate=True),
        crl=None if kept["crl"] is None else base64.b64decode(kept["crl"], validate=True),
        current=kept["current"],
    )


def _read_issued(kept: Sequence[Any]) -> Issued:
    number, text = kept
    return int(number), base64.b64decode(text, validate=True)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
