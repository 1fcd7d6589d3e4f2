"""Every statement on items."""

from collections.abc import Iterable

from sqlalchemy import Numeric, Text, Uuid, bindparam, func, insert, text, update
from sqlalchemy.dialects.postgresql import JSONB

from graasp.db.ltree import Ltree
from graasp.db.statements import instant
from graasp.db.tree_locks import tree_key
from graasp.items.matching import MATCHES
from graasp.items.packing import EXTRA, SETTINGS
from graasp.items.tables import item
from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN, VISIBILITY_JSON

_COLUMNS = """i.id, i.name, i.type, i.description, i.path, i.creator_id, i.created_at, i.updated_at,
    i.lang, i."order", i.extra, i.settings"""
_CREATOR = "case when c.type = 'individual' then c.name end as creator_name"
_CREATOR_JOIN = "left join account c on c.id = i.creator_id"
_SIBLING_ORDER = 'i."order" nulls last, i.created_at, i.id'

_OF_TYPES = "(cast(:types as text[]) is null or i.type = any(cast(:types as text[])))"


def _names(known: Iterable[str]) -> str:
    return f"array[{', '.join(repr(name) for name in sorted(known))}]"


_KNOWN_EXTRA = ", ".join(f"('{kind}', {_names(names)})" for kind, names in EXTRA.items())

CHILDREN = text(
    f"""
    select {_COLUMNS}, {_CREATOR}
    from item_view i {_CREATOR_JOIN}
    where subpath(i.path, 0, -1) = cast(:path as ltree) and {_OF_TYPES}
    order by {_SIBLING_ORDER}
    """
)
CHILDREN_FOUND = text(
    f"""
    select {_COLUMNS}, {_CREATOR}
    from item_view i {_CREATOR_JOIN}
    where subpath(i.path, 0, -1) = cast(:path as ltree) and {_OF_TYPES} and {MATCHES}
    order by {_SIBLING_ORDER}
    """
)

# For the longest answer: each item as the JSON text of its `generic_item`. A `plain` one holds nothing that clients
# don't know, and needs no link.
DESCENDANT_TEXTS = text(
    f"""
    select i.path, i.type, i.creator_id, {_CREATOR}, row_to_json(wire)::text as wire,
        case when jsonb_typeof(i.settings) = 'object' and jsonb_typeof(i.extra -> i.type) = 'object' then
            i.settings - {_names(SETTINGS)} = '{{}}' and i.settings -> 'hasThumbnail' is distinct from 'true'
            and i.extra - cast(i.type as text) = '{{}}' and (i.extra -> i.type) - known.names = '{{}}'
            and i.type <> 'h5p'
        end as plain
    from item_view i {_CREATOR_JOIN}
    left join (values {_KNOWN_EXTRA}) known(type, names) on known.type = i.type
    cross join lateral (
        select i.id, i.name, i.type, i.description, i.path, i.lang, i.settings, i.extra,
            {instant("i.created_at")} as "createdAt",
            {instant("i.updated_at")} as "updatedAt"
    ) wire
    where i.path <@ cast(:path as ltree) and i.id <> cast(:item_id as uuid)
    order by coalesce(i."order", 0), i.created_at, i.id
    """
)
# The same without what may be large; and that, for some of them, in the order of their ids.
OUTLINE = text(
    """
    select i.id, i.name, i.type, i.path, i.updated_at
    from item_view i
    where i.path <@ cast(:path as ltree) and i.id <> cast(:item_id as uuid)
    order by coalesce(i."order", 0), i.created_at, i.id
    """
)
CONTENTS = text(
    f"""
    select {_COLUMNS}
    from unnest(cast(:item_ids as uuid[])) with ordinality wanted(id, position)
    join item_view i on i.id = wanted.id
    order by wanted.position
    """
)
# What changes access on the way down from an item: memberships of the caller, and visibilities.
ACCESS_BELOW = text(
    f"""
    select m.item_path, m.permission::text as permission, null as type, null::jsonb as visibility
    from item_membership m
    where m.account_id = cast(:account_id as uuid) and m.item_path <@ cast(:path as ltree)
    union all
    select v.item_path, null, v.type::text, {VISIBILITY_JSON}
    from item_visibility v
    where v.item_path <@ cast(:path as ltree)
    """
)
# Ancestors at or below one of the caller's memberships, or a public item.
PARENTS = text(
    """
    with ancestors as (
        select subpath(cast(:path as ltree), 0, n) as path
        from generate_series(1, nlevel(cast(:path as ltree)) - 1) n
    ), entry as (
        select min(nlevel(e.item_path)) as level from (
            select m.item_path from item_membership m
            where m.account_id = cast(:account_id as uuid) and m.item_path in (select path from ancestors)
            union all
            select v.item_path from item_visibility v
            where v.type = 'public' and v.item_path in (select path from ancestors)
        ) e
    )
    select i.id, i.name, i.path
    from item_view i join ancestors a on a.path = i.path cross join entry
    where nlevel(i.path) >= entry.level
    order by nlevel(i.path)
    """
)

SORTS = {
    "item.type": "i.type",
    "item.updated_at": "i.updated_at",
    "item.created_at": "i.created_at",
    "item.creator.name": "c.name",
    "item.name": "i.name",
}


# Items by an array of paths, never by a join: the planner then probes the unique index path by path, whatever it
# believes of the number of memberships, where a join may meet the GiST index, twenty times slower at equality.
_MEMBER_OF = """
    select m.item_path from item_membership m
    where m.account_id = cast(:account_id as uuid)
    and (cast(:permissions as text[]) is null or m.permission::text = any(cast(:permissions as text[])))
"""
_WANTED = f"(cast(:creator_id as uuid) is null or i.creator_id = cast(:creator_id as uuid)) and {_OF_TYPES}"


def _accessible(sort: str, direction: str, *, searched: bool) -> str:
    wanted = f"{_WANTED} and {MATCHES}" if searched else _WANTED
    above = f"""
        select 1 from item_view i
        where i.path = any(array({_MEMBER_OF} and m.item_path = any(
            array(select subpath(outermost.path, 0, n) from generate_series(1, nlevel(outermost.path) - 1) n))))
        and {wanted}
    """
    return f"""
        select {_COLUMNS}, {_CREATOR}, {ACCESS_COLUMNS}
        from (
            select outermost.id, row_number() over () as position
            from (
                select i.id, i.path
                from item_view i {_CREATOR_JOIN}
                where i.path = any(array({_MEMBER_OF})) and {wanted}
                order by {sort} {direction} nulls last, i.id {direction}
                offset 0
            ) outermost
            where nlevel(outermost.path) = 1 or not exists ({above})
            limit :page_size offset :skipped
        ) page
        join item_view i on i.id = page.id {_CREATOR_JOIN} {ACCESS_JOIN}
        order by page.position
    """


# One statement per sort, direction and search: their names are never taken from the request.
ACCESSIBLE = {
    (name, direction, searched): text(_accessible(column, direction, searched=searched))
    for name, column in SORTS.items()
    for direction in ("asc", "desc")
    for searched in (True, False)
}

LOCK = text("select * from item_view where id = cast(:item_id as uuid) for no key update")
# Together with everything else that needs the tree as it is; apart from what changes its shape. The path is the one
# that the folder has by then.
LOCK_FOLDER = text(
    f"""
    with tree as materialized (select pg_advisory_xact_lock_shared({tree_key("cast(:path as ltree)")}))
    select i.id, i.path from tree, item i
    where i.id = cast(:item_id as uuid) and i.deleted_at is null for no key update of i
    """
)
# Where a new child would go: how many there are, the outermost orders, and the neighbours of the previous sibling.
SLOT = text(
    """
    with siblings as (
        select id, "order" from item
        where deleted_at is null and subpath(path, 0, -1) = cast(:path as ltree)
          and (cast(:moving as uuid) is null or id <> cast(:moving as uuid))
    ), previous as (
        select nullif("order", 0) as "order" from siblings where id = cast(:previous_id as uuid)
    )
    select count(*) as children, min(nullif("order", 0)) as first, max("order") as last,
        (select "order" from previous) as previous,
        (select min(s."order") from siblings s, previous p where s."order" > p."order") as next
    from siblings
    """
)
# Only when an order is missing or zero, two are equal, or neighbours come too close; `updated_at` stays.
RESCALE = text(
    """
    with siblings as (
        select id, "order",
            row_number() over (order by "order" nulls last, created_at, id) as position,
            "order" - lag("order") over (order by "order" nulls last, created_at, id) as gap
        from item where deleted_at is null and subpath(path, 0, -1) = cast(:path as ltree)
    )
    update item set "order" = siblings.position * 20
    from siblings
    where item.id = siblings.id and exists (
        select from siblings s having count(*) > 1
        and bool_or(coalesce(s."order", 0) = 0 or s.gap < 0.1)
    )
    """
)
INSERT = insert(item).returning(*item.c)
SET_ORDER = (
    update(item)
    .where(
        item.c.id == bindparam("item_id", type_=Uuid),
        item.c.path == bindparam("at_path", type_=Ltree),
        item.c.deleted_at.is_(None),
    )
    .values(order=bindparam("new_order", type_=Numeric), updated_at=func.now())
    .returning(*item.c)
)
UPDATE = (
    update(item)
    .where(item.c.id == bindparam("item_id", type_=Uuid))
    .values(
        name=bindparam("new_name", type_=Text),
        description=bindparam("new_description", type_=Text),
        lang=bindparam("new_lang", type_=Text),
        settings=bindparam("new_settings", type_=JSONB),
        extra=bindparam("new_extra", type_=JSONB),
        updated_at=func.now(),
    )
    .returning(*item.c)
)
LOCK_PATH = text(
    f"""
    with tree as materialized (select pg_advisory_xact_lock_shared({tree_key("cast(:path as ltree)")}))
    select i.id from tree, item i where i.path = cast(:path as ltree) for no key update of i
    """
)
FIND = text("select * from item_view where id = cast(:item_id as uuid)")
KEEP_DECODED = text(
    """
    update item set updated_at = now(),
        settings = case when cast(:has_thumbnail as boolean) then settings || '{"hasThumbnail": true}'
            else settings end,
        extra = jsonb_set(extra, '{file,content}', to_jsonb(cast(:text as text)))
    where id = cast(:item_id as uuid) and type = 'file' and extra #>> '{file,path}' = cast(:storage_key as text)
    returning id
    """
)
