"""`/api/items`: the item tree over HTTP."""

from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import Member, OptionalCaller, ValidatedMember
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, Flag, Many, Uuid, Whole
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items import queries, schemas, service
from graasp.items.endpoints import (
    ParentId,
    PreviousItemId,
    any_new_item,
    change_of,
    create,
    document_content,
    extra_change,
    new_item,
    update,
)
from graasp.items.errors import NothingToUpdateItem
from graasp.items.packing import generic_item
from graasp.links.dependencies import Links
from graasp.memberships.authorization import Permission, authorize

router = contract_router(prefix="/items", tags=["item"])

Types = Annotated[Many[schemas.ItemType] | None, Query()]
# Each is looked for in each name.
Keywords = Annotated[Many[AnyText] | None, Query(max_length=100)]


@router.post("/folders", operation_id="createFolder", tags=["folder"], response_model=schemas.Item)
async def create_folder(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewFolder,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = new_item(body, "folder", {"folder": {}})
    return await create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/capsules", operation_id="createCapsule", tags=["capsule"], response_model=schemas.Item)
async def create_capsule(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewCapsule,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = new_item(body, "folder", {"folder": {"isCapsule": True}})
    return await create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/documents/", operation_id="createDocument", tags=["document"], response_model=schemas.Item)
async def create_document(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewDocument,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = new_item(body, "document", {"document": await document_content(uow.platform, body)})
    return await create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/apps", operation_id="createApp", tags=["app"], response_model=schemas.Item)
async def create_app(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: schemas.NewApp,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = new_item(body, "app", {"app": {"url": body.url}})
    return await create(request, uow, caller, new, parent_id, previous_item_id)


@router.post("/", operation_id="createItem", response_model=schemas.Item)
async def create_item(
    request: Request,
    uow: Uow,
    links: Links,
    caller: ValidatedMember,
    body: schemas.NewAnyItem,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = await any_new_item(links, uow, caller, body)
    return await create(request, uow, caller, new, parent_id, previous_item_id)


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
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.TypedChange
) -> Response:
    return await update(request, uow, caller, id, body, change_of(body), "folder")


@router.patch("/apps/{id}", operation_id="updateApp", tags=["app"], response_model=schemas.Item)
async def update_app(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.TypedChange
) -> Response:
    return await update(request, uow, caller, id, body, change_of(body), "app")


@router.patch(
    "/documents/{id}", operation_id="updateDocument", tags=["document"], response_model=schemas.Item
)
async def update_document(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    id: Uuid,
    body: Annotated[schemas.DocumentChange, schemas.Something],
) -> Response:
    change = change_of(body, await document_content(uow.platform, body))
    return await update(request, uow, caller, id, body, change, "document")


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
    links: Links,
    reads: Reads,
    caller: ValidatedMember,
    id: Uuid,
    body: schemas.AnyItemChange,
) -> Response:
    if not body.model_fields_set:
        raise NothingToUpdateItem
    extra = None
    if "extra" in body.model_fields_set:
        # Outside the transaction: a link's metadata may come from afar.
        access = await authorize(reads, caller.id, id, Permission.WRITE)
        extra = await extra_change(links, caller, access.item, body.extra)
    return await update(request, uow, caller, id, body, change_of(body, extra))


@router.patch("/{id}/reorder", operation_id="reorderItem", response_model=schemas.Item)
async def reorder_item(uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.Reorder) -> Response:
    return json_response(generic_item(await service.reorder(uow, caller, id, body.previous_item_id)))
