"""What people did, and the exports of it."""

from sqlalchemy import (
    Column,
    Enum,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata

action_request_export_format_enum = Enum(
    "json", "csv", name="action_request_export_format_enum", metadata=metadata
)
action_view_enum = Enum(
    "builder",
    "player",
    "library",
    "account",
    "analytics",
    "home",
    "auth",
    "unknown",
    name="action_view_enum",
    metadata=metadata,
)

action = Table(
    "action",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("type", String, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("account_id", Uuid),
    Column("item_id", Uuid),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("geolocation", JSONB),
    Column("view", action_view_enum, nullable=False, server_default=text("'unknown'::action_view_enum")),
    PrimaryKeyConstraint("id", name="action_pkey"),
    ForeignKeyConstraint(
        ["item_id"], ["item.id"], name="FK_1214f6f4d832c402751617361c0", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="FK_action_account_id", ondelete="SET NULL"),
    Index("IDX_1214f6f4d832c402751617361c", "item_id"),
    Index("IDX_action_account_id", "account_id"),
    Index(
        "IDX_action_of_item_created_at", "item_id", "created_at", postgresql_where=text("item_id is not null")
    ),
)

action_request_export = Table(
    "action_request_export",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid, nullable=False),
    Column("item_path", Ltree),
    Column(
        "format",
        action_request_export_format_enum,
        nullable=False,
        server_default=text("'json'::action_request_export_format_enum"),
    ),
    PrimaryKeyConstraint("id", name="action_request_export_pkey"),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="FK_bc85ef3298df8c7974b33081b47", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="FK_fea823c4374f507a68cf8f926a4",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index("IDX_action_request_export_member_id", "member_id"),
)
