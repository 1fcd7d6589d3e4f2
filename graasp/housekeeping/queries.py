"""Which of the names of stored objects some row refers to; each statement on any number of names."""

from sqlalchemy import text

from graasp.items.tables import GRAVE

# Recycled items have their objects still. Old rows name a file by its `key`.
FILES = text(
    """
    select stored.name from unnest(cast(:names as text[])) stored(name)
    where exists (
        select from item
        where type = 'file' and coalesce(extra #>> '{file,path}', extra #>> '{file,key}') = stored.name)
    """
)
PACKAGES = text(
    """
    select stored.name from unnest(cast(:names as text[])) stored(name)
    where exists (select from item where type = 'h5p' and extra #>> '{h5p,contentId}' = stored.name)
    """
)
ITEMS = text(
    f"select id::text as name from item where id = any(cast(:names as uuid[])) and not path <@ '{GRAVE}'"
)
ACCOUNTS = text("select id::text as name from account where id = any(cast(:names as uuid[]))")
APP_DATA = text("select id::text as name from app_data where id = any(cast(:names as uuid[]))")
# Copies of settings may still name the object of their original.
APP_SETTINGS = text(
    """
    select stored.name from unnest(cast(:names as text[])) stored(name)
    where exists (select from app_setting where id = split_part(stored.name, '/', 4)::uuid)
        or exists (select from app_setting where data #>> '{file,path}' = stored.name)
    """
)
ARCHIVES = text("select storage_key as name from download where storage_key = any(cast(:names as text[]))")
