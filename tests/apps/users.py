"""Whoever uses an app."""

from dataclasses import dataclass
from uuid import UUID

from graasp.settings import Settings
from tests.apps.tokens import app_headers
from tests.factories import Factory, Row


@dataclass(frozen=True)
class User:
    """An account, and what the app calls with in its name."""

    id: UUID
    name: str
    headers: dict[str, str]

    @property
    def wire(self) -> dict[str, str]:
        return {"id": str(self.id), "name": self.name}


class Users:
    """Makes accounts that use the app of an item."""

    def __init__(self, factory: Factory, settings: Settings) -> None:
        self._factory = factory
        self._settings = settings

    async def make(self, item: Row, who: str) -> User:
        """A `guest`, an `unvalidated` admin, a `stranger`, or a member with a permission."""
        if who == "guest":
            account = await self._factory.guest(item["path"])
        else:
            account = await self._factory.member(is_validated=who != "unvalidated")
            if who != "stranger":
                permission = "admin" if who == "unvalidated" else who
                await self._factory.membership(item["path"], account["id"], permission)
        return self.of(item, account)

    def of(self, item: Row, account: Row) -> User:
        headers = app_headers(self._settings, item["id"], account["id"])
        return User(account["id"], account["name"], headers)

    def nobody(self, item: Row) -> dict[str, str]:
        """What an app calls with when nobody is signed in."""
        return app_headers(self._settings, item["id"])
