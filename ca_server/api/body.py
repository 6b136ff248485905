"""What a request gives: its path, query and body, read as the route's schemas say and refused otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request
from werkzeug.exceptions import NotFound, UnsupportedMediaType

from ca_server.api.route import Route
from ca_server.api.schema import Invalid, check, read_words, unknown


def read_path(route: Route, words: Mapping[str, str]) -> dict[str, object]:
    """The path's parameters; what cannot be the name of anything is simply not there."""
    try:
        return {name: read_words(route.parameters[name], word, name) for name, word in words.items()}
    except Invalid:
        raise NotFound("there is no such thing") from None


def read_query(route: Route) -> dict[str, object]:
    """The query's parameters; Invalid for unknown ones, too: a filter with a slip would show everything."""
    given = {}
    for name, words in request.args.lists():
        if name not in route.query:
            raise unknown("query parameter", name, route.query)
        if len(words) > 1:
            raise Invalid(f"{name} is given once")
        given[name] = read_words(route.query[name], words[0], name)
    return given


def read_body(route: Route) -> dict[str, Any]:
    """The body; UnsupportedMediaType when it is not called JSON, Invalid when it is not what it should be.

    Where everything in it may be left out, so may the body; but it is called JSON all the same, or another
    site's page could send it (see ``auth``).
    """
    if route.body is None:
        return {}
    if not request.is_json:
        raise UnsupportedMediaType("a change is sent with Content-Type: application/json")
    data = request.get_data()
    if not data and not route.needs_body:
        return {}
    try:
        body = json.loads(data, object_pairs_hook=_object, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()  # "\\ud800" is half a character, and no database's
    except RecursionError:
        raise Invalid("the body is nested too deep") from None
    except ValueError as error:
        raise Invalid(f"the body is no JSON: {error}") from None
    check(route.body, body, "the body")
    assert isinstance(body, dict)  # as every route's schema says
    return body


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")
