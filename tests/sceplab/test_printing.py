"""What the commands print: of texts that clients sent, of timers, of clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from sceplab import tables
from sceplab.clock import ClockState
from sceplab.management import Fired
from sceplab.printing import folded, request_details, requests_table, services_apart
from sceplab.remote import Reading

# Clear the screen; forge a line; go back over one; delete; C1's CSI; turn the text's direction.
HOSTILE = "r1\x1b[2J\r\nState: issued\x08\x7f\x9b31m\u202e\u2028\t\0"
SHOWN = r"r1\x1b[2J\r\nState: issued\x08\x7f\x9b31m\u202e\u2028\t\x00"
TEXTS = (
    "subject",
    "key",
    "challenge",
    "signer",
    "transaction_id",
    "profile",
    "source",
    "reason",
    "decided_by",
)
PLAIN = {"id": 1, "state": "pending", "polls": 0, "received_at": "2026-11-23T12:00:00.000000Z"}


@pytest.mark.parametrize("key", [*TEXTS, "subject_alt_names", "fingerprints"])
def test_a_client_cannot_draw_on_the_terminal(key) -> None:
    value = {"subject_alt_names": ["DNS:ok", HOSTILE], "fingerprints": {"md5": HOSTILE}}.get(key, HOSTILE)
    details = request_details(PLAIN | {key: value})
    assert SHOWN in details
    assert details.count("State:") == 2  # the label, and what is shown of the forged line
    assert not any(line.startswith("State:") for line in details.splitlines())
    for screen in (details, requests_table([PLAIN | {key: value}])):
        assert screen.replace("\n", "").isprintable()


OWN = {
    "role": "ca",
    "name": HOSTILE,
    "subject": HOSTILE,
    "serial_number": HOSTILE,
    "not_before": None,
    "not_after": None,
    "fingerprints": {"md5": HOSTILE},
}
GENERATION = {"number": 1, "standing": "current", "active_from": None, "certificates": [OWN]}
PEM = {"pem": "PEM\n"}


@pytest.mark.parametrize(
    "screen",
    [
        tables.certificates_table([{"subject": HOSTILE}]),
        tables.certificate_details({"serial_number": "AB", "subject": HOSTILE, **PEM}),
        tables.challenges_table([{"device": HOSTILE}]),
        tables.tokens_table([{"name": HOSTILE}]),
        tables.audit_table([{"text": HOSTILE}]),
        tables.crls_table({"crls": [{"issuer": HOSTILE}], "serving": "normal"}),
        tables.ca_details({"generations": [GENERATION], "profiles": [{"name": HOSTILE, "paths": [HOSTILE]}]}),
        request_details(PLAIN | {"audit": [{"text": HOSTILE}]}),
    ],
)
def test_nor_through_anything_else_that_is_shown(screen) -> None:
    assert SHOWN in screen
    assert screen.replace("\n", "").isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    assert "CN=Zürich \\, 東京" in request_details(PLAIN | {"subject": "CN=Zürich \\, 東京"})


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def fired(number, owner, outcome):
    return Fired(number, NOON + timedelta(hours=number), owner, f"try {number}", outcome)


def test_many_timers_that_come_to_the_same_are_folded() -> None:
    firings = [
        *(fired(number, "r1", "failed") for number in range(5)),
        fired(5, "r2", "failed"),
        *(fired(number, "r1", "failed") for number in range(6, 9)),
        *(fired(number, "r1", "issued") for number in range(9, 13)),
    ]
    lines = [line.partition("UTC  ")[2] or line for line in folded(firings, 2)]
    assert lines == [
        *("r1  try 0 -> failed", "r1  try 1 -> failed", "... and 3 more of r1 -> failed"),
        "r2  try 5 -> failed",
        *("r1  try 6 -> failed", "r1  try 7 -> failed", "... and 1 more of r1 -> failed"),
        *("r1  try 9 -> issued", "r1  try 10 -> issued", "... and 2 more of r1 -> issued"),
    ]


def test_services_that_show_different_times_are_told() -> None:
    state = ClockState("frozen", 0, NOON)
    together = {"ca": Reading(NOON, state), "ldap": Reading(NOON - timedelta(seconds=1), state)}
    assert services_apart(together) == ""
    apart = together | {"routers": Reading(NOON - timedelta(hours=1), state)}
    assert services_apart(apart).startswith("The services are apart: routers shows 2030-01-01 11:00:00 UTC.")
