"""Every statement on the recycle bin."""

from sqlalchemy import text

from graasp.items.bounded_rows import whole_unless_too_large
from graasp.items.tables import GRAVE

_ROOTS = "unnest(cast(:paths as text[])::ltree[]) root(path)"

# An item that is recycled again, or by another way, is listed once, from now on.
RECYCLE = text(
    f"""
    with recycled as (
        update item i set deleted_at = now(), updated_at = now()
        from {_ROOTS} where i.path <@ root.path and i.deleted_at is null
        returning i.*
    ), listed as (
        insert into recycled_item_data (creator_id, item_path)
        select cast(:account_id as uuid), root.path from {_ROOTS}
        on conflict (item_path) do update set created_at = now(), creator_id = excluded.creator_id
    )
    {whole_unless_too_large("recycled")}
    """
)
# Whatever was recycled below on its own comes back too: no row of the bin may outlast it.
RESTORE = text(
    f"""
    with unlisted as (
        delete from recycled_item_data r using {_ROOTS} where r.item_path <@ root.path
    ), restored as (
        update item i set deleted_at = null, updated_at = now()
        from {_ROOTS} where i.path <@ root.path and i.deleted_at is not null
        returning i.*
    )
    {whole_unless_too_large("restored")}
    """
)
RECYCLED = text(
    f"""
    select id from item
    where id = any(cast(:item_ids as uuid[])) and deleted_at is not null and not path <@ '{GRAVE}'
    """
)
# Of these trees, those that lie below something that stays recycled.
BURIED = text(
    f"""
    select root.path from {_ROOTS}
    where exists (
        select from item above
        where above.deleted_at is not null and above.path = any(array(
            select subpath(root.path, 0, n) from generate_series(1, nlevel(root.path) - 1) n))
    )
    """
)
LISTED = text(
    """
    select i.*
    from recycled_item_data r join item i on i.path = r.item_path
    where r.created_at > now() - make_interval(months => cast(:months as integer))
      and i.deleted_at is not null
      and exists (
        select from item_membership m
        where m.account_id = cast(:account_id as uuid) and m.permission = 'admin'
          and m.item_path = any(array(
            select subpath(r.item_path, 0, n) from generate_series(1, nlevel(r.item_path)) n))
    )
    order by i.deleted_at desc, i.id
    limit :page_size offset :skipped
    """
)
# A day after the last page that showed them; the oldest first, and never what lies in another one of them.
EXPIRED = text(
    """
    select r.item_path as path
    from recycled_item_data r join item i on i.path = r.item_path
    where i.deleted_at is not null
      and r.created_at < now() - make_interval(months => cast(:months as integer), days => 1)
      and not (r.item_path = any(cast(:skipped as text[])::ltree[]))
    order by r.created_at, nlevel(r.item_path) limit :batch
    """
)
STILL_EXPIRED = text(
    """
    select i.id from recycled_item_data r join item i on i.path = r.item_path
    where r.item_path = cast(:path as ltree) and i.deleted_at is not null
      and r.created_at < now() - make_interval(months => cast(:months as integer), days => 1)
    """
)
