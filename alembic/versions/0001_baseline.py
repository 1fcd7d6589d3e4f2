"""The schema of existing installations: an adopted database starts behind this revision.

Revision ID: 0001
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create extension if not exists ltree")
    op.execute("create extension if not exists citext")
    # Nothing in the schema calls it; existing installations have it.
    op.execute(
        """
        do $$ begin
            if exists (select from pg_available_extensions where name = 'uuid-ossp') then
                create extension if not exists "uuid-ossp";
            end if;
        end $$
        """
    )
    op.execute(Path(__file__).with_suffix(".sql").read_text())
