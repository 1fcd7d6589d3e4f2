"""The first page a developer sees: links, the state of each part, and the demo sign-ins."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from jinja2 import Environment, StrictUndefined, Template
from starlette.responses import HTMLResponse, Response

from graasp.embedded.development import demo_sign_ins, mailbox_url
from graasp.http.dependencies import PlatformDep
from graasp.meta.status import check_parts

router = APIRouter(include_in_schema=False)

_CONTENT_SECURITY_POLICY = (
    "default-src 'none';style-src 'unsafe-inline';form-action 'none';base-uri 'none';frame-ancestors 'none'"
)


@router.get("/")
async def start_page(platform: PlatformDep) -> Response:
    page = _template().render(
        parts=await check_parts(platform),
        mailbox=mailbox_url(platform.settings),
        sign_ins=demo_sign_ins(platform.settings),
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


@cache
def _template() -> Template:
    source = (files("graasp.meta") / "start_page.html").read_text("utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
