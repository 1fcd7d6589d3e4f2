"""Roots of recycled trees."""

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

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata

recycled_item_data = Table(
    "recycled_item_data",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("creator_id", Uuid),
    Column("item_path", Ltree, nullable=False),
    UniqueConstraint("item_path", name="recycled-item-data"),
    PrimaryKeyConstraint("id", name="recycled_item_data_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_3e3650ebd5c49843013429d510a", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="FK_f8a4db4476e3d81e18de5d63c42",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index("IDX_recycled_item_data_created_at", text("created_at DESC NULLS LAST")),
    Index("IDX_recycled_item_data_item_path", "item_path", postgresql_using="gist"),
    Index("IDX_recycled_item_data_creator_id", "creator_id"),
)
