"""Passwords of members, and sessions that ended before their cookie did."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

member_password = Table(
    "member_password",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("password", String(100), nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid, nullable=False),
    UniqueConstraint("member_id", name="member-password"),
    PrimaryKeyConstraint("id", name="member_password_pkey"),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="member_password_member_id_account_id_fk", ondelete="CASCADE"
    ),
)

revoked_session = Table(
    "revoked_session",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("revoked_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False),
    PrimaryKeyConstraint("session_id", name="revoked_session_pkey"),
    ForeignKeyConstraint(
        ["account_id"], ["account.id"], name="revoked_session_account_id_fk", ondelete="CASCADE"
    ),
    Index("IDX_revoked_session_expires_at", "expires_at"),
    Index("IDX_revoked_session_account_id", "account_id"),
)

session_cutoff = Table(
    "session_cutoff",
    metadata,
    Column("account_id", Uuid, nullable=False),
    # Sessions issued before are void, but for the one that is kept.
    Column("not_before", TIMESTAMP(timezone=True), nullable=False),
    Column("kept_session_id", Text),
    PrimaryKeyConstraint("account_id", name="session_cutoff_pkey"),
    ForeignKeyConstraint(
        ["account_id"], ["account.id"], name="session_cutoff_account_id_fk", ondelete="CASCADE"
    ),
)
