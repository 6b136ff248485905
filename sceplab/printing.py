"""What the commands print for people: tables, a request's details, clock lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sceplab.clock import ClockState, parse_instant
from sceplab.management import Fired, Timer
from sceplab.remote import Reading

_COLUMNS = {
    "ID": "id",
    "STATE": "state",
    "SUBJECT": "subject",
    "KEY": "key",
    "CHALLENGE": "challenge",
    "POLLS": "polls",
    "RECEIVED": "received_at",
}
_DETAILS = {
    "State": "state",
    "Subject": "subject",
    "Alternative names": "subject_alt_names",
    "Key": "key",
    "Challenge": "challenge",
    "Signed by": "signer",
    "Transaction": "transaction_id",
    "Message": "message_type",
    "Profile": "profile",
    "Generation": "authority",
    "Renews": "renews",
    "From": "source",
    "Received": "received_at",
    "Polls": "polls",
    "Last poll": "last_poll_at",
    "Decided": "decided_at",
    "Decided by": "decided_by",
    "Reason": "reason",
    "Serial number": "serial_number",
}
AUDIT_COLUMNS = {
    "AT": "at",
    "WHAT": "what",
    "BY": "by",
    "REQUEST": "request_id",
    "SERIAL": "serial_number",
    "TEXT": "text",
}
_APART = timedelta(seconds=5)
MAX_CELL = 60  # characters: a client's longest name must not make every row of a table as wide
# The fields that hold an instant, beside those that end with "_at".
_INSTANTS = {"at", "not_before", "not_after", "invalidity_date", "this_update", "next_update", "active_from"}
# The messages of SCEP that can make a request, by their messageType; RFC 8894 section 3.2.1.2.
_MESSAGES: Mapping[object, str] = {17: "RenewalReq", 19: "PKCSReq"}


def instant_text(instant: datetime) -> str:
    """Print an instant to the second: ``2026-11-23 12:00:00 UTC``."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def visible(text: str) -> str:
    """Escape what could draw on the terminal: ESC as ``\\x1b``.  Every text of a client goes through here."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def brief(text: str) -> str:
    """Cut a text that a line must have room for."""
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def shown(key: str, value: object) -> str:
    """Print the value of a field: instants to the second, nothing as ``-``, texts without escapes."""
    if value is None or value == [] or value == "":
        return "-"
    if key.endswith("_at") or key in _INSTANTS:
        return instant_text(parse_instant(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "message_type":
        return f"{_MESSAGES.get(value, 'message')} ({value})"
    return visible(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def requests_table(requests: Sequence[Mapping[str, Any]]) -> str:
    """Print the CA's queue, one request a line."""
    return listing(_COLUMNS, requests, "No requests.")


def listing(
    columns: Mapping[str, str], things: Sequence[Mapping[str, Any]], nothing: str, *, whole: bool = False
) -> str:
    """Print things, one a line: ``columns`` are the headings with the field below each.

    What is long is cut, unless ``whole``.
    """
    if not things:
        return nothing
    cells = [[shown(key, thing.get(key)) for key in columns.values()] for thing in things]
    return table([list(columns), *(row if whole else map(brief, row) for row in cells)])


def table(rows: Iterable[Iterable[str]]) -> str:
    """Align the cells of all rows, two spaces apart."""
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def request_details(request: Mapping[str, Any]) -> str:
    """Print one request with all that an operator checks before approving it."""
    pairs = [(label, shown(key, request.get(key))) for label, key in _DETAILS.items()]
    fingerprints = request.get("fingerprints", {})
    pairs[4:4] = [(digest.upper(), shown(digest, value)) for digest, value in fingerprints.items()]
    lines = [details(f"Request {request['id']}", pairs)]
    if audit := request.get("audit"):
        lines += ["", listing(AUDIT_COLUMNS, audit, "", whole=True)]
    return "\n".join(lines)


def details(title: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Print what is known of one thing, a line each under its title."""
    return "\n".join([title, *(f"  {label + ':':<18} {value}" for label, value in pairs)])


def folded(firings: Iterable[Fired], most: int = 10) -> Iterator[str]:
    """Print timers that fired, a line each as they come.

    Of one after another of the same owner that come to the same, ``most``, and how many more there were.
    """
    last, times = None, 0
    for fired in firings:
        like = (fired.owner, fired.outcome)
        if like != last and times > most:
            yield _more(last, times - most)
        last, times = like, times + 1 if like == last else 1
        if times <= most:
            yield fired_line(fired)
    if times > most:
        yield _more(last, times - most)


def _more(like: tuple[str, str] | None, count: int) -> str:
    owner, outcome = like or ("", "")
    return visible(f"... and {count} more of {owner} -> {outcome}")


def fired_line(fired: Fired) -> str:
    """Print a timer that fired: when, whose, which, and what came of it."""
    return visible(f"{instant_text(fired.at)}  {fired.owner}  {fired.name} -> {fired.outcome}")


def clock_line(reading: Reading) -> str:
    """Print what the lab clock shows, and how it runs."""
    return f"{instant_text(reading.now)}  ({_pace(reading.state)})"


def _pace(state: ClockState) -> str:
    if state.frozen_at is not None:
        return "frozen"
    if round(state.offset) == 0:
        return "running, as the wall clock"
    return f"running, {state.offset:+,.0f} s from the wall clock"


def services_apart(readings: Mapping[str, Reading]) -> str:
    """Say which services show another time than the one that is furthest; empty when none does.

    Running clocks are read one after the other: seconds are no difference.
    """
    latest = max(reading.now for reading in readings.values())
    behind = [
        f"{name} shows {instant_text(reading.now)}"
        for name, reading in readings.items()
        if latest - reading.now > _APART
    ]
    if not behind:
        return ""
    return f"The services are apart: {', '.join(behind)}.  The next 'clock advance' brings them together."


def timer_lines(timers: Iterable[Timer]) -> str:
    """Print the timers that wait, one a line."""
    lines = [visible(f"{instant_text(timer.due)}  {timer.owner}  {timer.name}") for timer in timers]
    return "\n".join(lines) or "No timer waits."


def lab_summary(endpoints: Mapping[str, Any], clock: Reading, secrets: Mapping[str, str]) -> str:
    """Print where the lab is.  ``secrets`` says, for "operator" and "router", what to print as password."""
    ca, operator = endpoints["ca"], endpoints["operator"]
    rows = [
        ["SCEP, as NDES", ca["ndes"]],
        ["SCEP, plain", f"{ca['scep']}/scep"],
        ["console, REST", f"{ca['console']}  (user {operator['username']}, {secrets['operator']})"],
    ]
    if bundles := endpoints.get("bundles"):
        rows.append(["bundles of CAs", f"{bundles['http']}  (and {bundles['https']})"])
    if ldap := endpoints.get("ldap"):
        rows.append(["directory", ldap])
    for name, router in endpoints["routers"].items():
        rows.append([f"router {name}", f"{ssh_command(router)}  ({secrets['router']})"])
        rows.append(["  with http server ssl", router["https"]])
    rows.append(["lab clock", clock_line(clock)])
    return table([["  " + label, value] for label, value in rows])


def ssh_command(router: Mapping[str, Any]) -> str:
    """Return the command line that logs in to a router."""
    return f"ssh -p {router['port']} {shlex.quote(router['username'])}@{router['host']}"
