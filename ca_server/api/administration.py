"""The audit, which no route changes, and the bearer tokens for this API."""

from __future__ import annotations

from collections.abc import Mapping

from ca_server.api.route import PAGING, Call, Desks, Route, page, page_schema, part
from ca_server.api.schema import ID, STRING, Schema, array, choice, record, text
from ca_server.api.views import AUDIT, SERIAL, TOKEN
from ca_server.domain.ledger import AuditFilter, What
from ca_server.domain.tokens import MAX_NAME

_FILTERS: Mapping[str, Schema] = {"what": choice(What), "request_id": ID, "serial_number": SERIAL}


def _audit(desks: Desks, call: Call) -> object:
    asked, given = part(call.given), call.given
    wanted = AuditFilter(
        what=What(given["what"]) if "what" in given else None,
        request_id=given.get("request_id"),
        serial_number=int(given["serial_number"], 16) if "serial_number" in given else None,
    )
    found = desks.audit(wanted, asked)
    return page("audit", found, asked, lambda each: AUDIT.show(each, call.now))


def _list(desks: Desks, call: Call) -> object:
    return {"tokens": [TOKEN.show(each, call.now) for each in desks.tokens.list()]}


def _new(desks: Desks, call: Call) -> object:
    token, secret = desks.tokens.new(call.body["name"], by=call.by, now=call.now)
    return TOKEN.show(token, call.now) | {"token": secret}


def _withdraw(desks: Desks, call: Call) -> object:
    desks.tokens.withdraw(call.given["id"], by=call.by, now=call.now)
    return {}


ROUTES = (
    Route(
        "GET",
        "/api/audit",
        "a page of the audit: who did what, in lab time and in the world's",
        _audit,
        page_schema("audit", AUDIT),
        query={**_FILTERS, **PAGING},
    ),
    Route(
        "GET",
        "/api/tokens",
        "the bearer tokens, which themselves are not shown",
        _list,
        record({"tokens": array(TOKEN.schema)}),
    ),
    # Not with a token: one that leaked must not live on in another.
    Route(
        "POST",
        "/api/tokens",
        "make a bearer token; this answer is the only one that shows it",
        _new,
        record({**TOKEN.fields, "token": STRING}),
        body=record({"name": text(MAX_NAME, min_length=1, about="what the audit calls its holder")}),
        status=201,
        password_only=True,
    ),
    Route(
        "DELETE",
        "/api/tokens/{id}",
        "withdraw a bearer token",
        _withdraw,
        record({}),
        parameters={"id": ID},
        refusals=(404,),
        password_only=True,
    ),
)
