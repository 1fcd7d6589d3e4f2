"""Every statement on actions."""

from sqlalchemy import text

INSERT = text(
    """
    insert into action (type, extra, view, geolocation, account_id, item_id)
    values (:type, cast(:extra as jsonb), cast(:view as action_view_enum), cast(:geolocation as jsonb),
        cast(:account_id as uuid), cast(:item_id as uuid))
    """
)
INSERT_FOR = text(
    """
    insert into action (type, extra, view, account_id)
    select :type, cast(:extra as jsonb), cast(:view as action_view_enum), id from account
    where id = cast(:account_id as uuid) and (enable_save_actions is distinct from false or :always)
    """
)
DELETE_OWN = text("delete from action where account_id = cast(:account_id as uuid)")


def _statistics(bucket: str) -> str:
    # `created_at` is grouped as an instant in UTC, whatever the session's time zone is.
    return f"""
        select {bucket} as bucket, type, count(*) as everybody,
            count(*) filter (where account_id = cast(:account_id as uuid)) as personal
        from action
        where item_id = any(array(select id from item where path <@ cast(:path as ltree)))
          and created_at between cast(:start_at as timestamptz) and cast(:end_at as timestamptz)
        group by 1, 2
    """


STATISTICS = {
    "day": text(_statistics("(created_at at time zone 'UTC')::date")),
    "hour": text(_statistics("extract(hour from created_at at time zone 'UTC')::int")),
    "weekday": text(_statistics("extract(dow from created_at at time zone 'UTC')::int")),
}

_NEED_NO_PERMISSION = """('collection-view', 'item-like', 'item-unlike', 'item-download', 'item-embed', 'item-search',
    'member-login')"""
# Own actions: first those whose item does not matter, then those on items that can still be read.
OWN = text(
    f"""
    select a.id, a.view::text as view, a.type, a.extra, a.geolocation, a.created_at, a.account_id, a.item_id,
        to_jsonb(i) - 'path' as item, i.path::text as item_path, a.type in {_NEED_NO_PERMISSION} as free
    from action a left join item i on i.id = a.item_id
    where a.account_id = cast(:account_id as uuid)
      and a.created_at between cast(:start_at as timestamptz) and cast(:end_at as timestamptz)
      and (a.type in {_NEED_NO_PERMISSION} or exists (
        select from (
            select array(select subpath(i.path, 0, n) from generate_series(1, nlevel(i.path)) n) as paths
        ) above
        cross join lateral (
            select max(m.permission) as best from item_membership m
            where m.account_id = a.account_id and m.item_path = any(above.paths)
        ) membership
        cross join lateral (
            select bool_or(v.type = 'public') as public, bool_or(v.type = 'hidden') as hidden
            from item_visibility v where v.item_path = any(above.paths)
        ) visibility
        where i.id is not null
          and (i.deleted_at is null and membership.best is not null or visibility.public)
          and (not coalesce(visibility.hidden, false) or membership.best >= 'write')
      ))
    order by free desc, a.created_at desc
    """
)
EXPORT_REQUEST = text(
    """
    insert into action_request_export (member_id, item_path, format, created_at)
    values (cast(:account_id as uuid), cast(:path as ltree), cast(:format as action_request_export_format_enum),
        cast(:requested_at as timestamptz))
    """
)
# The archive of a request of the same kind that is recent enough to be sent again.
RECENT_EXPORT = text(
    """
    select d.storage_key, d.file_name
    from action_request_export r
    join download d on d.account_id = r.member_id and d.item_id = cast(:item_id as uuid)
        and d.created_at >= r.created_at and d.storage_key like :key_pattern
    where r.member_id = cast(:account_id as uuid) and r.item_path = cast(:path as ltree)
      and r.format = cast(:format as action_request_export_format_enum)
      and r.created_at >= now() - make_interval(secs => cast(:window_s as double precision))
    order by d.created_at desc limit 1
    """
)
NOW = text("select now()")
