"""What the routes of every kind of item do alike: create or change one, record it, answer with it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.decoding.process import CannotDecode
from graasp.http.errors import BadRequest
from graasp.http.fields import Uuid
from graasp.http.responses import json_response
from graasp.http.uploads import SingleFile
from graasp.items import schemas, service
from graasp.items.errors import FileExpected
from graasp.items.packing import SETTINGS, generic_item, own_content, thumbnail_prefix
from graasp.items.service import Change, NewItem
from graasp.links.dependencies import LinkPages
from graasp.links.service import LINK_SETTINGS
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork

ParentId = Annotated[Uuid | None, Query(alias="parentId")]
PreviousItemId = Annotated[Uuid | None, Query(alias="previousItemId")]


def new_item(
    body: schemas.NewCapsule | schemas.NewPage, kind: str, extra: Mapping[str, Any], **settings: Any
) -> NewItem:
    """What a body asks for; `settings` win over those in it."""
    geolocation = body.geolocation if isinstance(body, schemas.NewPage) else None
    return NewItem(
        type=kind,
        name=body.name,
        extra=extra,
        description=body.description if isinstance(body, schemas.NewCapsule | schemas.NewFolder) else None,
        lang=body.lang,
        settings=body.settings.given() | settings,
        geolocation=(geolocation.lat, geolocation.lng) if geolocation else None,
    )


async def any_new_item(links: LinkPages, reader: Reader, caller: Caller, body: schemas.AnyNewItem) -> NewItem:
    """What a body asks for whose type is one of its fields.

    Raises InvalidUrl, TooManyRequests, and what reading a target raises.
    """
    match body:
        case schemas.NewAppItem():
            return new_item(body, "app", {"app": body.extra.app.model_dump(exclude_none=True)})
        case schemas.NewDocumentItem():
            return new_item(
                body, "document", {"document": await document_content(links.platform, body.extra.document)}
            )
        case schemas.NewLinkItem():
            link = await links.content(caller, body.extra.embedded_link.url)
            shown = {**LINK_SETTINGS, **body.settings.given()}
            return new_item(body, "embeddedLink", {"embeddedLink": link}, **shown)
        case schemas.NewShortcutItem():
            target = body.extra.shortcut.target
            await authorize(reader, caller.id, target)
            return new_item(body, "shortcut", {"shortcut": {"target": str(target)}})
        case schemas.NewPageItem():
            return new_item(body, "page", {})
        case _:
            return new_item(body, "folder", {"folder": {}})


async def document_content(
    platform: Platform,
    content: schemas.NewDocument
    | schemas.DocumentContent
    | schemas.DocumentChange
    | schemas.DocumentExtraChange,
) -> dict[str, Any]:
    """What was sent of a document's extra, its HTML made safe. Raises BadRequest for HTML that can't be."""
    given = content.model_dump(
        by_alias=True, include={"content", "flavor", "is_raw"}, exclude_unset=True, exclude_none=True
    )
    try:
        return await service.document_content(platform, given)
    except CannotDecode:
        raise BadRequest("body/content must be HTML that is nested less deeply") from None


async def extra_change(
    links: LinkPages, caller: Caller, item: Row, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a client may change of `extra` through the general update, for the item's own type; the rest is dropped.

    Raises RequestValidationError when nothing fits the item's type, InvalidUrl, TooManyRequests.
    """
    kind = item["type"]
    match kind:
        case "document":
            content = _own_extra(schemas.DocumentExtraChange, kind, given)
            return await document_content(links.platform, content)
        case "file":
            return {"altText": _own_extra(schemas.FileExtraChange, kind, given).alt_text}
        case "embeddedLink":
            url = _own_extra(schemas.LinkExtraChange, kind, given).url
            return await links.changed_content(caller, own_content(item), url)
        case "folder" | "app":
            _own_extra(schemas.NoExtraChange, kind, given)
            return {}
    raise BadRequest("body/extra must match a schema in anyOf")


E = TypeVar("E", bound=BaseModel)


def _own_extra(model: type[E], kind: str, given: Mapping[str, Any]) -> E:
    if kind not in given:
        raise BadRequest(f"body/extra must have required property '{kind}'")
    try:
        return model.model_validate(given[kind])
    except ValidationError as error:
        raise _in_body(error, "extra", kind) from None


def _in_body(error: ValidationError, *where: str, body: object = None) -> RequestValidationError:
    problems = [{**problem, "loc": ("body", *where, *problem["loc"])} for problem in error.errors()]
    return RequestValidationError(problems, body=body)


async def create(
    request: Request,
    uow: UnitOfWork,
    caller: Caller,
    new: NewItem,
    parent_id: UUID | None,
    previous_item_id: UUID | None = None,
    *,
    status: int = 200,
) -> Response:
    """Create an item, record the action `create`, answer with the item."""
    row = await service.create_item(uow, caller, new, parent_id=parent_id, previous_item_id=previous_item_id)
    action = NewAction("create", {"itemId": str(row["id"])}, item=row)
    await record(uow, caller, RequestOrigin.of(request), [action])
    return json_response(generic_item(row), status=status)


def change_of(body: schemas.NamedChange, extra: Mapping[str, Any] | None = None, **settings: Any) -> Change:
    """What a body changes, with the parts of `extra` and the settings that the route has worked out."""
    given = body.model_fields_set & {"name", "description", "lang", "settings"}
    lang = ""
    if isinstance(body, schemas.ItemChange):
        lang = body.lang
        settings = body.settings.given() | settings
    if extra is not None:
        given.add("extra")
    if settings:
        given.add("settings")
    return Change(
        given=frozenset(given),
        name=body.name,
        description=body.description,
        lang=lang,
        settings=settings,
        extra=extra or {},
    )


async def update(
    request: Request,
    uow: UnitOfWork,
    caller: Caller,
    item_id: UUID,
    body: schemas.NamedChange,
    change: Change,
    expected_type: str | None = None,
) -> Response:
    """Change an item, record the action `update` with what was sent, answer with the item.

    Of any item, of folders and of apps what is merged is recorded as it has become.
    """
    row = await service.update_item(uow, caller, item_id, change, expected_type=expected_type)
    recorded = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if expected_type in (None, "folder", "app"):
        recorded |= {name: row[name] for name in ("settings", "extra") if name in recorded}
    action = NewAction("update", {"itemId": str(row["id"]), "body": recorded}, item=row)
    await record(uow, caller, RequestOrigin.of(request), [action])
    return json_response(generic_item(row))


async def create_with_thumbnail(
    request: Request,
    links: LinkPages,
    caller: Caller,
    form: SingleFile,
    parent_id: UUID | None,
    previous_item_id: UUID | None,
    *,
    always: str | None = None,
) -> Response:
    """Create the item that the form's fields describe, with its file as thumbnail; both, or neither.

    The fields `settings`, `geolocation` and `extra` are JSON. Raises RequestValidationError, FileExpected,
    FileIsNotImage, and what creating raises.
    """
    platform = links.platform
    body = _described_item(form.fields, always)
    if form.file is None:
        raise FileExpected
    if parent_id is not None:
        await authorize(platform.reads, caller.id, parent_id, Permission.WRITE)
    new = await any_new_item(links, platform.reads, caller, body)
    new = replace(new, settings={**new.settings, "hasThumbnail": True})
    prefix = thumbnail_prefix(new.id)
    async with platform.unit_of_work() as uow:
        uow.after_rollback(lambda: platform.thumbnails.remove(prefix))
        await platform.thumbnails.store(form.file.file, prefix, account_id=caller.id)
        return await create(request, uow, caller, new, parent_id, previous_item_id)


_DESCRIBED: TypeAdapter[schemas.AnyNewItem] = TypeAdapter(
    Annotated[schemas.AnyNewItem, Field(discriminator="type")]
)

# Unlike elsewhere, what is not known is refused.
_CLOSED = {"settings": SETTINGS, "geolocation": frozenset(("lat", "lng"))}


def _described_item(fields: Mapping[str, str], always: str | None) -> schemas.AnyNewItem:
    described: dict[str, Any] = {
        name: fields[name] for name in ("name", "type", "description") if name in fields
    }
    for name in ("settings", "geolocation", "extra"):
        if fields.get(name):
            try:
                described[name] = orjson.loads(fields[name])
            except orjson.JSONDecodeError:
                raise BadRequest(f"body/{name} must be valid JSON") from None
    for name, known in _CLOSED.items():
        if isinstance(sent := described.get(name), dict) and sent.keys() - known:
            raise BadRequest(f"body/{name} must NOT have additional properties")
    if always and described.get("type") in schemas.ITEM_TYPES:
        described = {**described, "type": always, "extra": {}}
    try:
        return _DESCRIBED.validate_python(described)
    except ValidationError as error:
        raise _in_body(error, body=described) from None
