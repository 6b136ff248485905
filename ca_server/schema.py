"""The database's tables, and every statement on them, each built once.

Building a statement costs SQLAlchemy more time than a signature (``libraries.md`` 7), so none is built
while a request waits.  Rows have the names of the dataclasses' fields.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Dialect

from ca_server.domain.requests import State

VERSION = 1


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as sortable UTC text with microseconds: the same in every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        """Turn an instant into its text."""
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, _dialect: Dialect) -> datetime | None:
        """Turn the text into an instant."""
        return None if value is None else datetime.fromisoformat(value)


class SerialNumber(TypeDecorator[int]):
    """A serial number of up to 160 bits as hexadecimal text."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> str | None:
        """Turn a number into its text."""
        return None if value is None else f"{value:X}"

    def process_result_value(self, value: str | None, _dialect: Dialect) -> int | None:
        """Turn the text into a number."""
        return None if value is None else int(value, 16)


class TextTuple(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, as JSON."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: list[str] | None, _dialect: Dialect) -> tuple[str, ...]:
        """Turn JSON's list into a tuple."""
        return tuple(value or ())


metadata = MetaData()

lab = Table("lab", metadata, Column("schema_version", Integer, nullable=False))

_state = Enum(State, native_enum=False, length=16, values_callable=lambda states: [*map(str, states)])

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", _state, nullable=False, index=True),
    Column("transaction_id", String(255), nullable=False, index=True),
    Column("message_type", Integer, nullable=False),
    Column("profile", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("sender_nonce", LargeBinary, nullable=False),
    Column("csr", LargeBinary, nullable=False),
    Column("public_key_info", LargeBinary, nullable=False),
    Column("signer_key", LargeBinary, nullable=False),
    Column("signer", String(64), nullable=False),
    Column("subject", String, nullable=False),
    Column("subject_alt_names", TextTuple, nullable=False),
    Column("key", String(64), nullable=False),
    Column("md5", String(64), nullable=False),
    Column("sha1", String(64), nullable=False),
    Column("sha256", String(96), nullable=False),
    Column("challenge", String(16), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("last_poll_at", Instant),
    Column("decided_at", Instant),
    Column("decided_by", String(255)),
    Column("reason", String(255)),
    Column("serial_number", SerialNumber),
    sqlite_autoincrement=True,  # a number that was once shown to an operator is never given again
)
# Should a database not keep transactions apart as we ask it to, this still does.
Index(
    "one_pending_request_of_a_transaction",
    requests.c.transaction_id,
    unique=True,
    sqlite_where=requests.c.state == State.PENDING,
    postgresql_where=requests.c.state == State.PENDING,
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial_number", SerialNumber, nullable=False, unique=True),
    Column("request_id", ForeignKey(requests.c.id), nullable=False),
    Column("subject", String, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("der", LargeBinary, nullable=False),
)

# The audit: rows are only ever added.  ``at`` is lab time, ``wall_at`` the world's.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", ForeignKey(requests.c.id), nullable=False, index=True),
    Column("what", String(16), nullable=False),
    Column("by", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Column("reason", String(255)),
    Column("serial_number", SerialNumber),
)

SELECT_VERSION = select(lab.c.schema_version)
INSERT_VERSION = insert(lab)

SELECT_REQUESTS = select(requests).order_by(requests.c.id)
SELECT_REQUESTS_IN_STATE = SELECT_REQUESTS.where(requests.c.state == bindparam("wanted"))
SELECT_REQUEST = select(requests).where(requests.c.id == bindparam("wanted"))
SELECT_LATEST_REQUEST = (
    select(requests)
    .where(requests.c.transaction_id == bindparam("wanted"))
    .order_by(requests.c.id.desc())
    .limit(1)
)
INSERT_REQUEST = insert(requests).returning(requests.c.id)
# What changes after a request was taken in: what becomes of it, and what a repeated PKCSReq brings anew.
CHANGING = (
    "state",
    "polls",
    "last_poll_at",
    "decided_at",
    "decided_by",
    "reason",
    "serial_number",
    "sender_nonce",
    "csr",
    "signer_key",
    "signer",
    "source",
    "md5",
    "sha1",
    "sha256",
    "challenge",
)
UPDATE_REQUEST = (
    update(requests)
    .where(requests.c.id == bindparam("wanted"))
    .values({name: bindparam(f"new_{name}") for name in CHANGING})
)

_certificate = [each for each in certificates.c if each.name != "id"]
SELECT_CERTIFICATES = select(*_certificate).order_by(certificates.c.id)
SELECT_CERTIFICATE = select(*_certificate).where(certificates.c.serial_number == bindparam("wanted"))
INSERT_CERTIFICATE = insert(certificates)

_decision = [each for each in decisions.c if each.name not in ("id", "wall_at")]
SELECT_DECISIONS = (
    select(*_decision).where(decisions.c.request_id == bindparam("wanted")).order_by(decisions.c.id)
)
INSERT_DECISION = insert(decisions)
