"""Short aliases of items."""

from sqlalchemy import (
    CheckConstraint,
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

from graasp.db.metadata import metadata

short_link_platform_enum = Enum(
    "builder", "player", "library", name="short_link_platform_enum", metadata=metadata
)

short_link = Table(
    "short_link",
    metadata,
    Column("alias", String(255), nullable=False),
    Column("platform", short_link_platform_enum, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("item_id", Uuid, nullable=False),
    UniqueConstraint("platform", "item_id", name="UQ_859a3384cadaa460b84e04e5375"),
    PrimaryKeyConstraint("alias", name="short_link_pkey"),
    ForeignKeyConstraint(
        ["item_id"],
        ["item.id"],
        name="FK_43c8a0471d5e58f99fc9c36b991",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    CheckConstraint(
        "length(alias) >= 6 AND length(alias) <= 255 AND alias ~ '^[a-zA-Z0-9-]*$'",
        name="CHK_200ef28b2168aaf1e36b6896fc",
    ),
    Index("IDX_43c8a0471d5e58f99fc9c36b99", "item_id"),
)
