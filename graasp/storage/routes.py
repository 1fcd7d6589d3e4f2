"""Files of the local storage, served through their signed links."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import FileResponse, Response

from graasp.http.dependencies import PlatformDep
from graasp.http.errors import DomainError
from graasp.storage.disposition import attachment, is_active
from graasp.storage.errors import LocalFileNotFound
from graasp.storage.local import LocalStorage
from graasp.storage.protocol import InvalidKey
from graasp.storage.signed_urls import PREFIX, UrlSigner

router = APIRouter(include_in_schema=False)

_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # Clients show documents in frames; nothing runs in them.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; "
    "frame-ancestors *",
    "Cache-Control": "private, max-age=3600",
}


class LinkExpired(DomainError):
    code = "GERR403"
    status = 403
    message = "LINK_EXPIRED"


@router.get(PREFIX + "/{key:path}")
async def stored_file(
    platform: PlatformDep,
    key: str,
    expires: Annotated[str, Query()] = "",
    signature: Annotated[str, Query()] = "",
    name: Annotated[str | None, Query()] = None,
) -> Response:
    signer = UrlSigner.from_settings(platform.settings)
    storage = platform.storage
    until = int(expires) if expires.isdecimal() and len(expires) < 15 else 0
    if not signer.is_valid(key, until, signature, name) or not isinstance(storage, LocalStorage):
        raise LinkExpired
    try:
        path = storage.path(key)
    except InvalidKey:
        raise LinkExpired from None
    if not await asyncio.to_thread(path.is_file):
        raise LocalFileNotFound({"filepath": key})
    content_type, _ = await asyncio.to_thread(storage.details, key)
    headers = dict(_HEADERS)
    if name is not None or is_active(content_type):
        headers["Content-Disposition"] = attachment(name or path.name)
    return FileResponse(path, media_type=content_type, headers=headers)
