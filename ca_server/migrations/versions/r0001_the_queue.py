"""The queue: requests, certificates, decisions.  The schema of the first program, which knew no revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what the first program made."""
    op.create_table("lab", sa.Column("schema_version", sa.Integer, nullable=False))
    requests = op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("transaction_id", sa.String(255), nullable=False),
        sa.Column("message_type", sa.Integer, nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("sender_nonce", sa.LargeBinary, nullable=False),
        sa.Column("csr", sa.LargeBinary, nullable=False),
        sa.Column("public_key_info", sa.LargeBinary, nullable=False),
        sa.Column("signer_key", sa.LargeBinary, nullable=False),
        sa.Column("signer", sa.String(64), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("subject_alt_names", sa.JSON, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("md5", sa.String(64), nullable=False),
        sa.Column("sha1", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(96), nullable=False),
        sa.Column("challenge", sa.String(16), nullable=False),
        sa.Column("received_at", sa.String(27), nullable=False),
        sa.Column("polls", sa.Integer, nullable=False),
        sa.Column("last_poll_at", sa.String(27)),
        sa.Column("decided_at", sa.String(27)),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("reason", sa.String(255)),
        sa.Column("serial_number", sa.String(40)),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_state", "requests", ["state"])
    op.create_index("ix_requests_transaction_id", "requests", ["transaction_id"])
    op.create_index(
        "one_pending_request_of_a_transaction",
        "requests",
        ["transaction_id"],
        unique=True,
        sqlite_where=requests.c.state == "pending",
        postgresql_where=requests.c.state == "pending",
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("serial_number", sa.String(40), nullable=False, unique=True),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id"), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("not_before", sa.String(27), nullable=False),
        sa.Column("not_after", sa.String(27), nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request_id", sa.Integer, sa.ForeignKey("requests.id"), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("wall_at", sa.String(27), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("serial_number", sa.String(40)),
    )
    op.create_index("ix_decisions_request_id", "decisions", ["request_id"])
