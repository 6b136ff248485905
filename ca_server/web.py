"""SCEP over HTTP (RFC 8894 section 4): take a request line apart, call one thing, answer.

PKIOperations are what a CA is busy with, and Flask would be a tenth of the time that each takes; so
``PkiOperations`` stands before it, answers those, and leaves everything else to Flask.

Clients are taken as they come: any case of path and operation, any ``message=`` where none is needed,
no Content-Type, HTTP/1.0 without a Host, a POST that does not name its operation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Flask, Response, render_template_string, request
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, ServiceUnavailable

from ca_server.domain.authority import Authorities
from ca_server.domain.enrolment import Exchange
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.profiles import Profile, Profiles
from ca_server.domain.service import Answer, ScepService
from ca_server.domain.spoiling import changed_certificates
from ca_server.faults import CHANGED_CERTIFICATE, MessageFaults
from scep_core import http
from scep_core.errors import NotAPkiMessage
from scep_core.messages import Failure, ReplyMessage
from scep_core.next_ca import seal_next_ca
from scep_core.values import Digest, MessageType
from sceplab.clock import Clock, wall_time
from sceplab.fault_http import HEADER, about, fault_of, labelled
from sceplab.faults import FaultBox
from sceplab.journal import Journal, Kind
from sceplab.journal_flask import write_journal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Sixty times a request of today; what is to be read as BER costs a millisecond for every 4 KB.
MAX_BODY_BYTES = 128 * 1024

_PAGE = """<!doctype html><title>scep-lab CA</title>
<p>This is a SCEP service (RFC 8894) of a lab. No certificate from here is to be trusted.
"""
_ROOT_PAGE = (
    _PAGE
    + """<p>It answers at
<ul>
{% for path, name in places.items() %}<li><code>{{ path }}</code> ({{ name }})
{% endfor %}
</ul>
"""
)
_log = structlog.get_logger(__name__)


class ScepFront:
    """SCEP's operations but PKIOperation, for one CA."""

    def __init__(self, authorities: Authorities, profiles: Profiles, clock: Clock) -> None:
        self._authorities = authorities
        self._profiles = profiles
        self._clock = clock
        self._operations: dict[str, Callable[[Profile, http.Query], Response]] = {
            http.GET_CA_CAPS.lower(): self._capabilities,
            http.GET_CA_CERT.lower(): self._ca_certificates,
            http.GET_NEXT_CA_CERT.lower(): self._next_ca_certificates,
        }

    def blueprint(self) -> Blueprint:
        """The routes."""
        scep = Blueprint("scep", __name__)
        scep.add_url_rule("/<path:_path>", "scep", self._scep, methods=["GET", "POST"])
        scep.add_url_rule("/", "root", self._root, methods=["GET", "POST"])
        return scep

    def _root(self) -> str:
        if request.method == "POST" or http.parse_query(request.query_string).operation is not None:
            raise self._nothing_here()
        return render_template_string(_ROOT_PAGE, places=self._places())

    def _places(self) -> dict[str, str]:
        """One path of every profile, with its name."""
        return {self._profiles.paths_of(each)[0]: each.name for each in self._profiles}

    def _nothing_here(self) -> NotFound:
        return NotFound(f"no CA answers at this path, but at {', '.join(self._places())}")

    def _scep(self, _path: str) -> Response:
        profile = self._profiles.at(request.path)
        if profile is None:
            raise self._nothing_here()
        query = http.parse_query(request.query_string)
        if is_pki_operation(request.method, query):
            # PkiOperations has not answered: the body is too long, or does not say how long it is.
            request.get_data(cache=False)
            raise BadRequest("a POST says how long it is")
        if query.operation is None:
            return Response(_PAGE, content_type="text/html")
        handler = self._operations.get(query.operation.lower())
        if handler is None:
            raise BadRequest("unknown operation")
        return handler(profile, query)

    def _capabilities(self, profile: Profile, _query: http.Query) -> Response:
        next_ca = profile.tells_next_ca and self._authorities().next(self._clock.now()) is not None
        text = http.format_capabilities(profile.capabilities_now(next_ca=next_ca))
        return Response(text, content_type=http.TYPE_CAPS)

    def _ca_certificates(self, profile: Profile, _query: http.Query) -> Response:
        authority = self._authorities().current(self._clock.now())
        if fault_of(request.environ) == CHANGED_CERTIFICATE:
            certificates = changed_certificates(authority, ra_mode=profile.ra_mode)
        else:
            certificates = authority.certificates(ra_mode=profile.ra_mode)
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


# Measured: a PKIOperation is nearly all computing, and more than two at a time only contend for the
# interpreter.  The other threads answer what is asked meanwhile, also when the database keeps these waiting.
AT_ONCE = 2
TURN_SECONDS = 10


class PkiOperations:
    """A WSGI application that answers PKIOperations, and has the one behind it answer all else."""

    def __init__(
        self,
        service: ScepService,
        profiles: Profiles,
        clock: Clock,
        journal: Journal,
        faults: FaultBox,
        behind: WSGIApplication,
    ) -> None:
        self._service = service
        self._journal = journal
        self._faults = faults
        self._profiles = profiles
        self._clock = clock
        self._behind = behind
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        profile = self._profiles.at(environ.get("PATH_INFO", ""))
        query = http.parse_query(environ.get("QUERY_STRING", "").encode("latin-1"))
        method = environ["REQUEST_METHOD"]
        length = _content_length(environ) if method == "POST" else 0
        if profile is None or length is None or not is_pki_operation(method, query):
            return self._behind(environ, start_response)
        try:
            data = environ["wsgi.input"].read(length) if length else b""
            faults = MessageFaults(self._faults, environ)
            body = self._answer(profile, query, data, environ.get("REMOTE_ADDR", ""), faults)
            answer = Response(body, content_type=http.TYPE_PKI_MESSAGE)
            if faults.name:
                answer.headers[HEADER] = faults.name
        except HTTPException as error:
            answer = refuse(error)
        except Exception as error:
            answer = survive(error)
        return answer(environ, start_response)

    def _answer(
        self, profile: Profile, query: http.Query, data: bytes, source: str, faults: MessageFaults
    ) -> bytes:
        try:
            message = data or http.decode_get_message(query.message or b"")
            if not self._turns.acquire(timeout=TURN_SECONDS):
                raise StoreBusy("those before it are not over")
            try:
                now = self._clock.now()
                answer = self._service.handle(message, Exchange(profile, source, now, wall_time()), faults)
            finally:
                self._turns.release()
        except NotAPkiMessage as error:
            # IIS answers 500 here (scep.md 1.4); this CA never does, and neither does its NDES look.
            _log.info("garbage", profile=profile.name, source=source, why=str(error))
            told = {"profile": profile.name, "status": 400} | about(faults.name)
            summary = labelled(f"not a SCEP message -> {error}", faults.name)
            self._journal.add(Kind.SCEP, source, summary, details=told)
            raise BadRequest(f"not a SCEP message: {error}") from error
        except StoreBusy as error:
            _log.error("store-busy", profile=profile.name, source=source, why=str(error))
            raise ServiceUnavailable("the CA cannot keep requests at the moment", retry_after=1) from error
        self._tell(answer, message, profile, source, faults.name)
        return answer.body

    def _tell(self, answer: Answer, message: bytes, profile: Profile, source: str, fault: str) -> None:
        """Have it stand in log and journal."""
        event = {
            "profile": profile.name,
            "transaction_id": answer.transaction_id,
            "message_type": answer.message_type,
            "answer": _summary(answer.reply),
            **about(fault),
        }
        if answer.unexpected is None:
            _log.info("pki-operation", source=source, **event)
        else:
            _log.error("pki-operation", source=source, **event, exc_info=answer.unexpected)
        asked = _MESSAGE_NAMES.get(answer.message_type, f"messageType {answer.message_type}")
        self._journal.add(
            Kind.SCEP,
            source,
            labelled(f"{asked} -> {event['answer']}", fault),
            transaction=answer.transaction_id,
            details=event,
            messages={"request": message, "response": answer.body},
        )


def is_pki_operation(method: str, query: http.Query) -> bool:
    """Whether this asks for a PKIOperation; a POST need not say so (RFC 8894 section 4.3)."""
    if query.operation is None:
        return method == "POST"
    return method in ("GET", "POST") and query.operation.lower() == http.PKI_OPERATION.lower()


def _content_length(environ: WSGIEnvironment) -> int | None:
    """How long the body is; None when that is not said, or is too long."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or "")
    except ValueError:
        return None
    return length if 0 <= length <= MAX_BODY_BYTES else None


# As RFC 8894 section 3.2.1.2 spells them.
_MESSAGE_NAMES: dict[int | None, str] = {
    MessageType.CERT_REP: "CertRep",
    MessageType.RENEWAL_REQ: "RenewalReq",
    MessageType.PKCS_REQ: "PKCSReq",
    MessageType.CERT_POLL: "CertPoll",
    MessageType.GET_CERT: "GetCert",
    MessageType.GET_CRL: "GetCRL",
}


def _summary(reply: ReplyMessage) -> str:
    if isinstance(reply, Failure):
        return f"FAILURE {reply.fail_info.rfc_name}: {reply.text}"
    return type(reply).__name__.upper()


def refuse(error: HTTPException) -> Response:
    """An HTTP error as a line of text, with the headers that tell what may help."""
    answer = Response(f"{error.description}\n", status=error.code, content_type="text/plain; charset=utf-8")
    if isinstance(error, ServiceUnavailable):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # RFC 9110 section 15.5.6
    return answer


def _refuse_and_tell(error: HTTPException) -> Response:
    _log.info("refused", status=error.code, source=request.remote_addr, path=request.path)
    return refuse(error)


def survive(error: Exception) -> Response:
    """What nobody thought of: the traceback into the log, and the answer that garbage gets."""
    _log.error("unexpected", exc_info=error)
    return Response("the request could not be handled\n", status=400, content_type="text/plain")


_DIRECTORY = "scep-lab-directory"  # asks for all that is published at each of its searches


def _kind() -> Kind | None:
    if request.user_agent.string == _DIRECTORY:
        return None
    match request.blueprint:
        case "index":
            return None  # a directory asks it at each search
        case "scep":
            return Kind.SCEP
        case "publication":
            return Kind.CRL
    return Kind.HTTP


def create_scep_app(
    service: ScepService,
    authorities: Authorities,
    profiles: Profiles,
    clock: Clock,
    journal: Journal,
    faults: FaultBox,
    *others: Blueprint,
) -> Flask:
    """The WSGI application of the SCEP port; ``others`` answer there too, before SCEP does."""
    app = Flask("ca_server.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    for blueprint in (*others, ScepFront(authorities, profiles, clock).blueprint()):
        app.register_blueprint(blueprint)
    write_journal(app, journal, _kind)
    app.register_error_handler(HTTPException, _refuse_and_tell)
    app.register_error_handler(Exception, survive)
    app.wsgi_app = PkiOperations(  # type: ignore[method-assign]
        service, profiles, clock, journal, faults, app.wsgi_app
    )
    return app
