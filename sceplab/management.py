"""The management API that every service of the lab answers on its management port.

It moves time and shows timers; the services' own ports never do.  See DESIGN, "The management API".
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog
from flask import Blueprint, Flask, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from sceplab.clock import ClockBackwards, ClockState, LabClock, format_instant, parse_instant, wall_time
from sceplab.fault_routes import create_fault_routes
from sceplab.faults import FaultBox
from sceplab.files import write_json
from sceplab.journal import Journal, Kind
from sceplab.journal_flask import changes, write_journal
from sceplab.journal_routes import create_journal_routes
from sceplab.json_body import json_object


@dataclass(frozen=True)
class Timer:
    """A timer that waits; ``owner`` is such as "r1", ``name`` such as "enrolment myca: poll 2 of 10"."""

    due: datetime
    owner: str
    name: str

    def to_json(self) -> dict[str, object]:
        """Return the timer as JSON values."""
        return {"due": format_instant(self.due), "owner": self.owner, "name": self.name}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Timer:
        """Read what ``to_json`` made."""
        return cls(parse_instant(value["due"]), str(value["owner"]), str(value["name"]))


@dataclass(frozen=True)
class Fired:
    """A timer that fired, and what came of it.  ``sequence`` counts up from 1 in each service."""

    sequence: int
    at: datetime
    owner: str
    name: str
    outcome: str

    def to_json(self) -> dict[str, object]:
        """Return the record as JSON values."""
        return {
            "sequence": self.sequence,
            "at": format_instant(self.at),
            "owner": self.owner,
            "name": self.name,
            "outcome": self.outcome,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Fired:
        """Read what ``to_json`` made."""
        return cls(
            int(str(value["sequence"])),
            parse_instant(value["at"]),
            str(value["owner"]),
            str(value["name"]),
            str(value["outcome"]),
        )


_log = structlog.get_logger(__name__)


class ManagedService(Protocol):
    """A service as its management API sees it.  All methods are called from a server's thread."""

    name: str
    # Whether what others ask of the service never sets a timer of its own.
    is_steady: bool

    def health(self) -> Mapping[str, object]:
        """Return facts for people; raising means unhealthy."""
        ...

    def timers(self) -> tuple[Sequence[Timer], int]:
        """Return the timers that wait, and the sequence number of the last one fired (0: none yet)."""
        ...

    def run_timers(self, after: int) -> Sequence[Fired]:
        """Fire all timers that are due, wait for every exchange in flight; return what fired after ``after``.

        What the service's own loop fired in the meantime is in the answer too: that is what the
        sequence numbers are for.
        """
        ...


def create_management_app(
    service: ManagedService,
    clock: LabClock,
    faults: FaultBox | None = None,
    journal: Journal | None = None,
) -> Flask:
    """Build the WSGI application of the management port.

    Without ``faults`` the service knows none; without a ``journal`` there is one of management alone.

    With ``SCEPLAB_CLOCK_FILE`` in the environment each new clock state is in that file before a
    ``PUT`` is answered, so that a lab that is started again never goes back in time.  When that cannot be
    written the clock moves all the same, as the others' do, and the log says so.
    """
    clock_file = os.environ.get("SCEPLAB_CLOCK_FILE")
    if clock_file:
        clock.subscribe(_keeper(Path(clock_file)))
    app = Flask("sceplab.management", static_folder=None)
    app.register_blueprint(_routes(service, clock))
    app.register_blueprint(create_fault_routes(faults or FaultBox()))
    journal = journal or Journal(service.name, clock)
    app.register_blueprint(create_journal_routes(journal))
    write_journal(app, journal, _kind)

    @app.before_request
    def demand_own_host() -> ResponseReturnValue | None:
        host = request.headers.get("Host")  # absent in HTTP/1.0
        if host is None or is_own_host(host):
            return None
        return _error(403, "the management API is reached by an IP address, or a name without dots")

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> ResponseReturnValue:
        return _error(error.code or 500, error.description or error.name)

    return app


def _kind() -> Kind | None:
    # What fires stands there by itself, each entry has the lab time, and the clock's steps are many.
    steps = request.endpoint == "lab.run_timers" or g.get("moves_only", False)
    return None if steps else changes()


def _routes(service: ManagedService, clock: LabClock) -> Blueprint:
    """Lay out the API over one service and its clock."""
    lab = Blueprint("lab", __name__, url_prefix="/_lab")

    def clock_answer() -> ResponseReturnValue:
        times = {"now": format_instant(clock.now()), "wall": format_instant(wall_time())}
        return jsonify(clock.state().to_json() | times)

    @lab.get("/health")
    def health() -> ResponseReturnValue:
        return jsonify({"service": service.name, "status": "ok", **service.health()})

    @lab.get("/clock")
    def show_clock() -> ResponseReturnValue:
        return clock_answer()

    def set_to(asked: Mapping[str, object]) -> None:
        try:
            state = ClockState.from_json(asked)
            clock.set_state(
                mode=state.mode,
                offset=state.offset if "offset" in asked else None,
                frozen_at=state.frozen_at,
            )
        except ClockBackwards as error:
            raise _Backwards(str(error)) from error
        except ValueError as error:
            raise BadRequest(str(error)) from error

    @lab.put("/clock")
    def set_clock() -> ResponseReturnValue:
        mode = clock.state().mode
        set_to(json_object())
        g.moves_only = clock.state().mode == mode
        return clock_answer()

    @lab.get("/timers")
    def timers() -> ResponseReturnValue:
        waiting, fired = service.timers()
        return jsonify({"timers": [timer.to_json() for timer in waiting], "fired": fired})

    @lab.post("/timers/run")
    def run_timers() -> ResponseReturnValue:
        """Fire what is due, after the clock is set when one is given: all in one, since it is done often."""
        asked = json_object()
        after, to = asked.get("after", 0), asked.get("clock")
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            return _error(400, "after is a sequence number")
        if to is not None:
            if not isinstance(to, dict):
                return _error(400, "clock is a clock's state")
            set_to(to)
        fired = service.run_timers(after)
        waiting, _ = service.timers()
        return jsonify(
            {
                "fired": [each.to_json() for each in fired],
                "timers": [each.to_json() for each in waiting],
                "steady": service.is_steady,
            }
        )

    return lab


_HOST = re.compile(r"(?:\[(?P<bracketed>[^]]+)]|(?P<plain>[^:]+))(?::\d*)?")
# "localhost", or a container's name.
_SINGLE_LABEL = re.compile(r"[A-Za-z0-9_-]+")


def is_own_host(host: str) -> bool:
    """Tell whether a Host header is one that no web page's DNS name can bring (DNS rebinding)."""
    parts = _HOST.fullmatch(host)
    if parts is None:
        return False
    if parts["plain"] and _SINGLE_LABEL.fullmatch(parts["plain"]):
        return True
    read = ipaddress.IPv6Address if parts["bracketed"] else ipaddress.IPv4Address
    try:
        read(parts["bracketed"] or parts["plain"])
    except ValueError:
        return False
    return True


class _Backwards(HTTPException):
    code = 409


_CODES = {
    400: "bad-request",
    403: "forbidden-host",
    404: "not-found",
    405: "not-allowed",
    409: "backwards",
    415: "not-json",
}


def _error(status: int, message: str) -> ResponseReturnValue:
    return jsonify({"error": {"code": _CODES.get(status, "error"), "message": message}}), status


def _keeper(path: Path) -> Callable[[ClockState], None]:
    def keep(state: ClockState) -> None:
        kept = state.to_json()
        # The services of one lab share the file, and each is told the same: the first one has written it.
        with suppress(OSError, ValueError):
            if json.loads(path.read_text(encoding="utf-8")) == kept:
                return
        try:
            write_json(path, kept)
        except OSError as error:  # no disk space, say: better than services that show different times
            _log.error("clock-not-kept", path=str(path), why=error.strerror)

    return keep
