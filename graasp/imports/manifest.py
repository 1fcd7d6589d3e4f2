"""What becomes of a Graasp archive: the tree that its manifest tells. Nothing in it is trusted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from graasp.archives.layout import MANIFEST, thumbnail_of
from graasp.archives.reading import Archive, ArchiveEntry
from graasp.http.fields import AbsoluteUri, AnyText, DateTime, JsonObject, Text
from graasp.imports.errors import GraaspExportFileError
from graasp.imports.plans import LeftOut, Plan, PlannedItem, PlannedSetting
from graasp.items.schemas import DocumentContent, ItemSettings, ItemType
from graasp.links.errors import InvalidUrl
from graasp.links.service import require_linkable

_LARGEST_MANIFEST = 100 * 1024 * 1024
_MOST_VALUES = 2_000_000
_LONGEST_TEXT = 1024 * 1024


class _Setting(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    name: AnyText
    data: JsonObject
    created_at: DateTime | None = None
    updated_at: DateTime | None = None


class _Element(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    id: UUID
    name: Annotated[Text, Field(max_length=500)]
    type: ItemType
    description: AnyText | None = None
    settings: JsonObject = {}
    extra: JsonObject | None = None
    mimetype: AnyText | None = None
    # One mistake is told, so one is looked for.
    app_settings: Annotated[list[_Setting], FailFast()] = []
    children: Annotated[list["_Element"], FailFast()] = []


_ELEMENTS = TypeAdapter(Annotated[list[_Element], FailFast()])


async def plan_manifest(archive: Archive, manifest: ArchiveEntry) -> Plan:
    """One item per element, in the manifest's order. Raises GraaspExportFileError, UnsafeArchive."""
    written = await archive.read_json(manifest, at_most=_LARGEST_MANIFEST, most_values=_MOST_VALUES)
    try:
        elements = _ELEMENTS.validate_json(written)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in problem["loc"])
        raise GraaspExportFileError(f"{MANIFEST}: {where} {problem['msg']}") from None
    if not elements:
        raise GraaspExportFileError(f"{MANIFEST} is empty")
    return _Planner(archive).plan(elements)


class _Planner:
    def __init__(self, archive: Archive) -> None:
        self._entries = {entry.name: entry for entry in archive.entries if len(entry.parts) == 1}
        self._known: set[UUID] = set()
        self._left_out: list[LeftOut] = []

    def plan(self, elements: list[_Element]) -> Plan:
        items: list[PlannedItem] = []
        pending: list[tuple[_Element, UUID | None]] = [(element, None) for element in reversed(elements)]
        while pending:
            element, parent_id = pending.pop()
            if element.id in self._known:
                raise GraaspExportFileError(f"{element.id} is there twice")
            self._known.add(element.id)
            item = self._planned(element, parent_id)
            if item is not None:
                items.append(item)
                below = reversed(element.children) if element.type == "folder" else ()
                pending += [(child, item.id) for child in below]
        return Plan(items, self._left_out)

    def _planned(self, element: _Element, parent_id: UUID | None) -> PlannedItem | None:
        common: dict[str, Any] = {
            "name": element.name,
            "parent_id": parent_id,
            "description": element.description,
            "settings": _known_settings(element.settings),
            "thumbnail": self._entries.get(thumbnail_of(element.id)),
        }
        match element.type:
            case "folder":
                return PlannedItem("folder", extra={"folder": {}}, **common)
            case "document":
                return PlannedItem("document", extra={"document": _document(element)}, **common)
            case "file":
                if not element.mimetype:
                    raise GraaspExportFileError(f"{element.id} has no mimetype")
                stored = _part(element, "file")
                known = {"altText": stored["altText"]} if isinstance(stored.get("altText"), str) else {}
                text = stored.get("content")
                return PlannedItem(
                    "file",
                    extra={"file": known},
                    content=self._bytes_of(element),
                    content_type=element.mimetype.partition(";")[0].strip().lower(),
                    text=text[:_LONGEST_TEXT] if isinstance(text, str) else "",
                    **common,
                )
            case "h5p":
                return PlannedItem("h5p", content=self._bytes_of(element), **common)
            case "app" | "embeddedLink":
                return self._linking(element, common)
            case _:
                self._left_out.append(
                    LeftOut(element.name, f"items of type {element.type} can't be imported")
                )
                return None

    def _linking(self, element: _Element, common: Mapping[str, Any]) -> PlannedItem | None:
        given = _part(element, element.type)
        url = given.get("url")
        try:
            require_linkable(url if isinstance(url, str) else "")
        except InvalidUrl:
            self._left_out.append(LeftOut(element.name, "its URL is not valid"))
            return None
        if element.type == "embeddedLink":
            return PlannedItem("embeddedLink", extra={"embeddedLink": _link(given)}, **common)
        content = {"url": url}
        if isinstance(given.get("settings"), dict):
            content["settings"] = given["settings"]
        settings = [_setting(setting) for setting in element.app_settings if "file" not in setting.data]
        return PlannedItem("app", extra={"app": content}, app_settings=settings, **common)

    def _bytes_of(self, element: _Element) -> ArchiveEntry:
        entry = self._entries.get(str(element.id))
        if entry is None or entry.is_folder:
            raise GraaspExportFileError(f"{element.id} is not in the archive")
        return entry


def _part(element: _Element, name: str) -> Mapping[str, Any]:
    part = (element.extra or {}).get(name)
    return part if isinstance(part, dict) else {}


def _document(element: _Element) -> dict[str, Any]:
    content = _part(element, "document").get("content")
    if not isinstance(content, str):
        raise GraaspExportFileError(f"{element.id} has no content")
    kept = {"content": content}
    for name in ("flavor", "isRaw"):
        try:
            one = {"content": "x", name: _part(element, "document")[name]}
            kept |= DocumentContent.model_validate(one).model_dump(
                by_alias=True, include={"flavor", "is_raw"}, exclude_unset=True, exclude_none=True
            )
        except (KeyError, ValidationError):
            continue
    return kept


def _link(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of the page behind a link; never its HTML, which would run in the client."""
    told = {
        name: given[name] if isinstance(given.get(name), str) else "" for name in ("title", "description")
    }
    pictures = {
        name: [url for url in _list(given.get(name)) if _is_web(url)] for name in ("thumbnails", "icons")
    }
    return {"url": given["url"], **told, "html": "", **pictures}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_web(url: Any) -> bool:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return False
    try:
        TypeAdapter(AbsoluteUri).validate_python(url)
    except ValidationError:
        return False
    return True


def _known_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that clients could have set; whether there is a thumbnail is told by its entry."""
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name != "hasThumbnail":
            try:
                kept |= ItemSettings.model_validate({name: value}).given()
            except ValidationError:
                continue
    return kept


def _setting(setting: _Setting) -> PlannedSetting:
    created: datetime | None = setting.created_at
    return PlannedSetting(setting.name, setting.data, created, setting.updated_at)
