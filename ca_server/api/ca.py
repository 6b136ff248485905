"""The CA itself: its generations and profiles, rollover, and its CRLs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ca_server.api.route import Call, Desks, Route, View
from ca_server.api.schema import COUNT, ID, STRING, Invalid, Schema, array, choice, instant, integer, record
from ca_server.api.views import (
    FINGERPRINTS,
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    SERIAL,
    pem,
    serial_text,
)
from ca_server.domain.authority import Authority, Succession
from ca_server.domain.crl_desk import Serving
from ca_server.domain.ledger import IssuedCrl
from ca_server.domain.requests import fingerprint_text
from scep_core import names
from scep_core.certificates import Certificate
from scep_core.crls import read_crl
from scep_core.values import Digest
from sceplab.clock import format_instant, parse_instant

_DIGESTS = (Digest.MD5, Digest.SHA1, Digest.SHA256)
_STANDING = ("earlier", "current", "next", "ended")
_ROLES = ("root", "ca", "ra-signing", "ra-encryption")

OWN_CERTIFICATE = record(
    {
        "role": choice(_ROLES),
        "name": {**MAYBE_TEXT, "description": "a CA's, as it stands in URLs"},
        "subject": STRING,
        "serial_number": SERIAL,
        "not_before": INSTANT,
        "not_after": INSTANT,
        "fingerprints": FINGERPRINTS,
        "pem": STRING,
    }
)
GENERATION = record(
    {
        "number": ID,
        "standing": choice(_STANDING),
        "active_from": MAYBE_INSTANT,
        "certificates": array(OWN_CERTIFICATE),
    }
)
CRL: View[IssuedCrl] = View(
    "Crl",
    {
        "issuer": STRING,
        "number": COUNT,
        "this_update": INSTANT,
        "next_update": INSTANT,
        "revoked": {**COUNT, "description": "how many certificates it lists"},
        "pem": STRING,
    },
    {
        "revoked": lambda each, _: len(read_crl(each.der).revoked),
        "pem": lambda each, _: pem(each.der, "X509 CRL"),
    },
)


def _show(desks: Desks, call: Call) -> object:
    succession = desks.ca.authorities()
    return {
        "generations": [_generation(each, succession, call.now) for each in succession.authorities],
        "profiles": [
            {"name": each.name, "paths": list(desks.profiles.paths_of(each))} for each in desks.profiles
        ],
    }


def _generation(authority: Authority, succession: Succession, now: datetime) -> dict[str, object]:
    return {
        "number": authority.number,
        "standing": _standing(authority, succession, now),
        "active_from": None if authority.active_from is None else format_instant(authority.active_from),
        "certificates": [_certificate(*each) for each in _own(authority)],
    }


def _standing(authority: Authority, succession: Succession, now: datetime) -> str:
    if now >= authority.ca.certificate.not_after:
        return "ended"  # the current one, too: it issues nothing until there is a next one
    current = succession.current(now).number
    if authority.number == current:
        return "current"
    return "earlier" if authority.number < current else "next"


def _own(authority: Authority) -> Iterator[tuple[str, str | None, Certificate]]:
    if authority.root is not authority.ca:
        yield "root", authority.root.name, authority.root.certificate
    yield "ca", authority.ca.name, authority.ca.certificate
    yield "ra-signing", None, authority.ra_signing.certificate
    yield "ra-encryption", None, authority.ra_encryption.certificate


def _certificate(role: str, name: str | None, certificate: Certificate) -> dict[str, object]:
    return {
        "role": role,
        "name": name,
        "subject": names.rfc4514(certificate.subject),
        "serial_number": serial_text(certificate.serial_number),
        "not_before": format_instant(certificate.not_before),
        "not_after": format_instant(certificate.not_after),
        "fingerprints": {
            str(each.value): fingerprint_text(certificate.fingerprint(each)) for each in _DIGESTS
        },
        "pem": pem(certificate.der),
    }


def _roll_over(desks: Desks, call: Call) -> object:
    active_from = _active_from(call.body, call.now)
    made = desks.ca.rollover(active_from=active_from, by=call.by, now=call.now)
    return _generation(made, desks.ca.authorities(), call.now)


def _active_from(body: Mapping[str, str | int], now: datetime) -> datetime:
    if len(body) != 1:
        raise Invalid("say either active_from or in_seconds")
    if "active_from" in body:
        return parse_instant(body["active_from"])
    return now + timedelta(seconds=int(body["in_seconds"]))


def _crls(desks: Desks, call: Call) -> object:
    shown = [CRL.show(each, call.now) for each in desks.revocation.current_crls(call.now)]
    return {"crls": shown, "serving": desks.revocation.serving()}


def _issue_crls(desks: Desks, call: Call) -> object:
    desks.revocation.issue_crl(by=call.by, now=call.now)
    return _crls(desks, call)


def _serving(desks: Desks, _: Call) -> object:
    return {"mode": desks.revocation.serving()}


def _serve(desks: Desks, call: Call) -> object:
    desks.revocation.set_serving(Serving(call.body["mode"]), by=call.by, now=call.now)
    return _serving(desks, call)


_SERVING = choice(Serving, "what is handed out over HTTP and by GetCRL; all but normal is for tests")
_MODE: Schema = record({"mode": _SERVING})
_CRLS = record({"crls": array(CRL.schema), "serving": _SERVING})
_CENTURY = 100 * 365 * 24 * 3600

ROUTES = (
    Route(
        "GET",
        "/api/ca",
        "the CA's generations with their certificates, and its profiles",
        _show,
        record(
            {
                "generations": array(GENERATION),
                "profiles": array(record({"name": STRING, "paths": array(STRING)})),
            }
        ),
    ),
    Route(
        "POST",
        "/api/ca/rollover",
        "make the next CA, which GetNextCACert announces until it is current",
        _roll_over,
        GENERATION,
        body=record(
            {
                "active_from": instant("when it becomes current"),
                "in_seconds": integer(1, _CENTURY, "the same, counted from now on the lab clock"),
            },
            optional=("active_from", "in_seconds"),
        ),
        status=201,
        refusals=(409,),
    ),
    Route("GET", "/api/crls", "the CRLs of all CAs, as they truly are", _crls, _CRLS),
    Route("POST", "/api/crls", "issue all CRLs now", _issue_crls, _CRLS, body=record({}), status=201),
    Route("GET", "/api/crls/serving", "how CRLs are handed out", _serving, _MODE),
    Route("PUT", "/api/crls/serving", "hand out CRLs in another way, for tests", _serve, _MODE, body=_MODE),
)
