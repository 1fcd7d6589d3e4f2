"""Items, and the view of those that are not recycled."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from graasp.db.ltree import Ltree
from graasp.db.metadata import metadata, views

_LIVE = text("deleted_at IS NULL")
# Above the paths of what is left of deleted items as long as actions refer to them, emptied and in nobody's reach; see
# docs/decisions/deletion.md.
GRAVE = "deleted"


def _search_index(name: str, config: str) -> Index:
    document = text(f"item_search_document({config}, name, description, extra)")
    return Index(name, document, postgresql_using="gin", postgresql_where=_LIVE)


item = Table(
    "item",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("name", String(500), nullable=False),
    Column("type", String, nullable=False, server_default=text("'folder'::character varying")),
    Column("description", String(5000)),
    Column("path", Ltree, nullable=False),
    Column("creator_id", Uuid),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("deleted_at", TIMESTAMP(timezone=True)),
    Column("lang", String, nullable=False, server_default=text("'en'::character varying")),
    Column("order", Numeric),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    UniqueConstraint("path", name="item_path_key1"),
    PrimaryKeyConstraint("id", name="item_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_bdc46717fadc2f04f3093e51fd5", ondelete="SET NULL"
    ),
    Index("IDX_bdc46717fadc2f04f3093e51fd", "creator_id"),
    Index("IDX_gist_item_path", "path", postgresql_using="gist"),
    Index("IDX_gist_item_path_deleted_at", "path", postgresql_using="gist", postgresql_where=_LIVE),
    Index("IDX_item_deleted_at", "deleted_at"),
    Index("IDX_item_live_path", "path", postgresql_where=_LIVE),
    Index("IDX_item_live_creator_id_path", "creator_id", "path", postgresql_where=_LIVE),
    Index("IDX_item_live_parent", text("subpath(path, 0, -1)"), postgresql_where=_LIVE),
    Index("IDX_item_live_updated_at", text("updated_at DESC"), text("id DESC"), postgresql_where=_LIVE),
    Index(
        "IDX_item_file_key",
        text("coalesce(extra #>> '{file,path}', extra #>> '{file,key}')"),
        postgresql_using="hash",
        postgresql_where=text("type = 'file'"),
    ),
    Index(
        "IDX_item_h5p_content_id",
        text("(extra #>> '{h5p,contentId}')"),
        postgresql_using="hash",
        postgresql_where=text("type = 'h5p'"),
    ),
    _search_index("IDX_item_search_simple", "'simple'::regconfig"),
    _search_index("IDX_item_search_english", "'english'::regconfig"),
    _search_index("IDX_item_search_lang", "item_search_config(lang)"),
)

# The items that are not recycled: every column but `deleted_at`.
item_view = Table(
    "item_view",
    views,
    *(Column(column.name, column.type) for column in item.c if column.name != "deleted_at"),
)
