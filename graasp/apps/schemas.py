"""Apps on the wire."""

from typing import Literal

from pydantic import BaseModel

from graasp.http.fields import AbsoluteUri, Uuid
from graasp.items.schemas import Account, Item


class TokenRequest(BaseModel):
    key: Uuid
    origin: AbsoluteUri


class Token(BaseModel):
    token: str


class App(BaseModel):
    name: str
    description: str
    url: str
    thumbnail: str


class UsedApp(BaseModel):
    name: str
    url: str
    count: int


class AppItem(Item):
    type: Literal["app"]


class Context(BaseModel):
    item: AppItem
    members: list[Account]
