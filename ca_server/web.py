"""SCEP over HTTP (RFC 8894 section 4): take a request line apart, call one thing, answer.

Clients are taken as they come: any case of path and operation, any ``message=`` where none is needed,
no Content-Type, HTTP/1.0 without a Host, a POST that does not name its operation.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable

from ca_server.domain.authority import Authorities
from ca_server.domain.enrolment import Exchange
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.profiles import Profile, Profiles
from ca_server.domain.service import Answer, ScepService
from scep_core import http
from scep_core.errors import NotAPkiMessage
from scep_core.messages import Failure, ReplyMessage
from scep_core.next_ca import seal_next_ca
from scep_core.values import Digest
from sceplab.clock import Clock, wall_time

# Sixty times a request of today; what is to be read as BER costs a millisecond for every 4 KB.
MAX_BODY_BYTES = 128 * 1024

_PAGE = """<!doctype html><title>scep-lab CA</title>
<p>This is a SCEP service (RFC 8894) of a lab. No certificate from here is to be trusted.
"""
_log = structlog.get_logger(__name__)


class ScepFront:
    """The operations of SCEP for one CA."""

    def __init__(
        self, service: ScepService, authorities: Authorities, profiles: Profiles, clock: Clock
    ) -> None:
        self._service = service
        self._authorities = authorities
        self._profiles = profiles
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
        scep.add_url_rule("/<path:_path>", "scep", self._scep, methods=["GET", "POST"])
        return scep

    def _scep(self, _path: str) -> Response:
        profile = self._profiles.at(request.path)
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
        next_ca = profile.tells_next_ca and self._authorities().next(self._clock.now()) is not None
        text = http.format_capabilities(profile.capabilities_now(next_ca=next_ca))
        return Response(text, content_type=http.TYPE_CAPS)

    def _ca_certificates(self, profile: Profile, _query: http.Query) -> Response:
        certificates = self._authorities().current(self._clock.now()).certificates(ra_mode=profile.ra_mode)
        content_type, body = http.format_ca_certificates(certificates)
        return Response(body, content_type=content_type)

    def _next_ca_certificates(self, profile: Profile, _query: http.Query) -> Response:
        succession, now = self._authorities(), self._clock.now()
        coming = succession.next(now)
        if coming is None or not profile.tells_next_ca:
            raise NotFound("there is no next CA")  # as OpenXPKI answers (scep.md 1.4)
        # By the CA's own key, also where the RA signs everything else (RFC 8894 section 4.7.1).
        signer = succession.current(now).ca.identity
        body = seal_next_ca(coming.certificates(ra_mode=profile.ra_mode), signer, Digest.SHA256)
        return Response(body, content_type=http.TYPE_NEXT_CA_CERT)

    def _pki_operation(self, profile: Profile, query: http.Query) -> Response:
        data = request.get_data(cache=False) if request.method == "POST" else b""
        source = request.remote_addr or ""
        try:
            answer = self._service.handle(
                data or http.decode_get_message(query.message or b""),
                Exchange(profile, source, self._clock.now(), wall_time()),
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


def create_scep_app(front: ScepFront, *others: Blueprint) -> Flask:
    """The WSGI application of the SCEP port; ``others`` answer there too, before SCEP does."""
    app = Flask("ca_server.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    for blueprint in (*others, front.blueprint()):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, survive)
    return app
