"""Challenge passwords: given out, listed, withdrawn.  A password is told once, to who has it made."""

from __future__ import annotations

from datetime import timedelta

from ca_server.api.route import PAGING, Call, Desks, Route, page, page_schema, part
from ca_server.api.schema import BOOLEAN, ID, STRING, integer, record, text
from ca_server.api.views import CHALLENGE
from ca_server.domain.challenges import MAX_TEXT

_MAX_VALIDITY = timedelta(days=36500)


def _list(desks: Desks, call: Call) -> object:
    asked = part(call.given)
    found = desks.challenges.list(asked)
    return page("challenges", found, asked, lambda each: CHALLENGE.show(each, call.now))


def _new(desks: Desks, call: Call) -> object:
    seconds = call.body.get("valid_seconds")
    challenge, password = desks.challenges.new(
        device=call.body.get("device"),
        once=call.body.get("once", True),
        valid_for=None if seconds is None else timedelta(seconds=seconds),
        password=call.body.get("password"),
        by=call.by,
        now=call.now,
    )
    return CHALLENGE.show(challenge, call.now) | {"password": password}


def _withdraw(desks: Desks, call: Call) -> object:
    desks.challenges.withdraw(call.given["id"], by=call.by, now=call.now)
    return {}


ROUTES = (
    Route(
        "GET",
        "/api/challenges",
        "a page of the challenge passwords, which themselves are not shown",
        _list,
        page_schema("challenges", CHALLENGE),
        query=PAGING,
    ),
    Route(
        "POST",
        "/api/challenges",
        "give out a challenge password; this answer is the only one that shows it",
        _new,
        record({**CHALLENGE.fields, "password": STRING}),
        body=record(
            {
                "device": text(MAX_TEXT, min_length=1, about="the common or DNS name of its user"),
                "once": {**BOOLEAN, "default": True, "description": "false needs a device"},
                "valid_seconds": integer(1, int(_MAX_VALIDITY.total_seconds()), "without it there is no end"),
                "password": text(MAX_TEXT, min_length=1, about="a chosen one, which needs a device"),
            },
            optional=("device", "once", "valid_seconds", "password"),
        ),
        status=201,
    ),
    Route(
        "DELETE",
        "/api/challenges/{id}",
        "withdraw a challenge password",
        _withdraw,
        record({}),
        parameters={"id": ID},
        refusals=(404,),
    ),
)
