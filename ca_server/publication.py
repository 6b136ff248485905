"""What the CA publishes on the SCEP port: its CRLs, its certificates, and a page for revoking one's own.

A cache counts the world's seconds, and a lab's clock may jump over a CRL's whole life between two of them.
So no answer says how long it may be kept: whoever has a copy asks each time (``no-cache``), and is told in a
few bytes that it still holds (304).  The ETag is the content's hash.  HTTP's dates are the lab's, that of the
answer too: Last-Modified must not be later than Date (RFC 9110 section 8.8.2.1), and a lab is mostly ahead.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from flask import Blueprint, Response, render_template_string, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge

from ca_server.domain.authority import Authorities
from ca_server.domain.crl_desk import NoSuchCrl, Serving
from ca_server.domain.ledger import StoreBusy
from ca_server.domain.places import CERTIFICATE_PATH, CRL_PATH
from ca_server.domain.revocation import (
    PasswordLocked,
    RevocationDesk,
    WrongCertificateState,
    WrongPassword,
)
from scep_core.certificates import Certificate
from sceplab.clock import Clock

TYPE_CRL = "application/pkix-crl"  # RFC 2585 section 4.2
TYPE_CERTIFICATE = "application/pkix-cert"  # RFC 2585 section 4.1
TYPE_CHAIN = "application/pem-certificate-chain"  # RFC 8555 section 9.1
REVOKE_PATH = "/revoke"
CURRENT = "ca"  # in place of a CA's name: the one that issues now

_MAX_FORM_BYTES = 4096
_SERIAL_NUMBER = re.compile(r"(?:0x)?([0-9a-f]{1,40})", re.IGNORECASE)  # of at most 20 octets (RFC 5280)
_SEPARATORS = re.compile(r"[\s:.-]")  # as programs and routers print them

# Nothing but the page, its one style sheet and its own form; and no trace of it elsewhere.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem }
label, input { display: block; width: 100%; box-sizing: border-box }
input, button { font: inherit; padding: .5rem; margin: .25rem 0 1rem }
[role=status] { border-left: .4rem solid; padding-left: 1rem; font-weight: bold }
"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Revoke a certificate: scep-lab CA</title>
<link rel="stylesheet" href="{{ style }}">
<h1>Revoke a certificate</h1>
{% if said %}<p role="status">{{ said }}</p>{% endif %}
<p>The challenge password that was given at the enrolment revokes the certificate. This cannot be undone.
<form method="post" action="{{ here }}" autocomplete="off">
<label for="serial_number">Serial number (hexadecimal)</label>
<input id="serial_number" name="serial_number" required maxlength="80" value="{{ serial_number }}">
<label for="password">Challenge password</label>
<input id="password" name="password" type="password" required>
<button>Revoke</button>
</form>
</html>
"""
_log = structlog.get_logger(__name__)


def create_publication(desk: RevocationDesk, authorities: Authorities, clock: Clock) -> Blueprint:
    """The routes."""
    front = _Publication(desk, authorities, clock)
    blueprint = Blueprint("publication", __name__)
    blueprint.add_url_rule(f"{CRL_PATH}/<name>.crl", "crl", front.crl)
    blueprint.add_url_rule(f"{CERTIFICATE_PATH}/<name>.cer", "certificate", front.certificate)
    blueprint.add_url_rule(f"{CERTIFICATE_PATH}/chain.pem", "chain", front.chain)
    blueprint.add_url_rule(REVOKE_PATH, "revoke-page", front.revoke_page)
    blueprint.add_url_rule(REVOKE_PATH, "revoke", front.revoke, methods=["POST"])
    blueprint.add_url_rule(f"{REVOKE_PATH}.css", "style", front.style)
    blueprint.register_error_handler(StoreBusy, busy)
    return blueprint


def published(content: bytes, content_type: str, now: datetime) -> Response:
    """An answer that a cache may keep, and asks about each time."""
    answer = Response(content, content_type=content_type)
    answer.date = now
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.cache_control.no_cache = True
    return answer


class _Publication:
    def __init__(self, desk: RevocationDesk, authorities: Authorities, clock: Clock) -> None:
        self._desk = desk
        self._authorities = authorities
        self._clock = clock

    # ------------------------------------------------------------------------- CRLs, certificates

    def crl(self, name: str) -> ResponseReturnValue:
        now = self._clock.now()
        issuer = self._authorities().current(now).ca.name if name == CURRENT else name
        try:
            crl = self._desk.served_crl(issuer, now)
        except NoSuchCrl as error:
            raise NotFound(str(error)) from error
        answer = published(crl.der, TYPE_CRL, now)
        # HTTP's dates have no fractions.  A CRL whose second is not over may have a successor within it, and
        # the date would not tell them apart (RFC 9110 section 8.8.2.2), nor a good one from a spoilt one:
        # then the ETag alone does.
        over = now - crl.this_update.replace(microsecond=0) >= timedelta(seconds=1)
        if over and self._desk.serving() is Serving.NORMAL:
            answer.last_modified = crl.this_update
        return answer.make_conditional(request)

    def certificate(self, name: str) -> ResponseReturnValue:
        succession = self._authorities()
        current = succession.current(self._clock.now()).ca
        for ca in (current,) if name == CURRENT else succession.cas:
            if name in (CURRENT, ca.name):
                answer = published(ca.certificate.der, TYPE_CERTIFICATE, self._clock.now())
                return answer.make_conditional(request)
        raise NotFound(f"there is no CA {name}")

    def chain(self) -> ResponseReturnValue:
        """The CA of now and its root, in PEM."""
        now = self._clock.now()
        pem = _pem([ca.certificate for ca in self._authorities().current(now).cas])
        return published(pem, TYPE_CHAIN, now).make_conditional(request)

    # --------------------------------------------------------------------------------- revocation

    def revoke_page(self) -> ResponseReturnValue:
        return _page(200, "")

    def style(self) -> ResponseReturnValue:
        return Response(_STYLE, content_type="text/css")

    def revoke(self) -> ResponseReturnValue:
        """A form's or a JSON object's ``serial_number`` and ``password``."""
        request.max_content_length = request.max_form_memory_size = _MAX_FORM_BYTES
        given: Mapping[str, object] = {}
        try:
            given = _given()
            serial_number, password = _read(given)
        except (BadRequest, RequestEntityTooLarge) as error:
            return _refused(error, given)
        source = request.remote_addr or ""
        event = {"source": source, "serial_number": f"{serial_number:X}"}
        try:
            self._desk.revoke_with_password(serial_number, password, source=source, now=self._clock.now())
        except (WrongPassword, PasswordLocked, WrongCertificateState) as error:
            status, code = _REFUSALS[type(error)]
            _log.warning("revocation-refused", why=code, **event)
            return _answer(status, code, f"Refused: {error}.", f"{serial_number:X}")
        _log.info("revoked", **event)
        return _answer(200, "revoked", f"The certificate {serial_number:X} is revoked.", f"{serial_number:X}")


_REFUSALS: dict[type[Exception], tuple[int, str]] = {
    WrongPassword: (403, "refused"),
    PasswordLocked: (403, "locked"),  # not 429: it does not help to come back later
    WrongCertificateState: (409, "wrong-state"),
}


def _given() -> Mapping[str, object]:
    """What the form or the JSON object says; BadRequest, RequestEntityTooLarge."""
    if not request.is_json:
        return request.form
    try:
        given = request.get_json(silent=True)
    except RecursionError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("this is no JSON object")
    return given


def _read(given: Mapping[str, object]) -> tuple[int, str]:
    """What was asked; BadRequest."""
    serial_number, password = given.get("serial_number"), given.get("password")
    if not isinstance(serial_number, str) or not isinstance(password, str) or not password:
        raise BadRequest("a revocation needs serial_number and password")
    digits = _SERIAL_NUMBER.fullmatch(_SEPARATORS.sub("", serial_number))
    if digits is None:
        raise BadRequest("a serial number is up to 40 hexadecimal digits")
    return int(digits[1], 16), password


def _refused(error: BadRequest | RequestEntityTooLarge, given: Mapping[str, object]) -> ResponseReturnValue:
    """What cannot be asked is told as every other answer is; what was typed stays in the form."""
    typed = given.get("serial_number")
    code, said = "bad-request", error.description
    if isinstance(error, RequestEntityTooLarge):
        code, said = "too-large", f"this is more than {_MAX_FORM_BYTES} octets"
    return _answer(error.code, code, f"Refused: {said}.", typed if isinstance(typed, str) else "")


def _answer(status: int, code: str, said: str, serial_number: str) -> ResponseReturnValue:
    """In the form in which it was asked."""
    if not request.is_json:
        return _page(status, said, "" if status == 200 else serial_number)
    headers = {name: _PAGE_HEADERS[name] for name in ("Cache-Control", "X-Content-Type-Options")}
    return {"result": code, "message": said, "serial_number": serial_number}, status, headers


def _page(status: int, said: str, serial_number: str = "") -> ResponseReturnValue:
    html = render_template_string(
        _PAGE, here=REVOKE_PATH, style=f"{REVOKE_PATH}.css", said=said, serial_number=serial_number
    )
    return Response(html, status=status, content_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)


def busy(error: StoreBusy) -> ResponseReturnValue:
    """An answer to come back for."""
    _log.error("store-busy", path=request.path, why=str(error))
    return Response(
        "the CA cannot read its records at the moment\n",
        status=503,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": "1"},
    )


def _pem(certificates: Sequence[Certificate]) -> bytes:
    return "".join(ssl.DER_cert_to_PEM_cert(each.der) for each in certificates).encode()
