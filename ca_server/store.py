"""The ledger in a database: SQLAlchemy Core, by default SQLite beside the CA's keys.

SQLite runs in WAL mode with synchronous=FULL: what was committed survives a loss of power.  Every write
begins with BEGIN IMMEDIATE, so that whoever reads in order to write is alone from its first look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import Select

from ca_server import schema
from ca_server.domain.ledger import Decision, IssuedCertificate, StoreBusy
from ca_server.domain.requests import CertificateRequest, State

BUSY_MILLISECONDS = 10_000
_BEGIN = "scep_lab_begin"  # the execution option that says how a transaction begins


class StoreError(Exception):
    """The database cannot be used; the text says why."""


class SqlStore:
    """The ledger behind an SQLAlchemy URL.  Safe to use from several threads and processes.

    ``wall`` tells the world's time, which the audit keeps beside the lab's.
    """

    def __init__(self, url: str, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._engine = create_engine(url)
        if make_url(url).get_backend_name() == "sqlite":
            _prepare_sqlite(self._engine)
        self._writer = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        with self._writer.begin() as connection:
            if not inspect(connection).has_table(schema.lab.name):
                schema.metadata.create_all(connection)
                connection.execute(schema.INSERT_VERSION, {"schema_version": schema.VERSION})
            version = connection.execute(schema.SELECT_VERSION).scalar()
        if version != schema.VERSION:
            raise StoreError(
                f"the database has schema version {version}, this program knows {schema.VERSION}: "
                "use the program that wrote it, or another state folder"
            )

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """Begin a transaction that is alone; it is on disk when the block ends, or undone."""
        with _busy_told(), self._writer.begin() as connection:
            yield SqlTransaction(connection, self._wall)

    def _all(self, statement: Select[Any], **parameters: object) -> Sequence[RowMapping]:
        with _busy_told(), self._engine.connect() as connection:
            return connection.execute(statement, parameters).mappings().all()

    def requests(self, state: State | None = None) -> Sequence[CertificateRequest]:
        """Return all requests, or those in one state, oldest first."""
        if state is None:
            rows = self._all(schema.SELECT_REQUESTS)
        else:
            rows = self._all(schema.SELECT_REQUESTS_IN_STATE, wanted=state)
        return [CertificateRequest(**row) for row in rows]

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        rows = self._all(schema.SELECT_REQUEST, wanted=request_id)
        return CertificateRequest(**rows[0]) if rows else None

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        rows = self._all(schema.SELECT_CERTIFICATE, wanted=serial_number)
        return IssuedCertificate(**rows[0]) if rows else None

    def certificates(self) -> Sequence[IssuedCertificate]:
        """Return all certificates, oldest first."""
        return [IssuedCertificate(**row) for row in self._all(schema.SELECT_CERTIFICATES)]

    def decisions(self, request_id: int) -> Sequence[Decision]:
        """Return the audit of one request, oldest first."""
        return [Decision(**row) for row in self._all(schema.SELECT_DECISIONS, wanted=request_id)]


class SqlTransaction:
    """One open transaction."""

    def __init__(self, connection: Connection, wall: Callable[[], datetime]) -> None:
        self._connection = connection
        self._wall = wall

    def _one(self, statement: Select[Any], wanted: object) -> RowMapping | None:
        return self._connection.execute(statement, {"wanted": wanted}).mappings().first()

    def latest_request(self, transaction_id: str) -> CertificateRequest | None:
        """Return the newest request of a SCEP transaction."""
        row = self._one(schema.SELECT_LATEST_REQUEST, transaction_id)
        return CertificateRequest(**row) if row else None

    def request(self, request_id: int) -> CertificateRequest | None:
        """Return one request."""
        row = self._one(schema.SELECT_REQUEST, request_id)
        return CertificateRequest(**row) if row else None

    def certificate(self, serial_number: int) -> IssuedCertificate | None:
        """Return one certificate."""
        row = self._one(schema.SELECT_CERTIFICATE, serial_number)
        return IssuedCertificate(**row) if row else None

    def add_request(self, request: CertificateRequest) -> CertificateRequest:
        """Keep a new request; return it with its id."""
        values = _values(request)
        del values["id"]
        request_id = self._connection.execute(schema.INSERT_REQUEST, values).scalar_one()
        return CertificateRequest(**values, id=request_id)

    def update_request(self, request: CertificateRequest) -> None:
        """Keep what has changed of a request."""
        values = {f"new_{name}": getattr(request, name) for name in schema.CHANGING}
        self._connection.execute(schema.UPDATE_REQUEST, {"wanted": request.id, **values})

    def add_certificate(self, certificate: IssuedCertificate) -> None:
        """Keep a certificate."""
        self._connection.execute(schema.INSERT_CERTIFICATE, _values(certificate))

    def add_decision(self, decision: Decision) -> None:
        """Add a line to the audit, with the world's time."""
        self._connection.execute(schema.INSERT_DECISION, {**_values(decision), "wall_at": self._wall()})


@contextmanager
def _busy_told() -> Iterator[None]:
    """Say in the domain's words that the database is locked, full or gone."""
    try:
        yield
    except OperationalError as error:
        raise StoreBusy(f"the database cannot be used: {error.orig}") from error


def _values(record: CertificateRequest | IssuedCertificate | Decision) -> dict[str, Any]:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: object) -> None:
        # Transactions are begun below; sqlite3 would begin them too late, at the first write.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
