"""PostgreSQL below the store.

Transactions are READ COMMITTED, and each first takes the advisory lock of what it is about.  Every
statement sees what was committed before it began, hence also what the lock's holder before had committed;
and only transactions about the same thing wait for each other.

A connection that the server has closed meanwhile is noticed by its first statement, which is then tried
once more on a new one: asking beforehand (pool_pre_ping) would cost every transaction a round trip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import URL

from ca_server.store_databases import BUSY_SECONDS, CLASH, CONNECTIONS, Database, Session, StoreError

DRIVER = "postgresql+psycopg"
HUNG_SECONDS = 30  # after which the server ends a statement, or a transaction in which nothing happens


class _Gone(Exception):
    """The connection was closed before it was used."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Postgresql(Database):
    """A database that several processes, on several machines, share."""

    def __init__(self, url: URL) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise StoreError("for PostgreSQL install the extra: scep-lab[postgresql]") from error
        self._errors = psycopg.errors
        super().__init__(
            create_engine(
                url.set(drivername=DRIVER),
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=BUSY_SECONDS,
                pool_reset_on_return=None,
                connect_args={
                    "connect_timeout": BUSY_SECONDS,
                    # A server whose machine is gone says nothing.
                    "keepalives_idle": BUSY_SECONDS,
                    "tcp_user_timeout": 1000 * BUSY_SECONDS,
                },
            )
        )
        event.listen(self.engine, "connect", self._connect)

    @staticmethod
    def _connect(connection: Any, _record: object) -> None:
        connection.autocommit = True  # transactions are begun here
        connection.execute(
            "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; "
            f"SET lock_timeout = '{BUSY_SECONDS}s'; SET statement_timeout = '{HUNG_SECONDS}s'; "
            f"SET idle_in_transaction_session_timeout = '{HUNG_SECONDS}s'"
        )

    def _first(self, sql: str, values: Mapping[str, object] | None) -> tuple[PoolProxiedConnection, Any]:
        """A connection, and the cursor of the first statement on it."""
        try:
            return self._try_first(sql, values)
        except _Gone:
            self.engine.dispose()  # the others are as old
        try:
            return self._try_first(sql, values)
        except _Gone as gone:
            raise gone.error from None

    def _try_first(self, sql: str, values: Mapping[str, object] | None) -> tuple[PoolProxiedConnection, Any]:
        pooled = self.engine.raw_connection()
        connection: Any = pooled.driver_connection
        try:
            return pooled, connection.execute(sql, values)
        except BaseException as error:
            gone = connection.closed
            _roll_back(pooled)
            if gone and isinstance(error, self._errors.OperationalError):
                raise _Gone(error) from None
            raise

    def query(self, sql: str, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of one statement, outside of any transaction."""
        with self.told():
            pooled, cursor = self._first(sql, values)
            try:
                rows: Sequence[Any] = cursor.fetchall()
                return rows
            finally:
                pooled.close()

    @contextmanager
    def transaction(self, about: str) -> Iterator[Session]:
        """A context of a Session that excludes all others about the same thing; StoreBusy."""
        with self.told():
            # One round trip; the lock ends with the transaction.
            pooled, _ = self._first(f"BEGIN; SELECT pg_advisory_xact_lock({lock_key(about)})", None)
            connection: Any = pooled.driver_connection
            try:
                yield Session(
                    connection,
                    self._compiled,
                    also=lambda more: _lock(connection, "pg_advisory_xact_lock", more),
                    share=lambda more: _lock(connection, "pg_advisory_xact_lock_shared", more),
                )
                # A transaction in which an error was passed over is undone, and only this tells.
                if (said := connection.execute("COMMIT").statusmessage) != "COMMIT":
                    raise RuntimeError(f"a transaction about {about} ended with {said}")
            except BaseException:
                _roll_back(pooled)
                raise
            pooled.close()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A context of an SQLAlchemy connection in a transaction that excludes every other such one."""
        with self.engine.connect() as connection:
            try:
                connection.exec_driver_sql("BEGIN")
                for name in ("lock", "statement", "idle_in_transaction_session"):  # migrating takes time
                    connection.exec_driver_sql(f"SET LOCAL {name}_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock_key('schema')})")
                yield connection
                connection.commit()
            except BaseException:
                connection.invalidate()
                raise

    def why_busy(self, error: Exception) -> str | None:
        """What to tell of time-outs, deadlocks, lost connections, a full disk, a unique row that is there."""
        if isinstance(error, self._errors.UniqueViolation):
            return CLASH
        not_now = (
            self._errors.OperationalError,
            self._errors.IdleInTransactionSessionTimeout,
            self._errors.ReadOnlySqlTransaction,  # a standby, which may become the primary
        )
        return f"the database cannot be used: {error}" if isinstance(error, not_now) else None


def _lock(connection: Any, function: str, about: str) -> None:
    connection.execute(f"SELECT {function}({lock_key(about)})")


def lock_key(about: str) -> int:
    """The 64 bits that stand for a thing; two that share them wait for each other in vain, and no more."""
    digest = hashlib.blake2b(f"scep-lab {about}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _roll_back(pooled: PoolProxiedConnection) -> None:
    connection: Any = pooled.driver_connection
    try:
        connection.execute("ROLLBACK")
    except Exception:  # it is gone, and the transaction with it
        pooled.invalidate()
    else:
        pooled.close()
