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
