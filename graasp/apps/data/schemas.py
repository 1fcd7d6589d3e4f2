"""App data on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from graasp.apps.content import Content, Kind
from graasp.http.fields import Uuid
from graasp.items.schemas import Account, Item, camel


class NewAppData(BaseModel):
    """About `account_id`, whom old apps call `member_id`, or about the caller."""

    model_config = camel

    data: Content
    type: Kind
    visibility: Literal["item", "member"] = "member"
    member_id: Uuid | None = Field(default=None, json_schema_extra={"deprecated": True})
    account_id: Uuid | None = None


class AppDataChange(BaseModel):
    data: Content


class AppData(BaseModel):
    model_config = camel

    id: UUID
    account: Account
    item: Item
    data: dict[str, Any]
    type: str
    visibility: Literal["member", "item"]
    creator: Account | None
    created_at: datetime
    updated_at: datetime


class AppDataWithLegacyProps(AppData):
    member: Account
