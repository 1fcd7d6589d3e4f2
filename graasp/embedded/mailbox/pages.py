"""The pages of the mailbox, and the same as JSON for tests."""

import dataclasses
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
from jinja2 import Environment, FunctionLoader
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from graasp.embedded.mailbox.store import Attachment, Mail, MailStore

# Sign-in links are in here: a page of another site that rebinds its name to this machine is refused.
_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_PAGE_SIZE = 50
_PAGE_POLICY = (
    "default-src 'none';style-src 'unsafe-inline';frame-src 'self';form-action 'self';"
    "base-uri 'none';frame-ancestors 'none'"
)
# A mail may show text, its own styles and its own pictures; no script, no request to anybody.
_MAIL_POLICY = (
    "default-src 'none';style-src 'unsafe-inline';img-src 'self' data:;form-action 'none';"
    "frame-ancestors 'self';sandbox allow-popups allow-popups-to-escape-sandbox"
)
# What may stand before the first element.
_DOCTYPE = re.compile(r"\A\s*(<!doctype[^>]*>)?", re.IGNORECASE)
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_mailbox(store: MailStore) -> Starlette:
    """The mailbox as an ASGI application."""
    app = Starlette(
        routes=[
            Route("/", _list),
            Route("/mails/{id}", _mail),
            Route("/mails/{id}/html", _html),
            Route("/mails/{id}/source", _source),
            Route("/mails/{id}/parts/{number:int}", _part),
            Route("/delete-all", _delete_all, methods=["POST"]),
            Route("/api/mails", _list_as_json),
            Route("/api/mails/{id}", _mail_as_json),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False)],
    )
    app.state.store = store
    app.state.pages = Environment(loader=FunctionLoader(_template), autoescape=True)
    return app


def _template(name: str) -> str:
    return (files("graasp.embedded.mailbox") / "templates" / name).read_text()


def _list(request: Request) -> Response:
    recipient = request.query_params.get("to", "")
    page = _page(request)
    mails, count = _store(request).newest(recipient, start=(page - 1) * _PAGE_SIZE, limit=_PAGE_SIZE)
    return _render(
        request,
        "list.html",
        {"mails": mails, "count": count, "to": recipient, "page": page, "pages": -(-count // _PAGE_SIZE)},
    )


def _mail(request: Request) -> Response:
    return _render(request, "mail.html", {"mail": _found(request)})


def _html(request: Request) -> Response:
    mail = _found(request)
    if mail.html is None:
        raise HTTPException(404)
    html = mail.html
    for attachment in mail.attachments:
        if attachment.content_id:
            html = html.replace(f"cid:{attachment.content_id}", f"parts/{attachment.number}")
    # Links open beside the mailbox, since the frame itself shows nothing but the mail.
    html = _DOCTYPE.sub(r'\g<0><base target="_blank">', html, count=1)
    return HTMLResponse(html, headers={**_COMMON_HEADERS, "Content-Security-Policy": _MAIL_POLICY})


def _source(request: Request) -> Response:
    return Response(
        _found(request).source,
        media_type="text/plain; charset=utf-8",
        headers={**_COMMON_HEADERS, "Content-Security-Policy": "default-src 'none';sandbox"},
    )


def _part(request: Request) -> Response:
    number = request.path_params["number"]
    attachment = next((one for one in _found(request).attachments if one.number == number), None)
    if attachment is None:
        raise HTTPException(404)
    return Response(
        attachment.content,
        media_type=attachment.content_type,
        headers={
            **_COMMON_HEADERS,
            "Content-Disposition": _disposition(attachment),
            "Content-Security-Policy": "default-src 'none';sandbox",
        },
    )


def _disposition(attachment: Attachment) -> str:
    kind = "inline" if attachment.content_type in _PICTURES else "attachment"
    return f"{kind}; filename*=UTF-8''{quote(attachment.name, safe='')}"


def _delete_all(request: Request) -> Response:
    if not _is_same_origin(request.headers):
        raise HTTPException(403, "Only the mailbox's own page may delete mails.")
    _store(request).clear()
    return RedirectResponse("/", status_code=303)


def _is_same_origin(headers: Headers) -> bool:
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    return urlsplit(headers.get("origin", "")).netloc == headers.get("host")


def _list_as_json(request: Request) -> Response:
    start = (_page(request) - 1) * _PAGE_SIZE
    mails, count = _store(request).newest(request.query_params.get("to", ""), start=start, limit=_PAGE_SIZE)
    return _json({"count": count, "mails": mails})


def _mail_as_json(request: Request) -> Response:
    mail = _found(request)
    attachments = [
        {"number": one.number, "name": one.name, "contentType": one.content_type, "size": len(one.content)}
        for one in mail.attachments
    ]
    return _json(
        dataclasses.asdict(mail.summary)
        | {"headers": mail.headers, "text": mail.text, "html": mail.html, "attachments": attachments}
    )


def _json(content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers=_COMMON_HEADERS)


def _page(request: Request) -> int:
    page = request.query_params.get("page", "1")
    return int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page) else 1


def _found(request: Request) -> Mail:
    mail = _store(request).find(request.path_params["id"])
    if mail is None:
        raise HTTPException(404, "There is no such mail (any more).")
    return mail


def _store(request: Request) -> MailStore:
    store: MailStore = request.app.state.store
    return store


def _render(request: Request, template: str, variables: Mapping[str, Any]) -> Response:
    page = request.app.state.pages.get_template(template).render(variables)
    return HTMLResponse(page, headers={**_COMMON_HEADERS, "Content-Security-Policy": _PAGE_POLICY})
