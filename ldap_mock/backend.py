"""What the server asks of whoever knows what the directory holds, and what a fault may do to a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ldap_mock.directory import Tree
from ldap_mock.messages import ResultCode


class DirectoryUnavailable(Exception):
    """The directory cannot say what it holds; the text says why, for clients to read."""


@dataclass(frozen=True)
class Injection:
    """What a fault does to one search."""

    name: str
    result: ResultCode | None = None  # answered in place of a result
    referrals: tuple[str, ...] = ()
    delay: float = 0.0  # seconds of real time before the answer
    truncate: bool = False  # the answer is cut in its middle, then the connection is closed
    reset: bool = False  # TCP RST in place of an answer
    rename: Mapping[str, str] = field(default_factory=dict)  # attribute types told under another name
    tree: Tree | None = None  # searched in place of the true one


class Backend(Protocol):
    """Who knows what the directory holds.  It is asked in the server's own loop, and must not block it."""

    async def tree(self) -> Tree:
        """What the directory holds now; DirectoryUnavailable."""
        ...

    async def last_tree(self) -> Tree:
        """What it held when it was last known, for searches of the root DSE; perhaps nothing."""
        ...

    async def injection(self, client: str) -> Injection | None:
        """The fault that this search meets; ``client`` is an IP address.

        Asked once for each search for entries, not for one of the root DSE or of the schema, which some
        libraries read first whatever they are asked for.
        """
        ...

    def log(self, event: str, **facts: object) -> None:
        """Something has happened."""
        ...
