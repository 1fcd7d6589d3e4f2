"""Liked items."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

item_like = Table(
    "item_like",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("creator_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    UniqueConstraint("creator_id", "item_id", name="id"),
    PrimaryKeyConstraint("id", name="item_like_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_159827eb667d019dc71372d7463", ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_4a56eba1ce30dc93f118a51ff26", ondelete="CASCADE"
    ),
    Index("IDX_item_like_item", "item_id"),
)
