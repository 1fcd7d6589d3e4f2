"""Pads on the wire."""

from typing import Literal

from pydantic import BaseModel

from graasp.items.schemas import ItemChange, Name, camel

ReaderPermission = Literal["read", "write"]


class NewEtherpad(BaseModel):
    model_config = camel

    name: Name
    reader_permission: ReaderPermission = "read"


class EtherpadChange(ItemChange):
    model_config = camel

    reader_permission: ReaderPermission = "read"


class PadView(BaseModel):
    model_config = camel

    pad_url: str
