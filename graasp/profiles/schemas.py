"""Profiles on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from graasp.http.fields import AnyText, Flag, at_least_one_key

camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)

Name = Annotated[AnyText, Field(max_length=100)]


class ProfileFields(BaseModel):
    """What is not sent is empty in a new profile, and stays as it is in an old one; null is an empty text."""

    model_config = camel

    bio: Annotated[AnyText, Field(max_length=5000)] = ""
    facebook_id: Name = ""
    linkedin_id: Name = ""
    twitter_id: Name = ""
    visibility: Flag = False

    _not_empty = model_validator(mode="before")(at_least_one_key)


class Profile(BaseModel):
    model_config = camel

    id: UUID
    bio: str | None
    visibility: bool
    facebook_id: str | None
    linkedin_id: str | None
    twitter_id: str | None
    created_at: datetime
    updated_at: datetime
