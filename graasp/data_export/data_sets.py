"""What a member's archive holds: one statement a file, every row as one line of JSON.

`$1` is the member. PostgreSQL writes the JSON; nothing is held here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from graasp.db.statements import instant
from graasp.items.tables import GRAVE
from graasp.memberships.authorization import ACCESS_COLUMNS, ACCESS_JOIN

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class DataSet(NamedTuple):
    """A file of the archive: the first part of its name, and a statement with a single text column."""

    name: str
    sql: str


def _set(name: str, columns: Mapping[str, str], rest: str) -> DataSet:
    return DataSet(name, f"select {_object(columns)}::text from {rest}")


def _object(columns: Mapping[str, str]) -> str:
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in columns.items())
    return f"json_build_object({pairs})"


def _times(table: str) -> dict[str, str]:
    return {"createdAt": instant(f"{table}.created_at"), "updatedAt": instant(f"{table}.updated_at")}


_ITEM = {
    "id": "i.id",
    "name": "i.name",
    "type": "i.type",
    "description": "i.description",
    "path": "i.path::text",
    "creatorId": "i.creator_id",
    "extra": "i.extra",
    "settings": "i.settings",
    **_times("i"),
    "deletedAt": instant("i.deleted_at"),
    "lang": "i.lang",
    "order": 'i."order"',
}
# The member's own id is told apart; nobody else's is told.
_MESSAGE = {
    "id": "m.id",
    "itemId": "m.item_id",
    **_times("m"),
    "body": f"regexp_replace(regexp_replace(m.body, $1::uuid::text, 'you', 'gi'), '{_UUID}', 'anonymous-id', 'gi')",
}
# An item that was liked may have been closed to the member since.
_READABLE = """i.deleted_at is null and (
    access.permission in ('write', 'admin')
    or access.hidden is null and (access.permission is not null or access.public is not null))"""
_ACCESS = f"{ACCESS_JOIN} cross join lateral (select {ACCESS_COLUMNS.replace(':account_id', '$1')}) access"

DATA_SETS = (
    _set(
        "actions",
        {
            "id": "a.id",
            "view": "a.view",
            "type": "a.type",
            "extra": "a.extra",
            "createdAt": instant("a.created_at"),
            "itemId": f"(select i.id from item i where i.id = a.item_id and not i.path <@ '{GRAVE}')",
        },
        "action a where a.account_id = $1 order by a.created_at desc",
    ),
    _set(
        "appActions",
        {
            "id": "a.id",
            "type": "a.type",
            "data": "a.data",
            "createdAt": instant("a.created_at"),
            "itemId": "a.item_id",
        },
        "app_action a where a.account_id = $1 order by a.created_at desc",
    ),
    _set(
        "appData",
        {
            "id": "d.id",
            "accountId": "d.account_id",
            "itemId": "d.item_id",
            "type": "d.type",
            "creatorId": "d.creator_id",
            "visibility": "d.visibility",
            "data": "d.data",
            **_times("d"),
        },
        "app_data d where d.account_id = $1 or d.creator_id = $1 order by d.created_at desc",
    ),
    _set(
        "appSetting",
        {"id": "s.id", "itemId": "s.item_id", "name": "s.name", "data": "s.data", **_times("s")},
        "app_setting s where s.creator_id = $1 order by s.created_at desc",
    ),
    _set(
        "bookmarks",
        {"id": "b.id", "createdAt": instant("b.created_at"), "itemId": "b.item_id"},
        "item_favorite b where b.member_id = $1 order by b.created_at desc",
    ),
    _set(
        "chatMentions",
        {
            "id": "n.id",
            "messageId": "n.message_id",
            "accountId": "n.account_id",
            "status": "n.status",
            **_times("n"),
            "message": _object(_MESSAGE),
        },
        "chat_mention n join chat_message m on m.id = n.message_id where n.account_id = $1"
        " order by n.created_at desc",
    ),
    _set(
        "chatMessages",
        _MESSAGE,
        "chat_message m where m.creator_id = $1 order by m.created_at desc",
    ),
    _set("items", _ITEM, "item i where i.creator_id = $1 order by i.updated_at desc"),
    _set(
        "likes",
        {
            "id": "l.id",
            "creatorId": "l.creator_id",
            "itemId": "l.item_id",
            "createdAt": instant("l.created_at"),
            "item": f"case when {_READABLE} then {_object(_ITEM)} end",
        },
        f"item_like l join item i on i.id = l.item_id {_ACCESS} where l.creator_id = $1"
        " order by l.created_at desc",
    ),
    _set(
        "memberships",
        {
            "id": "p.id",
            "permission": "p.permission",
            "itemPath": "p.item_path::text",
            "accountId": "p.account_id",
            "creatorId": "p.creator_id",
            **_times("p"),
        },
        "item_membership p where p.account_id = $1 or p.creator_id = $1 order by p.updated_at desc",
    ),
    _set(
        "account",
        {
            "id": "a.id",
            "name": "a.name",
            "email": "a.email",
            "type": "a.type",
            "extra": "a.extra",
            "isValidated": "a.is_validated",
            "enableSaveActions": "a.enable_save_actions",
            "userAgreementsDate": instant("a.user_agreements_date"),
            "lastAuthenticatedAt": instant("a.last_authenticated_at"),
            "marketingEmailsSubscribedAt": instant("a.marketing_emails_subscribed_at"),
            **_times("a"),
        },
        "account a where a.id = $1",
    ),
    _set(
        "profile",
        {
            "id": "p.id",
            "bio": "p.bio",
            "visibility": "p.visibility",
            "facebookId": 'p."facebookId"',
            "linkedinId": 'p."linkedinId"',
            "twitterId": 'p."twitterId"',
            **_times("p"),
        },
        "member_profile p where p.member_id = $1",
    ),
    _set(
        "flags",
        {"id": "f.id", "type": "f.type", "itemId": "f.item_id", "createdAt": instant("f.created_at")},
        "item_flag f where f.creator_id = $1 order by f.created_at desc",
    ),
    _set(
        "invitations",
        {
            "id": "v.id",
            "itemPath": "v.item_path::text",
            "name": "v.name",
            "email": "v.email",
            "permission": "v.permission",
            **_times("v"),
        },
        "invitation v where v.creator_id = $1 order by v.created_at desc",
    ),
)
