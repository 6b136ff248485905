"""How a database comes to the present schema: made, looked at, or migrated.

Of several processes that start at once, one does it and the others wait.  Alembic is imported only to
migrate: that takes longer than all else at a start (``libraries.md`` 7).
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ca_server import schema, store_statements
from ca_server.domain.ledger import StoreBusy
from ca_server.store_databases import Database, Sqlite, StoreError
from ca_server.store_postgresql import Postgresql

MIGRATIONS = Path(__file__).with_name("migrations")


def open_database(url: str) -> Database:
    """The database behind a URL, at the present schema; StoreError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("that is no URL of a database") from None
    database = _database(parsed)
    try:
        if _revision(database) != schema.REVISIONS[-1]:
            with database.alone() as connection:
                _bring_up_to_date(connection)
    except (StoreBusy, DBAPIError) as error:
        database.engine.dispose()
        cause = error.orig if isinstance(error, DBAPIError) else error.__cause__ or error
        raise StoreError(f"the database {_shown(parsed)} cannot be used: {cause}") from error
    except BaseException:
        database.engine.dispose()
        raise
    return database


def _database(url: URL) -> Database:
    name = url.drivername.partition("+")[0]
    if name == "sqlite":
        return Sqlite(url)
    if name in ("postgresql", "postgres"):
        return Postgresql(url)
    raise StoreError(f"no database of the kind {name!r} is known, only sqlite and postgresql")


def _shown(url: URL) -> str:
    """A URL for people: without its password, and without its parameters, where one may be, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _revision(database: Database) -> str | None:
    """The schema's revision; None when there is no table that tells."""
    try:
        rows = database.rows(store_statements.SELECT_REVISION, {})
    except StoreBusy:
        raise
    except Exception:  # the table is missing; whatever else is wrong is met again in a moment
        return None
    return rows[0][0] if rows else None


def _bring_up_to_date(connection: Connection) -> None:
    """Look again, alone; make the schema, migrate it, or refuse it."""
    tables = set(inspect(connection).get_table_names())
    if schema.alembic_version.name in tables:
        revision = connection.execute(store_statements.SELECT_REVISION).scalar()
    elif schema.lab.name in tables:  # the first program knew no revisions
        version = connection.execute(select(schema.lab.c.schema_version)).scalar()
        revision = str(version).zfill(4)
    else:
        _make(connection)
        return
    if revision not in schema.REVISIONS:
        raise StoreError(
            f"the database has revision {revision} of the schema, this program knows those up to "
            f"{schema.REVISIONS[-1]}: use the program that wrote it, or another database"
        )
    if revision != schema.REVISIONS[-1]:
        _migrate(connection, revision, stamped=schema.alembic_version.name in tables)


def _make(connection: Connection) -> None:
    schema.metadata.create_all(connection, checkfirst=False)
    schema.alembic_version.create(connection, checkfirst=False)
    connection.execute(insert(schema.lab), {"schema_version": schema.SCHEMA_VERSION})
    connection.execute(insert(schema.alembic_version), {"version_num": schema.REVISIONS[-1]})


def _migrate(connection: Connection, revision: str, *, stamped: bool) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if not stamped:
        command.stamp(config, revision)
    command.upgrade(config, "head")
