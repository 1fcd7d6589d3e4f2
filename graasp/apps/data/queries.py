"""Every statement on app data."""

from sqlalchemy import text

from graasp.apps.files.keys import DATA_FILE_KEY
from graasp.db.statements import instant

_ACCOUNTS = "join account a on a.id = d.account_id left join account c on c.id = d.creator_id"
_NAMES = "a.name as account_name, c.name as creator_name"

# There may be many: as the JSON they are sent as, without the item that all of them have.
_LIST = f"""
    select row_to_json(wire)::text as wire
    from app_data d
    join lateral (select id, name from account where id = d.account_id) account on true
    left join lateral (select id, name from account where id = d.creator_id) creator on true
    cross join lateral (
        select d.id, account, d.data, d.type, d.visibility, creator,
            {instant("d.created_at")} as "createdAt", {instant("d.updated_at")} as "updatedAt",
            account as member
    ) wire
    where d.item_id = cast(:item_id as uuid) {{filter}} and (:type = '' or d.type = :type)
    order by d.created_at, d.id
"""
ALL = text(_LIST.format(filter=""))
VISIBLE = text(
    _LIST.format(
        filter="""and (
            d.visibility = 'item' or d.visibility = 'member' and d.account_id = cast(:reader_id as uuid))"""
    )
)
_FIND = f"""
    select d.*, {DATA_FILE_KEY} as file_key, {_NAMES} from app_data d {_ACCOUNTS}
    where d.id = cast(:id as uuid) and d.item_id = cast(:item_id as uuid)
"""
FIND = text(_FIND)
FIND_TO_CHANGE = text(f"{_FIND} for update of d")
# Nothing is made about an account that is not there.
CREATE = text(
    f"""
    with d as (
        insert into app_data (id, account_id, item_id, data, type, creator_id, visibility)
        select cast(:id as uuid), id, cast(:item_id as uuid), cast(:data as jsonb), :type,
            cast(:creator_id as uuid), :visibility
        from account where id = cast(:account_id as uuid)
        returning *
    )
    select d.*, {_NAMES} from d {_ACCOUNTS}
    """
)
UPDATE = text(
    """
    update app_data set data = cast(:data as jsonb), updated_at = now()
    where id = cast(:id as uuid) returning data, updated_at
    """
)
DELETE = text(
    """
    with uncounted as (delete from app_upload where id = cast(:id as uuid))
    delete from app_data where id = cast(:id as uuid)
    """
)
