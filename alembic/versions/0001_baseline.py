"""The schema of existing installations: an adopted database starts behind this revision.

Revision ID: 0001
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

# The migrations of the companion application that these tables stand for: it must not create them again.
COMPANION_VERSIONS = (
    20250806110912,
    20250807113759,
    20250818111736,
    20250819070000,
    20250828053810,
    20250901102230,
    20250902085812,
    20250904060051,
    20250904072624,
    20251014122320,
)


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
    for version in COMPANION_VERSIONS:
        op.execute(f"insert into schema_migrations (version, inserted_at) values ({version}, now())")
