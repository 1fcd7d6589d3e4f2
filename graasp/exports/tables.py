"""Requested exports of item trees."""

from sqlalchemy import Column, Enum, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

item_export_request_type_enum = Enum("raw", "graasp", name="item_export_request_type_enum", metadata=metadata)

item_export_request = Table(
    "item_export_request",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid),
    Column("item_id", Uuid),
    Column("type", item_export_request_type_enum, nullable=False),
    PrimaryKeyConstraint("id", name="item_export_request_pkey"),
    ForeignKeyConstraint(
        ["item_id"], ["item.id"], name="item_export_request_item_id_item_id_fk", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="item_export_request_member_id_account_id_fk", ondelete="CASCADE"
    ),
    Index("IDX_item_export_request_member_id", "member_id"),
)
