"""Full-text search of items: the document of an item, and the text configuration of its language.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# The length is bounded because PostgreSQL refuses larger documents, and an index must never refuse an item.
_FUNCTIONS = """
create function item_search_config(lang text) returns regconfig language sql immutable parallel safe as $$
    select case lang
        when 'de' then 'german'::regconfig
        when 'es' then 'spanish'::regconfig
        when 'fr' then 'french'::regconfig
        when 'it' then 'italian'::regconfig
        else 'english'::regconfig
    end
$$;

create function item_search_document(config regconfig, name text, description text, extra jsonb)
returns tsvector language sql immutable parallel safe as $$
    select setweight(to_tsvector('simple'::regconfig, name), 'A')
        || setweight(to_tsvector(config, left(coalesce(description, ''), 5000)), 'B')
        || setweight(to_tsvector(config, left(coalesce(extra #>> '{document,content}', ''), 100000)), 'D')
        || setweight(to_tsvector(config, left(coalesce(extra #>> '{file,content}', ''), 100000)), 'D')
$$;
"""


def upgrade() -> None:
    op.execute(_FUNCTIONS)
