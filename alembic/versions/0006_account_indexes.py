"""Indexes of every column that refers to an account.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = {
    "action_request_export": "member_id",
    "app_data": "creator_id",
    "app_setting": "creator_id",
    "chat_mention": "account_id",
    "chat_message": "creator_id",
    "invitation": "creator_id",
    "item_category": "creator_id",
    "item_export_request": "member_id",
    "item_flag": "creator_id",
    "item_validation_review": "reviewer_id",
    "item_visibility": "creator_id",
    "published_items": "creator_id",
    "recycled_item_data": "creator_id",
}


def upgrade() -> None:
    # Without them, deleting an account or exporting a member's data reads these tables from end to end. Built as in
    # 0004: blocking nobody, and again after an interruption.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        for table, column in _COLUMNS.items():
            name = f"IDX_{table}_{column}"
            op.execute(f'drop index concurrently if exists "{name}"')
            op.execute(f'create index concurrently "{name}" on {table} ({column})')
        op.execute("reset lock_timeout")
