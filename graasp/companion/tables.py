"""Tables of the companion administration application, which shares the database."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import CITEXT, TIMESTAMP

from graasp.db.metadata import metadata

admins = Table(
    "admins",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("email", CITEXT, nullable=False),
    Column("hashed_password", String(255)),
    Column("confirmed_at", TIMESTAMP(precision=0)),
    Column("created_at", TIMESTAMP(precision=0), nullable=False),
    Column("updated_at", TIMESTAMP(precision=0), nullable=False),
    UniqueConstraint("email", name="admins_email_unique"),
    PrimaryKeyConstraint("id", name="admins_pkey"),
    Index("admins_email_index", "email"),
)

admins_tokens = Table(
    "admins_tokens",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("context", String(255), nullable=False),
    Column("sent_to", String(255)),
    Column("authenticated_at", TIMESTAMP(precision=0)),
    Column("created_at", TIMESTAMP(precision=0), nullable=False),
    UniqueConstraint("context", "token", name="admins_tokens_context_token_index"),
    PrimaryKeyConstraint("id", name="admins_tokens_pkey"),
    ForeignKeyConstraint(
        ["user_id"], ["admins.id"], name="admins_tokens_user_id_admins_id_fk", ondelete="CASCADE"
    ),
    Index("admins_tokens_user_id_index", "user_id"),
)

schema_migrations = Table(
    "schema_migrations",
    metadata,
    Column("version", BigInteger, nullable=False),
    Column("inserted_at", TIMESTAMP(precision=0)),
    PrimaryKeyConstraint("version", name="schema_migrations_pkey"),
)
