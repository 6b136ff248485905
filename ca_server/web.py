"""SCEP over HTTP (RFC 8894 section 4), and the CRL: take a request line apart, call one thing, answer.

Clients are taken as they come: any case of path and operation, any ``message=`` where none is needed,
no Content-Type, HTTP/1.0 without a Host, a POST that does not name its operation.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable

from ca_server.domain.authority import Authority
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.profiles import Profile, profile_at
from ca_server.domain.service import Answer, ScepService
from scep_core import http
from scep_core.errors import NotAPkiMessage
from scep_core.messages import Failure, ReplyMessage
from sceplab.clock import Clock

MAX_BODY_BYTES = 1024 * 1024
TYPE_CRL = "application/pkix-crl"
CRL_PATH = "/crl/ca.crl"

_PAGE = """<!doctype html><title>scep-lab CA</title>
<p>This is a SCEP service (RFC 8894) of a lab. No certificate from here is to be trusted.
"""
_log = structlog.get_logger(__name__)


class ScepFront:
    """The operations of SCEP for one CA."""

    def __init__(self, service: ScepService, authority: Authority, clock: Clock) -> None:
        self._service = service
        self._authority = authority
        self._clock = clock
        self._operations: dict[str, Callable[[Profile, http.Query], Response]] = {
            http.GET_CA_CAPS.lower(): self._capabilities,
            http.GET_CA_CERT.lower(): self._ca_certificates,
            http.GET_NEXT_CA_CERT.lower(): self._next_ca_certificates,
            http.PKI_OPERATION.lower(): self._pki_operation,
        }

    def blueprint(self) -> Blueprint:
        """The routes."""
        scep = Blueprint("scep", __name__)
        scep.add_url_rule(CRL_PATH, "crl", self._crl)
        scep.add_url_rule("/<path:_path>", "scep", self._scep, methods=["GET", "POST"])
        return scep

    def _scep(self, _path: str) -> Response:
        profile = profile_at(request.path)
        if profile is None:
            raise NotFound("no CA answers at this path")
        query = http.parse_query(request.query_string)
        operation = query.operation
        if operation is None:
            if request.method != "POST":
                return Response(_PAGE, content_type="text/html")
            operation = http.PKI_OPERATION  # RFC 8894 section 4.3: many a client's POST does not say
        handler = self._operations.get(operation.lower())
        if handler is None:
            raise BadRequest("unknown operation")
        return handler(profile, query)

    def _capabilities(self, profile: Profile, _query: http.Query) -> Response:
        text = http.format_capabilities(profile.capabilities)
        return Response(text, content_type=http.TYPE_CAPS)

    def _ca_certificates(self, profile: Profile, _query: http.Query) -> Response:
        certificates = self._authority.certificates(ra_mode=profile.ra_mode)
        content_type, body = http.format_ca_certificates(certificates)
        return Response(body, content_type=content_type)

    def _next_ca_certificates(self, _profile: Profile, _query: http.Query) -> Response:
        raise NotFound("there is no next CA")  # as OpenXPKI answers (scep.md 1.4)

    def _pki_operation(self, profile: Profile, query: http.Query) -> Response:
        data = request.get_data(cache=False) if request.method == "POST" else b""
        source = request.remote_addr or ""
        try:
            answer = self._service.handle(
                data or http.decode_get_message(query.message or b""), profile, source, self._clock.now()
            )
        except NotAPkiMessage as error:
            # IIS answers 500 here (scep.md 1.4); this CA never does, and neither does its NDES look.
            _log.info("garbage", profile=profile.name, source=source, why=str(error))
            raise BadRequest(f"not a SCEP message: {error}") from error
        except StoreBusy as error:
            _log.error("store-busy", profile=profile.name, source=source, why=str(error))
            raise ServiceUnavailable("the CA cannot keep requests at the moment", retry_after=1) from error
        _log_answer(answer, profile, source)
        return Response(answer.body, content_type=http.TYPE_PKI_MESSAGE)

    def _crl(self) -> Response:
        return Response(self._authority.crl(self._clock.now()), content_type=TYPE_CRL)


def _log_answer(answer: Answer, profile: Profile, source: str) -> None:
    event = {
        "profile": profile.name,
        "source": source,
        "transaction_id": answer.transaction_id,
        "message_type": answer.message_type,
        "answer": _summary(answer.reply),
    }
    if answer.unexpected is None:
        _log.info("pki-operation", **event)
    else:
        _log.error("pki-operation", **event, exc_info=answer.unexpected)


def _summary(reply: ReplyMessage) -> str:
    if isinstance(reply, Failure):
        return f"FAILURE {reply.fail_info.rfc_name}: {reply.text}"
    return type(reply).__name__.upper()


def refuse(error: HTTPException) -> Response:
    """An HTTP error as a line of text."""
    answer = Response(f"{error.description}\n", status=error.code, content_type="text/plain; charset=utf-8")
    if isinstance(error, ServiceUnavailable):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def survive(error: Exception) -> Response:
    """What nobody thought of: the traceback into the log, and the answer that garbage gets."""
    _log.error("unexpected", path=request.path, exc_info=error)
    return Response("the request could not be handled\n", status=400, content_type="text/plain")


def create_scep_app(service: ScepService, authority: Authority, clock: Clock) -> Flask:
    """The WSGI application of the SCEP port."""
    app = Flask("ca_server.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    app.register_blueprint(ScepFront(service, authority, clock).blueprint())
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, survive)
    return app
