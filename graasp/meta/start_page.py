"""The first page a developer sees: links, the state of each part, the demo course to try things with."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from jinja2 import Environment, StrictUndefined, Template
from starlette.responses import HTMLResponse, Response

from graasp.demo.people import IS_THERE, sign_ins
from graasp.embedded.development import mailbox_url
from graasp.http.dependencies import PlatformDep
from graasp.meta.status import check_parts
from graasp.settings import Settings

router = APIRouter(include_in_schema=False)

_CONTENT_SECURITY_POLICY = (
    "default-src 'none';script-src 'self';connect-src 'self';style-src 'unsafe-inline';img-src data:;"
    "form-action 'none';base-uri 'none';frame-ancestors 'none'"
)


@router.get("/")
async def start_page(platform: PlatformDep) -> Response:
    page = _template().render(
        parts=await check_parts(platform),
        unset=_unset_parts(platform.settings),
        mailbox=mailbox_url(platform.settings),
        sign_ins=sign_ins() if await platform.reads.scalar(IS_THERE) else [],
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


@router.get("/start.js")
async def script() -> Response:
    return Response(_read("start_page.js"), media_type="text/javascript")


def _unset_parts(settings: Settings) -> set[str]:
    """The companions that this installation goes without."""
    companions = {
        "meilisearch": settings.meilisearch_url,
        "etherpad": settings.etherpad_url,
        "iframely": settings.embedded_link_item_iframely_href_origin,
    }
    return {name for name, url in companions.items() if not url}


@cache
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_read("start_page.html"))


def _read(name: str) -> str:
    return (files("graasp.meta") / name).read_text("utf-8")
