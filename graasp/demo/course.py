"""The demo course: the same every time, but for its dates, which lead up to today."""

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from graasp.db.ltree import label

PASSWORD = "Learn-optics-1"  # noqa: S105 - meant to be known: the sign-in of demo accounts in development
DAYS = 60
_NAMESPACE = UUID("5d1f6c1e-8f0b-4a39-9f5e-6a7d3b0f8c21")

TEACHERS = ("Amina (teacher)", "Bruno (teacher)", "Clara (teacher)")
LEARNERS = (
    "Adèle",
    "Ali",
    "Beatriz",
    "Chen",
    "Daria",
    "Elio",
    "Fatou",
    "Giulia",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaya",
    "Léa",
    "Marco",
    "Nadia",
    "Omar",
    "Paula",
    "Quentin",
    "Rosa",
    "Samir",
    "Tessa",
    "Ugo",
    "Valentina",
    "Wei",
    "Xenia",
    "Yusuf",
    "Zoé",
    "Lina",
    "Milo",
    "Nour",
)
_PLACES = (
    {
        "country": "CH",
        "region": "VS",
        "city": "Sion",
        "timezone": "Europe/Zurich",
        "eu": "0",
        "ll": [46.23, 7.36],
    },
    {
        "country": "CH",
        "region": "VD",
        "city": "Lausanne",
        "timezone": "Europe/Zurich",
        "eu": "0",
        "ll": [46.52, 6.63],
    },
    {
        "country": "FR",
        "region": "ARA",
        "city": "Lyon",
        "timezone": "Europe/Paris",
        "eu": "1",
        "ll": [45.76, 4.84],
    },
    {
        "country": "IT",
        "region": "25",
        "city": "Milano",
        "timezone": "Europe/Rome",
        "eu": "1",
        "ll": [45.46, 9.19],
    },
)
_COURSE = (
    (
        "Light travels in straight lines",
        (
            (
                "document",
                "What is light?",
                "<h2>What is light?</h2><p>Light carries energy from a source to our eyes.</p>",
            ),
            ("document", "Shadows", "<p>A shadow shows where light does <strong>not</strong> arrive.</p>"),
            (
                "embeddedLink",
                "Bending light (simulation)",
                "https://phet.colorado.edu/en/simulations/bending-light",
            ),
            (
                "file",
                "Experiment sheet.csv",
                "angle in degrees,angle out degrees\n0,0\n15,10\n30,19\n45,28\n60,35\n",
            ),
        ),
    ),
    (
        "Mirrors and lenses",
        (
            ("document", "Reflection", "<p>The angle of incidence equals the angle of reflection.</p>"),
            ("document", "Lenses", "<p>Glasses, cameras and microscopes bend light with lenses.</p>"),
            ("app", "Quiz: reflection", "https://apps.graasp.org/quiz"),
        ),
    ),
    (
        "Colours",
        (
            ("document", "The rainbow", "<p>Raindrops split white light into its colours.</p>"),
            ("file", "Reading.txt", "White light is made of all colours. A prism makes them visible.\n"),
            ("app", "Shared notes", "https://apps.graasp.org/text-input"),
        ),
    ),
)
_CHAT = (
    "Which mirror do we need for the experiment?",
    "The flat one, from the second box.",
    "My shadow has two edges, is that right?",
    "Yes: your lamp is wide. Try it with a smaller one.",
    "Can we hand in the sheet on Friday?",
    "Of course.",
)


def demo_id(*parts: object) -> UUID:
    """The same id for the same thing, every time."""
    return uuid5(_NAMESPACE, "/".join(map(str, parts)))


@dataclass
class Node:
    """An item of the course."""

    id: UUID
    name: str
    type: str
    content: str
    path: str
    order: int | None


@dataclass
class Course:
    """Everything the demo consists of, as rows."""

    today: datetime
    nodes: list[Node] = field(default_factory=list)

    @property
    def root(self) -> Node:
        return self.nodes[0]

    @property
    def leaves(self) -> list[Node]:
        return [node for node in self.nodes if node.type != "folder"]


def build_course(now: datetime | None = None) -> Course:
    """The tree of the course."""
    moment = now or datetime.now(UTC)
    course = Course(moment.replace(hour=0, minute=0, second=0, microsecond=0))
    root = _node("Optics: how light travels", "folder", "", None, None)
    course.nodes.append(root)
    for position, (chapter, parts) in enumerate(_COURSE, start=1):
        folder = _node(chapter, "folder", "", root, position * 20)
        course.nodes.append(folder)
        for place, (kind, name, content) in enumerate(parts, start=1):
            course.nodes.append(_node(name, kind, content, folder, place * 20))
    return course


def _node(name: str, kind: str, content: str, parent: Node | None, order: int | None) -> Node:
    item_id = demo_id("item", parent.id if parent else "", name)
    path = f"{parent.path}.{label(item_id)}" if parent else label(item_id)
    return Node(item_id, name, kind, content, path, order)


def accounts() -> Iterator[tuple[UUID, str, str, str]]:
    """(id, name, e-mail, language) of every account, teachers first."""
    for number, name in enumerate(TEACHERS, start=1):
        yield demo_id("teacher", number), name, f"teacher{number}@example.org", ("en", "fr", "it")[number - 1]
    for number, name in enumerate(LEARNERS, start=1):
        yield demo_id("learner", number), name, f"learner{number}@example.org", ("en", "fr", "de")[number % 3]


def item_row(node: Node, creator_id: UUID, file_key: str | None = None) -> dict[str, Any]:
    """An item's row."""
    extra: dict[str, Any] = {node.type: {}}
    match node.type:
        case "document":
            extra = {"document": {"content": node.content, "isRaw": False}}
        case "embeddedLink":
            extra = {"embeddedLink": {"url": node.content, "title": node.name, "thumbnails": [], "icons": []}}
        case "app":
            extra = {"app": {"url": node.content}}
        case "file":
            kind = "text/csv" if node.name.endswith(".csv") else "text/plain"
            size = len(node.content.encode())
            extra = {
                "file": {"name": node.name, "path": file_key, "mimetype": kind, "size": size, "content": ""}
            }
    return {
        "id": node.id,
        "name": node.name,
        "type": node.type,
        "path": node.path,
        "creator_id": creator_id,
        "extra": extra,
        "settings": {"hasThumbnail": False, "isPinned": node.type == "folder"},
        "lang": "en",
        "order": node.order,
        "description": "<p>A course of three weeks for learners of 12 to 14.</p>"
        if node.order is None
        else None,
    }


def action_rows(course: Course) -> Iterator[dict[str, Any]]:
    """Two months of learning: views in the player, work in the builder, visits in the library."""
    chance = random.Random("optics")  # noqa: S311 - repeatable on purpose
    people = [account_id for account_id, *_ in accounts()]
    number = 0
    for day in range(DAYS, -1, -1):
        if (course.today - timedelta(days=day)).weekday() >= 5 and chance.random() < 0.7:
            continue
        for account_id in chance.sample(people, chance.randint(8, 22)):
            moment = course.today - timedelta(days=day) + timedelta(hours=8, minutes=chance.randint(0, 480))
            place = chance.choice(_PLACES) if chance.random() < 0.8 else None
            for _ in range(chance.randint(2, 7)):
                moment += timedelta(seconds=chance.randint(20, 400))
                if moment >= course.today and day == 0:
                    break
                number += 1
                node = chance.choice(course.nodes)
                view, kind = _what(chance, node, account_id in people[:3])
                yield {
                    "id": demo_id("action", number),
                    "type": kind,
                    "view": view,
                    "extra": {"itemId": str(node.id)},
                    "geolocation": place,
                    "created_at": moment,
                    "account_id": account_id,
                    "item_id": node.id,
                }


def _what(chance: random.Random, node: Node, is_teacher: bool) -> tuple[str, str]:
    if is_teacher and chance.random() < 0.5:
        return "builder", chance.choice(("update", "item-view", "create"))
    if chance.random() < 0.08:
        return "library", "collection-view"
    by_type = {"embeddedLink": "link-open", "file": "item-download", "folder": "collapse-item"}
    kind = by_type.get(node.type, "item-view") if chance.random() < 0.3 else "item-view"
    return "player", kind


def chat_rows(course: Course) -> Iterator[dict[str, Any]]:
    people = [account_id for account_id, *_ in accounts()]
    for number, body in enumerate(_CHAT):
        author = people[number % 3] if number % 2 else people[3 + number]
        moment = course.today - timedelta(days=20 - number, hours=2)
        yield {
            "id": demo_id("chat", number),
            "item_id": course.root.id,
            "creator_id": author,
            "body": body,
            "created_at": moment,
            "updated_at": moment,
        }


def app_data_rows(course: Course) -> Iterator[dict[str, Any]]:
    chance = random.Random("answers")  # noqa: S311 - repeatable on purpose
    learners = [account_id for account_id, *_ in accounts()][3:]
    for app in (node for node in course.nodes if node.type == "app"):
        for number, learner in enumerate(learners):
            moment = course.today - timedelta(days=chance.randint(1, 30), minutes=chance.randint(0, 600))
            yield {
                "id": demo_id("app-data", app.id, number),
                "item_id": app.id,
                "account_id": learner,
                "creator_id": learner,
                "type": "answer",
                "visibility": "member",
                "data": {
                    "answer": chance.choice(("equal", "larger", "smaller")),
                    "score": chance.randint(4, 10),
                },
                "created_at": moment,
                "updated_at": moment,
            }


async def content_of(node: Node) -> AsyncIterator[bytes]:
    """The bytes of a file of the course."""
    yield node.content.encode()
