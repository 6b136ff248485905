"""The ledger on disk: restarts, secrets, many at a time."""

import sqlite3
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ca_server import store
from ca_server.domain.profiles import COMPAT
from ca_server.domain.requests import State, WrongState
from ca_server.store import SqlStore, StoreError
from scep_core.messages import Pending, PkcsReq, Success

THREADS = 20


def at_once(*calls):
    """Run the calls in as many threads, all let go together; their results or exceptions."""
    barrier = threading.Barrier(len(calls))
    results = [None] * len(calls)

    def run(index, call):
        barrier.wait()
        try:
            results[index] = call()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_restart_loses_nothing(make_lab, client):
    before = make_lab()
    before.send(client, client.pkcs_req())
    known = before.store.requests()
    before.store.close()
    after = make_lab(clock=before.clock)
    assert after.store.requests() == known
    assert after.send(client, client.poll()) == Pending()
    after.approve(1)
    after.store.close()
    last = make_lab(clock=before.clock)
    assert isinstance(last.send(client, client.poll()), Success)
    assert last.store.request(1).polls == 1
    assert [(each.what, each.by) for each in last.store.decisions(1)] == [("issued", "operator")]


def test_twenty_copies_of_a_message_at_once_are_one_request(make_lab, client):
    labs = [make_lab(), make_lab()]  # two processes' worth of connections
    message = client.pkcs_req()

    def send(lab):
        return lambda: lab.service.handle(message, COMPAT, "", lab.clock.now())

    answers = at_once(*(send(labs[number % 2]) for number in range(THREADS)))
    assert [answer.reply for answer in answers] == [Pending()] * THREADS
    assert [answer.unexpected for answer in answers] == [None] * THREADS
    [request] = labs[0].store.requests()
    assert request.polls == THREADS - 1


def test_twenty_copies_in_automatic_mode_are_one_certificate(automatic, client):
    message = client.pkcs_req()
    answers = at_once(
        *[lambda: automatic.service.handle(message, COMPAT, "", automatic.clock.now())] * THREADS
    )
    assert len({answer.reply.certificates for answer in answers}) == 1
    assert len(automatic.store.certificates()) == 1


def test_of_two_people_who_decide_at_once_one_does(make_lab, make_client):
    lab, other = make_lab(), make_lab()
    for number in range(1, 6):
        client = make_client(number)
        lab.send(client, client.pkcs_req())
        outcomes = at_once(
            lambda number=number: lab.approve(number),
            lambda number=number: other.deny(number, "no"),
            lambda number=number: other.approve(number),
        )
        assert sum(isinstance(each, WrongState) for each in outcomes) == 2, outcomes
        [decided] = [each for each in outcomes if not isinstance(each, WrongState)]
        assert lab.store.request(number) == decided
        [decision] = lab.store.decisions(number)
        assert decision.what == decided.state
        assert len(lab.store.certificates()) == sum(
            each.state is State.ISSUED for each in lab.store.requests()
        )


def test_what_fails_half_way_leaves_nothing(lab, client):
    lab.send(client, client.pkcs_req())
    lab.clock.instant = lab.authority.ca.certificate.not_after
    with pytest.raises(Exception, match="ended"):
        lab.approve(1)
    assert lab.store.request(1).state is State.PENDING
    pending = lab.store.request(1)
    with lab.store.write() as ledger:
        ledger.update_request(replace(pending, polls=6))
    with pytest.raises(IntegrityError):
        poll_and_add(lab.store, pending)
    assert lab.store.request(1).polls == 6


def poll_and_add(store, pending):
    with store.write() as ledger:
        ledger.update_request(replace(pending, polls=7))
        ledger.add_request(pending)  # a second pending one of the same transaction


def test_no_challenge_password_rests_on_disk(lab, client, tmp_path):
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="open-the-gates"))))
    lab.approve(1)
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"r1.lab" in content for content in files)
    assert not any(b"open-the-gates" in content for content in files)


def test_the_audit_has_lab_time_and_wall_time(lab, client, tmp_path):
    lab.send(client, client.pkcs_req())
    lab.clock.advance()
    lab.deny(1, "no")
    with lab.store.write() as ledger:
        row = ledger._connection.execute(text("select at, wall_at, reason from decisions")).one()
    assert tuple(row) == ("2026-03-01T12:01:00.123456Z", "2026-02-01T00:00:00.000000Z", "no")


def test_sqlite_is_set_to_lose_nothing(lab):
    with lab.store.write() as ledger:
        settings = [
            ledger._connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]  # 2 is FULL


def test_another_schema_version_is_refused_with_a_sentence(make_lab, tmp_path):
    lab = make_lab()
    with lab.store.write() as ledger:
        ledger._connection.execute(text("update lab set schema_version = 99"))
    with pytest.raises(StoreError, match="schema version 99"):
        SqlStore(f"sqlite:///{tmp_path / 'requests.sqlite3'}", lambda: None)


def test_a_locked_database_is_no_refusal(make_lab, client, monkeypatch):
    """A FAILURE would end the client's enrolment; 503 has it come back."""
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 1)
    lab = make_lab()
    message = client.pkcs_req()
    other = sqlite3.connect(lab.store._engine.url.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        answer = lab.apps.scep.test_client().post("/scep?operation=PKIOperation", data=message)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert lab.store.requests() == []
    assert lab.send(client, message) == Pending()
