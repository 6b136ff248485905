"""What differs between the databases: connections, how a transaction begins and excludes others, errors.

Statements are SQLAlchemy's, compiled once, and run on the drivers' own connections: executing them through
SQLAlchemy would add half of a durable transaction's time again.

SQLite is in WAL mode with synchronous=FULL, so what was committed survives a loss of power.  It has one
writer at a time: BEGIN IMMEDIATE makes whoever reads in order to write alone from its first look.

For PostgreSQL see ``store_postgresql``.
"""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql.elements import ClauseElement

from ca_server.domain.ledger import StoreBusy

BUSY_SECONDS = 10  # how long a transaction waits for its turn
CONNECTIONS = 16  # of one process; it has no more threads that would use them
CLASH = "another process has just written the same"
CLASHES = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


class StoreError(Exception):
    """The database cannot be used; the text says why."""


class DriverConnection(Protocol):
    """What sqlite3's and psycopg's connections have in common."""

    def execute(self, sql: str, values: Any = ..., /) -> Any: ...


class Compiled:
    """The SQL of the statements that were used, in one database's dialect."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self._texts: dict[ClauseElement, str] = {}

    def sql(self, statement: ClauseElement, values: Mapping[str, object]) -> str:
        """A statement's text; the values' names, always the same, are the columns of an insert."""
        text = self._texts.get(statement)
        if text is None:
            text = str(statement.compile(dialect=self._dialect, column_keys=[*values]))
            self._texts[statement] = text
        return text


class Session:
    """A connection in a transaction, for statements that are kept compiled."""

    def __init__(
        self,
        connection: DriverConnection,
        compiled: Compiled,
        also: Callable[[str], None] = lambda _about: None,
        share: Callable[[str], None] = lambda _about: None,
    ) -> None:
        self._connection = connection
        self._compiled = compiled
        # Where one transaction excludes every other there is nothing to do.
        self.also = also  # be alone with a second thing
        self.share = share  # keep those out who want to be alone with it, but no other who shares it

    def run(self, statement: ClauseElement, values: Mapping[str, object]) -> None:
        """Execute a statement that returns nothing."""
        self._connection.execute(self._compiled.sql(statement, values), values)

    def rows(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        """Execute a statement; its rows."""
        rows: Sequence[Any] = self._connection.execute(
            self._compiled.sql(statement, values), values
        ).fetchall()
        return rows


class Database(ABC):
    """One database and its connections; safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._compiled = Compiled(engine)

    @abstractmethod
    def query(self, sql: str, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of one statement, outside of any transaction."""

    @abstractmethod
    def transaction(self, about: str) -> AbstractContextManager[Session]:
        """A context of a Session that excludes all others about the same thing; StoreBusy."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[Connection]:
        """A context of an SQLAlchemy connection in a transaction that excludes every other such one."""

    @abstractmethod
    def why_busy(self, error: Exception) -> str | None:
        """What to tell when the same again may work; None when the error is a fault of ours."""

    def rows(self, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of a statement that is kept compiled."""
        return self.query(self._compiled.sql(statement, values), values)

    def rows_alone(self, about: str, statement: ClauseElement, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of such a statement at an instant at which no transaction shares a thing."""
        with self.transaction(about) as session:
            return session.rows(statement, values)

    def rows_once(self, statement: ClauseElement) -> Sequence[Any]:
        """The rows of a statement that was built for this one time."""
        compiled = statement.compile(dialect=self.engine.dialect)
        return self.query(str(compiled), compiled.params)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say in the domain's words that the database is locked, full or gone, or another was faster."""
        try:
            yield
        except PoolTimeout as error:
            raise StoreBusy("all connections to the database are in use") from error
        except Exception as error:
            if why := self.why_busy(error):
                raise StoreBusy(why) from error
            raise


class Sqlite(Database):
    """A file beside the CA's keys."""

    def __init__(self, url: URL) -> None:
        super().__init__(
            create_engine(
                url.set(drivername="sqlite"),
                paramstyle="named",
                pool_size=CONNECTIONS,
                pool_reset_on_return=None,
                connect_args={"timeout": BUSY_SECONDS},
            )
        )
        event.listen(self.engine, "connect", self._connect)
        # The threads of one process queue here: SQLite's own waiting is sleeping and looking again.
        self._turn = threading.Lock()

    @staticmethod
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun here and not by sqlite3, which would begin them at the first write.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
            connection.execute(f"PRAGMA {pragma}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        pooled = self.engine.raw_connection()
        try:
            connection = pooled.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            yield connection
        finally:
            pooled.close()

    def query(self, sql: str, values: Mapping[str, object]) -> Sequence[Any]:
        """The rows of one statement, outside of any transaction."""
        with self.told(), self._connection() as connection:
            return connection.execute(sql, values).fetchall()

    def rows_alone(
        self,
        about: str,  # noqa: ARG002
        statement: ClauseElement,
        values: Mapping[str, object],
    ) -> Sequence[Any]:
        """The rows of such a statement; one writes at a time, and what is not committed is not seen."""
        return self.rows(statement, values)

    @contextmanager
    def transaction(self, about: str) -> Iterator[Session]:  # noqa: ARG002
        """A context of a Session that excludes all others; ``about`` does not matter here."""
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise StoreBusy("the database is in use")
        try:
            with self.told(), self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield Session(connection, self._compiled)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._turn.release()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A context of an SQLAlchemy connection, alone and without foreign keys, so that tables can move."""
        with self.engine.connect() as connection:
            try:
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("PRAGMA busy_timeout=600000")  # the other one may be migrating
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            finally:
                connection.invalidate()

    def why_busy(self, error: Exception) -> str | None:
        """What to tell when the file is locked, full or gone, or a unique row is there already."""
        if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorcode in CLASHES:
            return CLASH
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            return f"the database cannot be used: {error}"
        return None
