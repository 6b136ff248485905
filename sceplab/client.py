"""A running lab, for programs: its requests, its clock, its routers.

::

    lab = Lab.find()                                   # or Lab(endpoints)
    request = lab.wait_for_request(lambda r: r["subject"] == "CN=r1")
    lab.approve(request["id"])
    for fired in lab.time.advance(timedelta(minutes=2)):
        print(fired.owner, fired.name, fired.outcome)
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sceplab.advance import LabTime
from sceplab.errors import LabError, NoLab
from sceplab.places import read_endpoints
from sceplab.remote import RemoteService, call, local_session
from sceplab.router_shell import RouterShell

POLL_SECONDS = 0.05

PAGE = 500  # the most that the API gives at a time

# Things as the operators' REST API shows them: docs/api.md.
Shown = Mapping[str, Any]
Request = Shown


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

    # ------------------------------------------------------------------ requests

    def requests(
        self,
        state: str | None = None,
        *,
        newest: bool = False,
        limit: int | None = None,
        **filters: str | None,
    ) -> list[Request]:
        """Return the certificate requests, oldest first: all, or those that the filters leave.

        ``state`` is "pending", "issued" or "denied"; ``filters`` are profile, source, transaction_id and
        search.  At most ``limit`` of them.
        """
        return self._list("requests", newest=newest, limit=limit, state=state, **filters)

    def request(self, number: int) -> Request:
        """Return one request with its audit; Refused with the code "not-found" when there is none."""
        return self._call("GET", f"/api/requests/{number}")

    def submit(self, csr: str, *, profile: str | None = None) -> Request:
        """Bring one certification request by hand: PEM, or the base64 that a router prints."""
        return self._call("POST", "/api/requests", _given(csr=csr, profile=profile))

    def approve(
        self, number: int, *, lifetime: timedelta | None = None, profile: str | None = None
    ) -> Request:
        """Approve a pending request; Refused with the code "wrong-state" when it is not pending.

        The certificate lasts as long, and says what, its profile's certificates do, unless told otherwise.
        """
        seconds = None if lifetime is None else int(lifetime.total_seconds())
        body = _given(lifetime_seconds=seconds, profile=profile)
        return self._call("POST", f"/api/requests/{number}/approve", body)

    def deny(self, number: int, reason: str = "") -> Request:
        """Deny a pending request; the reason reaches the client as failInfoText."""
        return self._call("POST", f"/api/requests/{number}/deny", {"reason": reason})

    def note(self, number: int, text: str) -> Request:
        """Add a remark to a request's audit."""
        return self._call("POST", f"/api/requests/{number}/notes", {"text": text})

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

    # ------------------------------------------------------------------ certificates

    def certificates(
        self, *, newest: bool = False, limit: int | None = None, **filters: str | None
    ) -> list[Shown]:
        """Return the certificates; ``filters`` are state, issuer and search."""
        return self._list("certificates", newest=newest, limit=limit, **filters)

    def certificate(self, serial_number: str) -> Shown:
        """Return one certificate, by its serial number in hexadecimal."""
        return self._call("GET", f"/api/certificates/{_serial(serial_number)}")

    def revoke(
        self, serial_number: str, reason: str = "unspecified", *, invalidity_date: str | None = None
    ) -> Shown:
        """Revoke a certificate, or hold it: ``reason`` is RFC 5280's name."""
        body = _given(reason=reason, invalidity_date=invalidity_date)
        return self._call("POST", f"/api/certificates/{_serial(serial_number)}/revoke", body)

    def revoke_with_password(self, serial_number: str, password: str) -> Shown:
        """Revoke a certificate with the challenge password of its enrolment, as a device's owner tells it."""
        path = f"/api/certificates/{_serial(serial_number)}/revoke-with-password"
        return self._call("POST", path, {"password": password})

    def release(self, serial_number: str) -> Shown:
        """Let a certificate that is held be valid again."""
        return self._call("POST", f"/api/certificates/{_serial(serial_number)}/release", {})

    # ------------------------------------------------------------------ the CA

    def new_challenge(
        self,
        *,
        device: str | None = None,
        once: bool = True,
        valid_for: timedelta | None = None,
        password: str | None = None,
    ) -> Shown:
        """Give out a challenge password: ``password`` in the answer, and nowhere else."""
        seconds = None if valid_for is None else int(valid_for.total_seconds())
        body = _given(device=device, once=once, valid_seconds=seconds, password=password)
        return self._call("POST", "/api/challenges", body)

    def challenges(self) -> list[Shown]:
        """Return the challenges, without their passwords."""
        return self._list("challenges")

    def withdraw_challenge(self, number: int) -> None:
        """Let a challenge password be wrong from now on."""
        self._call("DELETE", f"/api/challenges/{number}")

    def crls(self) -> Shown:
        """Return the CAs' CRLs, and how they are served."""
        return self._call("GET", "/api/crls")

    def issue_crls(self) -> Shown:
        """Have new CRLs made now."""
        return self._call("POST", "/api/crls", {})

    def serve_crls(self, mode: str) -> None:
        """Have CRLs served as "normal", "expired", "wrong-signer", "huge" or "missing"."""
        self._call("PUT", "/api/crls/serving", {"mode": mode})

    def ca(self) -> Shown:
        """Return the CA's generations, with their certificates, and its profiles."""
        return self._call("GET", "/api/ca")

    def rollover(self, within: timedelta) -> Shown:
        """Make the next CA, current from then on; the duration is counted on the lab clock."""
        return self._call("POST", "/api/ca/rollover", {"in_seconds": int(within.total_seconds())})

    def audit(
        self,
        *,
        newest: bool = False,
        limit: int | None = None,
        what: str | None = None,
        request_id: int | None = None,
        serial_number: str | None = None,
    ) -> list[Shown]:
        """Return the audit, all of it or what is about one thing."""
        serial = None if serial_number is None else _serial(serial_number)
        return self._list(
            "audit", newest=newest, limit=limit, what=what, request_id=request_id, serial_number=serial
        )

    def tokens(self) -> list[Shown]:
        """Return the bearer tokens of the API, without their texts."""
        found: list[Shown] = self._call("GET", "/api/tokens")["tokens"]
        return found

    def new_token(self, name: str) -> Shown:
        """Make a bearer token: ``token`` in the answer, and nowhere else."""
        return self._call("POST", "/api/tokens", {"name": name})

    def withdraw_token(self, number: int) -> None:
        """Let nobody in with a token any more."""
        self._call("DELETE", f"/api/tokens/{number}")

    # ------------------------------------------------------------------ routers

    def router(self, name: str) -> RouterShell:
        """Log in to a router; use the answer in a ``with``."""
        routers = self.endpoints["routers"]
        if name not in routers:
            raise NoLab(f"The lab has no router {name!r}; it has {', '.join(sorted(routers))}.")
        return RouterShell(name, **routers[name])

    def _list(
        self, name: str, *, newest: bool = False, limit: int | None = None, **filters: object
    ) -> list[Shown]:
        """Fetch a list page by page."""
        found: list[Shown] = []
        query = _given(order="newest" if newest else None, **filters)
        after = None
        while limit is None or len(found) < limit:
            size = PAGE if limit is None else min(limit - len(found), PAGE)
            words = urlencode(query | _given(after=after, limit=size))
            page = self._call("GET", f"/api/{name}?{words}")
            found += page[name]
            after = page.get("next")
            if after is None:
                break
        return found

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Shown:
        answer: Shown = call(self._session, "The CA's console", method, f"{self._console}{path}", body)
        return answer


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _serial(text: str) -> str:
    """A serial number as the API names it, from how others print it: ``0x1f``, ``1F:2A``."""
    digits = text.lower().removeprefix("0x").replace(":", "").replace(" ", "").upper()
    if not re.fullmatch("[0-9A-F]+", digits):
        raise LabError(f"{text!r} is no serial number in hexadecimal.")
    return "0" * (len(digits) % 2) + digits
