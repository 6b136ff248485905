"""What a test's server serves: a tree, faults as they are put in, and all that was logged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ldap_mock.directory import Tree
from ldap_mock.server import Injection, LdapServer
from sceplab.serving import Listener
from tests.ldap_mock.sample import TREE

MANAGER = "cn=admin,o=lab"
PASSWORD = "swordfish"


@dataclass
class TestBackend:
    """A directory whose contents, faults and failures a test sets."""

    __test__ = False

    held: Tree = TREE
    failure: Exception | None = None
    faults: list[Injection] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: int = 0
    logged: threading.Condition = field(default_factory=threading.Condition)

    async def tree(self) -> Tree:
        if self.failure:
            raise self.failure
        return self.held

    async def last_tree(self) -> Tree:
        return self.held

    async def injection(self, client: str) -> Injection | None:
        self.asked += 1
        return self.faults.pop(0) if self.faults else None

    def log(self, event: str, **facts: object) -> None:
        with self.logged:
            self.events.append((event, facts))
            self.logged.notify_all()

    def wait_logged(self, event: str, **facts: object) -> dict[str, Any]:
        """The first event of this name that says this; waits until there is one."""

        def find() -> dict[str, Any] | None:
            found = (said for name, said in self.events if name == event)
            return next((said for said in found if facts.items() <= said.items()), None)

        with self.logged:
            found = self.logged.wait_for(find, timeout=20)
        assert found is not None, (event, facts, self.events)
        return found


@contextmanager
def serving(backend: TestBackend, **options: Any) -> Iterator[LdapServer]:
    """A server of this backend on a free port."""
    with LdapServer(backend, Listener(), manager=(MANAGER, PASSWORD), **options) as server:
        yield server
