"""Revocation, challenges, CRLs, tokens, settings; decisions become the audit.

The tables are made anew and filled from copies: SQLite can hardly alter one, and what is written here is
the same on every database.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from cryptography import x509

revision = "0002"
down_revision = "0001"

# Parents first.
OLD = ("requests", "certificates", "decisions")
FILL = (
    """INSERT INTO requests (id, state, transaction_id, message_type, profile, source, signer, subject,
           subject_alt_names, key, md5, sha1, sha256, challenge, authority, received_at, waits_for, polls,
           last_poll_at, decided_at, decided_by, reason, serial_number, sender_nonce, earlier_nonces, csr,
           public_key_info, signer_key)
       SELECT id, state, transaction_id, message_type, profile, source, signer, subject,
           CAST(subject_alt_names AS VARCHAR), key, md5, sha1, sha256,
           CASE challenge WHEN 'present' THEN 'not-checked' ELSE challenge END, 1, received_at,
           'person', polls, last_poll_at, decided_at, decided_by, reason, serial_number, sender_nonce,
           substr(sender_nonce, 1, 0), csr, public_key_info, signer_key
       FROM old_requests ORDER BY id""",
    """INSERT INTO certificates (id, serial_number, request_id, issuer, subject, subject_key, not_before,
           not_after, wrong_passwords, der)
       SELECT id, serial_number, request_id, 'ca-1', subject, subject, not_before, not_after, 0, der
       FROM old_certificates ORDER BY id""",
    """INSERT INTO audit (what, "by", at, wall_at, request_id, serial_number, text)
       SELECT what, "by", at, wall_at, request_id, serial_number, reason FROM old_decisions ORDER BY id""",
)


def upgrade() -> None:
    """Keep all rows, and make them those of the new tables."""
    for name in OLD:
        op.execute(f"CREATE TEMPORARY TABLE old_{name} AS SELECT * FROM {name}")
    for name in reversed(OLD):
        op.drop_table(name)
    _create_tables()
    for statement in FILL:
        op.execute(statement)
    for name in OLD:
        op.execute(f"DROP TABLE old_{name}")
    _fill_subject_keys()
    if op.get_context().dialect.name == "postgresql":
        for name in ("requests", "certificates"):  # whose ids came with the rows
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            op.execute(f"SELECT setval({sequence}, coalesce(max(id), 0) + 1, false) FROM {name}")
    op.execute("UPDATE lab SET schema_version = 2")  # has the program of revision 0001 refuse it


def _fill_subject_keys() -> None:
    """As ``requests.subject_key`` was when this was written."""
    connection = op.get_bind()
    for number, der in connection.execute(sa.text("SELECT id, der FROM certificates")).all():
        try:
            name = x509.load_der_x509_certificate(bytes(der)).subject
        except ValueError:  # a name that is no name to everybody: the text stays
            continue
        rdns = (
            "+".join(
                sorted(
                    f"{each.oid.dotted_string}={' '.join(str(each.value).split()).casefold()}" for each in rdn
                )
            )
            for rdn in name.rdns
        )
        connection.execute(
            sa.text("UPDATE certificates SET subject_key = :key WHERE id = :id"),
            {"key": "/".join(rdns), "id": number},
        )


def _create_tables() -> None:
    requests = op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("transaction_id", sa.String, nullable=False),
        sa.Column("message_type", sa.Integer, nullable=False),
        sa.Column("profile", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("signer", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("subject_alt_names", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("md5", sa.String, nullable=False),
        sa.Column("sha1", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("challenge", sa.String, nullable=False),
        sa.Column("challenge_digest", sa.LargeBinary),
        sa.Column("authority", sa.Integer, nullable=False),
        sa.Column("renews", sa.String),
        sa.Column("received_at", sa.String, nullable=False),
        sa.Column("waits_for", sa.String, nullable=False),
        sa.Column("polls", sa.Integer, nullable=False),
        sa.Column("last_poll_at", sa.String),
        sa.Column("decided_at", sa.String),
        sa.Column("decided_by", sa.String),
        sa.Column("reason", sa.String),
        sa.Column("serial_number", sa.String),
        sa.Column("sender_nonce", sa.LargeBinary, nullable=False),
        sa.Column("earlier_nonces", sa.LargeBinary, nullable=False),
        sa.Column("csr", sa.LargeBinary, nullable=False),
        sa.Column("public_key_info", sa.LargeBinary, nullable=False),
        sa.Column("signer_key", sa.LargeBinary, nullable=False),
    )
    op.create_index("requests_by_state", "requests", ["state", "id"])
    op.create_index("requests_by_transaction", "requests", ["transaction_id", "id"])
    op.create_index(
        "one_pending_request_of_a_transaction",
        "requests",
        ["transaction_id"],
        unique=True,
        sqlite_where=requests.c.state == "pending",
        postgresql_where=requests.c.state == "pending",
    )
    certificates = op.create_table(
        "certificates",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("serial_number", sa.String, nullable=False, unique=True),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id"), nullable=False),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False),
        sa.Column("not_before", sa.String, nullable=False),
        sa.Column("not_after", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String),
        sa.Column("reason", sa.Integer),
        sa.Column("invalidity_date", sa.String),
        sa.Column("wrong_passwords", sa.Integer, nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
    )
    op.create_index("certificates_by_subject", "certificates", ["subject_key"], postgresql_using="hash")
    op.create_index(
        "revoked_certificates",
        "certificates",
        ["issuer", "id"],
        sqlite_where=certificates.c.revoked_at.is_not(None),
        postgresql_where=certificates.c.revoked_at.is_not(None),
    )
    op.create_table(
        "crls",
        sa.Column("issuer", sa.String, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("this_update", sa.String, nullable=False),
        sa.Column("next_update", sa.String, nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
    )
    challenges = op.create_table(
        "challenges",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("device", sa.String),
        sa.Column("once", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("expires_at", sa.String),
        sa.Column("used_at", sa.String),
        sa.Column("used_by", sa.Integer, sa.ForeignKey("requests.id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "unused_challenges",
        "challenges",
        ["expires_at"],
        sqlite_where=challenges.c.used_at.is_(None),
        postgresql_where=challenges.c.used_at.is_(None),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("wall_at", sa.String, nullable=False),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id")),
        sa.Column("serial_number", sa.String),
        sa.Column("text", sa.String),
    )
    op.create_index("audit_by_request", "audit", ["request_id"])
