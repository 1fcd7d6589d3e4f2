"""Chat messages and mentions."""

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
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

chat_mention_status_enum = Enum("unread", "read", name="chat_mention_status_enum", metadata=metadata)

chat_mention = Table(
    "chat_mention",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("message_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column(
        "status",
        chat_mention_status_enum,
        nullable=False,
        server_default=text("'unread'::chat_mention_status_enum"),
    ),
    PrimaryKeyConstraint("id", name="chat_mention_pkey"),
    ForeignKeyConstraint(
        ["account_id"], ["account.id"], name="FK_chat_mention_account_id", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["message_id"], ["chat_message.id"], name="FK_e5199951167b722215127651e7c", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["account_id"], ["account.id"], name="chat_mention_account_id_account_id_fk"),
    ForeignKeyConstraint(
        ["message_id"], ["chat_message.id"], name="chat_mention_message_id_chat_message_id_fk"
    ),
    Index("IDX_chat_mention_account_id", "account_id"),
)

chat_message = Table(
    "chat_message",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("item_id", Uuid, nullable=False),
    Column("creator_id", Uuid),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("body", String(500), nullable=False),
    PrimaryKeyConstraint("id", name="chat_message_pkey"),
    ForeignKeyConstraint(
        ["creator_id"], ["account.id"], name="FK_71fdcb9038eca1b903102bdfd17", ondelete="SET NULL"
    ),
    ForeignKeyConstraint(["item_id"], ["item.id"], name="FK_b31e627ea7a4787672e265a1579", ondelete="CASCADE"),
    Index("IDX_chat_message_creator_id", "creator_id"),
)
