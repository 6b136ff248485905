"""What a row of the API's table is.  Everything about a route is in its row: see ``routes``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from ca_server.api.schema import Schema, integer, record
from ca_server.domain.approval import ApprovalDesk
from ca_server.domain.challenges import ChallengeDesk
from ca_server.domain.ledger import AuditEntry, AuditFilter, Slice
from ca_server.domain.profiles import Profiles
from ca_server.domain.revocation import RevocationDesk
from ca_server.domain.rollover import CaDesk
from ca_server.domain.tokens import TokenDesk
from sceplab.clock import format_instant

T = TypeVar("T")
MAX_PAGE = 500


@dataclass(frozen=True)
class Desks:
    """What the API works on.  ``audit`` returns a part of the audit."""

    approval: ApprovalDesk
    revocation: RevocationDesk
    challenges: ChallengeDesk
    ca: CaDesk
    tokens: TokenDesk
    audit: Callable[[AuditFilter, Slice], Sequence[AuditEntry]]
    profiles: Profiles


@dataclass(frozen=True)
class Call:
    """A request to a route: checked, and known whose; ``now`` is lab time.

    ``given`` has the path's and the query's values, ``body`` the body's.
    """

    given: Mapping[str, Any]
    body: Mapping[str, Any] = field(repr=False)  # there may be a password in it
    by: str
    source: str
    now: datetime


Handler = Callable[[Desks, Call], Any]


@dataclass(frozen=True)
class Route:
    """One row: what is asked, what is answered, and who does it.

    ``path`` is as in OpenAPI; each of its parameters is in ``parameters``.  ``answer`` is the schema of what
    ``do`` returns, or None when it returns the bytes of ``media_type``.  ``refusals`` are the statuses it
    can end with besides those that every route has.  ``password_only``: a token does not open it.
    """

    method: str
    path: str
    summary: str
    do: Handler
    answer: Schema | None
    parameters: Mapping[str, Schema] = field(default_factory=dict)
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    status: int = 200
    media_type: str = "application/json"
    refusals: tuple[int, ...] = ()
    password_only: bool = False

    @property
    def changes(self) -> bool:
        """Whether it is more than looking."""
        return self.method != "GET"

    @property
    def needs_body(self) -> bool:
        """Whether something in its body must be given."""
        return self.body is not None and bool(self.body.get("required"))

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return re.sub(r"\{(\w+)\}", r"<\1>", self.path)

    @property
    def name(self) -> str:
        """A name of its own: ``post-requests-id-approve``."""
        return "-".join([self.method.lower(), *re.findall(r"\w+", self.path.removeprefix("/api"))])


@dataclass(frozen=True)
class View(Generic[T]):
    """How a thing is shown: the schema of each field, and how it is made where it is no plain attribute."""

    name: str
    fields: Mapping[str, Schema]
    made: Mapping[str, Callable[[T, datetime], object]] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """The schema, by its name."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    def show(self, thing: T, now: datetime) -> dict[str, Any]:
        """The thing in JSON's values, as it is at ``now``."""
        return {
            name: _plain(self.made[name](thing, now) if name in self.made else getattr(thing, name))
            for name in self.fields
        }


def _plain(value: object) -> object:
    match value:
        case datetime():
            return format_instant(value)
        case tuple():
            return list(value)
        case _:
            return value


NEWEST = "newest"
PAGING: Mapping[str, Schema] = {
    "limit": {**integer(1, MAX_PAGE, "how many at most"), "default": 100},
    "after": integer(0, 2**63 - 1, "the `next` of the page before"),
    "order": {"enum": ["oldest", NEWEST], "default": "oldest", "description": "which come first"},
}


def part(given: Mapping[str, Any]) -> Slice:
    """The part of a list that is asked for, and one more: whether there is a next page."""
    return Slice(given.get("after"), given.get("limit", 100) + 1, given.get("order") == NEWEST)


def page(name: str, found: Sequence[T], asked: Slice, show: Callable[[T], object]) -> dict[str, Any]:
    """The answer to what ``part`` asked for; everything that is listed has an ``id``."""
    shown = found[: asked.limit - 1]
    last = getattr(shown[-1], "id", None) if len(found) > len(shown) else None
    return {name: [show(each) for each in shown], "next": last}


def page_schema(name: str, view: View[Any], **more: Schema) -> Schema:
    """The schema of such an answer."""
    following = {
        "anyOf": [integer(1, 2**63 - 1), {"type": "null"}],
        "description": "`after` of the next page",
    }
    return record({name: {"type": "array", "items": view.schema}, "next": following, **more})
