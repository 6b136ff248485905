"""The OpenAPI document, made from the table of routes; 3.1, whose schemas are JSON Schema 2020-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ca_server.api.ca import CRL
from ca_server.api.errors import CODES, ERROR
from ca_server.api.route import Call, Desks, Route
from ca_server.api.routes import ROUTES
from ca_server.api.schema import Schema, record
from ca_server.api.views import VIEWS

PATH = "/api/openapi.json"
_ABOUT = """The operators' side of a lab's CA.  Whoever changes something sends JSON.  Instants are lab time,
in ISO 8601 with `Z`.  A query or body with a name that is not told here is refused.

What is refused is answered with `{"error": {"code", "message"}}`:

"""
# What every route can end with, whatever it does.
_ALWAYS = (400, 401, 403, 503)
_ALWAYS_OF_CHANGES = (413, 415)


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ALL_ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "scep-lab CA, operators' API",
            "version": "1",
            "description": _ABOUT + "\n".join(f"* `{code}`: {means}" for code, (_, means) in CODES.items()),
        },
        "security": [{"password": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {
                "Error": ERROR,
                **{view.name: record(view.fields) for view in (*VIEWS, CRL)},
            },
            "responses": {str(status): _refusal(status) for status, _ in CODES.values()},
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {str(route.status): _answer(route)} | _refusals(route),
    }
    parameters = [
        *(_parameter("path", name, schema) for name, schema in route.parameters.items()),
        *(_parameter("query", name, schema) for name, schema in route.query.items()),
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": route.body}}
        operation["requestBody"] = {"required": route.needs_body, "content": content}
    if route.password_only:
        operation["security"] = [{"password": []}]
    return operation


def _parameter(place: str, name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _answer(route: Route) -> dict[str, Any]:
    content: Mapping[str, Any] = {} if route.answer is None else {"schema": route.answer}
    return {"description": route.summary, "content": {route.media_type: content}}


def _refusals(route: Route) -> dict[str, Any]:
    statuses = {*_ALWAYS, *route.refusals, *(_ALWAYS_OF_CHANGES if route.body is not None else ())}
    return {str(each): {"$ref": f"#/components/responses/{each}"} for each in sorted(statuses)}


def _refusal(status: int) -> dict[str, Any]:
    codes = " or ".join(code for code, (each, _) in CODES.items() if each == status)
    return {
        "description": codes,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _document(_desks: Desks, _call: Call) -> object:
    return document()


ALL_ROUTES = (*ROUTES, Route("GET", PATH, "this document", _document, {"type": "object"}))
