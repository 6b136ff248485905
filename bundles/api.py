"""The operators' API, on the management port: what there is, and what is published where.

It asks for no password, as the management API around it does not: whoever may move the lab's clock may switch
a bundle.  Like that one it is bound to loopback by default, answers to no web page's host name
(``create_management_app`` sees to it) and takes changes as JSON or by DELETE, neither of which a page's plain
form can send.
"""

from __future__ import annotations

import base64
import binascii
import errno
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest as NoJson
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from bundles.domain import reader
from bundles.domain.builder import Bundle
from bundles.shelf import Full, NotThere, Served, Shelf, ShelfError
from bundles.shown import bundle_json, certificate_json, published_json
from sceplab.clock import Clock

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LONGEST = 100 * timedelta(days=365)
MAX_BODY = 2_010_000  # less than the HTTP server's own limit, which is told without JSON
LARGEST_FILE = 1_500_000  # fits in there in base64
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_STATUS: Mapping[type[ShelfError], int] = {NotThere: 404, Full: 409, ShelfError: 409}
_HTTP_ERRORS: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "there is no such thing in this API"),
    413: ("too-large", f"a file has at most {LARGEST_FILE} octets, a request {MAX_BODY}"),
    415: ("not-json", "the body is JSON, and its Content-Type says so: application/json"),
}
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

    @api.get("/bundles/<path:name>")
    def bundle(name: str) -> ResponseReturnValue:
        return _details(shelf.bundle(name), shelf.published(clock.now()))

    @api.post("/bundles")
    def add() -> ResponseReturnValue:
        given = _Given(clock.now())
        name, content = given.name("name"), given.content()
        content_type = given.content_type()
        path, at = given.optional_path(), given.at()
        if path is None and at is not None:
            raise BadRequest("in_seconds: goes with path")
        added, published = shelf.add_file(name, content, content_type, given.now, path, at)
        _log.info("file-added", bundle=name, path=path)
        return _details(added, published)

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

    @api.route("/", defaults={"_path": ""}, methods=_METHODS)
    @api.route("/<path:_path>", methods=_METHODS)
    def nothing(_path: str) -> ResponseReturnValue:
        return _error(404, *_HTTP_ERRORS[404])

    @api.errorhandler(ShelfError)
    def refuse(error: ShelfError) -> ResponseReturnValue:
        return _error(_STATUS[type(error)], error.code, str(error))

    @api.errorhandler(BadRequest)
    def refuse_bad(error: BadRequest) -> ResponseReturnValue:
        return _error(400, "bad-request", str(error))

    @api.errorhandler(HTTPException)
    def refuse_http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        return _error(status, *_HTTP_ERRORS.get(status, ("error", error.name)))

    @api.errorhandler(OSError)
    def tell_disk(error: OSError) -> ResponseReturnValue:
        """What is asked for could not be saved, so it is not done."""
        _log.error("not-saved", why=error.strerror)
        if error.errno in _FULL_DISK:
            return _error(507, "disk-full", "the disk is full")
        return _error(500, "disk", f"the state folder cannot be written: {error.strerror}")

    return api


def _details(bundle: Bundle, published: list[Served]) -> ResponseReturnValue:
    members = [certificate_json(each) for each in bundle.certificates]
    return jsonify(bundle_json(bundle, published) | {"members": members})


class _Given:
    """The JSON object of a request, read key by key; BadRequest."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        request.max_content_length = MAX_BODY
        try:
            body = request.get_json()
        except (NoJson, RecursionError):
            raise BadRequest("the body is no JSON") from None
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
            found = base64.b64decode(content, validate=True)
        except (ValueError, binascii.Error):
            raise BadRequest("content: the file in base64") from None
        if len(found) > LARGEST_FILE:
            raise RequestEntityTooLarge
        return found

    def content_type(self) -> str:
        try:
            return reader.header_value(self._body.get("content_type", "application/octet-stream"))
        except ValueError as error:
            raise BadRequest(f"content_type: {error}") from error


def _error(status: int, code: str, message: str) -> ResponseReturnValue:
    return jsonify({"error": {"code": code, "message": message}}), status
