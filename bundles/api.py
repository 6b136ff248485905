"""The operators' API, on the management port: what there is, and what is published where.

It asks for no password, as the management API around it does not: whoever may move the lab's clock may switch
a bundle.  Like that one it is bound to loopback by default, answers to no web page's host name
(``create_management_app`` sees to it) and takes changes as JSON or by DELETE, neither of which a page's plain
form can send.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bundles.domain import reader
from bundles.shelf import Full, NotThere, Shelf, ShelfError
from bundles.shown import bundle_json, certificate_json, published_json
from sceplab.clock import Clock

LONGEST = 100 * timedelta(days=365)
_STATUS: Mapping[type[ShelfError], int] = {NotThere: 404, Full: 409, ShelfError: 409}
_log = structlog.get_logger(__name__)


class BadRequest(Exception):
    """What was sent makes no sense; the text says why."""


def create_api(shelf: Shelf, clock: Clock) -> Blueprint:
    """The routes."""
    api = Blueprint("bundles", __name__, url_prefix="/api")

    @api.get("/bundles")
    def bundles() -> ResponseReturnValue:
        published = shelf.published(clock.now())
        return jsonify({"bundles": [bundle_json(each, published) for each in shelf.bundles()]})

    @api.get("/bundles/<name>")
    def bundle(name: str) -> ResponseReturnValue:
        return _details(name)

    def _details(name: str) -> ResponseReturnValue:
        found = shelf.bundle(name)
        members = [certificate_json(each) for each in found.certificates]
        return jsonify(bundle_json(found, shelf.published(clock.now())) | {"members": members})

    @api.post("/bundles")
    def add() -> ResponseReturnValue:
        given = _Given(clock.now())
        name, content = given.name("name"), given.content()
        content_type = given.content_type()
        path = given.optional_path()
        shelf.add_file(name, content, content_type, given.now)
        if path is not None:
            shelf.publish(path, name, given.now)
        _log.info("file-added", bundle=name, path=path)
        return _details(name)

    @api.delete("/bundles/<name>")
    def remove(name: str) -> ResponseReturnValue:
        shelf.remove_file(name, clock.now())
        _log.info("file-removed", bundle=name)
        return "", 204

    @api.get("/published")
    def published() -> ResponseReturnValue:
        return jsonify({"published": [published_json(each) for each in shelf.published(clock.now())]})

    @api.put("/published")
    def publish() -> ResponseReturnValue:
        given = _Given(clock.now())
        path, name, at = given.path(), given.name("bundle"), given.at()
        served = shelf.publish(path, name, given.now, at)
        _log.info("published", path=path, bundle=name)
        return jsonify(published_json(served))

    @api.delete("/published")
    def take_back() -> ResponseReturnValue:
        path = request.args.get("path", "")
        shelf.take_back(path, clock.now())
        _log.info("taken-back", path=path)
        return "", 204

    @api.errorhandler(ShelfError)
    def refuse(error: ShelfError) -> ResponseReturnValue:
        return _error(_STATUS[type(error)], error.code, str(error))

    @api.errorhandler(BadRequest)
    def refuse_bad(error: BadRequest) -> ResponseReturnValue:
        return _error(400, "bad-request", str(error))

    return api


class _Given:
    """The JSON object of a request, read key by key; BadRequest."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        try:
            body = request.get_json()
        except RecursionError:
            body = None
        if not isinstance(body, dict):
            raise BadRequest("the body is a JSON object")
        self._body: Mapping[str, Any] = body

    def path(self) -> str:
        try:
            return reader.path(self._body.get("path"))
        except ValueError as error:
            raise BadRequest(f"path: {error}") from error

    def optional_path(self) -> str | None:
        return None if self._body.get("path") is None else self.path()

    def name(self, key: str) -> str:
        name = self._body.get(key)
        if not isinstance(name, str) or not reader.NAME.fullmatch(name):
            raise BadRequest(f"{key}: a name is made of small letters, digits and hyphens")
        return name

    def at(self) -> datetime | None:
        """The instant, so many seconds of the lab clock from now on."""
        seconds = self._body.get("in_seconds")
        if seconds is None:
            return None
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise BadRequest("in_seconds: a whole number")
        if not 0 < seconds <= LONGEST.total_seconds():
            raise BadRequest("in_seconds: from 1 second to 100 years")
        return self.now + timedelta(seconds=seconds)

    def content(self) -> bytes:
        content = self._body.get("content")
        try:
            if not isinstance(content, str):
                raise ValueError
            return base64.b64decode(content, validate=True)
        except (ValueError, binascii.Error):
            raise BadRequest("content: the file in base64") from None

    def content_type(self) -> str:
        try:
            return reader.header_value(self._body.get("content_type", "application/octet-stream"))
        except ValueError as error:
            raise BadRequest(f"content_type: {error}") from error


def _error(status: int, code: str, message: str) -> ResponseReturnValue:
    return jsonify({"error": {"code": code, "message": message}}), status
