"""``/_lab/crl``: the CRLs, true or bad, whatever is served: for a directory, whose faults are its own."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from ca_server.domain.crl_desk import SPOILT, CrlDesk, NoSuchCrl, Serving
from ca_server.domain.ledger import StoreBusy
from ca_server.publication import TYPE_CRL, published
from sceplab.clock import Clock

_KINDS = (Serving.NORMAL, *SPOILT)


def create_bad_crls(desk: CrlDesk, clock: Clock) -> Blueprint:
    """The route of the management port; it answers errors as the rest of the management API does."""
    routes = Blueprint("bad-crls", __name__, url_prefix="/_lab/crl")

    @routes.get("/<name>.crl")
    def crl(name: str) -> ResponseReturnValue:
        asked = {str(each): each for each in _KINDS}.get(request.args.get("as", ""))
        if asked is None:
            raise BadRequest(f"as is one of {', '.join(_KINDS)}")
        now = clock.now()
        try:
            found = desk.crl_as(asked, name, now)
        except NoSuchCrl as error:
            raise NotFound(str(error)) from error
        return published(found.der, TYPE_CRL, now).make_conditional(request)

    @routes.errorhandler(StoreBusy)
    def busy(error: StoreBusy) -> tuple[Response, int]:
        return jsonify({"error": {"code": "busy", "message": str(error)}}), 503

    return routes
