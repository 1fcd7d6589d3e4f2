"""The statements that change whole trees: each works on any number of items."""

from sqlalchemy import text

_ROOTS = "unnest(cast(:paths as text[])::ltree[]) root(path)"

PATHS = text("select id, path from item where id = any(cast(:item_ids as uuid[]))")
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
DELETE = text(f"delete from item i using {_ROOTS} where i.path <@ root.path returning i.*")
