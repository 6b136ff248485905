"""The journal of a service of several processes: what its workers write stands in the first one's."""

import os
from datetime import UTC, datetime

import pytest

from sceplab.clock import ClockState, LabClock
from sceplab.journal import Kind, Wanted
from sceplab.shared_journal import SharedJournal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def journal():
    return SharedJournal("ca", LabClock(state=ClockState("frozen", 0, NOON)))


def worker(journal, write):
    """Write in another process, as the workers of a service are; its exit status."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            journal.join()
            write(journal)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(process, 0)[1]


def test_entries_of_workers_stand_in_the_first_process(journal) -> None:
    message = {"request": bytes(range(256)) * 100}

    def write(journal):
        for number in range(3):
            journal.add(Kind.SCEP, "r1", f"{number}", transaction="AB", messages=message)

    with journal:
        assert worker(journal, write) == worker(journal, write) == 0
        journal.add(Kind.MANAGEMENT, "127.0.0.1", "here")
        found = journal.wait_for(Wanted(after=6), 10, 10)
    assert len(found) == 1
    entries = journal.find(Wanted(kind="scep"), 10)
    assert [each.summary for each in entries] == ["0", "1", "2", "0", "1", "2"]
    assert {each.sequence for each in journal.find(Wanted(), 10)} == set(range(1, 8))
    assert all(each.messages == message and each.at == NOON for each in entries)


def test_what_there_is_no_room_for_is_lost_and_counted(journal) -> None:
    """Nobody reads yet: the worker does not wait."""

    def write(journal):
        for _ in range(12_000):
            journal.add(Kind.SCEP, "r1", "x" * 1500)

    assert worker(journal, write) == 0
    with journal:
        assert worker(journal, lambda each: each.add(Kind.SCEP, "r1", "another worker")) == 0
        found = journal.wait_for(Wanted(text="another worker"), 1, 10)
    assert len(found) == 1
    assert 0 < journal.last < 12_001


def test_a_message_too_large_for_one_datagram_is_left_out(journal) -> None:
    octets = {"response": bytes(900_000)}
    with journal:
        assert worker(journal, lambda each: each.add(Kind.CRL, "r1", "huge", messages=octets)) == 0
        (entry,) = journal.wait_for(Wanted(), 1, 10)
    assert entry.summary == "huge"
    assert entry.messages == {}
