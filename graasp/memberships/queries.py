"""Every statement on memberships."""

from sqlalchemy import insert, text

from graasp.memberships.tables import item_membership

_ANCESTORS = """(
    select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n
)"""

# One entry per account with a membership on the path: its deepest one, with the item it is attached to.
FOR_ITEM = text(
    f"""
    select distinct on (m.account_id)
        m.id, m.permission::text as permission, m.item_path, m.created_at, m.updated_at,
        a.id as account_id, a.name as account_name, a.type::text as account_type, a.email as account_email
    from item_membership m join account a on a.id = m.account_id
    where m.item_path = any(array{_ANCESTORS})
    order by m.account_id, nlevel(m.item_path) desc
    """
)
ITEMS_ON_PATH = text(f"select * from item where path = any(array{_ANCESTORS})")
ONE = text(
    """
    select m.id, m.permission::text as permission, m.item_path, m.creator_id, m.account_id, m.created_at,
        m.updated_at, a.name as account_name, a.type::text as account_type
    from item_membership m join account a on a.id = m.account_id
    where m.id = cast(:membership_id as uuid)
    """
)
MEMBER = text(
    "select id, name, email, coalesce(extra->>'lang', 'en') as lang from members_view"
    " where id = cast(:account_id as uuid)"
)
# The best membership on the path; the one closest to the root when several are equal.
BEST = text(
    f"""
    select id, permission::text as permission, item_path, creator_id, account_id, created_at, updated_at
    from item_membership
    where account_id = cast(:account_id as uuid) and item_path in {_ANCESTORS}
      and (cast(:without as uuid) is null or id <> cast(:without as uuid))
    order by item_membership.permission desc, nlevel(item_path) limit 1
    """
)
# Whoever changes the admins of an item waits for whoever is at it: the last one must stay.
LOCK_ADMINS = text(f"select id from item_membership where item_path in {_ANCESTORS} order by id for update")
OTHER_ADMIN = text(
    f"""
    select 1 from (
        select distinct on (account_id) account_id, id, permission from item_membership
        where item_path in {_ANCESTORS}
        order by account_id, nlevel(item_path) desc
    ) entries
    where permission = 'admin' and id <> cast(:membership_id as uuid) limit 1
    """
)
INSERT = insert(item_membership).returning(*item_membership.c)
SET = text(
    """
    update item_membership set permission = cast(:permission as permission_enum), updated_at = now()
    where id = cast(:membership_id as uuid)
    returning id, permission::text as permission, item_path, creator_id, account_id, created_at, updated_at
    """
)
DELETE_ONE = text("delete from item_membership where id = cast(:membership_id as uuid)")
# Strictly below: what the new permission makes redundant, or everything.
DELETE_BELOW = text(
    """
    delete from item_membership
    where account_id = cast(:account_id as uuid) and item_path <@ cast(:path as ltree)
      and item_path <> cast(:path as ltree) and permission <= cast(:up_to as permission_enum)
    """
)
DELETE_REQUESTS = text(
    """
    delete from membership_request r using item i
    where r.item_id = i.id and r.member_id = cast(:account_id as uuid) and i.path <@ cast(:path as ltree)
    """
)
ADMINISTER = text(
    """
    insert into item_membership (permission, item_path, creator_id, account_id)
    values ('admin', cast(:path as ltree), cast(:account_id as uuid), cast(:account_id as uuid))
    """
)
