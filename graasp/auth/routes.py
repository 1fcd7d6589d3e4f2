"""Registration, sign-in by link and by password, and the end of sessions."""

from typing import Annotated, Any

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from graasp.auth import schemas, service, tokens
from graasp.auth.gates import SignedIn, ValidatedMember, end_session, read_session, send_session
from graasp.auth.jobs import REQUEST_PASSWORD_RESET, RequestPasswordReset
from graasp.auth.redirects import failed_sign_in, followed_redirect
from graasp.captcha import require_person
from graasp.http.dependencies import ClientAddress, Limits, Reads, Uow
from graasp.http.errors import Unauthorized
from graasp.http.fields import AbsoluteUri, AnyText, JsonWebToken
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import contract_router
from graasp.rate_limits import MAIL_BY_ACCOUNT, MAIL_BY_ADDRESS, SIGN_IN_BY_ACCOUNT, SIGN_IN_BY_ADDRESS

router = contract_router()

_SILENT: dict[int | str, dict[str, Any]] = {
    400: {"description": "Invalid", "content": {"application/json": {"schema": {}}}}
}
_NO_BODY: dict[str, Any] = {"status_code": 204, "response_class": Response}
_BEARER = r"^[bB]earer [A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$"


@router.post("/register", operation_id="register", tags=["authentication"], **_NO_BODY)
async def register(
    uow: Uow,
    limits: Limits,
    address: ClientAddress,
    body: schemas.Registration,
    lang: Annotated[schemas.Lang, Query()] = "en",
) -> Response:
    await limits.require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="signUp")
    await service.register(
        uow,
        name=body.name,
        email=body.email,
        lang=lang,
        saves_actions=body.enable_save_actions,
        url=body.url,
    )
    return no_content()


@router.post("/login", operation_id="login", tags=["authentication"], **_NO_BODY)
async def login(uow: Uow, limits: Limits, address: ClientAddress, body: schemas.LinkRequest) -> Response:
    await limits.require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="signIn")
    await service.request_link(uow, email=body.email, url=body.url)
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
    session = None if _only_looks(request) else await service.follow_link(uow, t)
    if session is None:
        return RedirectResponse(failed_sign_in(settings), status_code=303)
    send_session(request, session)
    return RedirectResponse(followed_redirect(settings, url), status_code=303)


def _only_looks(request: Request) -> bool:
    """Mail programs and browsers that look at a link beforehand must not use it up."""
    return bool(request.scope.get("graasp.head")) or any(
        "prefetch" in request.headers.get(name, "").lower() for name in ("sec-purpose", "purpose", "x-moz")
    )


@router.post("/logout", operation_id="signOut", tags=["authentication"], **_NO_BODY)
async def sign_out(request: Request, uow: Uow) -> Response:
    end_session(request)
    session = read_session(request)
    if session:
        await service.end_session(uow, session)
    return no_content()


@router.post("/login-password", operation_id="signInWithPassword", tags=["password"], **_NO_BODY)
async def sign_in_with_password(
    request: Request,
    uow: Uow,
    limits: Limits,
    address: ClientAddress,
    body: schemas.Credentials,
    lang: Annotated[AnyText | None, Query()] = None,  # noqa: ARG001 - accepted, without effect
) -> Response:
    await limits.require("sign-in", (SIGN_IN_BY_ADDRESS, address), (SIGN_IN_BY_ACCOUNT, body.email.lower()))
    await require_person(
        uow.platform.settings, body.captcha, address, action="signInWithPassword", any_score=True
    )
    if not body.password:
        return text_response("Bad Request", status=400)
    send_session(request, await service.sign_in_with_password(uow, email=body.email, password=body.password))
    return no_content()


@router.post("/password", operation_id="createPassword", tags=["password"], **_NO_BODY)
async def create_password(
    uow: Uow, limits: Limits, caller: ValidatedMember, body: schemas.NewPassword
) -> Response:
    await limits.require("password", (SIGN_IN_BY_ACCOUNT, str(caller.id)))
    await service.create_password(uow, caller, body.password)
    return no_content()


@router.patch("/password", operation_id="updatePassword", tags=["password"], **_NO_BODY)
async def update_password(
    request: Request, uow: Uow, limits: Limits, caller: ValidatedMember, body: schemas.PasswordChange
) -> Response:
    await limits.require("password", (SIGN_IN_BY_ACCOUNT, str(caller.id)))
    session = await service.change_password(uow, caller, current=body.current_password, new=body.password)
    send_session(request, session)
    return no_content()


@router.get(
    "/members/current/password/status",
    operation_id="getOwnPasswordStatus",
    tags=["password", "current"],
    response_model=schemas.PasswordStatus,
)
async def get_own_password_status(reads: Reads, caller: SignedIn) -> Response:
    return json_response({"hasPassword": await service.has_password(reads, caller.id)})


@router.post(
    "/password/reset",
    operation_id="requestPasswordResetLink",
    tags=["password"],
    responses=_SILENT,
    **_NO_BODY,
)
async def request_password_reset_link(
    uow: Uow, limits: Limits, address: ClientAddress, body: schemas.ResetRequest
) -> Response:
    await limits.require("mail", (MAIL_BY_ADDRESS, address), (MAIL_BY_ACCOUNT, body.email.lower()))
    await require_person(uow.platform.settings, body.captcha, address, action="resetPassword")
    await uow.enqueue(REQUEST_PASSWORD_RESET, RequestPasswordReset(email=body.email))
    return no_content()


@router.patch(
    "/password/reset", operation_id="resetPassword", tags=["password"], responses=_SILENT, **_NO_BODY
)
async def reset_password(
    uow: Uow,
    limits: Limits,
    address: ClientAddress,
    body: schemas.NewPassword,
    authorization: Annotated[AnyText, Header(pattern=_BEARER)],
) -> Response:
    await limits.require("password", (SIGN_IN_BY_ADDRESS, address))
    reset_id = tokens.read_reset_token(uow.platform.settings, authorization[7:])
    if reset_id is None:
        raise Unauthorized
    await service.reset_password(uow, reset_id, body.password)
    return no_content()
