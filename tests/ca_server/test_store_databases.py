"""Below the ledger: who waits for whom, what is told when the database is not there, what is set."""

import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from ca_server import store_databases, store_postgresql
from ca_server.domain.ledger import ABOUT_SETTINGS, RequestFilter, Slice, StoreBusy, about_transaction
from ca_server.store import SqlStore, StoreError
from tests.ca_server.store_samples import WALL, a_certificate, a_request, add

pytest_plugins = ("tests.postgres",)

ALL = Slice()


@pytest.fixture
def open_store(store_url):
    """Another store over the same database each time, as in another process."""
    stores = []

    def open_one():
        stores.append(SqlStore(store_url, lambda: WALL))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def impatient(monkeypatch):
    """Wait for nobody."""
    for module in (store_databases, store_postgresql):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)


def read_only(store, sql):
    """What the store's own connections say."""
    return store._database.query(sql, {})[0][0]


def test_transactions_about_the_same_thing_come_one_after_the_other(open_store):
    stores, seen = [open_store(), open_store()], []

    def count(store):
        for _ in range(25):
            with store.write(ABOUT_SETTINGS) as ledger:
                value = int(ledger.setting("count") or 0)
                seen.append(value)
                ledger.set_setting("count", str(value + 1))

    threads = [threading.Thread(target=count, args=(stores[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(100))
    assert stores[0].setting("count") == "100"


def test_a_transaction_that_does_not_get_its_turn_is_told_so(open_store, impatient):
    first, second = open_store(), open_store()
    for other in (first, second):
        with first.write(ABOUT_SETTINGS) as ledger:
            ledger.set_setting("a", "b")
            with pytest.raises(StoreBusy), other.write(ABOUT_SETTINGS):
                raise AssertionError("two at once")
    with second.write(ABOUT_SETTINGS) as ledger:
        assert ledger.setting("a") == "b"


def test_a_reader_waits_for_nobody_and_sees_nothing_unfinished(open_store, impatient):
    first, second = open_store(), open_store()
    with first.write(ABOUT_SETTINGS) as ledger:
        ledger.set_setting("a", "b")
        assert second.setting("a") is None
        assert ledger.setting("a") == "b"
    assert second.setting("a") == "b"


@pytest.mark.interop
def test_the_last_certificate_is_told_when_none_before_it_is_to_come(postgres):
    """An id is given before its transaction ends, and another that begins later may end first."""
    url = postgres.new_database()
    with ExitStack() as stack:
        first, second, reader = (stack.enter_context(closing(SqlStore(url, lambda: WALL))) for _ in range(3))
        parents = [add(first, a_request(transaction_id=str(number))) for number in range(2)]
        thread = stack.enter_context(ThreadPoolExecutor(1))
        with first.write(about_transaction("0")) as ledger:
            ledger.add_certificate(a_certificate(1, parents[0].id))
            with second.write(about_transaction("1")) as other:
                other.add_certificate(a_certificate(2, parents[1].id))
            last = thread.submit(reader.last_issued)
            while not read_only(second, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not last.done()
        assert last.result() == 2
        assert [each.serial_number for each in reader.issued_between(0, 2)] == [1, 2]
        assert [each.serial_number for each in reader.issued_between(1, 2)] == [2]
        assert reader.issued_between(10**15, 2) == []


def test_databases_are_set_to_lose_nothing(open_store):
    store = open_store()
    if store._database.engine.dialect.name == "sqlite":
        names = ("journal_mode", "synchronous", "foreign_keys")
        assert [read_only(store, f"PRAGMA {name}") for name in names] == ["wal", 2, 1]  # 2 is FULL
    else:
        names = ("synchronous_commit", "transaction_isolation", "lock_timeout")
        assert [read_only(store, f"SHOW {name}") for name in names] == ["on", "read committed", "10s"]


def test_a_full_disk_is_told_and_undone(tmp_path):
    with closing(SqlStore(f"sqlite:///{tmp_path / 'full'}", lambda: WALL)) as store:
        with store._database._connection() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(StoreBusy, match="full"):
            add(store, a_request(csr=bytes(100_000)))
        assert store.requests(RequestFilter(), ALL) == []


def test_reading_goes_on_while_another_program_writes(tmp_path, impatient):
    with closing(SqlStore(f"sqlite:///{tmp_path / 'db'}", lambda: WALL)) as store:
        known = add(store, a_request())
        other = sqlite3.connect(tmp_path / "db", isolation_level=None)
        with closing(other):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy, match="locked"):
                add(store, a_request())
            assert store.requests(RequestFilter(), ALL) == [known]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://ca:sesame@127.0.0.1:1/lab", r"postgresql://ca:\*\*\*@127.0.0.1:1/lab cannot be used"),
        ("postgresql://ca@127.0.0.1:1/lab?password=sesame", "cannot be used"),
        ("mysql://ca:sesame@localhost/lab", "no database of the kind 'mysql'"),
        ("sesame", "no URL"),
        ("postgresql://ca:sesame@127.0.0.1:port/lab", "no URL"),
        ("sqlite:////nowhere/at/all.sqlite3", "unable to open"),
    ],
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(url, sentence):
    with pytest.raises(StoreError, match=sentence) as caught:
        SqlStore(url, lambda: WALL)
    error: BaseException | None = caught.value
    while error is not None:
        assert "sesame" not in str(error)
        error = error.__cause__


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"scep-lab\[postgresql\]"):
        SqlStore("postgresql://ca:sesame@localhost/lab", lambda: WALL)
