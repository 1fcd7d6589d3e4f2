"""An operation as its user has it: asked for over HTTP, done by a worker, told on the websocket."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.db.database import Row
from graasp.items.tables import item
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from tests.conftest import Published, RunJobs

METHODS = {"delete": ("DELETE", "")}


class Operations:
    """Asks for operations and waits for what they tell."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        cookie_for: Callable[[UUID], dict[str, str]],
        run_jobs: RunJobs,
        published: Published,
    ) -> None:
        self._client = client
        self._cookie_for = cookie_for
        self._run_jobs = run_jobs
        self._published = published

    async def ask(
        self, who: Row, operation: str, items: Sequence[Row], body: dict[str, Any] | None = None
    ) -> httpx.Response:
        method, path = METHODS.get(operation, ("POST", f"/{operation}"))
        takes_body = operation in ("move", "copy")
        return await self._client.request(
            method,
            f"/api/items{path}",
            params=[("id", str(row["id"])) for row in items],
            headers=self._cookie_for(who["id"]),
            json=(body or {}) if takes_body else None,
        )

    async def feedback(
        self, who: Row, operation: str, items: Sequence[Row], into: Row | None = None
    ) -> dict[str, Any]:
        """The one message about the operation; what was answered before is checked."""
        await self._published()
        body = {"parentId": str(into["id"])} if into else {}
        answer = await self.ask(who, operation, items, body)
        ids = [str(row["id"]) for row in items]
        assert (answer.status_code, answer.json()) == (202, ids)
        await self._run_jobs()
        [(topic, channel, message)] = await self._published()
        assert (topic, channel) == ("item/member", str(who["id"]))
        told: dict[str, Any] = message
        assert (told["kind"], told["op"], told["resource"]) == ("feedback", operation, ids)
        return told

    async def result(self, *arguments: Any, **options: Any) -> Any:
        """What a successful operation told."""
        told = await self.feedback(*arguments, **options)
        assert told["errors"] == []
        return told["result"]

    async def refusal(self, *arguments: Any, **options: Any) -> str:
        """Why an operation was refused; nothing else is told then."""
        told = await self.feedback(*arguments, **options)
        assert "result" not in told
        [error] = told["errors"]
        return str(error["message"])


@pytest.fixture
def operations(
    client: httpx.AsyncClient,
    cookie_for: Callable[[UUID], dict[str, str]],
    run_jobs: RunJobs,
    published: Published,
) -> Operations:
    return Operations(client, cookie_for, run_jobs, published)


Stored = Callable[[], Awaitable[dict[str, Row]]]


@pytest.fixture
def stored(platform: Platform) -> Stored:
    """`await stored()`: every item's row by its name."""

    async def read() -> dict[str, Row]:
        return {row["name"]: row for row in await platform.reads.all(select(item))}

    return read


async def permissions(platform: Platform, path: str) -> dict[UUID, str]:
    """Who has a membership on exactly this item."""
    rows = await platform.reads.all(select(item_membership).where(item_membership.c.item_path == path))
    return {row["account_id"]: row["permission"] for row in rows}
