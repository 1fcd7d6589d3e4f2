"""What routes ask for: the platform, a reader, a unit of work, rate limits, the address of the client."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from graasp.db.database import Reader
from graasp.http.addresses import address_of
from graasp.platform import Platform, UnitOfWork
from graasp.rate_limits import RateLimits


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


async def _platform(connection: HTTPConnection) -> Platform:
    return platform_of(connection)


async def _reads(connection: HTTPConnection) -> Reader:
    return platform_of(connection).reads


async def _unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    async with platform_of(request).unit_of_work() as uow:
        yield uow


async def _client_address(connection: HTTPConnection) -> str:
    return address_of(connection)


async def _rate_limits(connection: HTTPConnection) -> RateLimits:
    limits: RateLimits = connection.app.state.rate_limits
    return limits


PlatformDep = Annotated[Platform, Depends(_platform)]
Reads = Annotated[Reader, Depends(_reads)]
# Function scope: the commit happens before the answer leaves.
Uow = Annotated[UnitOfWork, Depends(_unit_of_work, scope="function")]
Limits = Annotated[RateLimits, Depends(_rate_limits)]
ClientAddress = Annotated[str, Depends(_client_address)]
