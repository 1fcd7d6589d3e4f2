"""The OpenAPI document and its explorer, whose assets come from this server alone."""

import asyncio
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

_CONTENT_SECURITY_POLICY = (
    "default-src 'none';script-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;"
    "connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'self'"
)
# Addresses are relative: the page is at `/docs`, at `/api/docs`, and wherever a front door puts them.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Graasp API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "docs/json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_NO_VERSION = "undefined"


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of this server, made once."""
    if app.openapi_schema is None:
        version = app.state.settings.app_version
        app.openapi_schema = get_openapi(
            title="Graasp Backend API",
            version=" " if version == _NO_VERSION else version,
            routes=app.routes,
        )
    return app.openapi_schema


def install_documentation(app: FastAPI) -> None:
    """Serve `/docs`, `/docs/json` and `/docs/yaml`, below `/api` too."""

    async def page(_: Request) -> Response:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    @cache
    def json_text() -> bytes:
        return orjson.dumps(openapi_document(app))

    @cache
    def yaml_text() -> str:
        return yaml.safe_dump(openapi_document(app), sort_keys=False)

    async def as_json(_: Request) -> Response:
        return Response(json_text(), media_type="application/json")

    async def as_yaml(_: Request) -> Response:
        # Takes seconds, once.
        return Response(await asyncio.to_thread(yaml_text), media_type="application/yaml")

    # The distribution of Swagger UI that this package ships; nothing else of it is used.
    assets = StaticFiles(directory=str(files("flask_swagger_ui") / "dist"))
    for prefix in ("", "/api"):
        app.add_route(f"{prefix}/docs", page, include_in_schema=False)
        app.add_route(f"{prefix}/docs/start.js", start, include_in_schema=False)
        app.add_route(f"{prefix}/docs/json", as_json, include_in_schema=False)
        app.add_route(f"{prefix}/docs/yaml", as_yaml, include_in_schema=False)
        app.mount(f"{prefix}/docs/assets", assets)
