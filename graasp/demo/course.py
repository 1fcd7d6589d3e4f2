"""The tree of the demo course, and its calendar: the same every time, but for the dates, which lead up to now."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import yaml

from graasp.db.ltree import label
from graasp.demo.people import Person, demo_id

WEEKS = 9
_FRIDAY = 4


@dataclass(frozen=True)
class Calendar:
    """Nine school weeks; the last one is the week of `now`."""

    now: datetime

    def at(self, week: int, weekday: int, hour: int, minute: float = 0) -> datetime:
        """A moment of the course, in UTC; weekday 0 is Monday. It may be yet to come."""
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1 - week)
        return monday + timedelta(days=weekday, hours=hour, minutes=minute)

    @property
    def course_made(self) -> datetime:
        """When the teacher put the course together: the afternoon of the Friday before."""
        return self.at(-1, _FRIDAY, 13)


@dataclass
class Node:
    """An item of the course."""

    id: UUID
    path: str
    place: int
    values: dict[str, Any]
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.values["name"])

    @property
    def type(self) -> str:
        return str(self.values["type"])

    @property
    def is_hidden(self) -> bool:
        return bool(self.values.get("hidden")) or (self.parent is not None and self.parent.is_hidden)

    def walk(self) -> Iterator["Node"]:
        """This item and all below it, as a reader meets them."""
        yield self
        for child in self.children:
            yield from child.walk()


def read(name: str) -> Any:
    """One of the files that the demo is written in."""
    return yaml.safe_load((files("graasp.demo") / name).read_text("utf-8"))


def build_course() -> Node:
    """The root of the course."""
    return _node(read("course.yaml"), None, 0)


def _node(values: dict[str, Any], parent: Node | None, place: int) -> Node:
    item_id = demo_id("item", parent.id if parent else "", values["name"])
    path = f"{parent.path}.{label(item_id)}" if parent else label(item_id)
    node = Node(item_id, path, place, values, parent)
    node.children = [_node(child, node, n) for n, child in enumerate(values.get("children", []), start=1)]
    return node


def item_rows(
    root: Node, creator: Person, calendar: Calendar, file_keys: dict[UUID, str]
) -> Iterator[dict[str, Any]]:
    """The rows of the items, in the order in which they were made."""
    for number, node in enumerate(root.walk()):
        made = calendar.course_made + timedelta(minutes=7 * number)
        yield {
            "id": node.id,
            "name": node.name,
            "type": node.type,
            "description": node.values.get("description"),
            "path": node.path,
            "creator_id": creator.id,
            "extra": _extra(node, file_keys),
            "settings": _settings(node),
            "lang": "en",
            "order": node.place * 20 if node.parent else None,
            "created_at": made,
            "updated_at": made,
        }


def _settings(node: Node) -> dict[str, Any]:
    settings: dict[str, Any] = {"hasThumbnail": False}
    if node.type == "embeddedLink":
        settings |= {"showLinkButton": True, "showLinkIframe": False}
    if node.parent is None:
        settings |= {"showChatbox": True}
    return settings


def _extra(node: Node, file_keys: dict[UUID, str]) -> dict[str, Any]:
    values = node.values
    match node.type:
        case "document":
            return {"document": {"content": values["content"], "isRaw": False}}
        case "embeddedLink":
            return {"embeddedLink": {"url": values["url"], "title": node.name, "thumbnails": [], "icons": []}}
        case "app":
            return {"app": {"url": values["url"]}}
        case "file":
            size = len(values["content"].encode())
            of_file = {
                "name": node.name,
                "path": file_keys[node.id],
                "mimetype": values["mimetype"],
                "size": size,
            }
            return {"file": of_file | {"content": ""}}
    return {node.type: {}}
