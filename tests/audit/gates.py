"""Who may call which operation, one line each: the table that `test_gates` holds the whole server to.

A new route needs a line here: its operation id (its method and path when it has none), who may call at all, what it
asks of the item, and what the request is made of. In paths, queries and bodies `$item` is the item that is asked
for, `$caller` the calling account, and `$membership`, `$invitation`, `$alias` … something that belongs to the item;
`{id}` and `{itemId}` in a path are the item unless told otherwise. What apps call is asked for `$app`, an app in the item,
with a token of the caller for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import uuid4

from tests.packages import package
from tests.pictures import picture


class Caller(Enum):
    """Who passes before the item is looked at, and what the others are told."""

    ANYBODY = "anybody, signed in or not"
    BEARER = "whoever has the operation's own token; a session is none"
    APP = "whoever has an app's token for the item, signed in or not; a session is none"
    APP_SIGNED_IN = "any account that has one"
    APP_VALIDATED = "validated members that have one"
    SIGNED_IN = "any account"
    MEMBER = "members"
    VALIDATED = "validated members"
    VALIDATED_OR_GUEST = "validated members and guests"


class Item(Enum):
    """What the operation asks of the item, as the caller has it."""

    UNCHECKED = "nothing"
    LIVE = "that it is there"
    SEEN = "that it is there, and not hidden from the caller"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True)
class Gate:
    caller: Caller
    item: Item = Item.UNCHECKED
    # The error's code when the item is recycled; nothing when it is treated as the live one it was.
    recycled: str | None = "GERR001"
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | Sequence[Any] | None = None
    # Name, content and type of the one file of a form, and the form's other fields.
    file: tuple[str, bytes, str] | None = None
    form: Mapping[str, str] = field(default_factory=dict)


ANYBODY, BEARER, SIGNED_IN = Caller.ANYBODY, Caller.BEARER, Caller.SIGNED_IN
APP, APP_SIGNED_IN, APP_VALIDATED = Caller.APP, Caller.APP_SIGNED_IN, Caller.APP_VALIDATED
MEMBER, VALIDATED, VALIDATED_OR_GUEST = Caller.MEMBER, Caller.VALIDATED, Caller.VALIDATED_OR_GUEST
LIVE, SEEN, READ, WRITE, ADMIN = Item.LIVE, Item.SEEN, Item.READ, Item.WRITE, Item.ADMIN

_TOKEN = {"authorization": "Bearer a.b.c"}
_ANSWER = {"type": "answer", "data": {}}
_QUESTION = [{"role": "user", "content": "Why?"}]
_PASSWORD = "Correct-horse-1"
_CAPTCHA = {"email": "nobody@example.org", "captcha": "x"}
_DAYS = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-31T00:00:00Z"}
_IN_ITEM = {"parentId": "$item"}
_SOME = {"id": "$item"}
_CSV = ("people.csv", b"email\nnew@example.org\n", "text/csv")
_PICTURE = ("picture.png", picture(2, 2), "image/png")
_DRAWN = {"name": "new", "type": "folder"}
_PLACE = {"geolocation": {"lat": 46.5, "lng": 6.6}}
# The end of an archive without entries.
_ZIP = ("a.zip", b"PK\5\6" + bytes(18), "application/zip")
_PACKAGE = ("course.h5p", package(), "application/zip")
_TEXT = ("note.txt", b"text", "text/plain")

GATES: dict[str, Gate] = {
    # service
    "health": Gate(ANYBODY),
    "GET /ready": Gate(ANYBODY),
    "GET /api/status": Gate(ANYBODY),
    "GET /api/version": Gate(ANYBODY),
    "GET /api/ws": Gate(ANYBODY),
    "getNextMaintenance": Gate(ANYBODY),
    "followDownload": Gate(ANYBODY, path={"token": "unknown"}),
    # getting in and out
    "register": Gate(ANYBODY, body=_CAPTCHA | {"name": "Anna"}),
    "login": Gate(ANYBODY, body=_CAPTCHA),
    "signInWithPassword": Gate(ANYBODY, body=_CAPTCHA | {"password": _PASSWORD}),
    "authenticate": Gate(ANYBODY, query={"t": "a.b.c"}),
    "signOut": Gate(ANYBODY),
    "requestPasswordResetLink": Gate(ANYBODY, body=_CAPTCHA),
    "resetPassword": Gate(BEARER, headers=_TOKEN, body={"password": _PASSWORD}),
    "createPassword": Gate(VALIDATED, body={"password": _PASSWORD}),
    "updatePassword": Gate(VALIDATED, body={"password": _PASSWORD, "currentPassword": _PASSWORD}),
    "getOwnPasswordStatus": Gate(SIGNED_IN),
    # accounts
    "getCurrentAccount": Gate(SIGNED_IN),
    "updateCurrentAccount": Gate(SIGNED_IN, body={"name": "Another name"}),
    "deleteCurrentAccount": Gate(SIGNED_IN),
    "getCurrentSettings": Gate(MEMBER),
    "marketingEmailsSubscribe": Gate(MEMBER),
    "marketingEmailsUnsubscribe": Gate(MEMBER),
    "postChangeEmail": Gate(MEMBER, body={"email": "new@example.org"}),
    "patchChangeEmail": Gate(BEARER, headers=_TOKEN),
    "getOwnProfile": Gate(MEMBER),
    "getMemberProfile": Gate(ANYBODY, path={"memberId": "$caller"}),
    "createOwnProfile": Gate(VALIDATED, body={"bio": "b"}),
    "updateOwnProfile": Gate(VALIDATED, body={"bio": "b"}),
    "POST /api/members/avatar": Gate(VALIDATED, file=_PICTURE),
    "downloadAvatar": Gate(ANYBODY, path={"id": "$caller", "size": "small"}),
    "exportMemberData": Gate(MEMBER),
    "getStorage": Gate(MEMBER),
    "getStorageFiles": Gate(MEMBER),
    "getOneMember": Gate(ANYBODY, path={"id": "$caller"}),
    "getMembersActions": Gate(SIGNED_IN, query=_DAYS),
    "DELETE /api/members/members/{id}/delete": Gate(SIGNED_IN, path={"id": "$caller"}),
    # memberships
    "getItemMembershipsForItem": Gate(ANYBODY, READ),
    "createItemMembership": Gate(VALIDATED, ADMIN, body={"accountId": "$newcomer", "permission": "read"}),
    "updateItemMembership": Gate(
        VALIDATED, ADMIN, recycled=None, path={"id": "$membership"}, body={"permission": "write"}
    ),
    "deleteItemMembership": Gate(SIGNED_IN, ADMIN, recycled=None, path={"id": "$membership"}),
    "getMembershipRequestsByItemId": Gate(VALIDATED, ADMIN),
    "getOwnMembershipRequestByItemId": Gate(VALIDATED, LIVE),
    "createMembershipRequest": Gate(VALIDATED, LIVE),
    "deleteMembershipRequest": Gate(VALIDATED, ADMIN, path={"memberId": "$newcomer"}),
    "enroll": Gate(VALIDATED, LIVE),
    # guests
    "getItemLoginSchemaType": Gate(ANYBODY, SEEN),
    "getItemLoginSchema": Gate(SIGNED_IN, ADMIN),
    "updateItemLoginSchema": Gate(VALIDATED, ADMIN, body={"status": "freeze"}),
    "deleteItemLoginSchema": Gate(VALIDATED, ADMIN),
    # Whoever has a session is told so first: what it asks of the item concerns nobody else.
    "loginOrRegisterAsGuest": Gate(ANYBODY, body={"username": "Anna"}),
    # visibilities
    "createVisibility": Gate(VALIDATED, ADMIN, path={"type": "public"}),
    "deleteVisibility": Gate(VALIDATED, ADMIN, path={"type": "hidden"}),
    # invitations
    "getInvitationById": Gate(ANYBODY, path={"id": "$invitation"}),
    "createInvitation": Gate(
        VALIDATED, ADMIN, body={"invitations": [{"email": "new@example.org", "permission": "read"}]}
    ),
    "getInvitationForItem": Gate(MEMBER, ADMIN),
    "inviteFromCSV": Gate(VALIDATED, ADMIN, file=_CSV),
    "inviteFromCSVWithTemplate": Gate(VALIDATED, ADMIN, query={"templateId": "$item"}, file=_CSV),
    "updateInvitation": Gate(
        VALIDATED, ADMIN, "GPINVERR003", path={"invitationId": "$invitation"}, body={"permission": "write"}
    ),
    "deleteInvitation": Gate(VALIDATED, ADMIN, "GPINVERR003", path={"invitationId": "$invitation"}),
    "sendInvitation": Gate(VALIDATED, ADMIN, "GPINVERR003", path={"invitationId": "$invitation"}),
    # short links
    "getShortLinkRedirection": Gate(ANYBODY, path={"alias": "$alias"}),
    "getShortLinkAvailability": Gate(ANYBODY, path={"alias": "$alias"}),
    "getShortLinksForItem": Gate(SIGNED_IN, READ),
    "createShortLink": Gate(
        VALIDATED, ADMIN, body={"itemId": "$item", "platform": "player", "alias": "another-alias"}
    ),
    "updateShortLink": Gate(VALIDATED, ADMIN, path={"alias": "$alias"}, body={"alias": "another-alias"}),
    "deleteAlias": Gate(VALIDATED, ADMIN, path={"alias": "$alias"}),
    # flags
    "getFlagTypes": Gate(ANYBODY),
    "createItemFlag": Gate(VALIDATED_OR_GUEST, READ, body={"type": "spam"}),
    # actions and exports
    "postAction": Gate(ANYBODY, READ, headers={"origin": "http://client.test"}, body={"type": "click"}),
    "getItemActionsByDay": Gate(ANYBODY, READ, query=_DAYS),
    "getItemActionsByHour": Gate(ANYBODY, READ, query=_DAYS),
    "getItemActionsByWeekday": Gate(ANYBODY, READ, query=_DAYS),
    "exportActions": Gate(VALIDATED, query={"format": "csv"}),
    "exportZip": Gate(VALIDATED, READ),
    "graaspZipExport": Gate(ANYBODY, READ),
    # apps
    "getAppList": Gate(ANYBODY),
    "getOwnMostUsedApps": Gate(SIGNED_IN),
    "getAppContext": Gate(APP, READ),
    "createChatbotCompletionPrompt": Gate(APP_SIGNED_IN, READ, body=_QUESTION),
    "generateAppToken": Gate(
        ANYBODY, READ, path={"itemId": "$app"}, body={"key": str(uuid4()), "origin": "https://apps.test"}
    ),
    "getAppDataForApp": Gate(APP_SIGNED_IN, READ),
    "createAppData": Gate(APP_SIGNED_IN, READ, body=_ANSWER),
    # Whose they are decides, once the item may be read.
    "updateAppData": Gate(APP_SIGNED_IN, READ, path={"id": "$datum"}, body={"data": {}}),
    "deleteAppData": Gate(APP_SIGNED_IN, READ, path={"id": "$datum"}),
    "createAppDataFile": Gate(APP_SIGNED_IN, READ, file=_TEXT),
    "downloadAppDataFile": Gate(APP_SIGNED_IN, READ, path={"id": "$datum"}),
    "getAppActionsForApp": Gate(APP_SIGNED_IN, READ),
    "createAppAction": Gate(APP_SIGNED_IN, READ, body=_ANSWER),
    "getAppSettingsForApp": Gate(APP, READ),
    "createAppSetting": Gate(APP_VALIDATED, ADMIN, body={"name": "colours", "data": {}}),
    "updateAppSetting": Gate(APP_VALIDATED, ADMIN, path={"id": "$setting"}, body={"data": {}}),
    "deleteAppSetting": Gate(APP_VALIDATED, ADMIN, path={"id": "$setting"}),
    "createAppSettingFile": Gate(APP_VALIDATED, ADMIN, file=_TEXT),
    "downloadAppSettingFile": Gate(APP_SIGNED_IN, READ, path={"id": "$setting"}),
    # files
    "importH5p": Gate(VALIDATED, WRITE, query=_IN_ITEM, file=_PACKAGE),
    "uploadFile": Gate(VALIDATED, WRITE, query={"id": "$item"}, file=_TEXT),
    "updateFile": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "getUrl": Gate(ANYBODY, READ),
    "importZip": Gate(VALIDATED, WRITE, query=_IN_ITEM, file=_ZIP),
    "downloadFile": Gate(ANYBODY, READ),
    # thumbnails
    "createItemWithThumbnail": Gate(VALIDATED, WRITE, query=_IN_ITEM, file=_PICTURE, form=_DRAWN),
    "createFolderWithThumbnail": Gate(VALIDATED, WRITE, query=_IN_ITEM, file=_PICTURE, form=_DRAWN),
    "POST /api/items/{id}/thumbnails": Gate(VALIDATED, WRITE, file=_PICTURE),
    "DELETE /api/items/{id}/thumbnails": Gate(VALIDATED, WRITE),
    "downloadItemThumbnail": Gate(ANYBODY, READ, path={"size": "small"}),
    # trees: whatever they ask of the items is told on the websocket
    "moveManyItems": Gate(VALIDATED, query=_SOME, body={}),
    "copyManyItems": Gate(VALIDATED, query=_SOME, body={}),
    "deleteManyItems": Gate(VALIDATED, query=_SOME),
    "recycleManyItems": Gate(VALIDATED, query=_SOME),
    "restoreManyItems": Gate(VALIDATED, query=_SOME),
    "getOwnRecycledItems": Gate(MEMBER),
    # likes
    "getLikesForCurrentMember": Gate(MEMBER),
    "getLikesForItem": Gate(ANYBODY, READ),
    "createItemLike": Gate(VALIDATED, READ),
    "deleteItemLike": Gate(VALIDATED, READ),
    # items
    "createFolder": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new"}),
    "createCapsule": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new"}),
    "createDocument": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new", "content": "text"}),
    "createApp": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new", "url": "https://127.0.0.1/"}),
    "createLink": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new", "url": "https://127.0.0.1/"}),
    "updateLink": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "getLinkMetadata": Gate(SIGNED_IN, query={"link": "https://127.0.0.1/"}),
    "createShortcut": Gate(VALIDATED, READ, body={"target": "$item"}),
    "updateShortcut": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "createPage": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new"}),
    "createEtherpad": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new"}),
    "updateEtherpad": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "getEtherpadFromItem": Gate(SIGNED_IN, READ),
    "createItem": Gate(VALIDATED, WRITE, query=_IN_ITEM, body={"name": "new", "type": "folder"}),
    "getAccessibleItems": Gate(MEMBER),
    "updateFolder": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "updateApp": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "updateDocument": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "convertFolderToCapsule": Gate(VALIDATED, WRITE),
    "convertCapsuleToFolder": Gate(VALIDATED, WRITE),
    "getItem": Gate(ANYBODY, READ),
    "updateItem": Gate(VALIDATED, WRITE, body={"name": "new"}),
    "getChildren": Gate(ANYBODY, READ),
    "getDescendantItems": Gate(ANYBODY, READ),
    "getParentItems": Gate(ANYBODY, READ),
    "reorderItem": Gate(VALIDATED, WRITE, body={}),
    # places
    "getItemsInBox": Gate(ANYBODY, READ, query={"parentItemId": "$item"}),
    "geolocationReverse": Gate(SIGNED_IN, query={"lat": "46.5", "lng": "6.6"}),
    "geolocationSearch": Gate(SIGNED_IN, query={"query": "Lausanne"}),
    "getGeolocationByItem": Gate(ANYBODY, READ),
    "putGeolocation": Gate(VALIDATED, WRITE, body=_PLACE),
    "deleteGeolocation": Gate(VALIDATED, WRITE),
}

# Who may listen to a topic's channel: the account it is named after, or whoever may do this on the item.
TOPICS: dict[str, Item | None] = {
    "item/member": None,
    "memberships/item": READ,
    "app-data": READ,
    "app-actions": ADMIN,
    "app-settings": READ,
}
