"""Where items are."""

from sqlalchemy import (
    Column,
    Double,
    ForeignKeyConstraint,
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

item_geolocation = Table(
    "item_geolocation",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("lat", Double, nullable=False),
    Column("lng", Double, nullable=False),
    Column("country", String(4)),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("item_path", Ltree, nullable=False),
    Column("addressLabel", String(300)),
    Column("helperLabel", String(300)),
    UniqueConstraint("item_path", name="item_geolocation_unique_item"),
    PrimaryKeyConstraint("id", name="item_geolocation_pkey"),
    ForeignKeyConstraint(
        ["item_path"],
        ["item.path"],
        name="FK_66d4b13df4e7765068c8268d719",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
)
