"""Our own CA without sockets, as the other end of a router's wire."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ca_server.api.auth import Operator
from ca_server.app import Apps, Parts, create_apps
from ca_server.domain.authority import Authority, AuthorityKeys, Succession, found_authority, mark_of
from ca_server.domain.challenges import Hasher
from ca_server.domain.places import Places
from ca_server.store import SqlStore
from router_emu.pki.wire import HttpRequest, HttpResponse
from sceplab.clock import wall_time
from tests.router_emu.pki_lab import rsa_key

OPERATOR = Operator("operator", "open sesame")


class Keeper:
    """Keeps the CA's generations; a root stays the root's key, not its certificate."""

    def __init__(self, first: Authority) -> None:
        self._authorities = (first,)

    def succession(self) -> Succession:
        return Succession(self._authorities)

    def add_next(self, *, active_from: datetime, now: datetime) -> Authority:
        last = self._authorities[-1]
        number = last.number + 1
        root = None if last.root is last.ca else rsa_key("ca_server root", 2048)
        made = found_authority(
            AuthorityKeys(root, *(rsa_key(f"ca_server {number}-{each}", 2048) for each in range(3))),
            places=Places("http://ca.lab"),
            now=now,
            random_bytes=os.urandom,
            number=number,
            mark=mark_of(last),
            active_from=active_from,
        )
        self._authorities += (made,)
        return made


class CaServer:
    """The CA's two applications behind Flask's test clients, on the router's clock."""

    def __init__(self, database: Path, now: Callable[[], datetime], *, root: bool = False) -> None:
        self.now = now
        self.store = SqlStore(f"sqlite:///{database}", wall_time)
        keys = AuthorityKeys(
            rsa_key("ca_server root", 2048) if root else None,
            *(rsa_key(f"ca_server {number}", 2048) for number in range(3)),
        )
        places = Places("http://ca.lab")
        self.authority = found_authority(keys, places=places, now=now(), random_bytes=os.urandom)
        self.keeper = Keeper(self.authority)
        parts = Parts(
            keeper=self.keeper,
            store=self.store,
            hasher=Hasher(bytes(32)),
            operator=OPERATOR,
            clock=self,
            random_bytes=os.urandom,
            places=places,
        )
        self.apps: Apps = create_apps(parts)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        answer = self.apps.scep.test_client().open(
            parts.path,
            method=request.method,
            data=request.body,
            headers=[*request.headers],
            environ_overrides={
                "QUERY_STRING": parts.query,  # as it stands: nothing decodes and encodes it again
                "SERVER_PROTOCOL": f"HTTP/{request.version}",
            },
        )
        return HttpResponse(answer.status_code, answer.mimetype, answer.data)

    def operate(self, path: str, **body: str) -> Any:
        """A call of the operator's API about requests."""
        return self.call(f"/api/requests{path}", **body)

    def call(self, path: str, **body: str) -> Any:
        """A call of the operator's API."""
        client = self.apps.console.test_client()
        method = client.get if path == "/api/requests" and not body else client.post
        answer = method(path, auth=(OPERATOR.username, OPERATOR.password), json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json
