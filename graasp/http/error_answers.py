"""How each error becomes an answer.

Where a route's OpenAPI declares no error body, formatted errors take the short form
`{statusCode, code, error, message}`.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from graasp.db.database import ConcurrentChange, DatabaseUnavailable
from graasp.http.errors import (
    BadRequest,
    DomainError,
    FormattedError,
    ServiceUnavailable,
    Unauthorized,
    UnexpectedError,
)
from graasp.http.responses import json_response
from graasp.http.validation import first_message

log = structlog.get_logger(__name__)

# What proxies log for it; there is no official status.
_CLIENT_CLOSED_REQUEST = 499


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(FormattedError, _formatted_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Unauthorized, _unauthorized)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DatabaseUnavailable, _database_unavailable)
    app.add_exception_handler(ConcurrentChange, _concurrent_change)
    app.add_exception_handler(ClientDisconnect, _client_gone)


def unexpected_answer() -> Response:
    """What is sent for an error nobody expected: nothing of it leaves the process."""
    return json_response(UnexpectedError().body(), status=500)


def declares_errors(request: Request, status: int) -> bool:
    """Whether the route's OpenAPI declares a body for this status."""
    responses = getattr(request.scope.get("route"), "responses", {})
    return str(status) in map(str, responses) or f"{status // 100}XX" in responses


def _declared_properties(request: Request, status: int) -> Collection[str] | None:
    """Some routes document an error with other properties than the usual ones: then nothing else is told."""
    declared = getattr(request.scope.get("route"), "responses", {}).get(status, {})
    schema = declared.get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else schema.get("properties", {}).keys()


async def _domain_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if isinstance(error, ServiceUnavailable):
        log.error("request refused", code=error.code, reason=repr(error.__cause__ or error.__context__))
    elif error.status >= 500:
        told = {"exc_info": error} if error.reason is None else {"reason": error.reason}
        log.error("request refused", code=error.code, **told)
    response = json_response(error.body(), status=error.status)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


async def _formatted_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FormattedError)
    if isinstance(error, BadRequest):
        _keep_session_as_it_is(request)
    # Full is what a member's storage is, not a fault of this server.
    if error.status >= 500 and error.status != HTTPStatus.INSUFFICIENT_STORAGE:
        log.error("request refused", code=error.code, exc_info=error)
    if declares_errors(request, error.status):
        return json_response(error.body(), status=error.status)
    return json_response(_short_form(error.status, error.message, error.code), status=error.status)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    message = first_message(error.errors(), error.body)
    told = _declared_properties(request, 400)
    if told is None:
        return await _formatted_error(request, BadRequest(message))
    _keep_session_as_it_is(request)
    body = _short_form(400, message, BadRequest.code)
    return json_response({name: body[name] for name in told if name in body}, status=400)


def _keep_session_as_it_is(request: Request) -> None:
    """An answer to invalid input neither renews a session nor ends one."""
    request.state.session_cookie = None


async def _unauthorized(_: Request, __: Exception) -> Response:
    return PlainTextResponse("Unauthorized", status_code=401)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return route_not_found(request)
    return json_response(_short_form(error.status_code, error.detail), status=error.status_code)


async def _database_unavailable(request: Request, error: Exception) -> Response:
    refusal = ServiceUnavailable()
    refusal.__cause__ = error.__cause__ or error
    return await _domain_error(request, refusal)


async def _concurrent_change(request: Request, error: Exception) -> Response:
    log.warning("lost a race", exc_info=error)
    return await _domain_error(request, ServiceUnavailable(retry_after=1))


async def _client_gone(_: Request, __: Exception) -> Response:
    """For the log alone: nobody waits for an answer."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


def route_not_found(request: Request) -> Response:
    """A wrong method is an unknown route too. Method and path are echoed as the client wrote them."""
    scope = request.scope
    # A partial match has left its route there: it is none.
    scope.pop("route", None)
    method = "HEAD" if scope.get("graasp.head") else request.method
    path = scope.get("graasp.original_path", scope["path"])
    query = scope["query_string"].decode("latin-1")
    body = {
        "message": f"Route {method}:{path}{'?' if query else ''}{query} not found",
        "error": "Not Found",
        "statusCode": 404,
    }
    return json_response(body, status=404)


def _short_form(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"statusCode": status}
    if code:
        body["code"] = code
    return body | {"error": HTTPStatus(status).phrase, "message": message}
