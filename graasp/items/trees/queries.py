"""The statements that change whole trees: each works on any number of items."""

from sqlalchemy import text

from graasp.db.cascades import dependents_deleted
from graasp.items.bounded_rows import whole_unless_too_large
from graasp.items.tables import GRAVE
from graasp.schema import metadata

_ROOTS = "unnest(cast(:paths as text[])::ltree[]) root(path)"

PATHS = text(f"select id, path from item where id = any(cast(:item_ids as uuid[])) and not path <@ '{GRAVE}'")
# How many live items each tree has, and how many levels, recycled ones included: they move as well.
SIZES = text(
    f"""
    select root.path, count(*) filter (where i.deleted_at is null) as live, count(*) as items,
        max(nlevel(i.path)) - nlevel(root.path) + 1 as height
    from {_ROOTS} join item i on i.path <@ root.path
    group by root.path
    """
)
ROWS = text("select * from item_view where id = any(cast(:item_ids as uuid[]))")
# Everything below moves along, recycled or not; only the topmost items get a new place among their siblings.
MOVE = text(
    """
    with moved as (
        update item i set
            path = coalesce(
                cast(:parent as ltree) || subpath(i.path, nlevel(root.path) - 1),
                subpath(i.path, nlevel(root.path) - 1)),
            "order" = case when i.path = root.path then root.new_order else i."order" end,
            updated_at = now()
        from unnest(cast(:paths as text[])::ltree[], cast(:orders as numeric[])) root(path, new_order)
        where i.path <@ root.path
        returning i.*
    )
    select * from moved where id = any(cast(:item_ids as uuid[]))
    """
)
# Locked, so that nothing is attached to them meanwhile.
DOOMED = text(
    f"""
    with doomed as (select i.* from {_ROOTS} join item i on i.path <@ root.path for update of i)
    {whole_unless_too_large("doomed")} order by nlevel(i.path)
    """
)
_THESE = "id = any(cast(:item_ids as uuid[]))"
DELETE = text(f"delete from item where {_THESE} and not path <@ '{GRAVE}'")
# What deleting the items would delete in other tables.
DELETE_DEPENDENTS = dependents_deleted(
    metadata, "item", {"id": "cast(:item_ids as uuid[])", "path": "cast(:paths as text[])::ltree[]"}
)
# Only what has actions stays.
BURY = text(
    f"""
    update item set
        path = '{GRAVE}' || cast(:deletion as ltree) || subpath(path, -1),
        name = '', type = 'folder', description = null, creator_id = null, lang = 'en', "order" = null,
        extra = '{{}}', settings = '{{}}', deleted_at = now(), updated_at = now()
    where {_THESE} and exists (select from action where item_id = item.id)
    """
)
BURIED = text(f"select id from item where path <@ ('{GRAVE}' || cast(:deletion as ltree)) order by id")
DELETIONS = text(f"select distinct subpath(path, 1, 1) as deletion from item where path <@ '{GRAVE}'")
DELETE_BURIED = text(f"delete from item where {_THESE} and path <@ '{GRAVE}'")
FILES_STILL_USED = text(
    """
    select stored.key from unnest(cast(:keys as text[])) stored(key)
    where exists (
        select from item
        where type = 'file' and coalesce(extra #>> '{file,path}', extra #>> '{file,key}') = stored.key)
    """
)
PADS_STILL_USED = text(
    """
    select extra #>> '{etherpad,padID}' as pad_id from item
    where type = 'etherpad' and extra #>> '{etherpad,padID}' = any(cast(:pad_ids as text[]))
    """
)
