"""``/_lab/faults``: the faults of one service, switched on and off over its management port."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import structlog
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sceplab.faults import FaultBox, FaultError

MOST = 1_000_000
_STATUS = {"bad-request": 400, "unknown-fault": 404, "not-found": 404, "full": 409}
_log = structlog.get_logger(__name__)


def create_fault_routes(box: FaultBox) -> Blueprint:
    """The routes; errors are ``{"error": {"code", "message"}}`` like all of the management API's."""
    routes = Blueprint("faults", __name__, url_prefix="/_lab/faults")

    @routes.get("")
    def show() -> ResponseReturnValue:
        known = [asdict(each) for each in box.catalogue.values()]
        return jsonify({"catalogue": known, "active": [each.to_json() for each in box.rules()]})

    @routes.post("")
    def add() -> ResponseReturnValue:
        given = request.get_json()  # 415 without its media type: no web page can send that unasked
        rule = box.add(**_read(given))
        _log.warning("fault-on", **rule.to_json())
        return jsonify(rule.to_json()), 201

    @routes.delete("")
    def clear_all() -> ResponseReturnValue:
        return cleared(None)

    @routes.delete("/<int:number>")
    def clear(number: int) -> ResponseReturnValue:
        return cleared(number)

    def cleared(number: int | None) -> ResponseReturnValue:
        count = box.clear(number)
        if count:
            _log.warning("fault-off", id=number, count=count)
        return jsonify({"cleared": count})

    @routes.errorhandler(FaultError)
    def refuse(error: FaultError) -> ResponseReturnValue:
        return jsonify({"error": {"code": error.code, "message": str(error)}}), _STATUS[error.code]

    return routes


def _read(given: object) -> dict[str, Any]:
    """The arguments of ``FaultBox.add`` from a JSON object; FaultError."""
    if not isinstance(given, dict):
        raise _bad("the body is a JSON object")
    unknown = set(given) - {"name", "count", "probability", "seed", "client", "value"}
    if unknown:
        raise _bad(f"there is no {min(unknown)} in a fault")
    name = given.get("name")
    if not isinstance(name, str):
        raise _bad("name: which fault")
    return {
        "name": name,
        "count": _number(given, "count", 1, MOST, whole=True),
        "probability": 1.0 if (chance := _number(given, "probability", 0, 1)) is None else chance,
        "seed": _number(given, "seed", 0, 2**32, whole=True) or 0,
        "client": _client(given.get("client")),
        "value": _number(given, "value", 0, MOST),
    }


def _number(given: Mapping[str, object], key: str, least: int, most: int, whole: bool = False) -> Any:
    """The number of this key, None when it is not given."""
    value = given.get(key)
    if value is None:
        return None
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not fits or not least <= value <= most:  # type: ignore[operator]
        raise _bad(f"{key}: a {'whole ' if whole else ''}number from {least} to {most}")
    return value


def _client(value: object) -> str:
    if value is None:
        return ""
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise _bad("client: an IP address") from None


def _bad(why: str) -> FaultError:
    return FaultError("bad-request", why)
