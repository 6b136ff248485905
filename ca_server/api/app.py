"""The WSGI application of the console's port: the routes of the table, and two pages without a script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import structlog
from flask import Flask, Response, g, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ca_server.api.auth import Caller, Operator, caller, is_from_elsewhere, is_known_host
from ca_server.api.body import read_body, read_path, read_query
from ca_server.api.errors import CODES, REFUSALS, Forbidden, code_of, error_json
from ca_server.api.openapi import ALL_ROUTES
from ca_server.api.pages import CONTENT_SECURITY_POLICY, api_page, queue_page
from ca_server.api.route import Call, Desks, Route
from ca_server.domain.ledger import RequestFilter, Slice
from sceplab.clock import Clock
from sceplab.journal_flask import about_transaction

MAX_BODY = 256 * 1024
_NEWEST = Slice(limit=100, newest_first=True)
_REALM = 'realm="scep-lab CA"'
_log = structlog.get_logger(__name__)


def create_console_app(
    desks: Desks, operator: Operator, clock: Clock, *, hosts: Collection[str] = ()
) -> Flask:
    """Build it.  ``hosts`` are the DNS names, in lower case, under which it is reached, if it has any."""
    app = Flask("ca_server.api", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _guard(app, desks, operator, hosts)
    _refuse(app)
    for route in ALL_ROUTES:
        app.add_url_rule(
            route.rule,
            route.name,
            _view(route, desks, clock),
            methods=[route.method],
            provide_automatic_options=False,
        )

    @app.get("/")
    def show_queue() -> ResponseReturnValue:
        newest = desks.approval.requests(RequestFilter(), _NEWEST)
        return queue_page(newest, clock.now())

    @app.get("/api/")
    def show_api() -> ResponseReturnValue:
        return api_page(ALL_ROUTES)

    return app


def _guard(app: Flask, desks: Desks, operator: Operator, hosts: Collection[str]) -> None:
    """Let nobody in who may not come in."""

    @app.before_request
    def let_in() -> ResponseReturnValue | None:
        host = request.headers.get("Host")  # absent in HTTP/1.0
        if host is not None and not is_known_host(host, hosts):
            raise Forbidden("this API is reached by an IP address, a name without dots, or a configured name")
        known = caller(request.authorization, operator, desks.tokens)
        if known is None:
            return _unauthorized()
        if request.method not in ("GET", "HEAD") and is_from_elsewhere(request.headers, request.host):
            raise Forbidden("a page of another site has sent this")
        g.caller = known
        g.who = known.name
        return None

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _unauthorized() -> Response:
    if "Authorization" in request.headers:
        # Not the name: people type their password there, too.
        _log.warning("login failed", source=request.remote_addr, path=request.path)
    response = _error("unauthorized", "the operator's name and password, or a token, please")
    response.headers.add("WWW-Authenticate", f'Basic {_REALM}, charset="UTF-8"')
    response.headers.add("WWW-Authenticate", f"Bearer {_REALM}")
    return response


def _view(route: Route, desks: Desks, clock: Clock) -> Callable[..., Response]:
    def view(**words: str) -> Response:
        known: Caller = g.caller
        if route.password_only and not known.by_password:
            raise Forbidden("this needs the operator's password")
        given = read_path(route, words) | read_query(route)
        call = Call(given, read_body(route), known.name, request.remote_addr or "", clock.now())
        answer = route.do(desks, call)
        if isinstance(answer, Mapping) and isinstance(answer.get("transaction_id"), str):
            about_transaction(answer["transaction_id"])
        if route.changes:
            _log.info(route.name, by=known.name, **given)
        response = jsonify(answer) if route.answer is not None else make_response(answer)
        response.status_code = route.status
        response.mimetype = route.media_type
        return response

    return view


def _refuse(app: Flask) -> None:
    """Answer every refusal in the one shape."""

    def refuse_as(code: str) -> Callable[[Exception], Response]:
        return lambda error: _error(code, str(error))

    for exception, code in REFUSALS.items():
        app.register_error_handler(exception, refuse_as(code))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:
            return error  # a redirection
        code = code_of(error.code)
        # Werkzeug's own words are for people with browsers.
        told = None if error.description == type(error).description else error.description
        response = _error(code, told or CODES[code][1], error.code)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response


def _error(code: str, message: str, status: int | None = None) -> Response:
    response: Response = jsonify(error_json(code, message))
    response.status_code = status or CODES[code][0]
    if code == "busy":
        response.headers["Retry-After"] = "1"
    return response
