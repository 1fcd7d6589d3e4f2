"""What routes ask for that have pages read: each account only so often, whatever the route."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from graasp.auth.gates import Caller
from graasp.http.dependencies import Limits, PlatformDep
from graasp.links import service
from graasp.platform import Platform
from graasp.rate_limits import FETCHES_BY_ACCOUNT, RateLimits


@dataclass(frozen=True)
class LinkPages:
    """The pages behind links. Everything raises TooManyRequests, and InvalidUrl."""

    platform: Platform
    limits: RateLimits

    async def content(self, caller: Caller, url: str) -> dict[str, Any]:
        """As `service.link_content`."""
        await self._count(caller)
        return await service.link_content(self.platform, url)

    async def changed_content(self, caller: Caller, stored: Mapping[str, Any], url: str) -> dict[str, Any]:
        """What a new URL changes of a link's extra: nothing when it is the old one, and nothing is read then."""
        return {} if service.leads_to(stored, url) else await self.content(caller, url)

    async def metadata(self, caller: Caller, link: str) -> dict[str, Any]:
        """As `service.link_metadata`."""
        await self._count(caller)
        return await service.link_metadata(self.platform, link)

    async def _count(self, caller: Caller) -> None:
        await self.limits.require("links", (FETCHES_BY_ACCOUNT, str(caller.id)))


async def _link_pages(platform: PlatformDep, limits: Limits) -> LinkPages:
    return LinkPages(platform, limits)


Links = Annotated[LinkPages, Depends(_link_pages)]
