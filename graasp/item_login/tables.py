"""Login schemas: how guests get in."""

from sqlalchemy import (
    Column,
    Enum,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata

item_login_schema_status = Enum(
    "active", "freeze", "disabled", name="item_login_schema_status", metadata=metadata
)
item_login_schema_type = Enum(
    "username",
    "username+password",
    "anonymous",
    "anonymous+password",
    name="item_login_schema_type",
    metadata=metadata,
)

item_login_schema = Table(
    "item_login_schema",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("type", item_login_schema_type, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("item_path", Ltree, nullable=False),
    Column(
        "status",
        item_login_schema_status,
        nullable=False,
        server_default=text("'active'::item_login_schema_status"),
    ),
    UniqueConstraint("item_path", name="item-login-schema"),
    PrimaryKeyConstraint("id", name="item_login_schema_pkey"),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="item_login_schema_item_path_item_path_fk",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
)
