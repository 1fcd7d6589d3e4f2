"""What an app shows to call this server: who uses it, in which item, and which app it is."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from graasp.auth.tokens import read_claims, sign
from graasp.settings import Settings

APP_TOKEN_LIFE = timedelta(minutes=30)


class AppToken(NamedTuple):
    """`account_id` is none for a visitor who is signed out; `key` and `origin` are what the app said of itself."""

    account_id: UUID | None
    item_id: UUID
    key: str
    origin: str


def app_token(settings: Settings, content: AppToken) -> str:
    subject = {"itemId": str(content.item_id), "key": content.key, "origin": content.origin}
    if content.account_id is not None:
        subject["accountId"] = str(content.account_id)
    # Apps read the subject as an object, whatever the standard says of it.
    return sign({"sub": subject}, settings.apps_jwt_secret, APP_TOKEN_LIFE)


def read_app_token(settings: Settings, token: str) -> AppToken | None:
    """Nothing for a token that is forged, expired, or another kind's."""
    subject = read_claims(token, settings.apps_jwt_secret).get("sub")
    if not isinstance(subject, dict):
        return None
    try:
        account_id = subject.get("accountId")
        return AppToken(
            account_id=None if account_id is None else UUID(str(account_id)),
            item_id=UUID(str(subject["itemId"])),
            key=str(subject["key"]),
            origin=str(subject["origin"]),
        )
    except (KeyError, ValueError):
        return None
