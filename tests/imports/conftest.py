"""Sending archives, and looking at what became of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.items.tables import item, item_view
from graasp.platform import Platform
from tests.conftest import Published, RunJobs
from tests.factories import Factory


@dataclass
class Importer:
    """A member with a folder, who imports archives into it."""

    client: httpx.AsyncClient
    platform: Platform
    member: Any
    folder: Any
    headers: dict[str, str]
    run_jobs: RunJobs
    published: Published

    async def send(
        self, content: bytes, *, at_root: bool = False, content_type: str = "application/zip", **options: Any
    ) -> httpx.Response:
        query = "" if at_root else f"?parentId={self.folder['id']}"
        return await self.client.post(
            f"/api/items/zip-import{query}",
            files={"file": ("a.zip", content, content_type)},
            headers=options.get("headers", self.headers),
        )

    async def bring_in(self, content: bytes, **options: Any) -> Any:
        """Import an archive to the end; the feedback."""
        answer = await self.send(content, **options)
        assert (answer.status_code, answer.content) == (202, b"")
        return await self.feedback()

    async def feedback(self) -> Any:
        await self.published()
        await self.run_jobs()
        await self.platform.realtime.flush()
        told = [body for topic, channel, body in await self.published() if channel == str(self.member["id"])]
        assert len(told) == 1
        assert (told[0]["kind"], told[0]["op"]) == ("feedback", "import")
        return told[0]

    async def children(self, parent: Any = None) -> list[Any]:
        path = (parent or self.folder)["path"]
        return list(
            await self.platform.reads.all(
                select(item_view)
                .where(item_view.c.path.op("~")(f"{path}.*{{1}}"))
                .order_by(item_view.c.order)
            )
        )

    async def roots(self) -> list[Any]:
        rows = await self.platform.reads.all(select(item).order_by(item.c.name))
        return [row for row in rows if "." not in row["path"] and row["id"] != self.folder["id"]]

    async def stored(self) -> list[str]:
        """The keys of everything in storage."""
        folders = ("files", "thumbnails", "zip-import", "apps")
        return [key for folder in folders async for key in self.platform.storage.list(folder)]

    async def bytes_of(self, row: Any) -> bytes:
        return b"".join([chunk async for chunk in self.platform.storage.open(row["extra"]["file"]["path"])])


@pytest.fixture
async def importer(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Callable[[UUID], dict[str, str]],
    run_jobs: RunJobs,
    published: Published,
) -> Importer:
    member = await factory.member()
    folder = await factory.owned_item(member, lang="fr")
    return Importer(client, platform, member, folder, cookie_for(member["id"]), run_jobs, published)


HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]
