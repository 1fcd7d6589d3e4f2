"""The current account, its settings, and what others may know of a member."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from graasp.accounts import email_change, schemas, service
from graasp.actions.recording import RequestOrigin
from graasp.auth import tokens
from graasp.auth.gates import Member, SignedIn, end_session, read_session
from graasp.auth.service import end_session as revoke_session
from graasp.http.dependencies import ClientAddress, Limits, Reads, Uow
from graasp.http.errors import Unauthorized
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.rate_limits import MAIL_BY_ACCOUNT, MAIL_BY_ADDRESS, SIGN_IN_BY_ADDRESS

router = contract_router(prefix="/members")

_NO_BODY: dict[str, Any] = {"status_code": 204, "response_class": Response}


@router.get(
    "/current",
    operation_id="getCurrentAccount",
    tags=["current", "member", "guest"],
    response_model=schemas.CurrentMember | schemas.CurrentGuest,
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
async def update_current_account(uow: Uow, caller: SignedIn, body: schemas.AccountChange) -> Response:
    await service.update(uow, caller, **body.given())
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
    response_model=schemas.CurrentSettings,
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
    await service.set_marketing(uow, caller, RequestOrigin.of(request), subscribed=True)
    return no_content()


@router.post(
    "/current/marketing/unsubscribe",
    operation_id="marketingEmailsUnsubscribe",
    tags=["member", "email"],
    **_NO_BODY,
)
async def unsubscribe(request: Request, uow: Uow, caller: Member) -> Response:
    await service.set_marketing(uow, caller, RequestOrigin.of(request), subscribed=False)
    return no_content()


@router.post("/current/email/change", operation_id="postChangeEmail", tags=["member", "email"], **_NO_BODY)
async def post_change_email(
    uow: Uow, limits: Limits, address: ClientAddress, caller: Member, body: schemas.NewEmail
) -> Response:
    await limits.require(
        "mail",
        (MAIL_BY_ADDRESS, address),
        (MAIL_BY_ACCOUNT, str(caller.id)),
        (MAIL_BY_ACCOUNT, body.email.lower()),
    )
    await email_change.request(uow, caller, body.email)
    return no_content()


@router.patch("/current/email/change", operation_id="patchChangeEmail", tags=["member", "email"], **_NO_BODY)
async def patch_change_email(request: Request, uow: Uow, limits: Limits, address: ClientAddress) -> Response:
    await limits.require("e-mail change", (SIGN_IN_BY_ADDRESS, address))
    change = tokens.read_email_change_token(uow.platform.settings, tokens.bearer(request))
    if change is None:
        raise Unauthorized
    await email_change.confirm(uow, change)
    return no_content()


@router.get("/{id}", operation_id="getOneMember", tags=["member"], response_model=schemas.MinimalMember)
async def get_one_member(reads: Reads, id: Uuid) -> Response:
    return json_response(await service.minimal_member(reads, id))
