"""Tags and the older categories."""

from sqlalchemy import (
    Column,
    Enum,
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

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata

tag_category_enum = Enum("level", "discipline", "resource-type", name="tag_category_enum", metadata=metadata)

category = Table(
    "category",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("name", String(50), nullable=False),
    Column("type", String, nullable=False),
    UniqueConstraint("name", "type", name="category-name-type"),
    PrimaryKeyConstraint("id", name="category_pkey"),
)

item_category = Table(
    "item_category",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("creator_id", Uuid),
    Column("item_path", Ltree, nullable=False),
    Column("category_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("item_path", "category_id", name="category-item"),
    PrimaryKeyConstraint("id", name="item_category_pkey"),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="FK_5681d1785eea699e9cae8818fe0",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["category_id"], ["category.id"], name="FK_638552fc7d9a2035c2b53182d8a", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_9a34a079b5b24f4396462546d26", ondelete="SET NULL"
    ),
    Index("IDX_item_category_item_path", "item_path", postgresql_using="gist"),
    Index("IDX_item_category_creator_id", "creator_id"),
)

item_tag = Table(
    "item_tag",
    metadata,
    Column("tag_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    PrimaryKeyConstraint("tag_id", "item_id", name="PK_a04bb2298e37d95233a0c92347e"),
    ForeignKeyConstraint(["tag_id"], ["tag.id"], name="FK_16ab8afb42f763f7cbaa4bff66a", ondelete="CASCADE"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_39b492fda03c7ac846afe164b58", ondelete="CASCADE"),
    Index("IDX_item_tag_item", "item_id"),
)

tag = Table(
    "tag",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("name", String(255), nullable=False),
    Column("category", tag_category_enum, nullable=False),
    UniqueConstraint("name", "category", name="UQ_tag_name_category"),
    PrimaryKeyConstraint("id", name="tag_pkey"),
)
