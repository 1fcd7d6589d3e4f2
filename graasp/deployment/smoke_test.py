"""`graasp smoke-test`: whether an installation works, before people are let in.

It runs where the installation's secrets are, beside the core. It signs in with an account of its own, by a session
that it makes itself: no password, no captcha, and nothing that the account may do but ask who it is.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import httpx
import typer

from graasp import audit
from graasp.accounts.service import ensure_smoke_tester
from graasp.auth.gates import SMOKE_TEST_ACCOUNT
from graasp.deployment.jobs import SMOKE_TEST, SmokeTest
from graasp.http.session_cookie import COOKIE, Session, SessionCodec
from graasp.jobs import queries as jobs
from graasp.logging import configure_logging
from graasp.platform import Platform, open_platform
from graasp.settings import Settings, load_settings
from graasp.web.certificates import certificates

_ANSWER_S = 15.0
_JOB_S = 120.0
_POLL_S = 0.25


class Unwell(Exception):
    """A check did not succeed; the message says what was found instead."""


@dataclass(frozen=True)
class Installation:
    """What is looked at: the core through `client`, what is behind it through `platform`."""

    platform: Platform
    client: httpx.AsyncClient
    version: str | None


def smoke_test(
    url: Annotated[
        str | None, typer.Option(help="Where the core answers. Left out: this machine and PORT.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version that must answer.")] = None,
) -> None:
    """See that an installation works: the core, its database, a session, a job.

    Needs the variables of the core. With MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET it passes the
    maintenance screen. Exit codes: 0 all is well; 1 something is not; 2 wrong usage or configuration.
    """
    settings = load_settings()
    configure_logging(settings, stream=sys.stderr)
    if not asyncio.run(_run(settings, url or settings.public_url, version)):
        sys.exit(1)


async def _run(settings: Settings, url: str, version: str | None) -> bool:
    async with _installation(settings, url, version) as installation:
        for name, check in _CHECKS.items():
            begun = time.monotonic()
            try:
                found = await check(installation)
            except (Unwell, httpx.HTTPError) as error:
                typer.echo(f"✗ {name}: {str(error) or type(error).__name__} (asked at {url})")
                return False
            typer.echo(f"✓ {name}: {found} ({time.monotonic() - begun:.1f} s)")
    return True


@asynccontextmanager
async def _installation(settings: Settings, url: str, version: str | None) -> AsyncIterator[Installation]:
    headers = _passing(settings)
    async with (
        open_platform(settings) as platform,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=_ANSWER_S, verify=certificates()) as client,
    ):
        yield Installation(platform, client, version)


def _passing(settings: Settings) -> dict[str, str]:
    """The header that passes the maintenance screen."""
    name, secret = settings.maintenance_header_name, settings.maintenance_header_secret
    return {name: secret.get_secret_value()} if name and secret else {}


async def _health(installation: Installation) -> str:
    return (await _get(installation, "/health")).text


async def _version(installation: Installation) -> str:
    answer = await _get(installation, "/api/version")
    if installation.version and not answer.text.startswith(f"{installation.version} @"):
        raise Unwell(f"{answer.text} answers, not {installation.version}")
    return answer.text


async def _status(installation: Installation) -> str:
    parts = (await _get(installation, "/api/status")).json()
    if parts["database"]["status"] != "healthy":
        raise Unwell(f"the database is {parts['database']['status']}: {parts['database']['message']}")
    return ", ".join(f"{name} {part['status']}" for name, part in parts.items())


async def _session(installation: Installation) -> str:
    async with installation.platform.unit_of_work() as uow:
        await ensure_smoke_tester(uow)
    audit.made_by_operator("session made for a smoke test", SMOKE_TEST_ACCOUNT)
    cookie = SessionCodec(installation.platform.settings).value(Session.start(SMOKE_TEST_ACCOUNT))
    answer = await _get(installation, "/api/members/current", Cookie=f"{COOKIE}={cookie}")
    if (account := answer.json()) is None or account["id"] != str(SMOKE_TEST_ACCOUNT):
        raise Unwell("the session was not recognised")
    return "signed in"


async def _job(installation: Installation) -> str:
    platform = installation.platform
    async with platform.unit_of_work() as uow:
        job_id = await uow.enqueue(SMOKE_TEST, SmokeTest())
    deadline = time.monotonic() + _JOB_S
    while True:
        row = await platform.database.primary_reads.first(jobs.ONE, job_id=job_id)
        if row is None or row["state"] in ("failed", "cancelled"):
            raise Unwell(f"job {job_id} has failed: `graasp job show {job_id}` tells more")
        if row["state"] == "succeeded":
            return "a worker took a job, stored a file and removed it"
        if time.monotonic() > deadline:
            raise Unwell(f"no worker took job {job_id} within {_JOB_S:.0f} s")
        await asyncio.sleep(_POLL_S)


async def _get(installation: Installation, path: str, **headers: str) -> httpx.Response:
    answer = await installation.client.get(path, headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise Unwell(f"GET {path} is answered with {answer.status_code}")
    return answer


_CHECKS: dict[str, Callable[[Installation], Awaitable[str]]] = {
    "health": _health,
    "version": _version,
    "status": _status,
    "session": _session,
    "job": _job,
}
