"""Who may do what on which item: the one place that decides it.

The highest membership on the item or an ancestor counts. An item that is hidden, itself or by an ancestor, is
refused to everybody below `write`; a public one can be read by everybody.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, TextClause, Uuid, bindparam, text

from graasp.db.database import Reader, Row
from graasp.db.statements import instant
from graasp.http.errors import DomainError, FormattedError
from graasp.items.tables import GRAVE
from graasp.memberships.errors import (
    ItemNotFound,
    MemberCannotAccess,
    UserCannotAdminItem,
    UserCannotWriteItem,
)


class Permission(IntEnum):
    """The levels in their order."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def wire(self) -> str:
        return self.name.lower()

    @classmethod
    def from_wire(cls, name: str) -> "Permission":
        return cls[name.upper()]


Visibility = Mapping[str, Any]


class Access(NamedTuple):
    """What an account may do on an item.

    `item` is its row, with `creator_name`, `permission`, `public` and `hidden` as the wire has them; `permission` is
    none where only `public` lets the account in; `public` and `hidden` are the visibility rows closest to the root, as
    `{id, type, itemPath, createdAt}`.
    """

    item: Row
    permission: Permission | None
    public: Visibility | None
    hidden: Visibility | None


# Ancestors by equality: the expanded paths meet the unique indexes, where `@>` would scan.
_ANCESTORS = "array(select subpath({path}, 0, n) from generate_series(1, nlevel({path})) n)"
VISIBILITY_JSON = f"""jsonb_build_object(
        'id', v.id, 'type', v.type, 'itemPath', v.item_path::text,
        'createdAt', {instant("v.created_at")})"""
_VISIBILITY = f"""(
    select {VISIBILITY_JSON}
    from item_visibility v
    where v.type = '{{type}}' and v.item_path = any(a.paths)
    order by nlevel(v.item_path) limit 1
) as {{type}}"""

# One look-up per ancestor: its cost does not depend on what the planner believes of the account's memberships.
ACCESS_COLUMNS = f"""
    (select max((
        select m.permission from item_membership m
        where m.account_id = cast(:account_id as uuid) and m.item_path = subpath(i.path, 0, n)
    ))::text from generate_series(1, nlevel(i.path)) n) as permission,
    {_VISIBILITY.format(type="public")},
    {_VISIBILITY.format(type="hidden")}
"""
ACCESS_JOIN = f"cross join lateral (select {_ANCESTORS.format(path='i.path')} as paths) a"

_ACCESS = f"""
    select i.*, case when c.type = 'individual' then c.name end as creator_name, {ACCESS_COLUMNS}
    from {{table}} i left join account c on c.id = i.creator_id {ACCESS_JOIN}
"""

_EVEN_RECYCLED = f"(select * from item where not path <@ '{GRAVE}')"
_ONE = text(f"{_ACCESS.format(table='item_view')} where i.id = cast(:item_id as uuid)")
_ONE_EVEN_RECYCLED = text(f"{_ACCESS.format(table=_EVEN_RECYCLED)} where i.id = cast(:item_id as uuid)")


# For many at once, memberships and visibilities on the way are collected first, by path, and decide for each folder what
# its items have in common: looking them up item by item takes ten times as long.
_ACCESS_TO_MANY = f"""
    with wanted as materialized (
        select {{columns}} from {{table}} i where i.id = any(:item_ids)
    ), folders as materialized (
        select distinct subpath(path, 0, -1) as path from wanted
    ), above as materialized (
        select path from wanted
        union
        select subpath(f.path, 0, n) from folders f, generate_series(1, nlevel(f.path)) n
    ), granted as materialized (
        select jsonb_object_agg(m.item_path::text, m.permission) as permissions
        from item_membership m
        where m.account_id = cast(:account_id as uuid) and m.item_path::text in (select path::text from above)
    ), seen as materialized (
        select jsonb_object_agg(v.item_path::text, {VISIBILITY_JSON}) filter (where v.type = 'public') as public,
            jsonb_object_agg(v.item_path::text, {VISIBILITY_JSON}) filter (where v.type = 'hidden') as hidden
        from item_visibility v where v.item_path = any(array(select path from above))
    ), inherited as materialized (
        select f.path, a.* from folders f, granted g, seen s, lateral (
            select max(cast(g.permissions ->> p as permission_enum)) as permission,
                (array_agg(s.public -> p order by n) filter (where s.public ? p))[1] as public,
                (array_agg(s.hidden -> p order by n) filter (where s.hidden ? p))[1] as hidden
            from (select n, subpath(f.path, 0, n)::text as p from generate_series(1, nlevel(f.path)) n) above
        ) a
    )
    select w.*,
        greatest(f.permission, cast(g.permissions ->> w.path::text as permission_enum))::text as permission,
        coalesce(f.public, s.public -> w.path::text) as public,
        coalesce(f.hidden, s.hidden -> w.path::text) as hidden
    from wanted w join inherited f on f.path = subpath(w.path, 0, -1), granted g, seen s
"""


def _many(table: str, columns: str) -> TextClause:
    statement = text(_ACCESS_TO_MANY.format(table=table, columns=columns))
    return statement.bindparams(bindparam("item_ids", type_=ARRAY(Uuid)))


_MANY = _many("item_view", "i.id, i.path")
_MANY_EVEN_RECYCLED = _many(_EVEN_RECYCLED, "i.id, i.path, i.deleted_at")


async def authorize(
    reader: Reader, account_id: UUID | None, item_id: UUID, needed: Permission = Permission.READ
) -> Access:
    """The account's access to a live item, in one statement.

    Raises ItemNotFound, MemberCannotAccess, UserCannotWriteItem or UserCannotAdminItem.
    """
    row = await reader.first(_ONE, account_id=account_id, item_id=item_id)
    if row is None:
        raise ItemNotFound(item_id)
    return _decide(row, needed)


async def authorize_even_recycled(
    reader: Reader, account_id: UUID | None, item_id: UUID, needed: Permission = Permission.READ
) -> Access:
    """As `authorize`, for rules that outlive the item's stay in the recycle bin."""
    row = await reader.first(_ONE_EVEN_RECYCLED, account_id=account_id, item_id=item_id)
    if row is None:
        raise ItemNotFound(item_id)
    return _decide(row, needed)


async def authorize_many(
    reader: Reader,
    account_id: UUID | None,
    item_ids: Sequence[UUID],
    needed: Permission = Permission.READ,
    *,
    even_recycled: bool = False,
) -> dict[UUID, Access | DomainError | FormattedError]:
    """Access or refusal per id, in one statement for any number of items.

    Of the items it tells the id and the path, and with `even_recycled` the date of deletion.
    """
    statement = _MANY_EVEN_RECYCLED if even_recycled else _MANY
    rows = await reader.all(statement, account_id=account_id, item_ids=list(item_ids)) if item_ids else []
    found: dict[UUID, Row] = {row["id"]: row for row in rows}
    return {item_id: _verdict(found.get(item_id), item_id, needed) for item_id in item_ids}


async def authorize_all(
    reader: Reader,
    account_id: UUID | None,
    item_ids: Sequence[UUID],
    needed: Permission,
    *,
    even_recycled: bool = False,
) -> dict[UUID, Access]:
    """Access per id, in one statement. Raises the refusal of the first item that is refused, as `authorize`."""
    found = {}
    verdicts = await authorize_many(reader, account_id, item_ids, needed, even_recycled=even_recycled)
    for item_id, verdict in verdicts.items():
        if not isinstance(verdict, Access):
            raise verdict
        found[item_id] = verdict
    return found


def _verdict(row: Row | None, item_id: UUID, needed: Permission) -> Access | DomainError | FormattedError:
    if row is None:
        return ItemNotFound(item_id)
    try:
        return _decide(row, needed)
    except DomainError as refusal:
        return refusal


def _decide(row: Row, needed: Permission) -> Access:
    permission = Permission.from_wire(row["permission"]) if row["permission"] else None
    refusal = refusal_for(permission, needed, public=bool(row["public"]), hidden=bool(row["hidden"]))
    if refusal:
        raise refusal(str(row["id"]))
    return Access(row, permission, row["public"], row["hidden"])


def is_readable(row: Row) -> bool:
    """Whether the account may read the item of these access columns."""
    permission = Permission.from_wire(row["permission"]) if row["permission"] else None
    public, hidden = bool(row["public"]), bool(row["hidden"])
    return refusal_for(permission, Permission.READ, public=public, hidden=hidden) is None


def is_out_of_sight(row: Row) -> bool:
    """Whether the item of these access columns is hidden from the account."""
    permission = Permission.from_wire(row["permission"]) if row["permission"] else None
    return refusal_for(permission, Permission.READ, public=True, hidden=bool(row["hidden"])) is not None


def has_membership_access(row: Row) -> bool:
    """Whether a membership, rather than only being public, lets the account read the item of these access columns."""
    if not row["permission"]:
        return False
    permission = Permission.from_wire(row["permission"])
    return refusal_for(permission, Permission.READ, public=False, hidden=bool(row["hidden"])) is None


def refusal_for(
    best: Permission | None, needed: Permission, *, public: bool, hidden: bool
) -> type[DomainError] | None:
    """The decision itself, first match wins; nothing when allowed."""
    if hidden and (best is None or best < Permission.WRITE):
        return MemberCannotAccess
    if best is not None and best >= needed:
        return None
    if needed is Permission.READ and public:
        return None
    if best is None:
        return MemberCannotAccess
    return UserCannotWriteItem if needed is Permission.WRITE else UserCannotAdminItem
