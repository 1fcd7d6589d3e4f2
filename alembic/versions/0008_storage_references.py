"""The indexes that tell which stored objects some row refers to.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"

# By hash: what rows say may be longer than a page of another kind of index can hold.
_INDEXES = {
    "IDX_item_file_key": (
        "item using hash (coalesce(extra #>> '{file,path}', extra #>> '{file,key}')) where type = 'file'"
    ),
    "IDX_item_h5p_content_id": "item using hash ((extra #>> '{h5p,contentId}')) where type = 'h5p'",
    "IDX_app_setting_file_key": (
        "app_setting using hash ((data #>> '{file,path}')) where data #>> '{file,path}' is not null"
    ),
}


def upgrade() -> None:
    # Built as in 0004: blocking nobody, and again after an interruption.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        for name, definition in _INDEXES.items():
            op.execute(f'drop index concurrently if exists "{name}"')
            op.execute(f'create index concurrently "{name}" on {definition}')
        op.execute("reset lock_timeout")
        op.execute("analyze item, app_setting")
