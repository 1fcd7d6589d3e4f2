"""Every statement on login schemas."""

from sqlalchemy import text

from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN

# A live item, what the account may do on it, and the closest login schema on its path.
COVERED = text(
    f"""
    select i.id, i.name, i.path, {ACCESS_COLUMNS}, s.id as schema_id, s.type::text as schema_type,
        s.status::text as schema_status, s.item_path as schema_path
    from item_view i {ACCESS_JOIN}
    left join lateral (
        select * from item_login_schema l
        where l.item_path = any(a.paths) order by nlevel(l.item_path) desc limit 1
    ) s on true
    where i.id = cast(:item_id as uuid)
    """
)
# The closest login schema on a path, with the item that holds it.
CLOSEST = text(
    """
    select s.id as schema_id, s.type::text as schema_type, s.status::text as schema_status,
        s.created_at as schema_created_at, s.updated_at as schema_updated_at, i.*
    from item_login_schema s join item i on i.path = s.item_path
    where s.item_path = any(array(
        select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n))
    order by nlevel(s.item_path) desc limit 1
    """
)
# What is not given stays, and a new one is active and asks for a name alone.
SET = text(
    """
    insert into item_login_schema as s (item_path, type, status)
    values (
        cast(:path as ltree),
        coalesce(cast(:type as text), 'username')::item_login_schema_type,
        coalesce(cast(:status as text), 'active')::item_login_schema_status
    )
    on conflict (item_path) do update set
        type = coalesce(cast(cast(:type as text) as item_login_schema_type), s.type),
        status = coalesce(cast(cast(:status as text) as item_login_schema_status), s.status),
        updated_at = now()
    """
)
# Where a schema is; it is not deleted before the transaction ends.
HOLD = text("select item_path from item_login_schema where id = cast(:schema_id as uuid) for key share")
# Its guests go with it, and what is theirs alone with them.
DELETE = text("delete from item_login_schema where id = cast(:schema_id as uuid)")
