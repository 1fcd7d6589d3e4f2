"""`/api/items`: the item tree over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.auth.gates import Caller, Member, OptionalCaller, ValidatedMember
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, Flag, Many, Uuid, Whole
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items import queries, schemas, service
from graasp.items.errors import NothingToUpdateItem
from graasp.items.links import link_content
from graasp.items.packing import generic_item
from graasp.items.service import Change, NewItem
from graasp.memberships.authorization import authorize
from graasp.platform import UnitOfWork

router = contract_router(prefix="/items", tags=["item"])

ParentId = Annotated[Uuid | None, Query(alias="parentId")]
PreviousItemId = Annotated[Uuid | None, Query(alias="previousItemId")]
Types = Annotated[Many[schemas.ItemType] | None, Query()]
Keywords = Annotated[Many[AnyText] | None, Query()]


@router.post("/folders", operation_id="createFolder", tags=["folder"], response_model=schemas.Item)
async def create_folder(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewFolder,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = _new(body, "folder", {"folder": {}})
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/capsules", operation_id="createCapsule", tags=["capsule"], response_model=schemas.Item)
async def create_capsule(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewCapsule,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = _new(body, "folder", {"folder": {"isCapsule": True}})
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/documents/", operation_id="createDocument", tags=["document"], response_model=schemas.Item)
async def create_document(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewDocument,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = _new(body, "document", _document(body))
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/apps", operation_id="createApp", tags=["app"], response_model=schemas.Item)
async def create_app(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewApp,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = _new(body, "app", {"app": {"url": body.url}})
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/embedded-links/", operation_id="createLink", tags=["link"], response_model=schemas.Item)
async def create_link(
    request: Request,
    uow: Uow,
    platform: PlatformDep,
    caller: ValidatedMember,
    body: schemas.NewLink,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    extra = {"embeddedLink": await link_content(platform, body.url)}
    shown = {"showLinkIframe": body.show_link_iframe, "showLinkButton": body.show_link_button}
    flat = {name: value for name, value in shown.items() if value is not None}
    new = _new(body, "embeddedLink", extra, _LINK_DEFAULTS, flat)
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/", operation_id="createItem", response_model=schemas.Item)
async def create_item(
    request: Request,
    uow: Uow,
    platform: PlatformDep,
    caller: ValidatedMember,
    body: schemas.NewAnyItem,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    match body:
        case schemas.NewAppItem():
            extra: dict[str, Any] = {"app": body.extra.app.model_dump(exclude_none=True)}
        case schemas.NewDocumentItem():
            extra = _document(body.extra.document)
        case schemas.NewLinkItem():
            extra = {"embeddedLink": await link_content(platform, body.extra.embedded_link.url)}
        case schemas.NewShortcutItem():
            await authorize(uow, caller.id, body.extra.shortcut.target)
            extra = {"shortcut": {"target": str(body.extra.shortcut.target)}}
        case _:
            extra = {"folder": {}}
    defaults = _LINK_DEFAULTS if body.type == "embeddedLink" else {}
    new = _new(body, body.type, extra, defaults)
    return await _create(request, uow, caller, new, parent_id, previous_item_id)


@router.get("/accessible", operation_id="getAccessibleItems", response_model=schemas.AccessiblePage)
async def get_accessible_items(
    platform: PlatformDep,
    reads: Reads,
    caller: Member,
    page: Annotated[Whole, Query(ge=1, le=10_000_000)] = 1,
    page_size: Annotated[Whole, Query(alias="pageSize", ge=1, le=10_000_000)] = 10,
    creator_id: Annotated[Uuid | None, Query(alias="creatorId")] = None,
    permissions: Annotated[Many[schemas.PermissionName] | None, Query()] = None,
    types: Types = None,
    keywords: Keywords = None,
    sort_by: Annotated[
        Literal["item.type", "item.updated_at", "item.created_at", "item.creator.name", "item.name"],
        Query(alias="sortBy"),
    ] = "item.updated_at",
    ordering: Annotated[Literal["asc", "desc", "ASC", "DESC"], Query()] = "desc",
) -> Response:
    wanted = service.AccessibleFilter(
        page, page_size, sort_by, ordering, creator_id, permissions, types, keywords or ()
    )
    data = await service.accessible(platform, reads, caller, wanted)
    return json_response({"data": data, "pagination": {"page": page, "pageSize": page_size}})


@router.patch("/folders/{id}", operation_id="updateFolder", response_model=schemas.Item)
async def update_folder(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.ItemChange
) -> Response:
    return await _update(request, uow, caller, id, body, "folder")


@router.patch("/apps/{id}", operation_id="updateApp", tags=["app"], response_model=schemas.Item)
async def update_app(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.ItemChange
) -> Response:
    return await _update(request, uow, caller, id, body, "app")


@router.patch(
    "/documents/{id}", operation_id="updateDocument", tags=["document"], response_model=schemas.Item
)
async def update_document(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.DocumentChange
) -> Response:
    content = body.model_dump(by_alias=True, include={"content", "flavor", "is_raw"}, exclude_none=True)
    return await _update(request, uow, caller, id, body, "document", service.document_content(content))


@router.post("/folders/{id}/convert", operation_id="convertFolderToCapsule", response_model=schemas.Item)
async def convert_folder_to_capsule(uow: Uow, caller: ValidatedMember, id: Uuid) -> Response:
    return json_response(generic_item(await service.convert(uow, caller, id, is_capsule=True)))


@router.post(
    "/capsules/{id}/convert",
    operation_id="convertCapsuleToFolder",
    tags=["capsule"],
    response_model=schemas.Item,
)
async def convert_capsule_to_folder(uow: Uow, caller: ValidatedMember, id: Uuid) -> Response:
    return json_response(generic_item(await service.convert(uow, caller, id, is_capsule=False)))


@router.get("/{id}", operation_id="getItem", response_model=schemas.PackedItem)
async def get_item(platform: PlatformDep, reads: Reads, caller: OptionalCaller, id: Uuid) -> Response:
    access = await authorize(reads, caller.id if caller else None, id)
    return json_response(await service.packer(platform).pack(access.item))


@router.get("/{id}/children", operation_id="getChildren", response_model=list[schemas.PackedItem])
async def get_children(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    id: Uuid,
    keywords: Keywords = None,
    types: Types = None,
) -> Response:
    found = await service.children(platform, reads, caller, id, types=types, keywords=keywords or ())
    return json_response(found)


@router.get("/{id}/descendants", operation_id="getDescendantItems", response_model=list[schemas.PackedItem])
async def get_descendant_items(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    id: Uuid,
    show_hidden: Annotated[Flag, Query(alias="showHidden")] = True,
    types: Types = None,
) -> Response:
    found = await service.descendants(platform, reads, caller, id, types=types, show_hidden=show_hidden)
    return json_response(found)


@router.get("/{id}/parents", operation_id="getParentItems", response_model=list[schemas.Ancestor])
async def get_parent_items(reads: Reads, caller: OptionalCaller, id: Uuid) -> Response:
    account_id = caller.id if caller else None
    access = await authorize(reads, account_id, id)
    rows = await reads.all(queries.PARENTS, account_id=account_id, path=access.item["path"])
    return json_response([dict(row) for row in rows])


@router.patch("/{id}", operation_id="updateItem", response_model=schemas.Item)
async def update_item(
    request: Request,
    uow: Uow,
    platform: PlatformDep,
    reads: Reads,
    caller: ValidatedMember,
    id: Uuid,
    body: schemas.AnyItemChange,
) -> Response:
    extra: dict[str, Any] = {}
    if body.extra:
        # Outside the transaction: a link's metadata may come from afar.
        access = await authorize(reads, caller.id, id)
        extra = await service.extra_change(platform, access.item, body.extra)
    if not body.model_fields_set:
        raise NothingToUpdateItem
    return await _update(request, uow, caller, id, body, None, extra)


@router.patch("/{id}/reorder", operation_id="reorderItem", response_model=schemas.Item)
async def reorder_item(uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.Reorder) -> Response:
    return json_response(generic_item(await service.reorder(uow, caller, id, body.previous_item_id)))


_LINK_DEFAULTS: Mapping[str, Any] = {"showLinkButton": True, "showLinkIframe": False}


def _new(
    body: schemas.NewFolder | schemas.NewCapsule,
    kind: str,
    extra: Mapping[str, Any],
    default_settings: Mapping[str, Any] | None = None,
    flat_settings: Mapping[str, Any] | None = None,
) -> NewItem:
    settings = body.settings.given() if body.settings else {}
    geolocation = getattr(body, "geolocation", None)
    return NewItem(
        type=kind,
        name=body.name,
        extra=extra,
        description=body.description,
        lang=body.lang,
        settings={**(default_settings or {}), **settings, **(flat_settings or {})},
        geolocation=(geolocation.lat, geolocation.lng) if geolocation else None,
    )


def _document(content: schemas.NewDocument | schemas.DocumentContent) -> dict[str, Any]:
    given = content.model_dump(by_alias=True, include={"content", "flavor", "is_raw"}, exclude_none=True)
    return {"document": service.document_content(given)}


async def _create(
    request: Request, uow: UnitOfWork, caller: Caller, new: NewItem, parent_id: Any, previous_item_id: Any
) -> Response:
    row = await service.create_item(uow, caller, new, parent_id=parent_id, previous_item_id=previous_item_id)
    action = NewAction("create", {"itemId": str(row["id"])}, item=row)
    await record(uow, caller, RequestOrigin.of(request), [action])
    return json_response(generic_item(row))


async def _update(
    request: Request,
    uow: UnitOfWork,
    caller: Caller,
    item_id: Any,
    body: schemas.ItemChange,
    expected_type: str | None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    given = body.model_fields_set & {"name", "description", "lang", "settings"}
    change = Change(
        given=frozenset(given | ({"extra"} if extra else set())),
        name=body.name,
        description=body.description,
        lang=body.lang,
        settings=body.settings.given() if body.settings else {},
        extra=extra or {},
    )
    row = await service.update_item(uow, caller, item_id, change, expected_type=expected_type)
    sent = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    merged = {"settings": row["settings"], "extra": row["extra"]}
    recorded = sent | {name: value for name, value in merged.items() if name in sent}
    action = NewAction("update", {"itemId": str(row["id"]), "body": recorded}, item=row)
    await record(uow, caller, RequestOrigin.of(request), [action])
    return json_response(generic_item(row))
