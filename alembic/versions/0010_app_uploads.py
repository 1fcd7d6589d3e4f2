"""What people have uploaded into apps.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_TABLE = """
create table app_upload (
    id uuid not null,
    item_id uuid not null,
    account_id uuid not null,
    size bigint not null,
    created_at timestamp with time zone not null default now(),
    constraint app_upload_pkey primary key (id),
    constraint app_upload_item_id_fk foreign key (item_id) references item(id) on delete cascade,
    constraint app_upload_account_id_fk foreign key (account_id) references account(id) on delete cascade
);
create index "IDX_app_upload_item_id" on app_upload (item_id);
create index "IDX_app_upload_account_id" on app_upload (account_id);
"""


def upgrade() -> None:
    op.execute(_TABLE)
