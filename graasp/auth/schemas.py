"""Sign-in on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from graasp.http.fields import AbsoluteUri, AnyText, Email, Flag, StrongPassword, Username

camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)

# As long as the column; a longer one can't be anybody's.
MemberEmail = Annotated[Email, Field(max_length=150)]
Lang = Annotated[AnyText, Field(max_length=35)]


class Registration(BaseModel):
    model_config = camel

    name: Username
    email: MemberEmail
    captcha: AnyText
    url: AbsoluteUri | None = None
    enable_save_actions: Flag = True


class LinkRequest(BaseModel):
    email: MemberEmail
    captcha: AnyText
    url: AbsoluteUri | None = None


class Credentials(BaseModel):
    email: MemberEmail
    password: AnyText
    captcha: AnyText


class NewPassword(BaseModel):
    password: StrongPassword


class PasswordChange(BaseModel):
    model_config = camel

    password: StrongPassword
    current_password: StrongPassword


class ResetRequest(BaseModel):
    email: MemberEmail
    captcha: AnyText


class PasswordStatus(BaseModel):
    model_config = camel

    has_password: bool
