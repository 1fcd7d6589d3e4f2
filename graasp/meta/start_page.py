"""The first page a developer sees: links, the state of each part, and the demo sign-ins."""

from importlib.resources import files

from fastapi import APIRouter
from jinja2 import Environment, select_autoescape
from starlette.responses import HTMLResponse, Response

from graasp.embedded.development import demo_sign_ins, mailbox_url
from graasp.http.dependencies import PlatformDep
from graasp.meta.status import check_parts

router = APIRouter(include_in_schema=False)

_CONTENT_SECURITY_POLICY = (
    "default-src 'none';style-src 'unsafe-inline';form-action 'self';base-uri 'none';frame-ancestors 'none'"
)
_environment = Environment(autoescape=select_autoescape(default=True))


@router.get("/")
async def start_page(platform: PlatformDep) -> Response:
    template = _environment.from_string((files("graasp.meta") / "start_page.html").read_text())
    settings = platform.settings
    page = template.render(
        parts=await check_parts(platform),
        mailbox=mailbox_url(settings),
        sign_ins=demo_sign_ins(settings),
        public_url=settings.public_url,
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})
