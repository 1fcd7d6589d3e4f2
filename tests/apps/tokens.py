"""What apps call with."""

from typing import Any
from uuid import UUID, uuid4

import jwt

from graasp.apps.tokens import AppToken, app_token
from graasp.settings import Settings

ORIGIN = "https://apps.test"


def app_headers(settings: Settings, item_id: UUID, account_id: UUID | None = None) -> dict[str, str]:
    """The headers of an app in an item, used by an account or by nobody known."""
    token = app_token(settings, AppToken(account_id, item_id, str(uuid4()), ORIGIN))
    return {"Authorization": f"Bearer {token}"}


def claims_of(settings: Settings, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, settings.apps_jwt_secret.get_secret_value(), ["HS256"], options={"verify_sub": False}
    )
    return claims
