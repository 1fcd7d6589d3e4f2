"""Every statement on app settings, but for those on many apps at once: see `graasp.apps.queries`."""

from sqlalchemy import text

from graasp.apps.files.keys import SETTING_FILE_KEY

_COLUMNS = "s.id, s.item_id, s.creator_id, s.name, s.data, s.created_at, s.updated_at"

LIST = text(
    """
    select s.id::text, s.name, s.data::text, s.creator_id::text, s.created_at, s.updated_at,
        c.name as creator_name
    from app_setting s left join account c on c.id = s.creator_id
    where s.item_id = cast(:item_id as uuid) and (:name = '' or s.name = :name)
    order by s.created_at, s.id
    """
)
_FIND = f"""
    select {_COLUMNS}, {SETTING_FILE_KEY} as file_key, c.name as creator_name
    from app_setting s left join account c on c.id = s.creator_id
    where s.id = cast(:id as uuid) and s.item_id = cast(:item_id as uuid)
"""
FIND = text(_FIND)
FIND_TO_CHANGE = text(f"{_FIND} for update of s")
CREATE = text(
    """
    insert into app_setting (id, item_id, creator_id, name, data)
    values (cast(:id as uuid), cast(:item_id as uuid), cast(:creator_id as uuid), :name, cast(:data as jsonb))
    returning *
    """
)
UPDATE = text(
    """
    update app_setting set data = cast(:data as jsonb), updated_at = now()
    where id = cast(:id as uuid) returning *
    """
)
DELETE = text(
    """
    with uncounted as (delete from app_upload where id = cast(:id as uuid))
    delete from app_setting where id = cast(:id as uuid)
    """
)
