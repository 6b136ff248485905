"""A service of the lab, reached over its management API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests

from sceplab.clock import ClockState, parse_instant
from sceplab.errors import Refused, ServiceUnreachable
from sceplab.journal import Entry, read_entry
from sceplab.management import Fired, Timer

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
# What a service answers of itself, from memory.
OWN_SECONDS = 10
# Firing a timer waits for its exchange, which may run into a router's own time-out.
FIRING_SECONDS = 120


@dataclass(frozen=True)
class Reading:
    """What a clock shows, and how it runs."""

    now: datetime
    state: ClockState


@dataclass(frozen=True)
class Ran:
    """What has fired in a service, and what waits then.

    ``steady``: what waits there does not change by what others ask of the service.
    """

    fired: Sequence[Fired]
    waiting: Sequence[Timer]
    steady: bool = False


class RemoteService:
    """One service's management API.  Raises ServiceUnreachable or Refused, naming the service."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._session = local_session()

    def health(self) -> Mapping[str, Any]:
        """Return the service's own facts."""
        answer: Mapping[str, Any] = self._call("GET", "/health")
        return answer

    def clock(self) -> Reading:
        """Read the service's clock."""
        answer = self._call("GET", "/clock")
        return Reading(parse_instant(answer["now"]), ClockState.from_json(answer))

    def set_clock(self, state: ClockState) -> None:
        """Set the service's clock; Refused with the code "backwards" when it would go back."""
        self._call("PUT", "/clock", state.to_json())

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return the timers that wait, and the sequence number of the last one fired."""
        answer = self._call("GET", "/timers")
        return [Timer.from_json(timer) for timer in answer["timers"]], answer["fired"]

    def run_timers(self, after: int, clock: ClockState | None = None) -> Ran:
        """Fire what is due, at the time that ``clock`` says; Refused as ``set_clock``."""
        body: dict[str, object] = {"after": after}
        if clock is not None:
            body["clock"] = clock.to_json()
        answer = self._call("POST", "/timers/run", body, FIRING_SECONDS)
        fired = [Fired.from_json(each) for each in answer["fired"]]
        return Ran(fired, [Timer.from_json(each) for each in answer["timers"]], bool(answer["steady"]))

    def faults(self) -> Mapping[str, Any]:
        """Return the faults that the service knows, ``catalogue``, and those that are on, ``active``."""
        answer: Mapping[str, Any] = self._call("GET", "/faults")
        return answer

    def add_fault(self, name: str, **how: object) -> Mapping[str, Any]:
        """Switch a fault on: ``count``, ``probability``, ``seed``, ``client``, ``value``; Refused."""
        rule: Mapping[str, Any] = self._call("POST", "/faults", {"name": name, **how})
        return rule

    def clear_faults(self, number: int | None = None) -> int:
        """Switch all faults off, or the one of this number; return how many those were.  Refused."""
        cleared: int = self._call("DELETE", "/faults" if number is None else f"/faults/{number}")["cleared"]
        return cleared

    def journal(self, query: Mapping[str, object]) -> tuple[Sequence[Entry], int]:
        """Return the journal's entries that a query asks for, and the sequence of the last one of all."""
        words = urlencode({key: str(value) for key, value in query.items()})
        answer = self._call("GET", f"/journal?{words}")
        return [read_entry(each) for each in answer["entries"]], answer["last"]

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, seconds: float = OWN_SECONDS
    ) -> Any:
        return call(self._session, self.name, method, f"{self._url}/_lab{path}", body, seconds)


def local_session() -> requests.Session:
    """Return a session that ignores the environment: a proxy must not carry what is on loopback."""
    session = requests.Session()
    session.trust_env = False
    return session


def call(
    session: requests.Session,
    service: str,
    method: str,
    url: str,
    body: Mapping[str, object] | None = None,
    seconds: float = ANSWER_SECONDS,
) -> Any:
    """Make one JSON call; return the JSON of the answer, or raise what the lab's user should read."""
    try:
        answer = session.request(method, url, json=body, timeout=(CONNECT_SECONDS, seconds))
    except requests.RequestException as error:
        raise ServiceUnreachable(f"{service} does not answer at {url}: {_reason(error)}.") from error
    try:
        value = answer.json()
    except requests.JSONDecodeError:
        value = {}
    if answer.ok:
        return value
    problem = value.get("error") if isinstance(value, dict) else None
    if not isinstance(problem, dict):
        problem = {"code": str(answer.status_code), "message": answer.reason}
    raise Refused(f"{service} refused: {problem.get('message')}", str(problem.get("code")))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
