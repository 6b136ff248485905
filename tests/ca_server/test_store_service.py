"""The CA over its database: restarts, secrets, many clients and operators at a time."""

import threading
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from ca_server import store_databases, store_postgresql
from ca_server.domain.ledger import AuditFilter, Slice
from ca_server.domain.policy import Decide
from ca_server.domain.requests import State, WrongState
from scep_core.messages import Pending, PkcsReq, Success

pytest_plugins = ("tests.postgres",)

THREADS = 20


@pytest.fixture
def database_url(store_url):
    return store_url


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


def decisions_on(lab, request_id):
    return [(each.what, each.by) for each in lab.store.audit(AuditFilter(request_id=request_id), Slice())]


def test_a_restart_loses_nothing(make_lab, client):
    before = make_lab()
    before.send(client, client.pkcs_req())
    known = before.requests
    before.store.close()
    after = make_lab(clock=before.clock)
    assert after.requests == known
    assert after.send(client, client.poll()) == Pending()
    after.approve(1)
    after.store.close()
    last = make_lab(clock=before.clock)
    assert isinstance(last.send(client, client.poll()), Success)
    assert last.store.request(1).polls == 1
    assert decisions_on(last, 1) == [("issued", "operator")]


def test_twenty_copies_of_a_message_at_once_are_one_request(make_lab, client):
    labs = [make_lab(), make_lab()]  # two processes' worth of connections
    message = client.pkcs_req()
    answers = at_once(*(lambda lab=labs[number % 2]: lab.handle(message) for number in range(THREADS)))
    assert [answer.reply for answer in answers] == [Pending()] * THREADS
    assert [answer.unexpected for answer in answers] == [None] * THREADS
    [request] = labs[0].requests
    assert request.polls == THREADS - 1


def test_twenty_copies_in_automatic_mode_are_one_certificate(make_lab, client):
    labs = [make_lab(decide=Decide.AUTOMATIC), make_lab(decide=Decide.AUTOMATIC)]
    message = client.pkcs_req()
    answers = at_once(*(lambda lab=labs[number % 2]: lab.handle(message) for number in range(THREADS)))
    assert len({answer.reply.certificates for answer in answers}) == 1
    assert len(labs[0].certificates) == 1


def test_of_people_who_decide_at_once_one_does(make_lab, make_client):
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
        assert [what for what, _ in decisions_on(lab, number)] == [decided.state]
        assert len(lab.certificates) == sum(each.state is State.ISSUED for each in lab.requests)


def test_no_challenge_password_rests_on_disk(make_lab, client, database_url):
    lab = make_lab()
    lab.send(client, client.seal(PkcsReq(client.csr(challenge="open-the-gates"))))
    lab.approve(1)
    if database_url.startswith("sqlite"):
        folder = Path(make_url(database_url).database).parent
        content = b"".join(path.read_bytes() for path in folder.iterdir())
    else:
        rows = lab.store._database.query("SELECT * FROM requests", {})
        content = repr(
            [[bytes(each) if isinstance(each, bytes) else each for each in row] for row in rows]
        ).encode()
    assert b"r1.lab" in content
    assert b"open-the-gates" not in content


def test_a_busy_database_is_no_refusal(make_lab, client, monkeypatch):
    """A FAILURE would end the client's enrolment; 503 has it come back."""
    for module in (store_databases, store_postgresql):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    lab, other = make_lab(), make_lab()
    message = client.pkcs_req()
    about = f"transaction {client.transaction_id}"
    with other.store.write(about):
        answer = lab.apps.scep.test_client().post("/scep?operation=PKIOperation", data=message)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    assert lab.requests == []
    assert lab.send(client, message) == Pending()
