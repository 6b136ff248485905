"""The public port: bundles at their paths, the CRLs of the CAs that sign, and a page of what there is.

As at the CA, no answer says how long it may be kept: a cache counts the world's seconds, and a lab's clock
may jump over a year between two of them.  So whoever has a copy asks each time (``no-cache``), and is told in
a few bytes that it still holds (304): by ETag, the content's hash, or by Last-Modified, the lab time at which
the path began to serve it.  HTTP's dates are the lab's, that of the answer too: Last-Modified must not be
later than Date (RFC 9110 section 8.8.2.1), and a lab is mostly ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

import structlog
from flask import Flask, Response, jsonify, render_template_string, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound

from bundles import faults
from bundles.domain.issuing import CRL_PERIOD, empty_crl
from bundles.shelf import Shelf
from bundles.shown import published_json
from scep_core.cms import Identity
from sceplab.clock import Clock
from sceplab.fault_http import fault_of
from sceplab.journal import Journal, Kind
from sceplab.journal_flask import write_journal

TYPE_CRL = "application/pkix-crl"  # RFC 2585 section 4.2
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Bundles: scep-lab</title>
<h1>Bundles of CA certificates</h1>
<p>A lab's. Anybody can sign for its built-in CAs: trust none of this outside. The same as <a
href="/index.json">JSON</a>.
<table>
<tr><th>path<th>bundle<th>form<th>fault<th>what it is
{% for each in published %}
<tr><td><a href="{{ each.path }}">{{ each.path }}</a><td>{{ each.bundle }}<td>{{ each.form }}
<td>{{ each.fault or "" }}<td>{{ each.title }}
{% endfor %}
</table>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_log = structlog.get_logger(__name__)


def create_public_app(
    shelf: Shelf, revokers: Mapping[str, Identity], clock: Clock, journal: Journal
) -> Flask:
    """Build it; ``revokers`` are the CAs that have a CRL, by the name that it is published under."""
    app = Flask("bundles.web", static_folder=None, template_folder=None)
    write_journal(app, journal, _kind)
    app.url_map.merge_slashes = False

    @lru_cache(maxsize=16)
    def crl_of(name: str, _hour: int) -> bytes:
        return empty_crl(revokers[name], clock.now())

    @app.get("/")
    def index() -> ResponseReturnValue:
        page = render_template_string(_PAGE, published=map(published_json, shelf.published(clock.now())))
        return Response(page, content_type="text/html; charset=utf-8", headers=_HEADERS)

    @app.get("/index.json")
    def index_json() -> ResponseReturnValue:
        return jsonify({"published": [published_json(each) for each in shelf.published(clock.now())]})

    @app.get("/crl/<name>.crl")
    def crl(name: str) -> ResponseReturnValue:
        if name not in revokers:
            raise NotFound
        hour = clock.now().timestamp() // CRL_PERIOD.total_seconds()
        answer = Response(crl_of(name, int(hour)), content_type=TYPE_CRL)
        answer.date = clock.now()
        answer.cache_control.no_cache = True
        answer.add_etag()
        return answer.make_conditional(request)

    @app.get("/<path:_path>")
    def bundle(_path: str) -> ResponseReturnValue:
        now = clock.now()
        served = shelf.served(request.path, now)
        if served is None:
            raise NotFound
        match fault_of(request.environ):
            case faults.EMPTY:
                return Response(b"", content_type=served.bundle.content_type)
            case faults.OTHER_CONTENT if other := faults.other_than(served, shelf, now):
                return Response(other.bundle.content, content_type=other.bundle.content_type)
        answer = Response(served.bundle.content, content_type=served.bundle.content_type)
        answer.date = now
        answer.set_etag(served.bundle.digest[:32])
        answer.cache_control.no_cache = True
        # HTTP's dates have no fractions.  Within the second of a change the date would not tell the new
        # content from the one before (RFC 9110 section 8.8.2.2): then the ETag alone does.
        if now - served.changed_at.replace(microsecond=0) >= timedelta(seconds=1):
            answer.last_modified = served.changed_at
        answer.make_conditional(request)
        _log.info("served", path=served.path, bundle=served.bundle.name, status=answer.status_code)
        return answer

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> ResponseReturnValue:
        text = f"{error.name}\n"
        return Response(text, error.code, headers=_HEADERS, content_type="text/plain; charset=utf-8")

    return app


def _kind() -> Kind | None:
    return {"bundle": Kind.BUNDLE, "crl": Kind.CRL}.get(request.endpoint or "", Kind.HTTP)
