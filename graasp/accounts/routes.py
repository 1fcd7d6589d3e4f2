"""The current account, its settings, and what others may know of a member."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from graasp.accounts import queries, service
from graasp.accounts.errors import MemberNotFound
from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.auth.gates import Caller, Member, SignedIn, end_session, read_session
from graasp.auth.service import end_session as revoke_session
from graasp.http.dependencies import Reads, Uow
from graasp.http.errors import BadRequest, Unauthorized
from graasp.http.fields import AnyText, Flag, Username, Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.platform import UnitOfWork

router = contract_router(prefix="/members")

_camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)
_NO_BODY: dict[str, Any] = {"status_code": 204, "response_class": Response}


class AccountExtra(BaseModel):
    """The keys the product knows; others are dropped."""

    model_config = _camel

    lang: Annotated[AnyText, Field(max_length=35)] | None = None
    email_freq: Literal["always", "never"] | None = None
    has_completed_tour: Flag | None = None


class AccountChange(BaseModel):
    model_config = _camel

    name: Username | None = None
    enable_save_actions: bool | None = None
    extra: AccountExtra | None = None


class ShownExtra(BaseModel):
    model_config = _camel

    has_avatar: bool | None = None
    lang: str | None = None
    email_freq: str | None = None
    has_completed_tour: bool | None = None


class CurrentMember(BaseModel):
    model_config = _camel

    id: UUID
    name: str
    email: str
    type: Literal["individual"]
    lang: str
    is_validated: bool
    enable_save_actions: bool
    user_agreements_date: datetime | None
    last_authenticated_at: datetime | None
    extra: ShownExtra
    created_at: datetime
    updated_at: datetime


class GuestItem(BaseModel):
    id: UUID
    name: str
    path: str


class GuestSchema(BaseModel):
    item: GuestItem


class CurrentGuest(BaseModel):
    model_config = _camel

    id: UUID
    name: str
    type: Literal["guest"]
    lang: str
    last_authenticated_at: datetime | None
    item_login_schema: GuestSchema
    created_at: datetime
    updated_at: datetime


class CurrentSettings(BaseModel):
    model_config = _camel

    lang: str | None = None
    marketing_emails_subscribed_at: datetime | None
    notification_frequency: Literal["always", "never"]
    enable_save_actions: bool


class MinimalMember(BaseModel):
    id: UUID
    name: str


@router.get(
    "/current",
    operation_id="getCurrentAccount",
    tags=["current", "member", "guest"],
    response_model=CurrentMember | CurrentGuest,
)
async def get_current_account(request: Request, reads: Reads, caller: SignedIn) -> Response:
    account = await service.current_account(reads, caller)
    if account is None:
        end_session(request)
        raise Unauthorized
    return json_response(account)


@router.patch(
    "/current",
    operation_id="updateCurrentAccount",
    tags=["member", "guest"],
    responses={200: {"description": "Never sent; what clients were told to expect"}},
    **_NO_BODY,
)
async def update_current_account(
    request: Request, uow: Uow, caller: SignedIn, body: AccountChange
) -> Response:
    if not await request.json():
        raise BadRequest("body must NOT have fewer than 1 properties")
    extra = body.extra.model_dump(by_alias=True, exclude_none=True) if body.extra else {}
    await service.update(uow, caller, name=body.name, saves_actions=body.enable_save_actions, extra=extra)
    return no_content()


@router.delete("/current", operation_id="deleteCurrentAccount", tags=["member", "guest"], **_NO_BODY)
async def delete_current_account(request: Request, uow: Uow, caller: SignedIn) -> Response:
    session = read_session(request)
    if caller.is_member:
        await service.delete(uow, caller)
    elif session:
        await revoke_session(uow, session)
    end_session(request)
    return no_content()


@router.get(
    "/current/settings",
    operation_id="getCurrentSettings",
    tags=["settings", "current"],
    response_model=CurrentSettings,
)
async def get_current_settings(reads: Reads, caller: Member) -> Response:
    return json_response(await service.current_settings(reads, caller))


@router.post(
    "/current/marketing/subscribe",
    operation_id="marketingEmailsSubscribe",
    tags=["member", "email"],
    **_NO_BODY,
)
async def subscribe(request: Request, uow: Uow, caller: Member) -> Response:
    return await _marketing(request, uow, caller, subscribed=True)


@router.post(
    "/current/marketing/unsubscribe",
    operation_id="marketingEmailsUnsubscribe",
    tags=["member", "email"],
    **_NO_BODY,
)
async def unsubscribe(request: Request, uow: Uow, caller: Member) -> Response:
    return await _marketing(request, uow, caller, subscribed=False)


@router.get("/{id}", operation_id="getOneMember", tags=["member"], response_model=MinimalMember)
async def get_one_member(reads: Reads, id: Uuid) -> Response:
    row = await reads.first(queries.MEMBER, account_id=id)
    if row is None:
        raise MemberNotFound(id)
    return json_response({"id": row["id"], "name": row["name"]})


async def _marketing(request: Request, uow: UnitOfWork, caller: Caller, *, subscribed: bool) -> Response:
    await uow.execute(queries.SET_MARKETING, account_id=caller.id, subscribed=subscribed)
    kind = "marketing-emails-subscribe" if subscribed else "marketing-emails-unsubscribe"
    await record(uow, caller, RequestOrigin.of(request), [NewAction(kind, {"memberId": str(caller.id)})])
    return no_content()
