"""Every statement on visibilities."""

from sqlalchemy import text

# Nothing when the item or an ancestor has one of this type; the unique constraint decides between two at once.
INSERT = text(
    """
    insert into item_visibility (type, item_path, creator_id)
    select cast(:type as item_visibility_type), cast(:path as ltree), cast(:creator_id as uuid)
    where not exists (
        select from item_visibility v
        where v.type = cast(:type as item_visibility_type) and v.item_path = any(array(
            select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n))
    )
    on conflict (type, item_path) do nothing
    returning id
    """
)
# The one of the closest ancestor, with the item it is attached to.
INHERITED = text(
    """
    select v.id as visibility_id, v.created_at as visibility_created_at, i.*
    from item_visibility v join item i on i.path = v.item_path
    where v.type = cast(:type as item_visibility_type) and v.item_path = any(array(
        select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree)) - 1) n))
    order by nlevel(v.item_path) desc limit 1
    """
)
DELETE = text(
    """
    delete from item_visibility
    where type = cast(:type as item_visibility_type) and item_path <@ cast(:path as ltree)
    """
)
# Of copies: nobody is named as the one who did it.
HIDE = text(
    """
    insert into item_visibility (type, item_path)
    select 'hidden', path::ltree from unnest(cast(:paths as text[])) path
    """
)
