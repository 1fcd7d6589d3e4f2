"""Registered apps and what they store."""

from sqlalchemy import (
    BigInteger,
    Column,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from graasp.db.metadata import metadata

app_action = Table(
    "app_action",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("account_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    Column("type", String(25), nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("data", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    PrimaryKeyConstraint("id", name="app_action_pkey"),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="FK_app_action_account_id", ondelete="CASCADE"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_c415fc186dda51fa260d338d776", ondelete="CASCADE"),
    Index("IDX_app_action_account_id", "account_id"),
    Index("IDX_app_action_item_id", "item_id"),
    Index("IDX_app_action_item_id_account_id", "item_id", "account_id"),
)

app_data = Table(
    "app_data",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("account_id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    Column("type", String(25), nullable=False),
    Column("creator_id", Uuid),
    Column("visibility", String, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("data", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    PrimaryKeyConstraint("id", name="app_data_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_27cb180cb3f372e4cf55302644a", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_8c3e2463c67d9865658941c9e2d", ondelete="CASCADE"),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="FK_app_data_account_id", ondelete="CASCADE"),
    Index("IDX_6079b3bb63c13f815f7dd8d8a2", "type"),
    Index("IDX_app_data_account_id", "account_id"),
    Index("IDX_app_data_item_id", "item_id"),
    Index("IDX_app_data_creator_id", "creator_id"),
    Index("IDX_app_data_item_id_account_id", "item_id", "account_id"),
    Index("IDX_app_data_shared_item_id", "item_id", postgresql_where=text("visibility = 'item'")),
)

app_setting = Table(
    "app_setting",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("item_id", Uuid, nullable=False),
    Column("creator_id", Uuid),
    Column("name", String, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("data", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    PrimaryKeyConstraint("id", name="app_setting_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_22d3d051ee6f94932c1373a3d09", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_f5922b885e2680beab8add96008", ondelete="CASCADE"),
    Index("IDX_61546c650608c1e68789c64915", "item_id", "name"),
    Index(
        "IDX_app_setting_file_key",
        text("(data #>> '{file,path}')"),
        postgresql_using="hash",
        postgresql_where=text("data #>> '{file,path}' is not null"),
    ),
    Index("IDX_app_setting_creator_id", "creator_id"),
)

# The size of what was uploaded, by the id of the app data or app setting whose file it is.
app_upload = Table(
    "app_upload",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("item_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("id", name="app_upload_pkey"),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="app_upload_item_id_fk", ondelete="CASCADE"),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="app_upload_account_id_fk", ondelete="CASCADE"),
    Index("IDX_app_upload_item_id", "item_id"),
    Index("IDX_app_upload_account_id", "account_id"),
)

apps = Table(
    "apps",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("key", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("name", String(250), nullable=False),
    Column("description", String(250), nullable=False),
    Column("url", String(250), nullable=False),
    Column("publisher_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("thumbnail", String(255), nullable=False, server_default=text("''::character varying")),
    UniqueConstraint("name", name="UQ_f36adbb7b096ceeb6f3e80ad14c"),
    UniqueConstraint("key", name="app_key_key"),
    UniqueConstraint("url", name="app_url_key"),
    PrimaryKeyConstraint("id", name="app_pkey"),
    ForeignKeyConstraint(
        ["publisher_id"], ["publishers.id"], name="apps_publisher_id_fk", ondelete="CASCADE"
    ),
)

publishers = Table(
    "publishers",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("name", String(250), nullable=False),
    Column("origins", ARRAY(Text), nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("name", name="publisher_name_key"),
    PrimaryKeyConstraint("id", name="publisher_pkey"),
)
