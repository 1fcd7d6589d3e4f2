"""The OpenAPI document and its explorer, whose assets come from this server alone."""

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
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Graasp API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/docs/json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of this server, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title="Graasp Backend API",
            version=app.state.settings.app_version or " ",
            routes=app.routes,
        )
    return app.openapi_schema


def install_documentation(app: FastAPI) -> None:
    """Serve `/docs`, `/docs/json` and `/docs/yaml`, below `/api` too."""

    async def page(_: Request) -> Response:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    async def as_json(_: Request) -> Response:
        return Response(orjson.dumps(openapi_document(app)), media_type="application/json")

    async def as_yaml(_: Request) -> Response:
        return Response(yaml.safe_dump(openapi_document(app), sort_keys=False), media_type="application/yaml")

    for prefix in ("", "/api"):
        app.add_route(f"{prefix}/docs", page, include_in_schema=False)
        app.add_route(f"{prefix}/docs/json", as_json, include_in_schema=False)
        app.add_route(f"{prefix}/docs/yaml", as_yaml, include_in_schema=False)
    app.add_route("/docs/start.js", start, include_in_schema=False)
    # The distribution of Swagger UI that this package ships; nothing else of it is used.
    assets = files("flask_swagger_ui") / "dist"
    app.mount("/docs/assets", StaticFiles(directory=str(assets)))
