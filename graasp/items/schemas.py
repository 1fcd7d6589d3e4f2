"""Items on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from graasp.http.fields import AbsoluteUri, AnyText, Flag, JsonObject, Many, Number, Text, Uuid, failure

ItemType = Literal["app", "document", "embeddedLink", "etherpad", "file", "folder", "h5p", "page", "shortcut"]
ITEM_TYPES: frozenset[str] = frozenset(get_args(ItemType))
PermissionName = Literal["read", "write", "admin"]
Name = Annotated[Text, Field(max_length=500)]
Description = Annotated[AnyText, Field(max_length=5000)]
# Whatever clients call a language, it is no text.
Lang = Annotated[AnyText, Field(max_length=100)]
Flavor = Literal["none", "info", "success", "warning", "error"]

camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ItemSettings(BaseModel):
    """Known settings; others are dropped."""

    model_config = camel

    lang: Lang = Field(default="", deprecated=True)
    is_pinned: Flag = False
    tags: Many[AnyText] = Field(default=[], deprecated=True)
    show_chatbox: Flag = False
    is_resizable: Flag = False
    has_thumbnail: Flag = False
    cc_license_adaption: (
        Literal["CC BY", "CC BY-NC", "CC BY-SA", "CC BY-NC-SA", "CC BY-ND", "CC BY-NC-ND", "CC0"] | None
    ) = None
    display_co_editors: Flag = False
    description_placement: Literal["above", "below"] = "above"
    is_collapsible: Flag = False
    enable_save_actions: Flag = True
    show_link_iframe: Flag = False
    show_link_button: Flag = True
    max_width: Literal["xs", "sm", "md", "lg", "xl"] = "xl"
    alignment: Literal["center", "left", "right"] = "center"

    def given(self) -> dict[str, Any]:
        """What was sent, by its wire name; the defaults above are never stored."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Geolocation(BaseModel):
    lat: Number | None = None
    lng: Number | None = None


class NewCapsule(BaseModel):
    name: Name
    description: Description | None = None
    lang: Lang | None = None
    settings: ItemSettings = ItemSettings()


class NewPage(BaseModel):
    name: Name
    lang: Lang | None = None
    settings: ItemSettings = ItemSettings()
    geolocation: Geolocation | None = None


class NewFolder(NewPage):
    description: Description | None = None


class NewDocument(NewFolder):
    model_config = camel

    content: Text
    flavor: Flavor | None = None
    is_raw: Flag | None = None


class NewApp(NewFolder):
    url: AbsoluteUri


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


class NewPageItem(NewFolder):
    type: Literal["page"]
    extra: dict[str, Any] = {}


NewAnyItem = Annotated[
    NewFolderItem | NewAppItem | NewDocumentItem | NewLinkItem | NewShortcutItem, Field(discriminator="type")
]
AnyNewItem = NewFolderItem | NewAppItem | NewDocumentItem | NewLinkItem | NewShortcutItem | NewPageItem


class NamedChange(BaseModel):
    """What was not sent is told by `model_fields_set`: the defaults mean nothing."""

    name: Name = ""
    description: Description | None = None


class ItemChange(NamedChange):
    lang: Lang = ""
    settings: ItemSettings = ItemSettings()


def _says_something(change: NamedChange) -> NamedChange:
    if not change.model_fields_set:
        raise failure("must NOT have fewer than 1 properties")
    return change


# A change that says at least one thing.
Something = AfterValidator(_says_something)
TypedChange = Annotated[ItemChange, Something]


class DocumentChange(ItemChange):
    model_config = camel

    content: Text = ""
    flavor: Flavor = "none"
    is_raw: Flag = False


class AnyItemChange(ItemChange):
    extra: JsonObject = {}


class DocumentExtraChange(BaseModel):
    """Unlike a new document, one that exists may be emptied."""

    model_config = camel

    content: AnyText
    flavor: Flavor = "none"
    is_raw: Flag = False


class FileExtraChange(BaseModel):
    model_config = camel

    alt_text: AnyText


class LinkExtraChange(BaseModel):
    url: AnyText


class NoExtraChange(BaseModel):
    """Nothing of it can be changed by clients."""


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
