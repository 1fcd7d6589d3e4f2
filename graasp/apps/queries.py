"""Every statement on registered apps and what they store."""

from sqlalchemy import Uuid, bindparam, func, select, text, true

from graasp.apps.files.keys import SETTING_FILE_KEY
from graasp.apps.tables import publishers
from graasp.auth.queries import ADMITTED_ACCOUNT
from graasp.items.tables import item
from graasp.memberships.queries import ANCESTORS

_account = ADMITTED_ACCOUNT.subquery()
# The live item of a token with the token's account; that one's columns are null when there is none.
CALLER = (
    select(item.c.id.label("item_id"), _account)
    .select_from(item.outerjoin(_account, true()))
    .where(item.c.id == bindparam("item_id", type_=Uuid), item.c.deleted_at.is_(None))
)
# Whether an app with this key is registered and its publisher serves it from there.
IS_REGISTERED = text(
    """
    select exists(
        select from apps a join publishers p on p.id = a.publisher_id
        where a.key = cast(:key as uuid) and :origin = any(p.origins)
    )
    """
)

LISTED = text(
    """
    select name, description, url, thumbnail from apps
    where publisher_id = cast(:publisher_id as uuid) order by name
    """
)
MOST_USED = text(
    """
    select a.name, a.url, count(*) as count
    from item_view i join apps a on a.url = i.extra #>> '{app,url}'
    where i.creator_id = cast(:account_id as uuid) and i.type = 'app'
    group by a.id order by count(*) desc, a.name
    """
)
MEMBERS = text(
    f"""
    select distinct a.id, a.name from item_membership m join account a on a.id = m.account_id
    where m.item_path = any(array{ANCESTORS}) order by a.id
    """
)
# Where registered apps are served from.
ORIGINS = select(func.unnest(publishers.c.origins).label("origin")).distinct()
SETTINGS_OF = text(
    f"""
    select s.id, s.item_id, {SETTING_FILE_KEY} as file_key
    from app_setting s where s.item_id = any(cast(:item_ids as uuid[])) order by s.created_at, s.id
    """
)
# The copies keep name, data and creator; a file setting names its own file.
COPY_SETTINGS = text(
    """
    insert into app_setting (id, item_id, creator_id, name, data)
    select c.id, c.item_id, s.creator_id, s.name,
        case when c.file_key is null then s.data else jsonb_set(s.data, '{file,path}', to_jsonb(c.file_key)) end
    from unnest(cast(:ids as uuid[]), cast(:item_ids as uuid[]), cast(:source_ids as uuid[]),
        cast(:file_keys as text[])) c(id, item_id, source_id, file_key)
    join app_setting s on s.id = c.source_id
    """
)
SETTINGS_WITHOUT_FILE = text(
    """
    select item_id, name, data, created_at, updated_at
    from app_setting where item_id = any(cast(:item_ids as uuid[])) and not jsonb_exists(data, 'file')
    order by created_at, id
    """
)
INSERT_SETTINGS = text(
    """
    insert into app_setting (id, item_id, creator_id, name, data, created_at, updated_at)
    select s.id, s.item_id, cast(:creator_id as uuid), s.name, s.data::jsonb,
        coalesce(s.created_at, now()), coalesce(s.updated_at, now())
    from unnest(cast(:ids as uuid[]), cast(:item_ids as uuid[]), cast(:names as text[]),
        cast(:contents as text[]), cast(:created as timestamptz[]), cast(:updated as timestamptz[]))
        s(id, item_id, name, data, created_at, updated_at)
    """
)
