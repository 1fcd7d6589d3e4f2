"""Registration, sign-in by link and by password, and the end of sessions."""

from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from graasp.accounts import queries as accounts
from graasp.actions.recording import NewAction, record_for
from graasp.auth import service, tokens
from graasp.auth.gates import SignedIn, ValidatedMember, end_session, open_session, read_session
from graasp.auth.redirects import followed_redirect
from graasp.captcha import require_person
from graasp.http.dependencies import ClientAddress, PlatformDep, Reads, Uow
from graasp.http.errors import Unauthorized
from graasp.http.fields import AbsoluteUri, AnyText, Email, Flag, JsonWebToken, StrongPassword, Username
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import contract_router
from graasp.rate_limits import (
    MAIL_BY_ACCOUNT,
    MAIL_BY_ADDRESS,
    SIGN_IN_BY_ACCOUNT,
    SIGN_IN_BY_ADDRESS,
    RateLimits,
)

router = contract_router()

_camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)
_LONGEST_EMAIL = 150
_SILENT: dict[int | str, dict[str, Any]] = {
    400: {"description": "Invalid", "content": {"application/json": {"schema": {}}}}
}
_NO_BODY: dict[str, Any] = {"status_code": 204, "response_class": Response}

MemberEmail = Annotated[Email, Field(max_length=_LONGEST_EMAIL)]


class Registration(BaseModel):
    model_config = _camel

    name: Username
    email: MemberEmail
    captcha: AnyText
    url: AbsoluteUri | None = None
    enable_save_actions: Flag = True


class LinkRequest(BaseModel):
    email: MemberEmail
    captcha: AnyText
    url: AbsoluteUri | None = None


class Credentials(BaseModel):
    email: MemberEmail
    password: AnyText
    captcha: AnyText


class NewPassword(BaseModel):
    password: StrongPassword


class PasswordChange(BaseModel):
    model_config = _camel

    password: StrongPassword
    current_password: StrongPassword


class ResetRequest(BaseModel):
    email: MemberEmail
    captcha: AnyText


class PasswordStatus(BaseModel):
    model_config = _camel

    has_password: bool


def _limits(request: Request) -> RateLimits:
    limits: RateLimits = request.app.state.rate_limits
    return limits


@router.post("/register", operation_id="register", tags=["authentication"], **_NO_BODY)
async def register(
    request: Request,
    uow: Uow,
    address: ClientAddress,
    body: Registration,
    lang: Annotated[AnyText, Query(max_length=35)] = "en",
) -> Response:
    await _limits(request).require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="signUp")
    known = await service.register(
        uow,
        name=body.name,
        email=body.email,
        lang=lang,
        saves_actions=body.enable_save_actions,
        url=body.url,
    )
    if known:
        await record_for(uow, known, NewAction("member-login", {"type": "email"}, view="unknown"))
    return no_content()


@router.post("/login", operation_id="login", tags=["authentication"], **_NO_BODY)
async def login(request: Request, uow: Uow, address: ClientAddress, body: LinkRequest) -> Response:
    await _limits(request).require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="signIn")
    account_id = await service.request_link(uow, email=body.email, url=body.url)
    await record_for(uow, account_id, NewAction("member-login", {"type": "email"}, view="unknown"))
    return no_content()


@router.get(
    "/auth",
    operation_id="authenticate",
    tags=["authentication"],
    status_code=303,
    response_class=RedirectResponse,
)
async def authenticate(
    request: Request,
    uow: Uow,
    t: Annotated[JsonWebToken, Query()],
    url: Annotated[AbsoluteUri | None, Query()] = None,
) -> Response:
    settings = uow.platform.settings
    failed = f"{settings.client_host}/auth/?error=true"
    # A mail program that looks at links beforehand asks with HEAD: it must not use the link up.
    if request.scope.get("graasp.head"):
        return RedirectResponse(failed, status_code=303)
    account_id = await service.follow_link(uow, t)
    if account_id is None:
        return RedirectResponse(failed, status_code=303)
    open_session(request, account_id)
    return RedirectResponse(followed_redirect(settings, url), status_code=303)


@router.post("/logout", operation_id="signOut", tags=["authentication"], **_NO_BODY)
async def sign_out(request: Request, uow: Uow) -> Response:
    session = read_session(request)
    if session:
        await service.end_session(uow, session)
    end_session(request)
    return no_content()


@router.post("/login-password", operation_id="signInWithPassword", tags=["password"], **_NO_BODY)
async def sign_in_with_password(
    request: Request,
    uow: Uow,
    address: ClientAddress,
    body: Credentials,
    lang: Annotated[AnyText | None, Query()] = None,  # noqa: ARG001 - accepted, without effect
) -> Response:
    await _limits(request).require(
        "sign-in", (SIGN_IN_BY_ADDRESS, address), (SIGN_IN_BY_ACCOUNT, body.email.lower())
    )
    await require_person(
        uow.platform.settings, body.captcha, address, action="signInWithPassword", any_score=True
    )
    if not body.password:
        return text_response("Bad Request", status=400)
    account_id = await service.sign_in_with_password(uow, email=body.email, password=body.password)
    open_session(request, account_id)
    return no_content()


@router.post("/password", operation_id="createPassword", tags=["password"], **_NO_BODY)
async def create_password(uow: Uow, caller: ValidatedMember, body: NewPassword) -> Response:
    await service.create_password(uow, caller, body.password)
    return no_content()


@router.patch("/password", operation_id="updatePassword", tags=["password"], **_NO_BODY)
async def update_password(
    request: Request, uow: Uow, caller: ValidatedMember, body: PasswordChange
) -> Response:
    await _limits(request).require("password", (SIGN_IN_BY_ACCOUNT, str(caller.id)))
    session = open_session(request, caller.id)
    await service.change_password(
        uow, caller, current=body.current_password, new=body.password, session=session
    )
    return no_content()


@router.get(
    "/members/current/password/status",
    operation_id="getOwnPasswordStatus",
    tags=["password", "current"],
    response_model=PasswordStatus,
)
async def get_own_password_status(reads: Reads, caller: SignedIn) -> Response:
    stored = await reads.scalar(accounts.PASSWORD, account_id=caller.id)
    return json_response({"hasPassword": stored is not None})


@router.post(
    "/password/reset",
    operation_id="requestPasswordResetLink",
    tags=["password"],
    responses=_SILENT,
    **_NO_BODY,
)
async def request_password_reset_link(
    request: Request, uow: Uow, address: ClientAddress, body: ResetRequest
) -> Response:
    await _limits(request).require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="resetPassword")
    account_id = await service.request_reset(uow, email=body.email)
    if account_id:
        await record_for(uow, account_id, NewAction("ask-reset-password", {}, view="auth"))
    return no_content()


@router.patch(
    "/password/reset", operation_id="resetPassword", tags=["password"], responses=_SILENT, **_NO_BODY
)
async def reset_password(
    uow: Uow,
    platform: PlatformDep,
    body: NewPassword,
    authorization: Annotated[
        AnyText, Header(pattern=r"^[bB]earer [A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$")
    ],
) -> Response:
    reset_id = tokens.read_reset_token(platform.settings, authorization[7:])
    if reset_id is None:
        raise Unauthorized
    account_id = await service.reset_password(uow, reset_id, body.password)
    await record_for(uow, account_id, NewAction("reset-password", {}, view="auth"))
    return no_content()
