"""A running lab, for programs: its requests, its clock, its routers.

::

    lab = Lab.find()                                   # or Lab(endpoints)
    request = lab.wait_for_request(lambda r: r["subject"] == "CN=r1")
    lab.approve(request["id"])
    for fired in lab.time.advance(timedelta(minutes=2)):
        print(fired.owner, fired.name, fired.outcome)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sceplab.advance import LabTime
from sceplab.errors import LabError, NoLab
from sceplab.places import read_endpoints
from sceplab.remote import RemoteService, call, local_session
from sceplab.router_shell import RouterShell

POLL_SECONDS = 0.05

# A certificate request, as the operators' REST API shows it.
Request = Mapping[str, Any]


class Lab:
    """A running lab, known by its endpoints (the JSON that ``sceplab up`` writes)."""

    def __init__(self, endpoints: Mapping[str, Any]) -> None:
        self.endpoints = endpoints
        self._services = [RemoteService(name, url) for name, url in endpoints["management"].items()]
        self.time = LabTime(self._services)
        operator = endpoints["operator"]
        self._console = endpoints["ca"]["console"].rstrip("/")
        self._session = local_session()
        self._session.auth = (operator["username"], operator["password"])

    @classmethod
    def find(cls, path: Path | None = None) -> Lab:
        """Find the running lab as the commands do; NoLab when there is none."""
        return cls(read_endpoints(path))

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections.  The lab goes on."""
        self._session.close()
        for service in self._services:
            service.close()

    def requests(self, state: str | None = None) -> list[Request]:
        """Return the certificate requests, all or those in ``state`` ("pending", "issued", "denied")."""
        query = f"?state={state}" if state else ""
        found: list[Request] = self._call("GET", f"/api/requests{query}")["requests"]
        return found

    def request(self, number: int) -> Request:
        """Return one request; Refused with the code "not-found" when there is none."""
        found: Request = self._call("GET", f"/api/requests/{number}")
        return found

    def approve(self, number: int) -> Request:
        """Approve a pending request; Refused with the code "wrong-state" when it is not pending."""
        approved: Request = self._call("POST", f"/api/requests/{number}/approve", {})
        return approved

    def deny(self, number: int, reason: str = "") -> Request:
        """Deny a pending request; the reason reaches the client as failInfoText."""
        denied: Request = self._call("POST", f"/api/requests/{number}/deny", {"reason": reason})
        return denied

    def wait_for_request(self, wanted: Callable[[Request], bool], timeout: float = 10) -> Request:
        """Wait, ``timeout`` seconds of real time at most, for a request that is ``wanted``."""
        deadline = time.monotonic() + timeout
        while True:
            requests = self.requests()
            for request in requests:
                if wanted(request):
                    return request
            if time.monotonic() > deadline:
                seen = ", ".join(f"{request['id']} {request['state']}" for request in requests) or "none"
                raise LabError(f"No such request came within {timeout:g} s (the CA has: {seen}).")
            time.sleep(POLL_SECONDS)

    def router(self, name: str) -> RouterShell:
        """Log in to a router; use the answer in a ``with``."""
        routers = self.endpoints["routers"]
        if name not in routers:
            raise NoLab(f"The lab has no router {name!r}; it has {', '.join(sorted(routers))}.")
        return RouterShell(name, **routers[name])

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        return call(self._session, "The CA's console", method, f"{self._console}{path}", body)
