"""Full-text search of items: one indexed document per text configuration.

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
_DOCUMENT = "item_search_document({config}, name, description, extra)"
_INDEXES = {
    "IDX_item_search_simple": "'simple'::regconfig",
    "IDX_item_search_english": "'english'::regconfig",
    "IDX_item_search_lang": "item_search_config(lang)",
}


def upgrade() -> None:
    op.execute(_FUNCTIONS)
    with op.get_context().autocommit_block():
        for name, config in _INDEXES.items():
            document = _DOCUMENT.format(config=config)
            op.execute(
                f'create index concurrently if not exists "{name}" on item using gin (({document}))'
                " where deleted_at is null"
            )
