"""Updates of collaborative pages."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Uuid

from graasp.db.metadata import metadata

page_update = Table(
    "page_update",
    metadata,
    Column("item_id", Uuid, nullable=False),
    Column("update", LargeBinary, nullable=False),
    Column("clock", Integer, nullable=False),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_page_update_item_id", ondelete="CASCADE"),
    Index("IDX_page_item_id", "item_id"),
)
