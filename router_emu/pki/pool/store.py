"""What the trust pool holds, and which of it counts: values, and their JSON.

A built-in certificate is never removed.  It is inactive while a downloaded one has its subject (the chapter,
"Updating the CA Trustpool").
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from router_emu.pki.peers.verdict import name_key
from router_emu.pki.pool.bundle import Bundle
from router_emu.pki.snapshot_keys import read_instant
from scep_core.certificates import Certificate, read_certificate

Json = dict[str, Any]


class BrokenPool(ValueError):
    """What was stored of the pool cannot be read, or is not what was written."""


@dataclass(frozen=True)
class TrustPool:
    """Built-in certificates, and those of the last bundle: from where, and when."""

    built_in: tuple[Certificate, ...]
    downloaded: tuple[Certificate, ...] = ()
    source: str = ""
    imported_at: datetime | None = None

    @cached_property
    def active(self) -> tuple[Certificate, ...]:
        """Whom the pool trusts: the built-in ones whose subject no downloaded one has, and the downloaded."""
        downloaded = {name_key(each.subject) for each in self.downloaded}
        kept = (each for each in self.built_in if name_key(each.subject) not in downloaded)
        return (*kept, *self.downloaded)

    def is_active(self, certificate: Certificate) -> bool:
        """Whether one of the pool's own certificates counts.

        One that is built in and downloaded is active in the second place alone: it is the object that is
        looked for.
        """
        return id(certificate) in self._active_ids

    @cached_property
    def _active_ids(self) -> frozenset[int]:
        return frozenset(map(id, self.active))

    def earliest_end(self, now: datetime) -> Certificate | None:
        """Of the active ones that are still valid, the one that ends first."""
        valid = (each for each in self.active if each.not_after >= now)
        return min(valid, key=lambda each: each.not_after, default=None)

    def with_bundle(self, bundle: Bundle, source: str, now: datetime) -> TrustPool:
        """The pool with this bundle's certificates in the place of all that were downloaded."""
        return TrustPool(self.built_in, bundle.certificates, source, now)

    def cleaned(self) -> TrustPool:
        """The pool without what was downloaded."""
        return TrustPool(self.built_in)


def dump(pool: TrustPool) -> Json:
    """What was downloaded, as JSON; the built-in ones come with the router's software."""
    return {
        "downloaded": [base64.b64encode(each.der).decode() for each in pool.downloaded],
        "source": pool.source,
        "imported_at": pool.imported_at.isoformat() if pool.imported_at else None,
    }


def load(built_in: Sequence[Certificate], stored: Mapping[str, Any]) -> TrustPool:
    """The pool that ``dump`` wrote down; BrokenPool when it is none."""
    try:
        downloaded = tuple(
            read_certificate(base64.b64decode(each, validate=True)) for each in stored["downloaded"]
        )
        imported_at = read_instant(stored["imported_at"]) if stored["imported_at"] else None
        return TrustPool(tuple(built_in), downloaded, str(stored["source"]), imported_at)
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenPool(f"the stored trust pool cannot be read: {error}") from error


def seal(values: Json) -> Json:
    """JSON values with their hash: a certificate may be spoilt and still read, as nobody signs for a root."""
    return values | {"sha256": _digest(values)}


def unseal(stored: Any, router: str) -> Json:
    """What ``seal`` was given; BrokenPool when it is not that any more, to the bit, or another router's."""
    if not isinstance(stored, dict) or "sha256" not in stored:
        raise BrokenPool("the stored trust pool cannot be read: it is something else")
    values = {key: value for key, value in stored.items() if key != "sha256"}
    if stored["sha256"] != _digest(values):
        raise BrokenPool("the stored trust pool is not what was written")
    if values.get("router") != router:
        raise BrokenPool("the stored trust pool is another router's")
    return values


def _digest(values: Json) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
