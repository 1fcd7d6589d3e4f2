"""Embedded links on the wire."""

from pydantic import BaseModel

from graasp.http.fields import AbsoluteUri, Flag
from graasp.items.schemas import ItemChange, NewFolder, camel


class NewLink(NewFolder):
    model_config = camel

    url: AbsoluteUri
    show_link_iframe: Flag = False
    show_link_button: Flag = True


class LinkChange(ItemChange):
    model_config = camel

    url: AbsoluteUri = ""
    show_link_iframe: Flag = False
    show_link_button: Flag = True


class LinkMetadata(BaseModel):
    model_config = camel

    title: str
    description: str
    html: str
    is_embedding_allowed: bool
    icons: list[str]
    thumbnails: list[str]
