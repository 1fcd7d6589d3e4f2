"""Every statement on files."""

from sqlalchemy import text

_OWN_FILES = "from item_view i where i.type = 'file' and i.creator_id = cast(:account_id as uuid)"
_SIZE = "case when jsonb_typeof(i.extra #> '{file,size}') = 'number' then (i.extra #>> '{file,size}')::numeric else 0 end"

USED = text(f"select coalesce(sum({_SIZE}), 0)::bigint {_OWN_FILES}")
OWN = text(
    f"""
    select i.id, i.name, i.path, i.updated_at, {_SIZE} as size, p.id as parent_id, p.name as parent_name
    from item_view i
    left join item_view p on nlevel(i.path) > 1 and p.path = subpath(i.path, 0, -1)
    where i.type = 'file' and i.creator_id = cast(:account_id as uuid)
    order by size desc, i.id limit :page_size offset :skipped
    """
)
# Uploads of one member wait for each other, or together they could pass the limit.
LOCK_OWNER = text("select id from account where id = cast(:account_id as uuid) for no key update")
FIND = text(
    """
    select id, creator_id, extra, settings from item
    where id = cast(:item_id as uuid) and type = 'file' and extra #>> '{file,path}' = cast(:storage_key as text)
    """
)
