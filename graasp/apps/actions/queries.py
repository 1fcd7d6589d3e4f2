"""Every statement on app actions."""

from sqlalchemy import text

# Ids and data as the text they are sent as.
_LIST = """
    select x.id::text, x.account_id::text, x.data::text, x.type, x.created_at, a.name as account_name
    from app_action x join account a on a.id = x.account_id
    where x.item_id = cast(:item_id as uuid) {filter}
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
