"""Items on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from graasp.http.fields import AbsoluteUri, AnyText, Flag, JsonObject, Many, Number, Text, Uuid

ItemType = Literal["app", "document", "embeddedLink", "etherpad", "file", "folder", "h5p", "page", "shortcut"]
PermissionName = Literal["read", "write", "admin"]
Name = Annotated[Text, Field(max_length=500)]
Description = Annotated[AnyText, Field(max_length=5000)]
Flavor = Literal["none", "info", "success", "warning", "error"]

camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ItemSettings(BaseModel):
    """Known settings; others are dropped."""

    model_config = camel

    lang: AnyText | None = Field(default=None, deprecated=True)
    is_pinned: Flag | None = None
    tags: Many[AnyText] | None = Field(default=None, deprecated=True)
    show_chatbox: Flag | None = None
    is_resizable: Flag | None = None
    has_thumbnail: Flag | None = None
    cc_license_adaption: (
        Literal["CC BY", "CC BY-NC", "CC BY-SA", "CC BY-NC-SA", "CC BY-ND", "CC BY-NC-ND", "CC0"] | None
    ) = None
    display_co_editors: Flag | None = None
    description_placement: Literal["above", "below"] | None = None
    is_collapsible: Flag | None = None
    enable_save_actions: Flag | None = None
    show_link_iframe: Flag | None = None
    show_link_button: Flag | None = None
    max_width: Literal["xs", "sm", "md", "lg", "xl"] | None = None
    alignment: Literal["center", "left", "right"] | None = None

    def given(self) -> dict[str, Any]:
        """What was sent, by its wire name; null is kept only where it means something."""
        values = self.model_dump(by_alias=True, exclude_unset=True)
        return {
            name: value for name, value in values.items() if value is not None or name == "ccLicenseAdaption"
        }


class Geolocation(BaseModel):
    lat: Annotated[Number, Field(ge=-90, le=90)] | None = None
    lng: Annotated[Number, Field(ge=-180, le=180)] | None = None


class NewFolder(BaseModel):
    name: Name
    description: Description | None = None
    lang: AnyText | None = None
    settings: ItemSettings | None = None
    geolocation: Geolocation | None = None


class NewCapsule(BaseModel):
    name: Name
    description: Description | None = None
    lang: AnyText | None = None
    settings: ItemSettings | None = None


class NewDocument(NewFolder):
    model_config = camel

    content: Text
    flavor: Flavor | None = None
    is_raw: Flag | None = None


class NewApp(NewFolder):
    url: AbsoluteUri


class NewLink(NewFolder):
    model_config = camel

    url: AbsoluteUri
    show_link_iframe: Flag | None = None
    show_link_button: Flag | None = None


class FolderExtra(BaseModel):
    folder: dict[str, Any] | None = None


class AppContent(BaseModel):
    url: AbsoluteUri
    settings: JsonObject | None = None


class DocumentContent(BaseModel):
    model_config = camel

    content: Text
    flavor: Flavor | None = None
    is_raw: Flag | None = None


class LinkContent(BaseModel):
    url: AbsoluteUri


class ShortcutContent(BaseModel):
    target: Uuid


class AppExtra(BaseModel):
    app: AppContent


class DocumentExtra(BaseModel):
    document: DocumentContent


class LinkExtra(BaseModel):
    model_config = camel

    embedded_link: LinkContent


class ShortcutExtra(BaseModel):
    shortcut: ShortcutContent


class NewFolderItem(NewFolder):
    type: Literal["folder"]
    extra: FolderExtra | None = None


class NewAppItem(NewFolder):
    type: Literal["app"]
    extra: AppExtra


class NewDocumentItem(NewFolder):
    type: Literal["document"]
    extra: DocumentExtra


class NewLinkItem(NewFolder):
    type: Literal["embeddedLink"]
    extra: LinkExtra


class NewShortcutItem(NewFolder):
    type: Literal["shortcut"]
    extra: ShortcutExtra


NewAnyItem = Annotated[
    NewFolderItem | NewAppItem | NewDocumentItem | NewLinkItem | NewShortcutItem, Field(discriminator="type")
]


class ItemChange(BaseModel):
    # Never used: what was not sent stays as it is. Null is not nothing, but an empty name.
    name: Name = ""
    description: Description | None = None
    lang: AnyText | None = None
    settings: ItemSettings | None = None


class DocumentChange(ItemChange):
    model_config = camel

    content: Text | None = None
    flavor: Flavor | None = None
    is_raw: Flag | None = None


class AnyItemChange(ItemChange):
    extra: JsonObject | None = None


class Reorder(BaseModel):
    model_config = camel

    previous_item_id: Uuid | None = None


class Account(BaseModel):
    id: UUID
    name: str


class ItemVisibility(BaseModel):
    model_config = camel

    id: UUID
    type: Literal["public", "hidden"]
    item_path: str
    created_at: datetime


class Thumbnails(BaseModel):
    small: str
    medium: str


class Item(BaseModel):
    model_config = camel

    id: UUID
    name: str
    type: ItemType
    description: str | None
    path: str
    lang: str
    settings: ItemSettings
    extra: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class PackedItem(Item):
    creator: Account | None
    permission: PermissionName | None
    hidden: ItemVisibility | None = None
    public: ItemVisibility | None = None
    thumbnails: Thumbnails | None = None


class Ancestor(BaseModel):
    id: UUID
    name: str
    path: str


class Pagination(BaseModel):
    model_config = camel

    page: int
    page_size: int


class AccessiblePage(BaseModel):
    data: list[PackedItem]
    pagination: Pagination
