"""Every statement on the files of apps."""

from sqlalchemy import text

from graasp.apps.files.keys import DATA_FILE_KEY

USED = text(
    "select coalesce(sum(size), 0)::bigint from app_upload where account_id = cast(:account_id as uuid)"
)
# Uploads of one account wait for each other, or together they could pass the limit.
LOCK_ACCOUNT = text("select id from account where id = cast(:account_id as uuid) for no key update")
COUNT = text(
    """
    insert into app_upload (id, item_id, account_id, size)
    values (cast(:id as uuid), cast(:item_id as uuid), cast(:account_id as uuid), :size)
    """
)
NAMED = text(
    """
    select stored.key from unnest(cast(:keys as text[])) stored(key)
    where exists (select from app_setting where data #>> '{file,path}' = stored.key)
    """
)
OF_ACCOUNT = text(
    f"""
    select found.key from app_data d cross join lateral (select {DATA_FILE_KEY} as key) found
    where d.account_id = cast(:account_id as uuid) and found.key is not null
    """
)
