"""Every statement on membership requests."""

from sqlalchemy import text

from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN

OF_ITEM = text(
    """
    select a.id, a.name, a.email, r.created_at
    from membership_request r join members_view a on a.id = r.member_id
    where r.item_id = cast(:item_id as uuid)
    order by r.created_at, r.id
    """
)
_IS_PENDING = """exists (
    select from membership_request r where r.item_id = i.id and r.member_id = cast(:account_id as uuid)
) as is_pending"""
# What an account is to an item, as far as requests go; recycled items too, since a request outlives that.
OWN = text(
    f"""
    select i.deleted_at is null as is_live, {_IS_PENDING}, exists (
        select from item_membership m
        where m.item_path = i.path and m.account_id = cast(:account_id as uuid)
    ) as is_member
    from item i where i.id = cast(:item_id as uuid)
    """
)
# All that decides whether access to an item may be asked for.
ASKED_FOR = text(
    f"""
    select i.id, i.name, i.path, i.deleted_at is null as is_live, {_IS_PENDING}, exists (
        select from item_login_schema s where s.item_path = any(a.paths)
    ) as has_login_schema, {ACCESS_COLUMNS}
    from item i {ACCESS_JOIN} where i.id = cast(:item_id as uuid)
    """
)
INSERT = text(
    """
    insert into membership_request (member_id, item_id) values (cast(:account_id as uuid), cast(:item_id as uuid))
    on conflict (member_id, item_id) do nothing
    returning id
    """
)
# Each once, however many memberships make it one.
ADMINS = text(
    """
    select a.id, a.email, coalesce(a.extra->>'lang', 'en') as lang
    from members_view a
    where exists (
        select from item_membership m
        where m.account_id = a.id and m.permission = 'admin' and m.item_path = any(array(
            select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n))
    )
    order by a.id
    """
)
DELETE = text(
    """
    delete from membership_request
    where item_id = cast(:item_id as uuid) and member_id = cast(:account_id as uuid)
    """
)
