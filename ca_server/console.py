"""The operators' side: a REST API in JSON behind HTTP Basic, and one page that shows the queue.

A change must come with ``Content-Type: application/json``, which no other site's form can send.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from flask import Blueprint, Flask, Response, jsonify, render_template_string, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from ca_server.domain.approval import ApprovalDesk, BadReason, NoSuchRequest
from ca_server.domain.authority import AuthorityExpired
from ca_server.domain.ledger import Decision, IssuedCertificate
from ca_server.domain.requests import CertificateRequest, State, WrongState
from sceplab.clock import Clock, format_instant

_MAX_ID = 2**63 - 1  # the largest that a database can be asked for
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Operator:
    """Who may look and decide."""

    username: str
    password: str = field(repr=False)

    def is_me(self, username: str | None, password: str | None) -> bool:
        """Whether the credentials are right, in a time that tells nothing of how nearly."""
        right_name = secrets.compare_digest((username or "").encode(), self.username.encode())
        right_password = secrets.compare_digest((password or "").encode(), self.password.encode())
        return right_name and right_password


_PAGE = """<!doctype html><title>scep-lab CA</title>
<h1>Certificate requests</h1>
<p>A lab's CA: nothing here is to be trusted. Lab time {{ now }}.
<table border="1" cellpadding="4">
<tr><th>id<th>state<th>subject<th>names<th>key<th>MD5 of the request<th>challenge<th>polls<th>received
{% for each in requests %}
<tr><td>{{ each.id }}<td>{{ each.state }}<td>{{ each.subject }}<td>{{ each.subject_alt_names | join(", ") }}
<td>{{ each.key }}<td><code>{{ each.md5 }}</code><td>{{ each.challenge }}<td>{{ each.polls }}
<td>{{ each.received_at.strftime("%Y-%m-%d %H:%M:%S") }}
{% else %}<tr><td colspan="9">none yet
{% endfor %}
</table>
"""


def create_console_app(desk: ApprovalDesk, operator: Operator, clock: Clock) -> Flask:
    """The WSGI application of the console's port."""
    app = Flask("ca_server.console", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.register_blueprint(_routes(desk, clock))

    @app.before_request
    def authenticate() -> ResponseReturnValue | None:
        given = request.authorization
        if given is not None and given.type == "basic" and operator.is_me(given.username, given.password):
            return None
        response = _error(401, "unauthorized", "the operator's name and password, please")
        response.headers["WWW-Authenticate"] = 'Basic realm="scep-lab CA", charset="UTF-8"'
        return response

    for exception, status, code in (
        (NoSuchRequest, 404, "not-found"),
        (WrongState, 409, "wrong-state"),
        (AuthorityExpired, 409, "wrong-state"),
        (BadReason, 400, "bad-request"),
    ):
        app.register_error_handler(exception, _refusal(status, code))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> ResponseReturnValue:
        code = "not-found" if error.code == 404 else "bad-request"
        return _error(error.code or 400, code, error.description or error.name)

    return app


def _routes(desk: ApprovalDesk, clock: Clock) -> Blueprint:
    console = Blueprint("console", __name__)

    @console.get("/")
    def page() -> ResponseReturnValue:
        return render_template_string(_PAGE, requests=desk.requests(), now=format_instant(clock.now()))

    @console.get("/api/requests")
    def list_requests() -> ResponseReturnValue:
        state = _state(request.args.get("state"))
        return jsonify({"requests": [request_json(each) for each in desk.requests(state)]})

    @console.get("/api/requests/<int:request_id>")
    def show_request(request_id: int) -> ResponseReturnValue:
        found = desk.request(_id(request_id))
        audit = [decision_json(each) for each in desk.decisions(request_id)]
        return jsonify(request_json(found) | {"decisions": audit})

    @console.post("/api/requests/<int:request_id>/approve")
    def approve(request_id: int) -> ResponseReturnValue:
        _json_object()
        approved = desk.approve(_id(request_id), by=_who(), now=clock.now())
        _log.info("approved", request=request_id, by=_who())
        return jsonify(request_json(approved))

    @console.post("/api/requests/<int:request_id>/deny")
    def deny(request_id: int) -> ResponseReturnValue:
        reason = _json_object().get("reason", "")
        if not isinstance(reason, str):
            raise BadRequest("reason is a text")
        denied = desk.deny(_id(request_id), reason, by=_who(), now=clock.now())
        _log.info("denied", request=request_id, by=_who(), reason=denied.reason)
        return jsonify(request_json(denied))

    @console.get("/api/certificates")
    def list_certificates() -> ResponseReturnValue:
        return jsonify({"certificates": [certificate_json(each) for each in desk.certificates()]})

    return console


def _refusal(status: int, code: str) -> Callable[[Exception], Response]:
    return lambda error: _error(status, code, str(error))


def _error(status: int, code: str, message: str) -> Response:
    response = jsonify({"error": {"code": code, "message": message}})
    response.status_code = status
    return response


def _state(text: str | None) -> State | None:
    try:
        return None if text is None else State(text)
    except ValueError:
        raise BadRequest(f"state is one of {', '.join(State)}") from None


def _id(request_id: int) -> int:
    if request_id > _MAX_ID:
        raise NotFound(f"there is no request {request_id}")
    return request_id


def _who() -> str:
    assert request.authorization is not None  # before_request has seen to that
    return str(request.authorization.username)


def _json_object() -> dict[str, object]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise BadRequest("the body is a JSON object")
    return body


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def serial_text(serial_number: int | None) -> str | None:
    """A serial number as OpenSSL prints it: whole octets in upper-case hexadecimal."""
    if serial_number is None:
        return None
    return serial_number.to_bytes((serial_number.bit_length() + 7) // 8, "big").hex().upper()


def request_json(each: CertificateRequest) -> dict[str, object]:
    """A request as the API shows it."""
    return {
        "id": each.id,
        "state": each.state,
        "transaction_id": each.transaction_id,
        "message_type": each.message_type,
        "subject": each.subject,
        "subject_alt_names": list(each.subject_alt_names),
        "key": each.key,
        "fingerprints": {"md5": each.md5, "sha1": each.sha1, "sha256": each.sha256},
        "challenge": each.challenge,
        "signer": each.signer,
        "profile": each.profile,
        "source": each.source,
        "polls": each.polls,
        "received_at": _instant(each.received_at),
        "last_poll_at": _instant(each.last_poll_at),
        "decided_at": _instant(each.decided_at),
        "decided_by": each.decided_by,
        "reason": each.reason,
        "serial_number": serial_text(each.serial_number),
    }


def decision_json(each: Decision) -> dict[str, object]:
    """One line of the audit as the API shows it."""
    return {
        "what": each.what,
        "by": each.by,
        "at": _instant(each.at),
        "reason": each.reason,
        "serial_number": serial_text(each.serial_number),
    }


def certificate_json(each: IssuedCertificate) -> dict[str, object]:
    """A certificate as the API shows it."""
    return {
        "serial_number": serial_text(each.serial_number),
        "request_id": each.request_id,
        "subject": each.subject,
        "not_before": _instant(each.not_before),
        "not_after": _instant(each.not_after),
        "pem": ssl.DER_cert_to_PEM_cert(each.der),
    }
