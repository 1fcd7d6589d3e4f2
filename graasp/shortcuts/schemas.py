"""Shortcuts on the wire."""

from pydantic import BaseModel

from graasp.http.fields import Uuid
from graasp.items.schemas import Description, Name


class NewShortcut(BaseModel):
    target: Uuid
    name: Name = ""
    description: Description | None = None
