"""The demo course is believable, and the same every time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from graasp.demo.activity import Activity, Row
from graasp.demo.course import Calendar, build_course
from graasp.demo.people import people, sign_ins

_WEDNESDAY = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


def _activity(now: datetime = _WEDNESDAY) -> Activity:
    return Activity(build_course(), people(), Calendar(now))


def _everything(activity: Activity) -> list[list[Row]]:
    return [
        activity.actions(),
        activity.messages(),
        activity.likes(),
        activity.app_settings(),
        activity.app_data(),
        activity.app_actions(),
    ]


def test_three_teachers_and_thirty_learners_each_with_an_address_of_their_own() -> None:
    everybody = people()
    assert Counter(person.is_teacher for person in everybody) == {True: 3, False: 30}
    assert len({person.email for person in everybody}) == len({person.name for person in everybody}) == 33
    assert [person.permission for person in everybody[:4]] == ["admin", "write", "read", "read"]
    assert [one.email for one in sign_ins()] == [person.email for person in everybody[:4]]


def test_the_tree_has_every_kind_of_item_at_several_levels() -> None:
    nodes = list(build_course().walk())
    kinds = Counter(node.type for node in nodes)
    assert set(kinds) == {"folder", "document", "embeddedLink", "file", "app"}
    assert min(kinds.values()) >= 3
    assert max(node.path.count(".") for node in nodes) == 3
    assert [node.name for node in nodes if node.is_hidden] == ["For teachers", "Lesson plan", "Solutions.txt"]


def test_the_same_moment_gives_the_same_rows_and_a_later_one_only_adds() -> None:
    assert _everything(_activity()) == _everything(_activity())
    later = _activity(_WEDNESDAY + timedelta(days=3))
    for now, then in zip(_everything(_activity()), _everything(later), strict=True):
        assert [row for row in then if row.get("created_at", _WEDNESDAY) < _WEDNESDAY] == now
    assert len(later.actions()) > len(_activity().actions())


@pytest.mark.parametrize("day", range(7))
def test_the_ids_are_the_same_in_every_week_and_nothing_lies_in_the_future(day: int) -> None:
    now = _WEDNESDAY + timedelta(weeks=30, days=day)
    earlier = {row["id"] for row in _activity(now - timedelta(weeks=3)).actions()}
    assert earlier == {row["id"] for row in _activity(now).actions()}
    for rows in _everything(_activity(now)):
        assert all(row["created_at"] < now for row in rows)
        assert len({row["id"] for row in rows}) == len(rows) > 0


def test_two_months_of_learning_in_several_views_and_from_several_places() -> None:
    actions = _activity().actions()
    assert actions == sorted(actions, key=lambda row: row["created_at"])
    views = Counter(row["view"] for row in actions)
    assert views["player"] > 2000
    assert all(views[view] > 5 for view in ("builder", "library", "analytics", "unknown"))
    weeks = Counter((_WEDNESDAY - row["created_at"]) // timedelta(weeks=1) for row in actions)
    assert all(weeks[week] > 50 for week in range(8))
    cities = Counter(row["geolocation"]["city"] for row in actions if row["geolocation"])
    assert cities.most_common(1)[0][0] == "Sion"
    assert len(cities) == 4
    learners = {person.id for person in people() if not person.is_teacher}
    assert learners <= {row["account_id"] for row in actions}
    by_learners = [row for row in actions if row["account_id"] in learners]
    hidden = {node.id for node in build_course().walk() if node.is_hidden}
    assert not [row for row in by_learners if row["item_id"] in hidden]
    assert {row["created_at"].hour for row in by_learners} <= set(range(8, 22))


def test_a_chapter_is_not_read_before_the_class_arrives_at_it() -> None:
    calendar, course = Calendar(_WEDNESDAY), build_course()
    last = course.children[3]
    assert last.name == "3 Colours"
    first_seen = min(
        row["created_at"]
        for row in _activity().actions()
        if row["view"] == "player" and row["item_id"] == last.id
    )
    assert first_seen >= calendar.at(6, 0, 0)


def test_messages_are_in_the_chats_and_among_the_actions() -> None:
    activity = _activity()
    messages = activity.messages()
    assert len(messages) > 10
    assert len({row["item_id"] for row in messages}) > 3
    told = [row for row in activity.actions() if row["type"] == "chat_create"]
    assert sorted(row["extra"]["body"] for row in told) == sorted(row["body"] for row in messages)


def test_the_apps_hold_a_question_and_the_answers_of_most_learners() -> None:
    activity = _activity()
    assert len(activity.app_settings()) == 3
    by_app = Counter(row["item_id"] for row in activity.app_data())
    assert len(by_app) == 3
    assert all(count > 10 for count in by_app.values())
    assert len(activity.app_data()) == len(activity.app_actions())
