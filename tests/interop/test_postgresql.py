"""What only PostgreSQL can do to a store: part transactions, close connections, find deadlocks, crash."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ca_server import store_postgresql
from ca_server.domain.ledger import RequestFilter, Slice, StoreBusy
from ca_server.domain.requests import CertificateRequest
from ca_server.store import SqlStore
from tests.ca_server.store_samples import WALL, a_request, add

pytest_plugins = ("tests.postgres",)
pytestmark = pytest.mark.interop

ALL = Slice()
BACKENDS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def url(postgres) -> str:
    """An empty database's."""
    return postgres.new_database()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = SqlStore(url, lambda: WALL)
    yield opened
    opened.close()


@contextmanager
def observer(url: str) -> Iterator[psycopg.Connection]:
    """A connection of our own to the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def disconnect_all(url: str) -> None:
    """End all connections to the database but ours; they are gone when they are no longer listed."""
    with observer(url) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {BACKENDS}")
        while connection.execute(f"SELECT 1 {BACKENDS}").fetchone():
            pass


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_it_is_found_by_the_urls_that_people_write(url: str, scheme: str) -> None:
    text = make_url(url).set(drivername=scheme).render_as_string(hide_password=False)
    store = SqlStore(text, lambda: WALL)
    assert store.setting("x") is None
    store.close()


def test_transactions_about_other_things_do_not_wait(store: SqlStore) -> None:
    with store.write("one") as ledger, store.write("another") as other:
        ledger.add_request(a_request())
        other.add_request(a_request())
    assert len(store.requests(RequestFilter(), Slice())) == 2


@pytest.mark.parametrize(
    "use",
    [lambda store: add(store, a_request()), lambda store: store.requests(RequestFilter(), ALL)],
    ids=["transaction", "query"],
)
def test_connections_that_the_server_closed_are_replaced(
    store: SqlStore, url: str, use: Callable[[SqlStore], object]
) -> None:
    with store.write("one"), store.write("another"):
        pass  # two connections wait for their next use now
    disconnect_all(url)
    use(store)
    use(store)


def test_a_transaction_whose_connection_is_lost_is_told_so_and_undone(store: SqlStore, url: str) -> None:
    with pytest.raises(StoreBusy):
        add_and_lose(store, url)
    assert store.requests(RequestFilter(), ALL) == []
    add(store, a_request())


def add_and_lose(store: SqlStore, url: str) -> None:
    with store.write("thing") as ledger:
        ledger.add_request(a_request())
        disconnect_all(url)


def test_a_transaction_in_which_an_error_was_passed_over_is_not_taken_for_committed(store: SqlStore) -> None:
    with pytest.raises(RuntimeError, match="ROLLBACK"):
        pass_over_an_error(store)
    assert store.requests(RequestFilter(), ALL) == []


def pass_over_an_error(store: SqlStore) -> None:
    with store.write("thing") as ledger:
        ledger.add_request(a_request(transaction_id="T"))
        with suppress(psycopg.Error):
            ledger.add_request(a_request(transaction_id="T"))


def test_a_transaction_that_hangs_gives_its_lock_back(url: str, monkeypatch) -> None:
    monkeypatch.setattr(store_postgresql, "HUNG_SECONDS", 0.1)
    store, other = SqlStore(url, lambda: WALL), SqlStore(url, lambda: WALL)
    with pytest.raises(StoreBusy):
        hang(store, other)
    assert len(store.requests(RequestFilter(), Slice())) == 0
    store.close()
    other.close()


def hang(store: SqlStore, other: SqlStore) -> None:
    with store.write("thing") as ledger:
        ledger.add_request(a_request())
        with other.write("thing"):  # it waits until the server has ended the first
            pass


def test_of_two_that_wait_for_each_other_one_should_try_again(store: SqlStore) -> None:
    first, second = add(store, a_request()), add(store, a_request())
    both_have_one = threading.Barrier(2)
    outcomes: list[str] = []

    def update(mine: CertificateRequest, other: CertificateRequest) -> None:
        try:
            with store.write(mine.transaction_id) as ledger:
                ledger.update_request(replace(mine, polls=1))
                both_have_one.wait()
                ledger.update_request(replace(other, polls=1))
            outcomes.append("done")
        except StoreBusy:
            outcomes.append("busy")

    threads = [threading.Thread(target=update, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["busy", "done"]


def test_a_server_that_crashes_and_comes_back_has_what_was_committed(store: SqlStore, url: str) -> None:
    """A server process that dies has all others start anew, from the log."""
    kept = [add(store, a_request()) for _ in range(10)]
    with observer(url) as connection:
        [victim] = connection.execute(f"SELECT pid {BACKENDS}").fetchone() or [0]
        os.kill(victim, signal.SIGKILL)
    while True:
        try:
            kept.append(add(store, a_request()))
            break
        except StoreBusy:  # it is starting
            pass
    assert store.requests(RequestFilter(), ALL) == kept
