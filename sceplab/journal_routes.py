"""``/_lab/journal``: the journal of one service, over its management port."""

from __future__ import annotations

import threading
from datetime import datetime

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from sceplab.clock import parse_instant
from sceplab.journal import Journal, Kind, Wanted

MOST = 1000
LONGEST_WAIT = 25.0  # seconds of real time
# Who waits takes a thread of the management port, which has others to serve.
MOST_WAITING = 3


def create_journal_routes(journal: Journal) -> Blueprint:
    """The routes.  Errors are werkzeug's, which the management port tells in its own way."""
    routes = Blueprint("journal", __name__, url_prefix="/_lab/journal")
    waiting = threading.BoundedSemaphore(MOST_WAITING)

    @routes.get("")
    def find() -> ResponseReturnValue:
        """The entries that are asked for, the last ``limit`` of them; with ``wait``, when one is there."""
        wanted, most, seconds = _wanted(), _number("limit", 100, 1, MOST), _wait()
        if seconds and waiting.acquire(blocking=False):
            try:
                found = journal.wait_for(wanted, most, seconds)
            finally:
                waiting.release()
        else:
            found = journal.find(wanted, most)
        return jsonify({"entries": [each.to_json() for each in found], "last": journal.last})

    @routes.get("/<int:sequence>/<name>")
    def message(sequence: int, name: str) -> ResponseReturnValue:
        octets = (journal.messages(sequence) or {}).get(name)
        if octets is None:
            raise NotFound(f"the journal has no {name} of entry {sequence}, or no longer")
        return Response(octets, content_type="application/octet-stream")

    @routes.delete("")
    def clear() -> ResponseReturnValue:
        journal.clear()
        return "", 204

    return routes


def _wanted() -> Wanted:
    kind = request.args.get("kind", "")
    if kind and kind not in set(Kind):
        raise BadRequest(f"kind is one of {', '.join(Kind)}")
    return Wanted(
        after=_number("after", 0, 0, 2**53),
        kind=kind,
        who=request.args.get("who", ""),
        transaction=request.args.get("transaction", ""),
        text=request.args.get("text", ""),
        since=_since(),
    )


def _since() -> datetime | None:
    text = request.args.get("since")
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise BadRequest(f"since: {error}") from error


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not text.isascii() or len(text) > 17 or not least <= int(text) <= most:
        raise BadRequest(f"{name} is a whole number from {least} to {most}")
    return int(text)


def _wait() -> float:
    text = request.args.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise BadRequest(f"wait is a number of seconds, up to {LONGEST_WAIT:g}")
    return seconds
