"""The database's tables: one a dataclass of the ledger, with the names of its fields.

Columns are plain: ``store_records`` says how a field is kept.  Texts have no length, since SQLite would not
mind it and PostgreSQL would refuse the row; the domain limits what comes in.  Every index costs each
enrolment a page in the log, so there is none that an enrolment, a poll or an operator's list does not need.

A change here is a revision in ``migrations/versions`` too; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

# The revisions of the schema, oldest first; the last is the one below.
REVISIONS = ("0001", "0002")
# ``lab.schema_version``: the program of revision 0001 looks there, and refuses what is not 1.
SCHEMA_VERSION = 2

metadata = MetaData()

lab = Table("lab", metadata, Column("schema_version", Integer, nullable=False))

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("transaction_id", String, nullable=False),
    Column("message_type", Integer, nullable=False),
    Column("profile", String, nullable=False),
    Column("source", String, nullable=False),
    Column("signer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("subject_alt_names", String, nullable=False),
    Column("key", String, nullable=False),
    Column("md5", String, nullable=False),
    Column("sha1", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("challenge", String, nullable=False),
    Column("challenge_digest", LargeBinary),
    Column("authority", Integer, nullable=False),
    Column("renews", String),
    Column("received_at", String, nullable=False),
    Column("waits_for", String, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("last_poll_at", String),
    Column("decided_at", String),
    Column("decided_by", String),
    Column("reason", String),
    Column("serial_number", String),
    Column("sender_nonce", LargeBinary, nullable=False),
    Column("earlier_nonces", LargeBinary, nullable=False),
    # The long ones come last: a search reads what stands before them.
    Column("csr", LargeBinary, nullable=False),
    Column("public_key_info", LargeBinary, nullable=False),
    Column("signer_key", LargeBinary, nullable=False),
)
Index("requests_by_state", requests.c.state, requests.c.id)
# With the id, so that PostgreSQL does not look for the newest of a transaction among the newest of all.
Index("requests_by_transaction", requests.c.transaction_id, requests.c.id)
# Should a database not keep transactions apart as we ask it to, this still does.
Index(
    "one_pending_request_of_a_transaction",
    requests.c.transaction_id,
    unique=True,
    sqlite_where=requests.c.state == "pending",
    postgresql_where=requests.c.state == "pending",
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial_number", String, nullable=False, unique=True),
    Column("request_id", ForeignKey(requests.c.id), nullable=False),
    Column("issuer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("subject_key", String, nullable=False),
    Column("not_before", String, nullable=False),
    Column("not_after", String, nullable=False),
    Column("revoked_at", String),
    Column("reason", Integer),
    Column("invalidity_date", String),
    Column("wrong_passwords", Integer, nullable=False),
    Column("der", LargeBinary, nullable=False),
)
# A hash, since PostgreSQL's trees take no key as long as a subject can be.
Index("certificates_by_subject", certificates.c.subject_key, postgresql_using="hash")
Index(
    "revoked_certificates",
    certificates.c.issuer,
    certificates.c.id,
    sqlite_where=certificates.c.revoked_at.is_not(None),
    postgresql_where=certificates.c.revoked_at.is_not(None),
)

crls = Table(
    "crls",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("this_update", String, nullable=False),
    Column("next_update", String, nullable=False),
    Column("der", LargeBinary, nullable=False),
)

# Numbers of what can be withdrawn are never given again: the audit names them (sqlite_autoincrement).
challenges = Table(
    "challenges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("device", String),
    Column("once", Boolean, nullable=False),
    Column("created_at", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_at", String),
    Column("used_at", String),
    Column("used_by", ForeignKey(requests.c.id)),
    sqlite_autoincrement=True,
)
Index(
    "unused_challenges",
    challenges.c.expires_at,
    sqlite_where=challenges.c.used_at.is_(None),
    postgresql_where=challenges.c.used_at.is_(None),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created_at", String, nullable=False),
    Column("created_by", String, nullable=False),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

# Rows are only ever added.  ``at`` is lab time, ``wall_at`` the world's.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("what", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("wall_at", String, nullable=False),
    Column("request_id", ForeignKey(requests.c.id)),
    Column("serial_number", String),
    Column("text", String),
)
Index("audit_by_request", audit.c.request_id)

# Alembic's own table, which is not a part of what it compares.
alembic_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False, primary_key=True),
)
