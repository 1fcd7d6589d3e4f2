"""Every statement on registered apps and what they store."""

from sqlalchemy import func, select, text

from graasp.apps.tables import publishers

# Where registered apps are served from.
ORIGINS = select(func.unnest(publishers.c.origins).label("origin")).distinct()
SETTINGS_OF = text(
    """
    select id, item_id, jsonb_typeof(data->'file') = 'object' as has_file
    from app_setting where item_id = any(cast(:item_ids as uuid[])) order by created_at, id
    """
)
# The copies keep name, data and creator; a file setting names its own file.
COPY_SETTINGS = text(
    """
    insert into app_setting (id, item_id, creator_id, name, data)
    select c.id, c.item_id, s.creator_id, s.name,
        case when c.file_key is null then s.data else jsonb_set(s.data, '{file,path}', to_jsonb(c.file_key)) end
    from unnest(cast(:ids as uuid[]), cast(:item_ids as uuid[]), cast(:source_ids as uuid[]),
        cast(:file_keys as text[])) c(id, item_id, source_id, file_key)
    join app_setting s on s.id = c.source_id
    """
)
SETTINGS_WITHOUT_FILE = text(
    """
    select item_id, name, data, created_at, updated_at
    from app_setting where item_id = any(cast(:item_ids as uuid[])) and not jsonb_exists(data, 'file')
    order by created_at, id
    """
)
INSERT_SETTINGS = text(
    """
    insert into app_setting (id, item_id, creator_id, name, data, created_at, updated_at)
    select s.id, s.item_id, cast(:creator_id as uuid), s.name, s.data::jsonb,
        coalesce(s.created_at, now()), coalesce(s.updated_at, now())
    from unnest(cast(:ids as uuid[]), cast(:item_ids as uuid[]), cast(:names as text[]),
        cast(:contents as text[]), cast(:created as timestamptz[]), cast(:updated as timestamptz[]))
        s(id, item_id, name, data, created_at, updated_at)
    """
)
