"""Accounts - members and guests -, the passwords of guests, and profiles."""

from sqlalchemy import (
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from graasp.db.metadata import metadata

account_type_enum = Enum("individual", "guest", name="account_type_enum", metadata=metadata)

account = Table(
    "account",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("name", String(100), nullable=False),
    Column("email", String(150)),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("user_agreements_date", TIMESTAMP(timezone=True)),
    Column("enable_save_actions", Boolean, server_default=text("true")),
    Column("last_authenticated_at", TIMESTAMP(timezone=True)),
    Column("is_validated", Boolean, server_default=text("false")),
    Column("item_login_schema_id", Uuid),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("type", account_type_enum, nullable=False, server_default=text("'individual'::account_type_enum")),
    Column("marketing_emails_subscribed_at", TIMESTAMP(timezone=True), server_default=text("now()")),
    UniqueConstraint("name", "item_login_schema_id", name="UQ_account_name_item_login_schema_id"),
    UniqueConstraint("email", name="member_email_key1"),
    PrimaryKeyConstraint("id", name="account_pkey"),
    ForeignKeyConstraint(
        ["item_login_schema_id"],
        ["item_login_schema.id"],
        name="account_item_login_schema_id_item_login_schema_id_fk",
        ondelete="CASCADE",
        # accounts → login schemas → items → accounts: one of the three comes later
        use_alter=True,
    ),
    CheckConstraint(
        "((email IS NOT NULL) OR ((type)::text <> 'individual'::text))", name="CHK_account_email"
    ),
    CheckConstraint(
        "((enable_save_actions IS NOT NULL) OR ((type)::text <> 'individual'::text))",
        name="CHK_account_enable_save_actions",
    ),
    CheckConstraint(
        "((extra IS NOT NULL) OR ((type)::text <> 'individual'::text))", name="CHK_account_extra"
    ),
    CheckConstraint(
        "((is_validated IS NOT NULL) OR ((type)::text <> 'individual'::text))",
        name="CHK_account_is_validated",
    ),
    Index("IDX_account_type", "type"),
)

guest_password = Table(
    "guest_password",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("password", String(100), nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("guest_id", Uuid),
    UniqueConstraint("guest_id", name="UQ_guest_password_guest_id"),
    PrimaryKeyConstraint("id", name="guest_password_pkey"),
    ForeignKeyConstraint(["guest_id"], ["account.id"], name="FK_guest_password_guest_id", ondelete="CASCADE"),
)

member_profile = Table(
    "member_profile",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("bio", String(5000)),
    Column("visibility", Boolean, nullable=False, server_default=text("false")),
    Column("facebookId", String(100)),
    Column("linkedinId", String(100)),
    Column("twitterId", String(100)),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("member_id", Uuid, nullable=False),
    UniqueConstraint("member_id", name="member-profile"),
    PrimaryKeyConstraint("id", name="member_profile_pkey"),
    ForeignKeyConstraint(
        ["member_id"], ["account.id"], name="FK_91fa43bc5482dc6b00892baf016", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["member_id"], ["account.id"], name="member_profile_member_id_account_id_fk"),
    Index("IDX_91fa43bc5482dc6b00892baf01", "member_id"),
)
