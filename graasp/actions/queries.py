"""Every statement on actions."""

from sqlalchemy import TextClause, text

from graasp.items.tables import GRAVE

# Any number of actions of one request, in one statement.
INSERT = text(
    """
    insert into action (type, extra, view, geolocation, account_id, item_id)
    select new.type, cast(new.extra as jsonb), cast(new.view as action_view_enum), cast(:geolocation as jsonb),
        cast(:account_id as uuid), new.item_id
    from unnest(cast(:types as text[]), cast(:extras as text[]), cast(:views as text[]), cast(:item_ids as uuid[]))
        as new(type, extra, view, item_id)
    """
)
# Of a member that is signed out. Whoever saves no actions is not named in those that are saved all the same.
INSERT_FOR = text(
    """
    insert into action (type, extra, view, account_id)
    select :type, cast(:extra as jsonb), cast(:view as action_view_enum),
        case when enable_save_actions is distinct from false then id end
    from account
    where id = cast(:account_id as uuid) and (enable_save_actions is distinct from false or :always)
    """
)
DELETE_OWN = text("delete from action where account_id = cast(:account_id as uuid)")

_OF_ITEMS = "item_id = any(cast(:item_ids as uuid[]))"
ARE_MORE = text(
    f"select count(*) > cast(:number as int) from (select from action where {_OF_ITEMS} limit cast(:number as int) + 1) found"
)
# Where to cut the actions of items into batches. By time: as they were written, so that a batch lies together on disk.
CUTS = text(
    f"""
    select created_at from (
        select created_at, row_number() over (order by created_at) as number from action where {_OF_ITEMS}
    ) numbered
    where number % cast(:size as int) = 0
    """
)
DETACH = text(
    f"""
    update action set item_id = null
    where {_OF_ITEMS} and created_at > coalesce(cast(:after as timestamptz), '-infinity')
        and created_at <= coalesce(cast(:until as timestamptz), 'infinity')
    """
)


_DAY = "(created_at at time zone 'UTC')::date"
_HOUR = "extract(hour from created_at at time zone 'UTC')::int"
_WEEKDAY = "extract(dow from created_at at time zone 'UTC')::int"


def _statistics(bucket: str, of: str = "") -> TextClause:
    # Grouped as instants in UTC, whatever the session's time zone is.
    return text(
        f"""
        select {bucket} as bucket, type, count(*) as actions from action
        where item_id = any(array(select id from item where path <@ cast(:path as ltree)))
          and created_at between cast(:start_at as timestamptz) and cast(:end_at as timestamptz) {of}
        group by 1, 2 order by 1
        """
    )


STATISTICS = {"day": _statistics(_DAY), "hour": _statistics(_HOUR), "weekday": _statistics(_WEEKDAY)}
_OWN = "and account_id = cast(:account_id as uuid)"
OWN_STATISTICS = {
    "day": _statistics(_DAY, _OWN),
    "hour": _statistics(_HOUR, _OWN),
    "weekday": _statistics(_WEEKDAY, _OWN),
}

# Own actions: first those whose item does not matter, then those on items that can be read now. The recycled ones
# give no right to their members, only to the public.
OWN = text(
    """
    with own as materialized (
        select a.*, a.type in ('collection-view', 'item-like', 'item-unlike', 'item-download', 'item-embed',
            'item-search', 'member-login') as free
        from action a
        where a.account_id = cast(:account_id as uuid)
          and a.created_at between cast(:start_at as timestamptz) and cast(:end_at as timestamptz)
    ), readable as (
        select i.id
        from (select distinct item_id from own where not free) seen join item i on i.id = seen.item_id
        cross join lateral (
            select array(select subpath(i.path, 0, n) from generate_series(1, nlevel(i.path)) n) as paths
        ) above
        cross join lateral (
            select max(m.permission) as best from item_membership m
            where i.deleted_at is null and m.account_id = cast(:account_id as uuid)
              and m.item_path = any(above.paths)
        ) membership
        cross join lateral (
            select coalesce(bool_or(v.type = 'public'), false) as public,
                coalesce(bool_or(v.type = 'hidden'), false) as hidden
            from item_visibility v where v.item_path = any(above.paths)
        ) visibility
        where case when visibility.hidden then membership.best >= 'write'
            else membership.best is not null or visibility.public end
    )
    select own.id, own.view::text as view, own.type, action_extra(own.extra)::text as extra,
        own.geolocation::text as geolocation, own.created_at, own.account_id, own.item_id
    from own left join readable on readable.id = own.item_id
    where own.free or readable.id is not null
    order by own.free desc, own.created_at desc, own.id
    """
)
ITEMS = text(f"select * from item where id = any(cast(:item_ids as uuid[])) and not path <@ '{GRAVE}'")
EXPORT_REQUEST = text(
    """
    insert into action_request_export (member_id, item_path, format, created_at)
    select cast(:account_id as uuid), path, cast(:format as action_request_export_format_enum),
        cast(:requested_at as timestamptz)
    from item where id = cast(:item_id as uuid)
    """
)
# The archive of a request of the same kind that is recent enough to be sent again.
RECENT_EXPORT = text(
    """
    select d.storage_key, d.file_name
    from action_request_export r
    join download d on d.account_id = r.member_id and d.item_id = cast(:item_id as uuid)
        and d.created_at >= r.created_at and d.storage_key like :key_pattern
    where r.member_id = cast(:account_id as uuid) and r.item_path = (select path from item where id = cast(:item_id as uuid))
      and r.format = cast(:format as action_request_export_format_enum)
      and r.created_at >= now() - make_interval(secs => cast(:window_s as double precision))
    order by d.created_at desc limit 1
    """
)
NOW = text("select now()")
