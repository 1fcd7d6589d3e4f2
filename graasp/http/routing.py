"""Routes of the contract: bodies are read as the wire has them, and gates run after validation."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, get_origin

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from graasp.http.errors import (
    BadRequest,
    BodyTooLarge,
    EmptyJsonBody,
    InvalidJsonBody,
    UnsupportedMediaType,
)

API = "/api"
MAX_BODY_BYTES = 1_048_576
_KINDS_OF_BODY = {"object": dict, "array": list}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# What the contract documents for a refused request, whatever the reason.
ERRORS: Mapping[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["message", "name"],
                    "properties": {
                        "message": {"type": "string"},
                        "name": {"type": "string"},
                        "code": {"type": "string"},
                        "statusCode": {"type": "integer"},
                        "data": {},
                        "origin": {"type": "string"},
                    },
                }
            }
        },
    }
}


class Refusal:
    """A gate's no, kept until the whole request is known to be valid: 400 comes before 401 and 403."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class ContractRequest(Request):
    """A request whose body is bounded, and whose JSON is parsed strictly."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            announced = self.headers.get("content-length", "")
            if announced.isdecimal() and int(announced[:16]) > MAX_BODY_BYTES:
                raise BodyTooLarge
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                if len(received) > MAX_BODY_BYTES:
                    raise BodyTooLarge
            self._body = bytes(received)
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = _parse_json(await self.body())
        return self._json


class ContractRoute(APIRoute):
    """An APIRoute with this API's rules for bodies, gates and errors."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _gates_last(endpoint), **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        expected = _kind_of_body(self)
        takes_json = bool(
            (self.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
        ) and not _reads_the_stream(self)

        async def handle_request(request: Request) -> Response:
            if not takes_json:
                return await handle(request)
            request = ContractRequest(request.scope, request.receive)
            await _check_body(request, expected)
            return await handle(request)

        return handle_request


class ContractRouter(APIRouter):
    """A router of contract routes; a path written with a trailing slash answers without it as well."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().add_api_route(path, endpoint, **options)
        if path.endswith("/"):
            super().add_api_route(path.rstrip("/"), endpoint, **options | {"include_in_schema": False})


def contract_router(
    *, prefix: str = "", tags: list[str] | None = None, errors: bool = True, api: str = API
) -> ContractRouter:
    """A domain's router below `/api`. `errors=False` where the contract declares no error body for its operations."""
    return ContractRouter(
        prefix=api + prefix,
        tags=list(tags or []),
        route_class=ContractRoute,
        redirect_slashes=False,
        responses=dict(ERRORS) if errors else None,
    )


def reads_the_stream(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an endpoint that reads the request body itself (uploads)."""
    endpoint.__reads_the_stream__ = True  # type: ignore[attr-defined]
    return endpoint


def _reads_the_stream(route: APIRoute) -> bool:
    return getattr(route.endpoint, "__reads_the_stream__", False)


def _gates_last(endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    if getattr(endpoint, "__gates_last__", False):
        return endpoint

    @wraps(endpoint)
    async def guarded(**arguments: Any) -> Any:
        for argument in arguments.values():
            if isinstance(argument, Refusal):
                raise argument.error
        result = endpoint(**arguments)
        return await result if inspect.isawaitable(result) else result

    guarded.__gates_last__ = True  # type: ignore[attr-defined]
    return guarded


def _kind_of_body(route: APIRoute) -> str | None:
    """`object` or `array`; none when the route reads no body."""
    if route.body_field is None:
        return None
    return "array" if get_origin(route.body_field.field_info.annotation) is list else "object"


async def _check_body(request: ContractRequest, expected: str | None) -> None:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if content_type == "application/json":
        if not body:
            raise EmptyJsonBody
        document = await request.json()
        if expected and not isinstance(document, _KINDS_OF_BODY[expected]):
            raise BadRequest(f"body must be {expected}")
        return
    if body and content_type != "text/plain":
        raise UnsupportedMediaType(request.headers.get("content-type", "undefined"))
    if expected:
        raise BadRequest(f"body must be {expected}")


def _parse_json(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidJsonBody from None
    if b"__proto__" in body and _has_proto(document):
        raise InvalidJsonBody
    return document


def _has_proto(document: Any) -> bool:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if "__proto__" in value:
                return True
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return False
