"""The JSON object that a request to the management API brings."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from werkzeug.exceptions import BadRequest


def json_object() -> Mapping[str, object]:
    """Return it; werkzeug's 415 or 400 when there is none.

    The media type is demanded so that no web page can move the clock with a plain form.
    """
    try:
        body = request.get_json()
    except RecursionError:  # brackets within brackets
        body = None
    if not isinstance(body, dict):
        raise BadRequest("the body is a JSON object")
    return body
