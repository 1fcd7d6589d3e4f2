"""Any sequence of changes, against a slow reference written from the rules, and what must hold after each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from graasp.auth.gates import Caller
from graasp.http.errors import DomainError
from graasp.memberships import service
from graasp.memberships.authorization import Permission
from graasp.memberships.moving import lock_memberships, move_memberships
from graasp.platform import Platform, UnitOfWork
from tests.factories import Factory

# Where each item lies at the start: two trees.
_PARENTS = {"R": None, "A": "R", "B": "A", "C": "B", "S": None, "T": "S"}
_ITEMS = st.sampled_from(sorted(_PARENTS))
_MEMBERS = st.sampled_from((0, 1, 1, 1, 2, 2))
# Mostly the one who administers both trees at the start, or nearly everything would be refused.
_ACTORS = st.sampled_from((0, 0, 0, 0, 1, 2))
_LEVELS = st.sampled_from(list(Permission))
# Which of the memberships there are: they are counted round and round.
_HELD = st.integers(0, 20)
_CHANGES = st.one_of(
    st.tuples(st.just("add"), _ACTORS, _ITEMS, _MEMBERS, _LEVELS),
    st.tuples(st.just("add"), _ACTORS, _ITEMS, _MEMBERS, _LEVELS),
    st.tuples(st.just("set"), _ACTORS, _HELD, _LEVELS),
    st.tuples(st.just("remove"), _ACTORS, _HELD, st.booleans()),
    st.tuples(st.just("move"), _ACTORS, _ITEMS, st.one_of(st.none(), _ITEMS)),
)


class Refused(Exception):
    """With the code of the error."""


@dataclass
class Book:
    """Who holds what, by the letter of the rules. Members are numbers, items letters."""

    held: dict[tuple[str, int], Permission] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=lambda: dict(_PARENTS))

    def path(self, item: str | None) -> list[str]:
        return [] if item is None else [*self.path(self.parents[item]), item]

    def below(self, item: str) -> list[str]:
        return [other for other in self.parents if item in self.path(other) and other != item]

    def best(self, items: list[str], member: int) -> Permission | None:
        return max((self.held[i, member] for i in items if (i, member) in self.held), default=None)

    def require_admin(self, item: str, member: int) -> None:
        best = self.best(self.path(item), member)
        if best is None:
            raise Refused("GERR016")
        if best < Permission.ADMIN:
            raise Refused("GERR004")

    def add(self, actor: int, item: str, member: int, level: Permission) -> None:
        self.require_admin(item, actor)
        best = self.best(self.path(item), member)
        if (item, member) in self.held:
            raise Refused("GERR007")
        if best is not None and level <= best:
            raise Refused("GERR005")
        self.held[item, member] = level
        self._drop_below(item, member, level)

    def set(self, actor: int, item: str, member: int, level: Permission) -> None:
        if (item, member) not in self.held:
            raise Refused("GERR006")
        self.require_admin(item, actor)
        best = self.best(self.path(item)[:-1], member)
        if best is not None and level < best:
            raise Refused("GERR008")
        if self.held[item, member] is Permission.ADMIN and level is not Permission.ADMIN:
            self._require_other_admin(item, member)
        if level == best:
            del self.held[item, member]
        else:
            self.held[item, member] = level
            self._drop_below(item, member, level)

    def remove(self, actor: int, item: str, member: int, purge: bool) -> None:
        if (item, member) not in self.held:
            raise Refused("GERR006")
        self.require_admin(item, actor)
        self._require_other_admin(item, member)
        del self.held[item, member]
        if purge:
            self._drop_below(item, member, Permission.ADMIN)

    def move(self, actor: int, item: str, folder: str | None) -> None:
        for member in range(3):
            there = self.best(self.path(folder), member)
            before = self.best(self.path(self.parents[item]), member)
            own = self.held.get((item, member))
            carried = folder is None or there is not None
            if carried and before is not None and (there is None or before > there):
                self.held[item, member] = max(before, own or before)
            if there is not None:
                self._drop_below(item, member, there)
                if (item, member) in self.held and self.held[item, member] <= there:
                    del self.held[item, member]
        self.parents[item] = folder

    def _require_other_admin(self, item: str, member: int) -> None:
        others = [self.best(self.path(item), other) for other in range(3) if other != member]
        if Permission.ADMIN not in others:
            raise Refused("GERR030")

    def _drop_below(self, item: str, member: int, level: Permission) -> None:
        for below in self.below(item):
            if (below, member) in self.held and self.held[below, member] <= level:
                del self.held[below, member]

    def check(self) -> None:
        """Permissions rise on the way down, and every item has an admin."""
        for item in self.parents:
            path = self.path(item)
            for member in range(3):
                levels = [self.held[i, member] for i in path if (i, member) in self.held]
                assert levels == sorted(set(levels)), (item, member)
            assert any(self.best(path, member) is Permission.ADMIN for member in range(3)), item


class World:
    """The same members and items in the database."""

    def __init__(self, platform: Platform, members: list[Any], items: dict[str, Any]) -> None:
        self.platform = platform
        self.callers = [Caller(m["id"], m["name"], "individual", True, "en", True) for m in members]
        self.ids: dict[str, UUID] = {name: item["id"] for name, item in items.items()}

    async def add(self, actor: int, item: str, member: int, level: Permission) -> None:
        async with self.platform.unit_of_work() as uow:
            await service.share(uow, self.callers[actor], self.ids[item], self.callers[member].id, level)

    async def set(self, actor: int, item: str, member: int, level: Permission) -> None:
        async with self.platform.unit_of_work() as uow:
            membership_id = await self._membership(item, member)
            await service.set_permission(uow, self.callers[actor], membership_id, level)

    async def remove(self, actor: int, item: str, member: int, purge: bool) -> None:
        async with self.platform.unit_of_work() as uow:
            membership_id = await self._membership(item, member)
            await service.remove(uow, self.callers[actor], membership_id, purge_below=purge)

    async def move(self, actor: int, item: str, folder: str | None) -> None:
        async with self.platform.unit_of_work() as uow:
            path = await self._path(uow, item)
            destination = await self._path(uow, folder) if folder else None
            await lock_memberships(uow, [path, *([destination] if destination else [])])
            await move_memberships(uow, [path], destination, mover_id=self.callers[actor].id)
            label = path.rpartition(".")[2]
            await uow.execute(
                text(
                    "update item set path = case when path = cast(:path as ltree) then cast(:new_path as ltree)"
                    " else cast(:new_path as ltree) || subpath(path, nlevel(cast(:path as ltree))) end"
                    " where path <@ cast(:path as ltree)"
                ),
                path=path,
                new_path=f"{destination}.{label}" if destination else label,
            )

    async def held(self) -> dict[tuple[str, int], Permission]:
        rows = await self.platform.reads.all(
            text(
                "select i.id, m.account_id, m.permission::text as permission"
                " from item_membership m join item i on i.path = m.item_path where i.id = any(:ids)"
            ),
            ids=list(self.ids.values()),
        )
        items = {item_id: name for name, item_id in self.ids.items()}
        members = {caller.id: number for number, caller in enumerate(self.callers)}
        return {
            (items[row["id"]], members[row["account_id"]]): Permission.from_wire(row["permission"])
            for row in rows
        }

    async def _path(self, uow: UnitOfWork, item: str) -> str:
        path = await uow.scalar(text("select path from item where id = cast(:id as uuid)"), id=self.ids[item])
        return str(path)

    async def _membership(self, item: str, member: int) -> UUID:
        """The id of the membership; of none, when there is none."""
        found = await self.platform.reads.scalar(
            text(
                "select m.id from item_membership m join item i on i.path = m.item_path"
                " where i.id = cast(:id as uuid) and m.account_id = cast(:account_id as uuid)"
            ),
            id=self.ids[item],
            account_id=self.callers[member].id,
        )
        return found or self.ids[item]


def _named(book: Book, change: tuple[Any, ...]) -> tuple[Any, ...]:
    """The change with the membership it is about."""
    if change[0] not in ("set", "remove"):
        return change
    operation, actor, number, argument = change
    held = sorted(book.held)
    item, member = held[number % len(held)]
    return operation, actor, item, member, argument


def _possible(book: Book, change: tuple[Any, ...]) -> bool:
    """The item domain refuses the moves that make no sense."""
    if change[0] != "move":
        return True
    _, _, item, folder = change
    return bool(folder != book.parents[item] and item not in book.path(folder))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(_CHANGES, min_size=4, max_size=20))
async def test_any_sequence_of_changes_follows_the_rules(
    platform: Platform, factory: Factory, changes: list[tuple[Any, ...]]
) -> None:
    members = [await factory.member() for _ in range(3)]
    items: dict[str, Any] = {}
    for name, parent in _PARENTS.items():
        items[name] = await factory.item(items[parent] if parent else None, name=name)
    book, world = Book(), World(platform, members, items)
    for name, member in (("R", 0), ("S", 0), ("S", 1)):
        await factory.membership(items[name]["path"], members[member]["id"], "admin")
        book.held[name, member] = Permission.ADMIN

    for change in changes:
        if not _possible(book, change):
            continue
        operation, *arguments = _named(book, change)
        expected = _told_by_book(getattr(book, operation), arguments)
        assert await _told_by_world(world, operation, arguments) == expected, change
        assert await world.held() == book.held, change
        book.check()


def _told_by_book(operation: Callable[..., None], arguments: list[Any]) -> str | None:
    try:
        operation(*arguments)
    except Refused as refusal:
        return str(refusal)
    return None


async def _told_by_world(world: World, operation: str, arguments: list[Any]) -> str | None:
    try:
        await getattr(world, operation)(*arguments)
    except DomainError as error:
        return error.code
    return None
