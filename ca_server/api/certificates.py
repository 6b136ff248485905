"""What was issued: looking, fetching, revoking."""

from __future__ import annotations

from collections.abc import Mapping

from ca_server.api.route import PAGING, Call, Desks, Route, page, page_schema, part
from ca_server.api.schema import Schema, choice, instant, known, record, text
from ca_server.api.views import CERTIFICATE, REASONS, SERIAL, pem
from ca_server.domain.ledger import CertificateFilter, CertificateState, IssuedCertificate
from ca_server.domain.revocation import Reason
from sceplab.clock import parse_instant

_FILTERS: Mapping[str, Schema] = {
    "state": choice(CertificateState),
    "issuer": text(100, about="the name of the CA, such as `ca-1`"),
    "search": text(200, about="in the subject, in any case, or in the serial number, with colons or without"),
}


def _serial(call: Call) -> int:
    return int(call.given["serial_number"], 16)


def _certificate(desks: Desks, call: Call) -> IssuedCertificate:
    return desks.revocation.certificate(_serial(call))


def _list(desks: Desks, call: Call) -> object:
    asked = part(call.given)
    wanted = {name: call.given[name] for name in _FILTERS if name in call.given}
    if "state" in wanted:
        wanted["state"] = CertificateState(wanted["state"])
    if "issuer" in wanted:
        known(wanted["issuer"], (each.name for each in desks.ca.authorities().cas), "CA")
    found = desks.revocation.certificates(CertificateFilter(**wanted), asked, call.now)
    return page("certificates", found, asked, lambda each: CERTIFICATE.show(each, call.now))


def _show(desks: Desks, call: Call) -> object:
    return CERTIFICATE.show(_certificate(desks, call), call.now)


def _der(desks: Desks, call: Call) -> bytes:
    return _certificate(desks, call).der


def _pem(desks: Desks, call: Call) -> bytes:
    return pem(_certificate(desks, call).der).encode("ascii")


def _chain(desks: Desks, call: Call) -> bytes:
    found = _certificate(desks, call)
    cas = next(each.cas for each in desks.ca.authorities().authorities if each.ca.name == found.issuer)
    return "".join(map(pem, (found.der, *(ca.certificate.der for ca in cas)))).encode("ascii")


def _revoke(desks: Desks, call: Call) -> object:
    asked, since = call.body.get("reason", "unspecified"), call.body.get("invalidity_date")
    revoked = desks.revocation.revoke(
        _serial(call),
        reason=REASONS[asked] if isinstance(asked, str) else Reason(asked),
        invalidity_date=None if since is None else parse_instant(since),
        by=call.by,
        now=call.now,
    )
    return CERTIFICATE.show(revoked, call.now)


def _revoke_with_password(desks: Desks, call: Call) -> object:
    revoked = desks.revocation.revoke_with_password(
        _serial(call), call.body["password"], source=call.source, now=call.now
    )
    return CERTIFICATE.show(revoked, call.now)


def _release(desks: Desks, call: Call) -> object:
    return CERTIFICATE.show(desks.revocation.release(_serial(call), by=call.by, now=call.now), call.now)


_ONE: Mapping[str, Schema] = {"serial_number": SERIAL}
_PATH = "/api/certificates/{serial_number}"

ROUTES = (
    Route(
        "GET",
        "/api/certificates",
        "a page of the certificates",
        _list,
        page_schema("certificates", CERTIFICATE),
        query={**_FILTERS, **PAGING},
    ),
    Route("GET", _PATH, "one certificate", _show, CERTIFICATE.schema, parameters=_ONE, refusals=(404,)),
    Route(
        "GET",
        f"{_PATH}.pem",
        "one certificate, in PEM",
        _pem,
        None,
        parameters=_ONE,
        media_type="application/x-pem-file",
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_PATH}.der",
        "one certificate, in DER",
        _der,
        None,
        parameters=_ONE,
        media_type="application/pkix-cert",
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_PATH}/chain.pem",
        "one certificate and those of the CAs above it, in PEM",
        _chain,
        None,
        parameters=_ONE,
        media_type="application/x-pem-file",
        refusals=(404,),
    ),
    Route(
        "POST",
        f"{_PATH}/revoke",
        "revoke a certificate, or hold it; the CRL follows at once",
        _revoke,
        CERTIFICATE.schema,
        parameters=_ONE,
        body=record(
            {
                "reason": choice((*REASONS, *map(int, REASONS.values())), "RFC 5280's name or number"),
                "invalidity_date": instant("since when the key is not to be trusted"),
            },
            optional=("reason", "invalidity_date"),
        ),
        refusals=(404, 409),
    ),
    Route(
        "POST",
        f"{_PATH}/release",
        "release a certificate that is held",
        _release,
        CERTIFICATE.schema,
        parameters=_ONE,
        body=record({}),
        refusals=(404, 409),
    ),
    Route(
        "POST",
        f"{_PATH}/revoke-with-password",
        "revoke a certificate with the challenge password of its enrolment",
        _revoke_with_password,
        CERTIFICATE.schema,
        parameters=_ONE,
        body=record({"password": text(255, min_length=1)}),
        refusals=(404, 409),
    ),
)
