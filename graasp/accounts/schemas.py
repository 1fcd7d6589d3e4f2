"""Accounts on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from graasp.http.fields import AnyText, Email, Flag, Username, at_least_one_key

camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AccountExtra(BaseModel):
    """What the product knows of `account.extra` and clients may set; other keys are dropped."""

    model_config = camel

    lang: Annotated[AnyText, Field(max_length=35)] | None = None
    email_freq: Literal["always", "never"] | None = None
    has_completed_tour: Flag | None = None


class AccountChange(BaseModel):
    """What is not sent stays as it is."""

    model_config = camel

    name: Username = ""
    enable_save_actions: Flag = True
    extra: AccountExtra = AccountExtra()

    _not_empty = model_validator(mode="before")(at_least_one_key)

    def given(self) -> dict[str, Any]:
        """What was sent, by field name."""
        return self.model_dump(exclude_unset=True, exclude={"extra"}) | {
            "extra": self.extra.model_dump(by_alias=True, exclude_none=True)
        }


class NewEmail(BaseModel):
    email: Annotated[Email, Field(max_length=150)]


class ShownExtra(BaseModel):
    model_config = camel

    has_avatar: bool | None = None
    lang: str | None = None
    email_freq: str | None = None
    has_completed_tour: bool | None = None


class CurrentMember(BaseModel):
    model_config = camel

    id: UUID
    name: str
    email: str
    type: Literal["individual"]
    lang: str
    is_validated: bool
    enable_save_actions: bool
    user_agreements_date: datetime | None
    last_authenticated_at: datetime | None
    extra: ShownExtra
    created_at: datetime
    updated_at: datetime


class GuestItem(BaseModel):
    id: UUID
    name: str
    path: str


class GuestSchema(BaseModel):
    item: GuestItem


class CurrentGuest(BaseModel):
    model_config = camel

    id: UUID
    name: str
    type: Literal["guest"]
    lang: str
    last_authenticated_at: datetime | None
    item_login_schema: GuestSchema
    created_at: datetime
    updated_at: datetime


class CurrentSettings(BaseModel):
    model_config = camel

    lang: str | None = None
    marketing_emails_subscribed_at: datetime | None
    notification_frequency: Literal["always", "never"]
    enable_save_actions: bool


class MinimalMember(BaseModel):
    id: UUID
    name: str
