"""The indexes that the hot paths need.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"

_INDEXES = {
    "IDX_action_item_id_created_at": "action (item_id, created_at)",
    "IDX_invitation_email": "invitation (lower(email))",
    "IDX_item_live_path": "item (path) where deleted_at is null",
    "IDX_item_live_creator_id_path": "item (creator_id, path) where deleted_at is null",
    "IDX_item_live_parent": "item (subpath(path, 0, -1)) where deleted_at is null",
    "IDX_item_live_updated_at": "item (updated_at desc, id desc) where deleted_at is null",
    # With the permission, so that authorization never visits the table.
    "IDX_item_membership_account_id_item_path": "item_membership (account_id, item_path) include (permission)",
    "IDX_item_search_simple": (
        "item using gin (item_search_document('simple'::regconfig, name, description, extra))"
        " where deleted_at is null"
    ),
    "IDX_item_search_english": (
        "item using gin (item_search_document('english'::regconfig, name, description, extra))"
        " where deleted_at is null"
    ),
    "IDX_item_search_lang": (
        "item using gin (item_search_document(item_search_config(lang), name, description, extra))"
        " where deleted_at is null"
    ),
}


def upgrade() -> None:
    # Built without blocking writers, since an adopted installation may hold many millions of actions. No
    # transaction can do that, so this revision does nothing else: the next run replaces what an interrupted
    # build left invalid.
    with op.get_context().autocommit_block():
        # A build waits for older transactions, and blocks nobody meanwhile.
        op.execute("set lock_timeout = 0")
        for name, definition in _INDEXES.items():
            op.execute(f'drop index concurrently if exists "{name}"')
            op.execute(f'create index concurrently "{name}" on {definition}')
        op.execute("reset lock_timeout")
        # What an expression index tells of its values is gathered here only.
        op.execute("analyze invitation, item")
