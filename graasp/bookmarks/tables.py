"""Bookmarked items."""

from sqlalchemy import Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

item_favorite = Table(
    "item_favorite",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    UniqueConstraint("member_id", "item_id", name="favorite_key"),
    PrimaryKeyConstraint("id", name="item_favorite_pkey"),
    ForeignKeyConstraint(
        ["item_id"],
        ["item.id"],
        name="FK_10ea93bde287762010695378f94",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="FK_a169d350392956511697f7e7d38", ondelete="CASCADE"
    ),
)
