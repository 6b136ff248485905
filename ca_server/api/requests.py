"""The queue: looking, deciding one by one or many at once, notes."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ca_server.api.errors import ERROR, REFUSALS, code_for, error_json
from ca_server.api.route import PAGING, Call, Desks, Route, page, page_schema, part
from ca_server.api.schema import (
    COUNT,
    ID,
    Invalid,
    Schema,
    array,
    choice,
    integer,
    known,
    lines,
    record,
    text,
)
from ca_server.api.views import AUDIT, FINGERPRINT, REQUEST
from ca_server.domain.approval import MAX_LIFETIME, MAX_NOTE, MAX_REASON
from ca_server.domain.ledger import RequestFilter
from ca_server.domain.policy import MAX_CSR_BYTES
from ca_server.domain.profiles import COMPAT
from ca_server.domain.requests import CertificateRequest, State
from sceplab.written_requests import split_requests

MAX_SEARCH = 200
MAX_AT_ONCE = 500
# Twice what is certified: PEM is longer than DER, and a router's screen may stand around it.
MAX_TEXT = 2 * MAX_CSR_BYTES

_FILTERS: Mapping[str, Schema] = {
    "state": choice(State),
    "profile": text(MAX_SEARCH),
    "source": text(MAX_SEARCH, about="the client's address"),
    "transaction_id": text(MAX_SEARCH + 55),
    "search": text(
        MAX_SEARCH, about="in subject, names, transaction ID and fingerprints, in any case and grouping"
    ),
}
_TERMS: Mapping[str, Schema] = {
    "profile": text(MAX_SEARCH, about="whose terms to issue on; the request's own if none is given"),
    "lifetime_seconds": integer(60, int(MAX_LIFETIME.total_seconds())),
    "certificate_days": integer(1, MAX_LIFETIME.days, "the lifetime in days"),
}
_REASON = text(MAX_REASON, about="of a denial; the client is told, as failInfoText")
_SEEN = text(
    100, about="the SHA-256 that was seen: nothing is decided when the client has sent another request since"
)
_DETAILS = record({**REQUEST.fields, "audit": array(AUDIT.schema)})
_RESULT = record(
    {"id": ID, "request": REQUEST.schema, "error": ERROR["properties"]["error"]},
    optional=("request", "error"),
)


def _list(desks: Desks, call: Call) -> object:
    asked = part(call.given)
    wanted = {name: call.given[name] for name in _FILTERS if name in call.given}
    if "state" in wanted:
        wanted["state"] = State(wanted["state"])
    found = desks.approval.requests(RequestFilter(**wanted), asked)
    if "profile" in wanted and not found:  # one that the settings have no more may have requests
        known(wanted["profile"], (each.name for each in desks.profiles), "profile")
    counts = desks.approval.counts()
    answer = page("requests", found, asked, lambda each: REQUEST.show(each, call.now))
    return answer | {"counts": {state.value: counts.get(state, 0) for state in State}}


def _show(desks: Desks, call: Call) -> object:
    return _details(desks, call, desks.approval.request(call.given["id"]))


def _details(desks: Desks, call: Call, request: CertificateRequest) -> object:
    audit = [AUDIT.show(each, call.now) for each in desks.approval.audit(request.id)]
    return REQUEST.show(request, call.now) | {"audit": audit}


def _submit(desks: Desks, call: Call) -> object:
    profile = call.body.get("profile", COMPAT.name)
    brought = desks.approval.submit(
        _der(call.body["csr"]), profile=profile, by=call.by, source=call.source, now=call.now
    )
    return REQUEST.show(brought, call.now)


def _der(text: str) -> bytes:
    """A request in PEM, or in base64 as routers print it, with the lines around it that are none."""
    written = split_requests(text)
    if len(written) > 1:
        raise Invalid(f"csr has {len(written)} certification requests: bring each by itself")
    try:
        return b64decode(written[0], validate=True)
    except ValueError:
        raise Invalid("csr is neither PEM nor base64") from None


def _approve(desks: Desks, call: Call) -> object:
    return _decide(desks, call, call.given["id"], "approve", call.body.get("seen_sha256"))


def _deny(desks: Desks, call: Call) -> object:
    return _decide(desks, call, call.given["id"], "deny", call.body.get("seen_sha256"))


def _decide(desks: Desks, call: Call, request_id: int, decision: str, seen: str | None) -> dict[str, Any]:
    if decision == "deny":
        reason = call.body.get("reason", "")
        decided = desks.approval.deny(request_id, reason, by=call.by, now=call.now, seen=seen)
    else:
        profile, lifetime = call.body.get("profile"), _lifetime(call.body)
        decided = desks.approval.approve(
            request_id, by=call.by, now=call.now, profile=profile, lifetime=lifetime, seen=seen
        )
    return REQUEST.show(decided, call.now)


def _lifetime(body: Mapping[str, Any]) -> timedelta | None:
    seconds, days = body.get("lifetime_seconds"), body.get("certificate_days")
    if seconds is not None and days is not None:
        raise Invalid("lifetime_seconds and certificate_days are two ways to say one thing")
    if days is not None:
        return timedelta(days=days)
    return None if seconds is None else timedelta(seconds=seconds)


def _decide_many(desks: Desks, call: Call) -> object:
    decision = call.body["decision"]
    others = _TERMS.keys() if decision == "deny" else {"reason"}
    if unfit := sorted(others & call.body.keys()):
        raise Invalid(f"{unfit[0]} does not go with the decision {decision}")
    _lifetime(call.body)  # what is wrong with all of them is said once
    seen = call.body.get("seen_sha256", {})
    if lost := sorted(seen.keys() - set(map(str, call.body["ids"]))):
        raise Invalid(f"seen_sha256 has {lost[0]!r}, which is none of the ids")
    return {
        "results": [_result(desks, call, each, decision, seen.get(str(each))) for each in call.body["ids"]]
    }


def _result(desks: Desks, call: Call, request_id: int, decision: str, seen: str | None) -> object:
    """What has become of one of many: each is decided by itself, whatever becomes of the others."""
    try:
        return {"id": request_id, "request": _decide(desks, call, request_id, decision, seen)}
    except tuple(REFUSALS) as error:
        return {"id": request_id, **error_json(code_for(error), str(error))}


def _note(desks: Desks, call: Call) -> object:
    desks.approval.note(call.given["id"], call.body["text"], by=call.by, now=call.now)
    return _show(desks, call)


_ONE: Mapping[str, Schema] = {"id": ID}

ROUTES = (
    Route(
        "GET",
        "/api/requests",
        "a page of the queue, and how many requests there are in each state",
        _list,
        page_schema("requests", REQUEST, counts=record(dict.fromkeys(map(str, State), COUNT))),
        query={**_FILTERS, **PAGING},
    ),
    Route(
        "POST",
        "/api/requests",
        "bring a certification request by hand; it waits like any other",
        _submit,
        REQUEST.schema,
        body=record(
            {
                "csr": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_TEXT,
                    "description": "one PKCS #10 in PEM, or in base64 as routers print it",
                },
                "profile": text(MAX_SEARCH, about="whose rules and terms count; `compat` if none is given"),
            },
            optional=("profile",),
        ),
        status=201,
    ),
    Route(
        "POST",
        "/api/requests/decide",
        "decide on many requests at once; each has a result of its own",
        _decide_many,
        record({"results": array(_RESULT)}),
        body=record(
            {
                "decision": choice(("approve", "deny")),
                "ids": array(ID, min_items=1, max_items=MAX_AT_ONCE),
                "reason": _REASON,
                **_TERMS,
                "seen_sha256": {
                    "type": "object",
                    "additionalProperties": FINGERPRINT,
                    "description": "for each id the SHA-256 that was seen, as with a single decision",
                },
            },
            optional=("reason", "seen_sha256", *_TERMS),
        ),
    ),
    Route(
        "GET",
        "/api/requests/{id}",
        "one request, with its audit",
        _show,
        _DETAILS,
        parameters=_ONE,
        refusals=(404,),
    ),
    Route(
        "POST",
        "/api/requests/{id}/approve",
        "issue the certificate of a pending request, at once",
        _approve,
        REQUEST.schema,
        parameters=_ONE,
        body=record({**_TERMS, "seen_sha256": _SEEN}, optional=(*_TERMS, "seen_sha256")),
        refusals=(404, 409),
    ),
    Route(
        "POST",
        "/api/requests/{id}/deny",
        "deny a pending request",
        _deny,
        REQUEST.schema,
        parameters=_ONE,
        body=record({"reason": _REASON, "seen_sha256": _SEEN}, optional=("reason", "seen_sha256")),
        refusals=(404, 409),
    ),
    Route(
        "POST",
        "/api/requests/{id}/notes",
        "add a remark to a request's audit; no client sees it",
        _note,
        _DETAILS,
        parameters=_ONE,
        body=record({"text": lines(MAX_NOTE, min_length=1)}),
        refusals=(404,),
    ),
)
