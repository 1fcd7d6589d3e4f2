"""The page that plays packages, where packages are kept by this server itself.

Whoever makes a package writes scripts. They run in a sandboxed frame, whose origin is none: they reach neither this
server's cookies nor the page around it, which only passes on how high the content is.
"""

import mimetypes
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from jinja2 import Environment, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from graasp.h5p.content_types import content_type_of
from graasp.h5p.layout import content_folder, content_id_of
from graasp.http.dependencies import PlatformDep
from graasp.settings import Settings
from graasp.storage import StoredFileNotFound
from graasp.storage.protocol import InvalidKey
from graasp.storage.serving import stored_response

router = APIRouter(include_in_schema=False)

_ASSETS = "/api/items/h5p-assets"
_CONTENT = "/api/items/h5p-content"

# Content is public to whoever knows its id, and read by a frame that has no origin.
_OPEN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
# Opened on its own, nothing of a package runs: neither pages nor pictures with scripts.
_INERT = {"Content-Security-Policy": "sandbox;default-src 'none';style-src 'unsafe-inline'"}
# Only what comes from this server. Many content types bring templates that are compiled in the browser: to scripts
# that may be anything already, compiling text gives no more power.
_PLAYING = (
    "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox;default-src 'none';"
    "script-src 'self' 'unsafe-eval';style-src 'self' 'unsafe-inline';img-src 'self' data: blob:;"
    "media-src 'self' data: blob:;font-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'none';"
)
_AROUND = "default-src 'none';script-src 'self';style-src 'self';frame-src 'self';base-uri 'none';form-action 'none';"


@router.get("/h5p-integration")
@router.get("/h5p-integration/")
@router.get(f"{_ASSETS}/integration.html")
async def integration_page(
    platform: PlatformDep,
    content: Annotated[str | None, Query()] = None,
    content_id: Annotated[str | None, Query(alias="contentId")] = None,
) -> Response:
    """The page in the `integrationUrl` of items; clients put it in a frame."""
    return _page("integration.html", _AROUND, platform.settings, content or content_id)


@router.get(f"{_ASSETS}/frame.html")
async def frame(platform: PlatformDep, content: Annotated[str | None, Query()] = None) -> Response:
    return _page("frame.html", _PLAYING, platform.settings, content)


@router.get(_ASSETS + "/{path:path}")
async def asset(path: str) -> Response:
    """Files of the player, and of the two pages."""
    found = _assets().get(path)
    if found is None:
        raise HTTPException(404)
    media_type = mimetypes.guess_type(path)[0]
    return FileResponse(
        found, media_type=media_type, headers=_OPEN | {"Cache-Control": "public, max-age=3600"}
    )


@router.get(_CONTENT + "/{content_id}/content/{path:path}")
async def content_file(request: Request, platform: PlatformDep, content_id: str, path: str) -> Response:
    """A file of an unpacked package."""
    known, content_type = content_id_of(content_id), content_type_of(path)
    _require_own_storage(platform.settings)
    if known is None or content_type is None:
        raise HTTPException(404)
    key = f"{content_folder(platform.settings, known)}/{path}"
    headers = _OPEN | _INERT | {"Cache-Control": "public, max-age=3600"}
    try:
        return await stored_response(
            platform.packages, key, request.headers, content_type=content_type, headers=headers
        )
    except (StoredFileNotFound, InvalidKey):
        raise HTTPException(404) from None


def _page(name: str, policy: str, settings: Settings, content: str | None) -> Response:
    _require_own_storage(settings)
    content_id = content_id_of(content)
    if content_id is None:
        return Response("The address lacks the id of a content.", status_code=400, media_type="text/plain")
    page = _template(name).render(content_id=content_id, assets=_ASSETS, contents=_CONTENT)
    ancestors = f"frame-ancestors 'self' {' '.join(_embedders(settings))}"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy + ancestors})


def _embedders(settings: Settings) -> list[str]:
    """Who may show the pages in a frame: the clients, in development on any port."""
    local = ["http://localhost:*", "http://127.0.0.1:*"] if settings.is_development else []
    return [*sorted(settings.client_origins), *local]


def _require_own_storage(settings: Settings) -> None:
    """Packages in a bucket of their own are served from there."""
    if settings.h5p_file_storage_type == "s3":
        raise HTTPException(404)


@cache
def _assets() -> dict[str, Path]:
    """Every file that is served, by its path; nothing else can be asked for."""
    folder = Path(str(files("graasp.h5p") / "player"))
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@cache
def _template(name: str) -> Template:
    text = (files("graasp.h5p") / "pages" / name).read_text("utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
