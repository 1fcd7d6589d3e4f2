"""Public and hidden items."""

from sqlalchemy import (
    Column,
    Enum,
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

item_visibility_type = Enum("public", "hidden", name="item_visibility_type", metadata=metadata)

item_visibility = Table(
    "item_visibility",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("type", item_visibility_type, nullable=False),
    Column("item_path", Ltree, nullable=False),
    Column("creator_id", Uuid),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("type", "item_path", name="UQ_item_visibility_item_type"),
    PrimaryKeyConstraint("id", name="item_visibility_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_item_visibility_creator", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_path"], ["item.path"], name="FK_item_visibility_item", onupdate="CASCADE", ondelete="CASCADE"
    ),
    Index("IDX_gist_item_visibility_path", "item_path", postgresql_using="gist"),
    Index("IDX_item_visibility_creator_id", "creator_id"),
)
