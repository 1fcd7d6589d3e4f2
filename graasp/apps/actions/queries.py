"""Every statement on app actions."""

from sqlalchemy import text

from graasp.db.statements import instant

# There may be many: as the JSON they are sent as.
_LIST = f"""
    select row_to_json(wire)::text as wire
    from app_action x
    join lateral (select id, name from account where id = x.account_id) account on true
    cross join lateral (
        select x.id, account, x.data, x.type, {instant("x.created_at")} as "createdAt", account as member
    ) wire
    where x.item_id = cast(:item_id as uuid) {{filter}}
    order by x.created_at, x.id
"""
ALL = text(_LIST.format(filter=""))
OF_ACCOUNT = text(_LIST.format(filter="and x.account_id = cast(:account_id as uuid)"))
CREATE = text(
    """
    insert into app_action (account_id, item_id, type, data)
    values (cast(:account_id as uuid), cast(:item_id as uuid), :type, cast(:data as jsonb))
    returning *
    """
)
