"""Indexes for what one account sees of an app that many use.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_INDEXES = {
    "IDX_app_data_item_id_account_id": "app_data (item_id, account_id)",
    "IDX_app_data_shared_item_id": "app_data (item_id) where visibility = 'item'",
    "IDX_app_action_item_id_account_id": "app_action (item_id, account_id)",
}


def upgrade() -> None:
    # Built as in 0004: blocking nobody, and again after an interruption.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        for name, definition in _INDEXES.items():
            op.execute(f'drop index concurrently if exists "{name}"')
            op.execute(f'create index concurrently "{name}" on {definition}')
        op.execute("reset lock_timeout")
