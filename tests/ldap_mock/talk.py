"""A session that is talked to without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ldap_mock.directory import Tree
from ldap_mock.dn import parse_dn
from ldap_mock.messages import Result
from ldap_mock.session import Session
from tests.ldap_mock.sample import TREE
from tests.ldap_mock.wire import Response, responses

MANAGER = "cn=admin,o=lab"
PASSWORD = "swordfish"


class Talk:
    """Says requests to a session and hears what it answers."""

    def __init__(self, tree: Tree = TREE, size_limit: int = 5000) -> None:
        self.session = Session((parse_dn(MANAGER), PASSWORD.encode()), size_limit)
        self.tree = tree

    def say(
        self,
        *octets: bytes,
        instead: Result | None = None,
        rename: Mapping[str, str] | None = None,
        overdue: Callable[[], bool] = lambda: False,
    ) -> list[Response]:
        """All answers to these octets, with the farewell when there is one."""
        self.session.receive(b"".join(octets))
        heard = b""
        while message := self.session.next():
            answer = self.session.answer(
                message, self.tree, instead=instead, rename=rename or {}, overdue=overdue
            )
            heard += b"".join(piece for pieces in answer for piece in pieces)
        return responses(heard + b"".join(self.session.farewell()))

    def last(self, *octets: bytes) -> Response:
        return self.say(*octets)[-1]

    def found(self, *octets: bytes) -> dict[str, dict[str, list[bytes]]]:
        """The entries of a search that succeeds: name, then description, to values."""
        *entries, result = self.say(*octets)
        assert result.code == 0, result
        return {entry.dn: entry.attributes for entry in entries}
