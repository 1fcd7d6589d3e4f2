"""Every statement on memberships."""

from sqlalchemy import text

from graasp.db.tree_locks import tree_key

# Ancestors by equality, the item itself included: they meet the unique index.
ANCESTORS = """(
    select subpath(cast(:path as ltree), 0, n) from generate_series(1, nlevel(cast(:path as ltree))) n
)"""
_COLUMNS = """m.id, m.permission::text as permission, m.item_path, m.creator_id, m.account_id, m.created_at,
    m.updated_at"""
# Changes of the memberships of one tree wait for each other, until the transaction ends: else two admins could remove
# each other, and two grants on one path both stay.
LOCK_TREE = text(f"select pg_advisory_xact_lock({tree_key('cast(:path as ltree)')})")
LOCK_TREE_OF = text(
    f"""
    select pg_advisory_xact_lock({tree_key("item_path")})
    from item_membership where id = cast(:membership_id as uuid)
    """
)
# In one order, so that two moves between the same trees do not wait for each other for ever.
LOCK_TREES = text(
    f"""
    select pg_advisory_xact_lock({tree_key("roots.path")}) from (
        select distinct subpath(p.path, 0, 1) as path from unnest(cast(:paths as text[])::ltree[]) p(path)
        order by 1
    ) roots
    """
)

# One entry per account with a membership on the path: its deepest one, with the item it is attached to.
FOR_ITEM = text(
    f"""
    select distinct on (m.account_id)
        m.id, m.permission::text as permission, m.item_path, m.created_at, m.updated_at,
        a.id as account_id, a.name as account_name, a.type::text as account_type, a.email as account_email
    from item_membership m join account a on a.id = m.account_id
    where m.item_path = any(array{ANCESTORS})
    order by m.account_id, nlevel(m.item_path) desc
    """
)
ITEMS_ON_PATH = text(f"select * from item where path = any(array{ANCESTORS})")
ITEM_AT = text("select * from item where path = cast(:path as ltree)")
ONE = text(
    f"""
    select {_COLUMNS}, a.name as account_name, a.type::text as account_type
    from item_membership m join account a on a.id = m.account_id
    where m.id = cast(:membership_id as uuid)
    """
)
MEMBERS = text(
    """
    select id, name, email, coalesce(extra->>'lang', 'en') as lang
    from members_view where id = any(cast(:account_ids as uuid[]))
    """
)
# The best membership of each account on the path; the one closest to the root when several are equal.
INHERITED = text(
    f"""
    select distinct on (m.account_id) {_COLUMNS}
    from item_membership m
    where m.account_id = any(cast(:account_ids as uuid[])) and m.item_path = any(array{ANCESTORS})
      and (cast(:without as uuid) is null or m.id <> cast(:without as uuid))
    order by m.account_id, m.permission desc, nlevel(m.item_path)
    """
)
OTHER_ADMIN = text(
    f"""
    select 1 from (
        select distinct on (account_id) id, permission from item_membership
        where item_path = any(array{ANCESTORS})
        order by account_id, nlevel(item_path) desc
    ) entries
    where permission = 'admin' and id <> cast(:membership_id as uuid) limit 1
    """
)


def _with_consequences(change: str) -> str:
    """What a permission given by `change` makes redundant, and the requests it answers, at and below the item."""
    return f"""
    with changed as ({change}), redundant as (
        delete from item_membership m using changed c
        where m.account_id = c.account_id and m.item_path <@ c.item_path and m.item_path <> c.item_path
          and m.permission <= c.permission
    ), answered as (
        delete from membership_request r using changed c, item i
        where r.member_id = c.account_id and r.item_id = i.id and i.path <@ c.item_path
    )
    select {_COLUMNS} from changed m
    """


# An account that has a membership on the item after all is left out of what comes back.
GRANT = text(
    _with_consequences(
        """
        insert into item_membership (item_path, account_id, permission, creator_id)
        select cast(:path as ltree), g.account_id, g.permission::permission_enum, cast(:creator_id as uuid)
        from unnest(cast(:account_ids as uuid[]), cast(:permissions as text[])) g(account_id, permission)
        on conflict (item_path, account_id) do nothing
        returning *
        """
    )
)
SET = text(
    _with_consequences(
        """
        update item_membership set permission = cast(:permission as permission_enum), updated_at = now()
        where id = cast(:membership_id as uuid)
        returning *
        """
    )
)
# The membership alone, or with everything of the account below it.
DELETE = text(
    """
    delete from item_membership m using item_membership named
    where named.id = cast(:membership_id as uuid) and m.account_id = named.account_id and (
        m.id = named.id or (cast(:purge_below as boolean) and m.item_path <@ named.item_path)
    )
    """
)
GIVE_OWN = text(
    """
    insert into item_membership (permission, item_path, creator_id, account_id)
    select cast(:permission as permission_enum), path::ltree, cast(:account_id as uuid), cast(:account_id as uuid)
    from unnest(cast(:paths as text[])) path
    """
)

_ABOVE_MOVED = "any(array(select subpath(i.path, 0, n) from generate_series(1, nlevel(i.path) - 1) n))"
_MOVED = "unnest(cast(:item_paths as text[])::ltree[]) i(path)"
_HELD_ABOVE = f"""
    select i.path, m.account_id, max(m.permission) as permission
    from {_MOVED} join item_membership m on m.item_path = {_ABOVE_MOVED}
    group by i.path, m.account_id
"""
_RAISE = """
    on conflict (item_path, account_id) do update
    set permission = excluded.permission, updated_at = now()
    where excluded.permission > item_membership.permission
"""
# Whoever held more at the old parent than at the destination keeps it, if the destination knows the account at all.
CARRY_INTO_FOLDER = text(
    f"""
    with destination as (
        select account_id, max(permission) as permission
        from item_membership where item_path = any(array{ANCESTORS}) group by account_id
    )
    insert into item_membership (item_path, account_id, permission, creator_id)
    select held.path, held.account_id, held.permission, held.account_id
    from ({_HELD_ABOVE}) held join destination d using (account_id)
    where held.permission > d.permission
    {_RAISE}
    """
)
# Nobody loses what was inherited.
CARRY_TO_ROOT = text(
    f"""
    insert into item_membership (item_path, account_id, permission, creator_id)
    select held.path, held.account_id, held.permission, cast(:mover_id as uuid) from ({_HELD_ABOVE}) held
    {_RAISE}
    """
)
# On the moved items and below, what the destination or the moved item itself gives already.
DROP_REDUNDANT = text(
    f"""
    with effective as (
        select path, account_id, max(permission) filter (where inherited) as from_above,
            max(permission) as permission
        from (
            select i.path, m.account_id, m.permission, true as inherited
            from {_MOVED} cross join item_membership m where m.item_path = any(array{ANCESTORS})
            union all
            select i.path, m.account_id, m.permission, false
            from {_MOVED} join item_membership m on m.item_path = i.path
        ) known
        group by path, account_id
    )
    delete from item_membership m using effective e
    where m.account_id = e.account_id and m.item_path <@ e.path
      and m.permission <= case when m.item_path = e.path then e.from_above else e.permission end
    """
)
# To an account that has none yet: what rises down the tree, the rest is inherited.
ADMIT = text(
    """
    with given as (
        select path::ltree as path, max(permission::permission_enum) as permission
        from unnest(cast(:paths as text[]), cast(:permissions as text[])) v(path, permission)
        group by 1
    )
    insert into item_membership (item_path, permission, account_id)
    select g.path, g.permission, cast(:account_id as uuid) from given g
    where not exists (
        select from given a where a.path @> g.path and a.path <> g.path and a.permission >= g.permission
    )
    on conflict (item_path, account_id) do nothing
    """
)
