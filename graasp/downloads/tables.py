"""Links in mails to archives: our own, checked at each use."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata
from graasp.db.permission import permission_enum

download = Table(
    "download",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("token_hash", LargeBinary, nullable=False),
    # Kept without its account until the archive is gone from storage too.
    Column("account_id", Uuid),
    # What the account must still be allowed to do on which item; nothing for its own data.
    Column("item_id", Uuid),
    Column("permission", permission_enum),
    Column("storage_key", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", name="download_pkey"),
    UniqueConstraint("token_hash", name="UQ_download_token_hash"),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="download_account_id_fk", ondelete="SET NULL"),
    Index("IDX_download_expires_at", "expires_at"),
    Index("IDX_download_account_id", "account_id"),
)
