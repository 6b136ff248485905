"""``/_lab/faults``: the faults of one service, switched on and off over its management port."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from sceplab.faults import MOST, FaultBox, FaultError
from sceplab.json_body import json_object

_STATUS = {"bad-request": 400, "unknown-fault": 404, "not-found": 404, "full": 409}
_log = structlog.get_logger(__name__)


def create_fault_routes(box: FaultBox) -> Blueprint:
    """The routes; errors are ``{"error": {"code", "message"}}`` like all of the management API's."""
    routes = Blueprint("faults", __name__, url_prefix="/_lab/faults")

    @routes.get("")
    def show() -> ResponseReturnValue:
        known = [each.to_json() for each in box.catalogue.values()]
        return jsonify({"catalogue": known, "active": [each.to_json() for each in box.rules()]})

    @routes.post("")
    def add() -> ResponseReturnValue:
        rule = box.add(**_read(json_object()))
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


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    """The arguments of ``FaultBox.add`` from a JSON object; FaultError."""
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
        if not isinstance(value, str) or "%" in value:  # no zones: nobody comes from one on loopback
            raise ValueError
        address = ipaddress.ip_address(value)
    except ValueError:
        raise _bad("client: an IP address") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _bad(why: str) -> FaultError:
    return FaultError("bad-request", why)
