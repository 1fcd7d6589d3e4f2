"""Items flagged by members."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

item_flag = Table(
    "item_flag",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("type", String, nullable=False),
    Column("creator_id", Uuid),
    Column("item_id", Uuid),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("type", "creator_id", "item_id", name="item-flag-creator"),
    PrimaryKeyConstraint("id", name="item_flag_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_b04d0adf4b73d82537c92fa55ea", ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_bde9b9ab1da1483a71c9b916dd2", ondelete="SET NULL"
    ),
    Index("IDX_item_flag_creator_id", "creator_id"),
)
