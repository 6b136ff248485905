"""Which of an entry's attributes a search tells, and under which names (RFC 4511 section 4.5.1.8).

A certificate or CRL is told under the description by which the client asked for it, ``;binary`` or not:
RFC 4523 wants the option, and clients older than it do not know it.  Who asks both ways gets it once, with
the option; who asks for all attributes too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ldap_mock import schema
from ldap_mock.filters import types_of
from ldap_mock.schema import AttributeType

_ALL_USER = "*"
_ALL_OPERATIONAL = "+"  # RFC 3673
_BINARY = ";binary"


class Selection:
    """What was asked for; ``rename`` has other names for some types, which a fault gives them."""

    def __init__(self, asked: Iterable[str], rename: Mapping[str, str]) -> None:
        words = list(asked) or [_ALL_USER]
        self._rename = rename
        self._user = _ALL_USER in words
        self._operational = _ALL_OPERATIONAL in words
        self._named: dict[str, str] = {}
        for word in words:
            for row in types_of(word):
                self._add(row, word)

    def _add(self, row: AttributeType, word: str) -> None:
        """Take a type by the word that asks for it, or for one that it is derived from."""
        own = schema.attribute_type(word.partition(";")[0]) is row
        if row.name not in self._named or word.lower().endswith(_BINARY):
            self._named[row.name] = word if own else row.name

    def description(self, name: str) -> str | None:
        """How the type is told, None when it is not."""
        told = self._named.get(name)
        row = schema.attribute_type(name)
        if told is None and (self._operational if row and row.operational else self._user):
            told = name + (_BINARY if row and row.kind.binary else "")
        if told is not None and name in self._rename:
            told = self._rename[name] + (_BINARY if told.lower().endswith(_BINARY) else "")
        return told

    def select(
        self, attributes: Mapping[str, Collection[bytes]], *, types_only: bool
    ) -> list[tuple[str, list[bytes]]]:
        """The attributes that are told, in their entry's order."""
        told = ((self.description(name), values) for name, values in attributes.items() if values)
        return [
            (description, [] if types_only else list(values))
            for description, values in told
            if description is not None
        ]
