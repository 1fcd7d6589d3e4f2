"""What the class did in nine weeks: actions, messages, answers."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from graasp.demo.course import WEEKS, Calendar, Node, read
from graasp.demo.people import PLACES, SCHOOL, Person, demo_id

_LESSONS = ((1, 9), (3, 13))  # Tuesday and Thursday, the hour in UTC
_PRESENT, _AT_HOME, _LOCATED = 0.93, 0.45, 0.85
_ITEM_LIKE_SHARE = 0.15

Row = dict[str, Any]


@dataclass(frozen=True)
class _Done:
    """Something somebody did, before it has a number and a place."""

    at: datetime
    type: str
    view: str
    node: Node
    person: Person | None
    extra: Mapping[str, Any] | None = None


class Activity:
    """Everything that happened in a course until now, as rows. The same course and moment give the same rows."""

    def __init__(self, root: Node, people: Sequence[Person], calendar: Calendar) -> None:
        self._root = root
        self._calendar = calendar
        self._people = {person.code: person for person in people}
        self._teachers = [person for person in people if person.is_teacher]
        self._learners = [person for person in people if not person.is_teacher]
        self._shown = [node for node in root.walk() if not node.is_hidden]
        self._chapters = [node for node in root.children if "opens" in node.values]
        self._apps = [node for node in root.walk() if node.type == "app"]

    def actions(self) -> list[Row]:
        """Views of the player, work in the builder, visits of the library: in the order of time."""
        chance = random.Random("actions")  # noqa: S311 - repeatable on purpose
        told = [*self._making(chance), *self._lessons(chance), *self._homework(chance), *self._visits(chance)]
        told += [*self._messages(), *self._likings()]
        rows = [self._action(chance, number, done) for number, done in enumerate(told)]
        return sorted((row for row in rows if self._is_past(row)), key=lambda row: row["created_at"])

    def messages(self) -> list[Row]:
        """The messages of the chats."""
        return [
            {
                "id": demo_id("message", number),
                "item_id": node.id,
                "creator_id": person.id,
                "body": body,
                "created_at": moment,
                "updated_at": moment,
            }
            for number, (moment, node, person, body) in enumerate(self._said())
            if moment < self._calendar.now
        ]

    def likes(self) -> list[Row]:
        """Who likes which item."""
        return [
            {
                "id": demo_id("like", done.node.id, done.person.id),
                "item_id": done.node.id,
                "creator_id": done.person.id,
            }
            | {"created_at": done.at}
            for done in self._likings()
            if done.person is not None and done.at < self._calendar.now
        ]

    def app_settings(self) -> list[Row]:
        """The question that a teacher has put into each app."""
        owner, made = self._teachers[0], self._calendar.course_made
        return [
            {
                "id": demo_id("app-setting", app.id),
                "item_id": app.id,
                "creator_id": owner.id,
                "name": "question",
                "data": {"text": app.values["question"]},
                "created_at": made,
                "updated_at": made,
            }
            for app in self._apps
        ]

    def app_data(self) -> list[Row]:
        """What the learners answered."""
        return [
            {
                "id": demo_id("app-data", app.id, learner.id),
                "item_id": app.id,
                "account_id": learner.id,
                "creator_id": learner.id,
                "type": "answer",
                "visibility": "member",
                "data": {"answer": answer},
                "created_at": moment,
                "updated_at": moment,
            }
            for app, learner, answer, moment in self._answers()
        ]

    def app_actions(self) -> list[Row]:
        """That they answered."""
        return [
            {
                "id": demo_id("app-action", app.id, learner.id),
                "item_id": app.id,
                "account_id": learner.id,
                "type": "submit_answer",
                "data": {"length": len(answer)},
                "created_at": moment,
            }
            for app, learner, answer, moment in self._answers()
        ]

    def _making(self, chance: random.Random) -> Iterator[_Done]:
        """The teachers put the course together, and go over it every Monday."""
        owner, second, third = self._teachers
        for number, node in enumerate(self._root.walk()):
            made = self._calendar.course_made + timedelta(minutes=7 * number)
            yield _Done(made, "create", "builder", node, owner)
        for week in range(WEEKS):
            monday = self._calendar.at(week, 0, 15, chance.randint(0, 30))
            for teacher in (owner, second):
                for number, node in enumerate(chance.sample(self._shown, 4)):
                    moment = monday + timedelta(minutes=6 * number)
                    yield _Done(moment, "item-view", "builder", node, teacher)
                    if chance.random() < 0.5:
                        body = {"name": node.name}
                        yield _Done(
                            moment + timedelta(minutes=4), "update", "builder", node, teacher, {"body": body}
                        )
            yield _Done(monday, "item-view", "analytics", self._root, third)
            files = [node for node in self._shown if node.type == "file"]
            yield _Done(monday, "item-download", "unknown", chance.choice(files), second)

    def _lessons(self, chance: random.Random) -> Iterator[_Done]:
        for week in range(WEEKS):
            pages = list(self._chapter_of(week).walk())
            for weekday, hour in _LESSONS:
                for learner in self._learners:
                    if chance.random() < _PRESENT:
                        start = self._calendar.at(week, weekday, hour, chance.uniform(0, 6))
                        first = chance.randint(0, len(pages) - 3)
                        yield from self._reading(
                            chance, learner, start, pages[first : first + chance.randint(3, 6)]
                        )

    def _homework(self, chance: random.Random) -> Iterator[_Done]:
        for week in range(WEEKS):
            pages = [node for chapter in self._opened(week) for node in chapter.walk()]
            for learner in self._learners:
                if chance.random() < _AT_HOME:
                    start = self._calendar.at(
                        week, chance.randint(0, 6), chance.randint(15, 19), chance.uniform(0, 59)
                    )
                    yield from self._reading(
                        chance, learner, start, chance.sample(pages, chance.randint(2, 4))
                    )

    def _reading(
        self, chance: random.Random, learner: Person, start: datetime, pages: Sequence[Node]
    ) -> Iterator[_Done]:
        """One sitting in the player."""
        moment = start
        for node in pages:
            yield _Done(moment, "item-view", "player", node, learner)
            if chance.random() < 0.6 and (more := _MORE.get(node.type)):
                yield _Done(moment + timedelta(seconds=9), more, "player", node, learner)
            moment += timedelta(seconds=chance.randint(40, 400))

    def _visits(self, chance: random.Random) -> Iterator[_Done]:
        """Passers-by in the library, who are nobody we know."""
        for week in range(WEEKS):
            for _ in range(chance.randint(4, 12)):
                moment = self._calendar.at(
                    week, chance.randint(0, 6), chance.randint(6, 20), chance.uniform(0, 59)
                )
                yield _Done(moment, "collection-view", "library", self._root, None)

    def _messages(self) -> Iterator[_Done]:
        for moment, node, person, body in self._said():
            view = "builder" if person.is_teacher else "player"
            yield _Done(moment, "chat_create", view, node, person, {"body": body, "mentions": []})

    def _likings(self) -> Iterator[_Done]:
        chance = random.Random("likes")  # noqa: S311 - repeatable on purpose
        for learner in self._learners:
            for node in (self._root, *self._chapters):
                week = chance.randint(int(node.values.get("opens", 0)), WEEKS - 1)
                minutes = chance.uniform(0, 59)
                if chance.random() < _ITEM_LIKE_SHARE:
                    yield _Done(
                        self._calendar.at(week, 3, 14, minutes), "item-like", "library", node, learner
                    )

    def _said(self) -> Iterator[tuple[datetime, Node, Person, str]]:
        nodes = {node.name: node for node in self._root.walk()}
        for number, (week, name, code, body) in enumerate(read("chat.yaml")):
            yield self._calendar.at(week, 2, 10, 13 * (number % 4)), nodes[name], self._people[code], body

    def _answers(self) -> Iterator[tuple[Node, Person, str, datetime]]:
        chance = random.Random("answers")  # noqa: S311 - repeatable on purpose
        for app in self._apps:
            chapter = next(chapter for chapter in self._chapters if app in chapter.walk())
            for learner in self._learners:
                answer = chance.choice(app.values["answers"])
                weekday, hour = chance.choice(_LESSONS)
                moment = self._calendar.at(
                    chapter.values["opens"] + chance.randint(0, 2), weekday, hour, chance.uniform(20, 44)
                )
                if chance.random() < _PRESENT and moment < self._calendar.now:
                    yield app, learner, answer, moment

    def _chapter_of(self, week: int) -> Node:
        return self._opened(week)[-1]

    def _opened(self, week: int) -> list[Node]:
        return [chapter for chapter in self._chapters if chapter.values["opens"] <= week]

    def _action(self, chance: random.Random, number: int, done: _Done) -> Row:
        lesson = done.view == "player" and 9 <= done.at.hour <= 14
        place = SCHOOL if lesson else done.person.place if done.person else chance.choice(PLACES)
        account_id: UUID | None = done.person.id if done.person else None
        return {
            "id": demo_id("action", number),
            "type": done.type,
            "view": done.view,
            "extra": {"itemId": str(done.node.id), **(done.extra or {})},
            "geolocation": place if chance.random() < _LOCATED else None,
            "created_at": done.at,
            "account_id": account_id,
            "item_id": done.node.id,
        }

    def _is_past(self, row: Row) -> bool:
        return bool(row["created_at"] < self._calendar.now)


# What a reader does besides looking.
_MORE = {"embeddedLink": "link-open", "file": "item-download", "folder": "collapse-item"}
