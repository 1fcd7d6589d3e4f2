"""The index of an item's actions without those whose item is gone.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_NAME = "IDX_action_of_item_created_at"


def upgrade() -> None:
    # Deleting a tree takes the item from all of its actions: none of them needs an entry here any more. Built as in
    # 0004: blocking nobody, and again after an interruption.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        op.execute(f'drop index concurrently if exists "{_NAME}"')
        op.execute(
            f'create index concurrently "{_NAME}" on action (item_id, created_at) where item_id is not null'
        )
        op.execute('drop index concurrently if exists "IDX_action_item_id_created_at"')
        op.execute("reset lock_timeout")
