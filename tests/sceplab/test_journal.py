"""The journal: entries in order, bounded, found, waited for; over the management API and by the command."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from sceplab import cli_journal
from sceplab.cli import main
from sceplab.clock import ClockState, LabClock, format_instant
from sceplab.journal import MAX_MESSAGE, Journal, Kind, Wanted, read_entry
from sceplab.management import create_management_app

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return LabClock(state=ClockState("frozen", 0, NOON))


@pytest.fixture
def journal(clock):
    return Journal("ca", clock, max_entries=5, max_octets=100)


def sequences(journal, **wanted):
    return [entry.sequence for entry in journal.find(Wanted(**wanted), 100)]


def test_an_entry_has_both_times_and_counts_up(journal, clock) -> None:
    journal.add(Kind.SCEP, "127.0.0.1", "PKCSReq -> PENDING", transaction="AB12", details={"status": 200})
    clock.set_state(frozen_at=NOON + timedelta(days=1))
    journal.add(Kind.TIMER, "r1", "poll")
    first, second = journal.find(Wanted(), 10)
    assert (first.sequence, first.at, first.transaction) == (1, NOON, "AB12")
    assert (second.sequence, second.at - first.at) == (2, timedelta(days=1))
    assert timedelta(0) <= second.wall - first.wall < timedelta(minutes=1)
    assert read_entry(json.loads(json.dumps(first.to_json()))) == first


def test_the_oldest_entries_go_and_the_numbers_go_on(journal) -> None:
    for number in range(8):
        journal.add(Kind.HTTP, "127.0.0.1", f"GET /{number}")
    assert sequences(journal) == [4, 5, 6, 7, 8]
    assert journal.messages(3) is None
    journal.clear()
    journal.add(Kind.HTTP, "127.0.0.1", "GET /")
    assert sequences(journal) == [9]


def test_the_octets_of_the_oldest_messages_go_first_and_the_entries_stay(journal) -> None:
    for size in (40, 0, 40, 30):
        journal.add(Kind.SCEP, "127.0.0.1", "x", messages={"request": bytes(size)} if size else None)
    assert [bool(journal.messages(number)) for number in (1, 2, 3, 4)] == [False, False, True, True]
    for _ in range(4):
        journal.add(Kind.SCEP, "127.0.0.1", "x", messages={"request": bytes(50)})
    assert sequences(journal) == [4, 5, 6, 7, 8]
    assert [bool(journal.messages(number)) for number in (4, 5, 6, 7, 8)] == [False, False, False, True, True]


def test_a_message_that_is_too_long_is_told_by_its_length(clock) -> None:
    journal = Journal("ca", clock)
    octets = bytes(MAX_MESSAGE + 1)
    journal.add(Kind.CRL, "127.0.0.1", "GET", messages={"response": octets, "request": b"GET"})
    (entry,) = journal.find(Wanted(), 1)
    assert entry.details == {"response_octets": MAX_MESSAGE + 1}
    assert entry.messages == {"request": b"GET"}


def test_a_detail_has_an_end(journal) -> None:
    journal.add(Kind.LDAP, "::1", "search", details={"filter": "x" * 100_000, "entries": 3})
    (entry,) = journal.find(Wanted(), 1)
    assert (len(str(entry.details["filter"])), entry.details["entries"]) == (500, 3)


def test_what_a_peer_has_written_cannot_draw_and_has_an_end(journal) -> None:
    journal.add(Kind.LDAP, "::1", "search \x1b[2J\n" + "x" * 5000, transaction="\x07")
    (entry,) = journal.find(Wanted(), 1)
    assert entry.summary.startswith("search ?[2J?xxx")
    assert len(entry.summary) == 2000
    assert entry.transaction == "?"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"after": 2}, [3]),
        ({"kind": "timer"}, [2]),
        ({"who": "r1"}, [2, 3]),
        ({"transaction": "ab"}, [1, 3]),
        ({"text": "POLL 1"}, [2]),
        ({"since": NOON + timedelta(hours=1)}, [3]),
        ({"who": "r1", "kind": "scep"}, [3]),
        ({"who": "r2"}, []),
    ],
)
def test_entries_are_found_by_what_they_are_about(journal, clock, wanted, expected) -> None:
    journal.add(Kind.SCEP, "127.0.0.1", "PKCSReq", transaction="AB")
    journal.add(Kind.TIMER, "r1", "poll 1")
    clock.set_state(frozen_at=NOON + timedelta(hours=1))
    journal.add(Kind.SCEP, "r1", "CertPoll", transaction="AB")
    assert sequences(journal, **wanted) == expected


def test_of_many_the_last_are_given_in_their_order(journal) -> None:
    for number in range(5):
        journal.add(Kind.HTTP, "r1", str(number))
    assert [entry.summary for entry in journal.find(Wanted(), 2)] == ["3", "4"]


def test_who_waits_gets_the_next_that_fits(journal) -> None:
    found = []
    waiter = threading.Thread(target=lambda: found.extend(journal.wait_for(Wanted(who="r1"), 10, 10)))
    waiter.start()
    journal.add(Kind.TIMER, "r2", "not this")
    assert waiter.is_alive()
    journal.add(Kind.TIMER, "r1", "this")
    waiter.join(10)
    assert [entry.summary for entry in found] == ["this"]


# --------------------------------------------------------------------------- over the management API


@pytest.fixture
def client(serve, clock):
    service = serve("ca").service
    journal = Journal("ca", service.clock)
    client = create_management_app(service, service.clock, journal=journal).test_client()
    client.journal = journal
    return client


def test_the_api_tells_entries_and_hands_out_messages(client) -> None:
    client.journal.add(Kind.SCEP, "r1", "PKCSReq", messages={"request": b"\x30\x00"})
    told = client.get("/_lab/journal?kind=scep&who=r1&after=0&limit=5").json
    assert told["last"] == 1
    assert told["entries"][0]["messages"] == {"request": 2}
    assert client.get("/_lab/journal/1/request").data == b"\x30\x00"
    assert client.get("/_lab/journal/1/response").status_code == 404
    assert client.get("/_lab/journal/2/request").status_code == 404
    since = format_instant(client.journal.find(Wanted(), 1)[0].at + timedelta(seconds=1))
    assert client.get(f"/_lab/journal?since={since}").json["entries"] == []


def test_the_api_waits_no_longer_than_it_is_asked_to(client) -> None:
    assert client.get("/_lab/journal?wait=0.01").json == {"entries": [], "last": 0}
    client.journal.add(Kind.TIMER, "r1", "poll")
    assert len(client.get("/_lab/journal?wait=20").json["entries"]) == 1


def test_the_api_forgets_when_it_is_told_to(client) -> None:
    client.journal.add(Kind.TIMER, "r1", "poll")
    assert client.delete("/_lab/journal").status_code == 204
    told = client.get("/_lab/journal").json
    assert [each["summary"] for each in told["entries"]] == ["DELETE /_lab/journal -> 204"]
    assert told["last"] == 2


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("kind=cake", "kind is one of scep"),
        ("after=-1", "after is a whole number"),
        ("after=1e3", "after is a whole number"),
        ("limit=0", "limit is a whole number from 1"),
        ("limit=1001", "limit is"),
        ("wait=26", "wait is a number of seconds, up to 25"),
        ("wait=nan", "wait is"),
        ("wait=soon", "wait is"),
        ("since=noon", "since: "),
    ],
)
def test_what_cannot_be_asked_is_told(client, query, why) -> None:
    answer = client.get(f"/_lab/journal?{query}")
    assert answer.status_code == 400
    assert why in answer.json["error"]["message"]


# ------------------------------------------------------------------------------------ by the command


@pytest.fixture
def sceplab(serve, clock, tmp_path):
    """The command, over the journals of a CA and of routers."""
    file = tmp_path / "endpoints.json"
    journals = {name: Journal(name, clock) for name in ("ca", "routers")}
    urls = {name: serve(name, journal=journal).server.url for name, journal in journals.items()}
    file.write_text(json.dumps({"management": urls}))

    def run(*words):
        done = CliRunner().invoke(main, ["journal", *words, "--endpoints", str(file)])
        return done.exit_code, done.output

    run.journals = journals
    return run


def test_the_command_puts_all_services_in_one_order(sceplab) -> None:
    ca, routers = sceplab.journals["ca"], sceplab.journals["routers"]
    routers.add(Kind.COMMAND, "r1", "crypto ca enroll myca")
    ca.add(Kind.SCEP, "127.0.0.1", "PKCSReq -> PENDING", transaction="AB")
    routers.add(Kind.TIMER, "r1", "poll 1 -> pending", transaction="AB")
    status, output = sceplab()
    assert status == 0
    assert [line.split()[3:6] for line in output.splitlines()] == [
        ["routers", "command", "r1"],
        ["ca", "scep", "127.0.0.1"],
        ["routers", "timer", "r1"],
    ]
    assert output.startswith("2026-11-23 12:00:00 UTC  routers ")
    found = json.loads(sceplab("--transaction", "ab", "--json")[1])
    assert [each["service"] for each in found] == ["ca", "routers"]
    assert len(sceplab("--service", "ca")[1].splitlines()) == 1
    assert sceplab("--limit", "1")[1].split()[4] == "timer"


def test_the_command_says_when_there_is_nothing(sceplab) -> None:
    assert sceplab("--who", "r9") == (0, "Nothing is in the journal, or nothing that fits.\n")
    assert sceplab("--service", "moon") == (1, "Error: The lab has no service 'moon'; it has ca, routers.\n")


def test_the_commands_kinds_are_the_journals() -> None:
    assert tuple(Kind) == cli_journal.KINDS
