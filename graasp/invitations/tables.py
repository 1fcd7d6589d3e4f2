"""Invitations of addresses that have no account yet."""

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

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata
from graasp.db.permission import permission_enum

invitation = Table(
    "invitation",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("creator_id", Uuid),
    Column("item_path", Ltree, nullable=False),
    Column("name", String(100)),
    Column("email", String(100), nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("permission", permission_enum, nullable=False, server_default=text("'read'::permission_enum")),
    UniqueConstraint("item_path", "email", name="item-email"),
    PrimaryKeyConstraint("id", name="invitation_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_7ad4a490d5b9f79a677827b641c", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(
        ["item_path"], ["item.path"], name="FK_invitation_item_path", onupdate="CASCADE", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["creator_id"], ["account.id"], name="invitation_creator_id_account_id_fk"),
    Index("IDX_invitation_item_path", "item_path", postgresql_using="gist"),
    Index("IDX_invitation_email", text("lower(email)")),
    Index("IDX_invitation_creator_id", "creator_id"),
)
