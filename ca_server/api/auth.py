"""Who may use the operators' API, and from where.

A browser that has the operator's password sends it with whatever another site's page makes it send.  So a
change has to be JSON, which no form can send and no script of another site may without being asked about
(see ``body``), and has to come from no other site as far as the browser tells.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from werkzeug.datastructures import Authorization, Headers

from ca_server.domain.tokens import TokenDesk
from sceplab.management import is_own_host


@dataclass(frozen=True)
class Operator:
    """Who may look and decide."""

    username: str
    password: str = field(repr=False)

    def is_me(self, username: str | None, password: str | None) -> bool:
        """Whether the credentials are right, in a time that tells nothing of how nearly."""
        right_name = secrets.compare_digest((username or "").encode(), self.username.encode())
        right_password = secrets.compare_digest((password or "").encode(), self.password.encode())
        return right_name and right_password


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in: what the audit calls him, and how he showed who he is."""

    name: str
    by_password: bool


def caller(given: Authorization | None, operator: Operator, tokens: TokenDesk) -> Caller | None:
    """Who this is; None when it is nobody."""
    if given is None:
        return None
    if given.type == "basic" and operator.is_me(given.username, given.password):
        return Caller(operator.username, by_password=True)
    if given.type == "bearer" and given.token:
        holder = tokens.whose(given.token)
        return None if holder is None else Caller(holder, by_password=False)
    return None


def is_known_host(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header is ours: an address, a name of one word, or one of ``hosts``, whatever the port.

    Any other may be the name of an attacker's page, whose DNS he has let point here (DNS rebinding).
    """
    return is_own_host(host) or host.rpartition(":")[0].lower() in hosts or host.lower() in hosts


def is_from_elsewhere(headers: Headers, host: str) -> bool:
    """Whether a browser says that another site's page has asked for this."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site", "none")
    same_origin = origin is None or origin.partition("://")[2].lower() == host.lower()
    return not same_origin or site not in ("same-origin", "none")
