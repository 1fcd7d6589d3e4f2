"""How much of items is read where many may be read at once: all of them may be more than fits in memory."""

_MOST_BYTES = 4 * 1024 * 1024

# Of an item `i`: what its own content refers to outside the database, and no text.
REFERENCES = """case when i.type in ('file', 'h5p', 'etherpad') and jsonb_typeof(i.extra -> i.type) = 'object'
    then i.extra #- '{file,content}' end"""


def whole_unless_too_large(items: str) -> str:
    """A query of all rows of `items`: whole, unless that is too much; then with what deleting and recording need."""
    return f"""
        select i.id, i.name, i.type, i.path, i.creator_id, i.created_at, i.updated_at, i.deleted_at, i.lang, i."order",
            case when size.is_large then null else i.description end as description,
            case when size.is_large then coalesce({REFERENCES}, '{{}}') else i.extra end as extra,
            case when size.is_large then jsonb_strip_nulls(jsonb_build_object(
                'hasThumbnail', i.settings -> 'hasThumbnail',
                'enableSaveActions', i.settings -> 'enableSaveActions'
            )) else i.settings end as settings
        from {items} i, (
            select sum(
                pg_column_size(extra) + pg_column_size(settings) + coalesce(pg_column_size(description), 0)
            ) > {_MOST_BYTES} as is_large from {items}
        ) size
    """
