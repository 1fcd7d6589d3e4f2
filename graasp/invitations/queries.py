"""Every statement on invitations."""

from sqlalchemy import text

_COLUMNS = (
    """n.id, n.name, n.email, n.permission::text as permission, n.item_path, n.created_at, n.updated_at"""
)
_ON_PATH = """any(array(
    select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n
))"""

ON_PATH = text(
    f"""
    select {_COLUMNS} from invitation n where n.item_path = {_ON_PATH}
    order by nlevel(n.item_path), n.created_at, n.email
    """
)
ITEMS_ON_PATH = text(f"select * from item_view where path = {_ON_PATH}")
# Nobody is invited to what lies in the recycle bin.
FIND = text(
    f"""
    select {_COLUMNS}, i.id as item_id
    from invitation n join item_view i on i.path = n.item_path
    where n.id = cast(:invitation_id as uuid)
    """
)
ITEM = text("select * from item_view where id = cast(:item_id as uuid)")
MEMBERS = text(
    """
    select id, email from members_view where email = any(cast(:emails as text[]))
    """
)
# Those who were invited to the very item before keep their invitation as it is: they do not come back.
INSERT = text(
    f"""
    with n as (
        insert into invitation (item_path, email, permission, name)
        select v.item_path::ltree, v.email, v.permission::permission_enum, v.name
        from unnest(cast(:paths as text[]), cast(:emails as text[]), cast(:permissions as text[]),
            cast(:names as text[])) v(item_path, email, permission, name)
        on conflict (item_path, email) do nothing
        returning *
    )
    select {_COLUMNS} from n order by n.email
    """
)
UPDATE = text(
    """
    update invitation set updated_at = now(),
        name = case when cast(:renames as boolean) then cast(:name as text) else name end,
        permission = coalesce(cast(:permission as permission_enum), permission)
    where id = cast(:invitation_id as uuid)
    """
)
DELETE = text("delete from invitation where id = cast(:invitation_id as uuid)")
TAKE = text(
    "delete from invitation where lower(email) = lower(:email)"
    " returning item_path, permission::text as permission"
)
