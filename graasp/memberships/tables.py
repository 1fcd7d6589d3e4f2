"""Who may do what on which item, and who asks to."""

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
from graasp.db.permission import permission_enum

item_membership = Table(
    "item_membership",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("permission", permission_enum, nullable=False),
    Column("item_path", Ltree, nullable=False),
    Column("creator_id", Uuid),
    Column("account_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("item_path", "account_id", name="item_membership-item-member"),
    PrimaryKeyConstraint("id", name="item_membership_pkey"),
    ForeignKeyConstraint(
        ["account_id"], ["account.id"], name="item_membership_account_id_account_id_fk", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="item_membership_creator_id_account_id_fk", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="item_membership_item_path_item_path_fk",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index("IDX_5ac5bdde333fca6bbeaf177ef9", "permission"),
    Index("IDX_d935785e7ecc015ed3ca048ff0", "item_path"),
    Index("IDX_gist_item_membership_path", "item_path", postgresql_using="gist"),
    Index("IDX_item_membership_account_id", "account_id"),
    Index("IDX_item_membership_account_id_permission", "account_id", "permission"),
    Index("IDX_item_membership_creator_id", "creator_id"),
    Index(
        "IDX_item_membership_account_id_item_path",
        "account_id",
        "item_path",
        postgresql_include=["permission"],
    ),
)

membership_request = Table(
    "membership_request",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    UniqueConstraint("member_id", "item_id", name="UQ_membership_request_item-member"),
    PrimaryKeyConstraint("id", name="membership_request_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_membership_request_item_id", ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="FK_membership_request_member_id", ondelete="CASCADE"
    ),
)
