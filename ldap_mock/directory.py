"""Entries in a tree that does not change: what the directory holds at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ldap_mock import schema
from ldap_mock.dn import ROOT, Dn
from ldap_mock.messages import Scope

# The class of an entry that stands only because something stands below it, by its naming attribute.
_GLUE = {
    "c": "country",
    "cn": "container",
    "dc": "domain",
    "l": "locality",
    "o": "organization",
    "ou": "organizationalUnit",
    "st": "locality",
    "uid": "account",
}


@dataclass(frozen=True)
class Entry:
    """An entry: its name, and its users' attributes by their canonical names, without options.

    ``objectClass`` lists the classes by name; superclasses may be missing.
    """

    dn: Dn
    attributes: Mapping[str, tuple[bytes, ...]]

    @cached_property
    def classes(self) -> frozenset[str]:
        """The OIDs of its object classes and of all their superclasses."""
        return schema.with_superclasses(
            value.decode(errors="replace") for value in self.attributes.get("objectClass", ())
        )


class NoSuchObject(Exception):
    """There is no entry of this name; ``matched`` is the nearest above it that is there, or the root."""

    def __init__(self, matched: Dn) -> None:
        super().__init__(f"nothing is there below {matched}")
        self.matched = matched


class Tree:
    """The entries of a directory.  It never changes: a search may go on while the next tree is made.

    Parents that are missing become glue entries.  Of two entries of one name the later stands.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[tuple[object, ...], Entry] = {entry.dn.key: entry for entry in entries}
        self._children: dict[tuple[object, ...], list[Entry]] = {}
        for entry in list(self._entries.values()):
            self._place(entry)

    def _place(self, entry: Entry) -> None:
        """Put an entry under its parent, which is made when it is not there."""
        while entry.dn.key:
            above = entry.dn.key[1:]
            known = not above or above in self._entries
            self._children.setdefault(above, []).append(entry)
            if known:
                return
            entry = _glue(entry.dn.parent)
            self._entries[above] = entry

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def roots(self) -> list[Entry]:
        """The entries that nothing stands above: what naming contexts begin with."""
        return list(self._children.get((), ()))

    def find(self, dn: Dn) -> Entry:
        """The entry of this name; NoSuchObject."""
        entry = self._entries.get(dn.key)
        if entry is None:
            raise NoSuchObject(self._nearest(dn))
        return entry

    def _nearest(self, dn: Dn) -> Dn:
        while dn.rdns:
            dn = dn.parent
            if (entry := self._entries.get(dn.key)) is not None:
                return entry.dn
        return ROOT

    def has_subordinates(self, dn: Dn) -> bool:
        """Whether entries stand below this one."""
        return dn.key in self._children

    def search(self, base: Dn, scope: Scope) -> Iterator[Entry]:
        """The entries within a scope, parents before their children; NoSuchObject.

        The root is no entry, and everything is below it.
        """
        found = [self.find(base)] if base.rdns else []
        match scope:
            case Scope.BASE:
                return iter(found)
            case Scope.ONE_LEVEL:
                return iter(self._children.get(base.key, ()))
            case Scope.SUBTREE:
                return self._below(found or self.roots)
            case Scope.SUBORDINATE_SUBTREE:
                return self._below(self._children.get(base.key, ()))

    def _below(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        waiting = [iter(entries)]
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
                continue
            yield entry
            if children := self._children.get(entry.dn.key):
                waiting.append(iter(children))


def _glue(dn: Dn) -> Entry:
    attributes: dict[str, tuple[bytes, ...]] = {}
    for kind, value in dn.rdns[0]:
        attributes[kind] = (*attributes.get(kind, ()), value)
    structural = next((_GLUE[kind] for kind in attributes if kind in _GLUE), "extensibleObject")
    return Entry(dn, {"objectClass": (b"top", structural.encode()), **attributes})
