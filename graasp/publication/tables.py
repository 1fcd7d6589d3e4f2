"""Published items and their validation."""

from sqlalchemy import (
    Column,
    Enum,
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

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata

item_validation_process = Enum(
    "bad-words-detection", "image-classification", name="item_validation_process", metadata=metadata
)
item_validation_status = Enum(
    "success", "failure", "pending", "pending-manual", name="item_validation_status", metadata=metadata
)

item_validation = Table(
    "item_validation",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("item_id", Uuid, nullable=False),
    Column("process", item_validation_process, nullable=False),
    Column("status", item_validation_status, nullable=False),
    Column("result", String),
    Column("item_validation_group_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("id", name="item_validation_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_d60969d5e478e7c844532ac4e7f", ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["item_validation_group_id"],
        ["item_validation_group.id"],
        name="FK_e92da280941f666acf87baedc65",
        ondelete="CASCADE",
    ),
    Index("IDX_item_validation_item_id", "item_id"),
    Index("IDX_item_validation_item_validation_group_id", "item_validation_group_id"),
)

item_validation_group = Table(
    "item_validation_group",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("item_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("id", name="item_validation_group_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_a9e83cf5f53c026b774b53d3c60", ondelete="CASCADE"),
    Index("IDX_item_validation_group_item_id", "item_id"),
)

item_validation_review = Table(
    "item_validation_review",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("item_validation_id", Uuid, nullable=False),
    Column("reviewer_id", Uuid),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("id", name="item_validation_review_pkey"),
    ForeignKeyConstraint(
        ["reviewer_id"], ["account.id"], name="FK_44bf14fee580ae08702d70e622e", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_validation_id"],
        ["item_validation.id"],
        name="FK_59fd000835c70c728e525d82950",
        ondelete="CASCADE",
    ),
    Index("IDX_item_validation_review_item_validation_id", "item_validation_id"),
    Index("IDX_item_validation_review_reviewer_id", "reviewer_id"),
)

publication_removal_notices = Table(
    "publication_removal_notices",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("publication_name", String(255)),
    Column("reason", Text),
    Column("item_id", Uuid),
    Column("creator_id", Uuid),
    Column("created_at", TIMESTAMP(precision=0), nullable=False),
    PrimaryKeyConstraint("id", name="publication_removal_notices_pkey"),
    ForeignKeyConstraint(
        ["creator_id"],
        ["admins.id"],
        name="publication_removal_notices_creator_id_users_id_fk",
        ondelete="SET NULL",
    ),
    ForeignKeyConstraint(
        ["item_id"], ["item.id"], name="publication_removal_notices_item_id_item_id_fk", ondelete="CASCADE"
    ),
    Index("publication_removal_notices_item_id_index", "item_id"),
)

published_items = Table(
    "published_items",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("creator_id", Uuid),
    Column("item_path", Ltree, nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("item_path", name="published-item"),
    PrimaryKeyConstraint("id", name="item_published_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="published_items_creator_id_account_id_fk", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="published_items_item_path_item_path_fk",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index("IDX_gist_item_published_path", "item_path", postgresql_using="gist"),
    Index("IDX_published_items_creator_id", "creator_id"),
)
