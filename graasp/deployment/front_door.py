"""Answers on the product's port while nothing else runs: `python -m graasp.deployment.front_door --help`."""

import argparse
import logging
import socket
from datetime import datetime

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from graasp.deployment.refusals import refusal
from graasp.http.middleware.cors import Cors
from graasp.http.middleware.door import send_answer
from graasp.http.middleware.response_headers import SecurityHeaders
from graasp.http.patience import PatientServer

_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


def main() -> None:
    """Answer until told to stop."""
    options = _options()
    if options.fd is None:
        listening = socket.create_server((options.host, options.port))
    else:
        listening = socket.socket(fileno=options.fd)
    config = uvicorn.Config(
        front_door(options.until, options.cors_origin_regex),
        lifespan="off",
        # Handshakes are answered as any other request is.
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    PatientServer(config).run([listening])


def front_door(ends_at: datetime | None = None, cors_origin_regex: str | None = None) -> ASGIApp:
    """The application; `ends_at` is the planned end. Nothing is behind it: no header opens it."""

    async def refuse(scope: Scope, _: Receive, send: Send) -> None:
        status, headers, body = refusal(scope["method"], scope["headers"], ends_at)
        if scope["method"] in _WITHOUT_BODY:
            # The next request may already be for what runs again. A body has to be taken first: who is cut off
            # while sending does not read the answer.
            headers = (*headers, (b"connection", b"close"))
        await send_answer(scope, send, (status, headers, body))

    async def is_app_origin(_: str) -> bool:
        return False

    app: ASGIApp = refuse
    if cors_origin_regex:
        app = _below_api(Cors(app, cors_origin_regex, is_app_origin))
    return SecurityHeaders(app)


def _below_api(app: ASGIApp) -> ASGIApp:
    """Clients that leave out the prefix may read the answers as well."""

    async def prefixed(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": f"/api{scope['path']}"}, receive, send)

    return prefixed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m graasp.deployment.front_door",
        description="Answer every request with 503: the maintenance page, or the API's error.",
    )
    parser.add_argument("--fd", type=int, help="listen on this inherited socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--until", type=datetime.fromisoformat, help="the planned end: a time with its offset from UTC"
    )
    parser.add_argument("--cors-origin-regex", help="origins that may read the answers, as CORS_ORIGIN_REGEX")
    return parser.parse_args()


if __name__ == "__main__":
    main()
