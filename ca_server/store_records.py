"""Dataclasses to rows and back.

What a field is decides how it is kept, the same in every database: an instant as sortable UTC text with
microseconds, a serial number of up to 160 bits as hexadecimal text, names as a JSON list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from sqlalchemy import Column, Table

from ca_server import schema
from ca_server.domain.ledger import AuditEntry, Challenge, IssuedCertificate, IssuedCrl, Token
from ca_server.domain.requests import CertificateRequest

T = TypeVar("T")
SERIAL_NUMBERS = {"serial_number", "renews"}


def instant_text(instant: datetime) -> str:
    """An aware instant's text, ``2026-03-01T12:00:00.000000Z``."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def serial_number_text(number: int) -> str:
    """A serial number's text."""
    return f"{number:X}"


# Not in ASCII alone, so that a search finds names as they are written.
_names_text = json.JSONEncoder(ensure_ascii=False).encode


class Record(Generic[T]):
    """How one dataclass is kept in one table.

    ``columns`` are in the order of the fields: a row of them is read as it is.
    """

    def __init__(self, made: type[T], table: Table) -> None:
        self.columns: list[Column[Any]] = []
        self._made = made
        self._names: list[str] = []
        self._keep: list[tuple[str, Callable[[Any], object]]] = []
        self._restore: list[tuple[int, Callable[[Any], object]]] = []
        hints = get_type_hints(made)
        for index, each in enumerate(fields(made)):  # type: ignore[arg-type]
            keep, restore = _ways(each.name, hints[each.name])
            if keep:
                self._keep.append((each.name, keep))
            if restore:
                self._restore.append((index, restore))
            self._names.append(each.name)
            self.columns.append(table.c[each.name])
        self._values = attrgetter(*self._names)

    def keep(self, record: T) -> dict[str, Any]:
        """The columns' values."""
        values = dict(zip(self._names, self._values(record), strict=True))
        for name, way in self._keep:
            if (value := values[name]) is not None:
                values[name] = way(value)
        return values

    def restore(self, row: Sequence[Any]) -> T:
        """The dataclass of a row of ``columns``."""
        values = list(row)
        for index, way in self._restore:
            if (value := values[index]) is not None:
                values[index] = way(value)
        return self._made(*values)


def _ways(name: str, hint: Any) -> tuple[Callable[[Any], object] | None, Callable[[Any], object] | None]:
    """How a field is kept and restored; None: as it is."""
    kind = get_args(hint)[0] if isinstance(hint, UnionType) else hint
    if name in SERIAL_NUMBERS:
        return serial_number_text, lambda text: int(text, 16)
    if kind is datetime:
        return instant_text, datetime.fromisoformat
    if kind is bool:
        return None, bool
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str, kind
    if kind == tuple[str, ...]:
        return _names_text, lambda text: tuple(json.loads(text))
    return None, None


REQUEST = Record(CertificateRequest, schema.requests)
CERTIFICATE = Record(IssuedCertificate, schema.certificates)
CRL = Record(IssuedCrl, schema.crls)
CHALLENGE = Record(Challenge, schema.challenges)
TOKEN = Record(Token, schema.tokens)
AUDIT_ENTRY = Record(AuditEntry, schema.audit)
