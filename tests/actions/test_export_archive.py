"""What people write comes back from an export as they wrote it, whatever it is."""

import csv
import io
import json
import random
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from graasp.actions.errors import CannotWriteFile
from graasp.actions.export.archive import Format, archive_name, export_entries, safe
from graasp.actions.export.json_paths import DEEPEST, MOST, JsonPaths
from graasp.actions.tables import action
from graasp.apps.tables import app_action, app_data, app_setting
from graasp.archives import zip_stream
from graasp.chat.tables import chat_message
from graasp.platform import Platform
from tests.factories import Factory

MOMENT = datetime(2024, 2, 29, 13, 0, 5, 250, tzinfo=UTC)
FORMULA = tuple("=+-@\t\r\n＝＋－＠")

_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_TEXTS = st.one_of(
    st.text(_CHARACTERS, max_size=20),
    st.sampled_from(
        ('=1+1,"x"', "+41 79 000 00 00", "-1", "@SUM(1)", "\t=1", "＝1", '"', '""', "a,b", " a ", "\ufeffa")
    ),
    st.sampled_from(
        ("\r", "\n", "\r\n", "a\r\nb", "\\n", "\\", '\\"', "'", "''=1", "\u2028", "é", "😀", "\x7f")
    ),
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.integers(-8000, 8000).map(lambda eighths: eighths / 8),
    _TEXTS,
    st.lists(_TEXTS, max_size=3),
)
_KEYS = st.one_of(
    st.sampled_from(("a", "b", "a.b", "", "=x", '"', "{path}", ":x", "%s", "it's", "\\")), _TEXTS
)
_EXTRAS = st.dictionaries(
    _KEYS,
    st.recursive(_LEAVES, lambda below: st.dictionaries(_KEYS, below, max_size=3), max_leaves=8),
    max_size=4,
)


class Written(NamedTuple):
    member: str
    item: str
    text: str
    # And whether it is stored as text.
    extras: list[tuple[dict[str, Any], bool]]


_NAMES = st.text(_CHARACTERS, min_size=1, max_size=60)
_WRITTEN = st.builds(
    Written, _NAMES, _NAMES, _TEXTS, st.lists(st.tuples(_EXTRAS, st.booleans()), min_size=1, max_size=4)
)

property_test = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def _export(platform: Platform, item: Any, export_format: Format) -> dict[str, bytes]:
    """The files of the archive by their prefixes."""
    async with platform.database.snapshot() as transaction:
        entries = export_entries(transaction, item, export_format, MOMENT)
        written = b"".join([chunk async for chunk in zip_stream(entries)])
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        return {name.rpartition("/")[2].rpartition("_")[0]: archive.read(name) for name in archive.namelist()}


def _rows(content: bytes) -> list[dict[str, str]]:
    """A table, read strictly."""
    text = io.StringIO(content.decode(), newline="")
    lines = list(csv.reader(text, strict=True))
    if not lines:
        return []
    assert all(len(line) == len(lines[0]) for line in lines)
    assert len(set(lines[0])) == len(lines[0])
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return _neutral(",".join(value))
        case str():
            return _neutral(value)
        case _:
            return str(value)


def _neutral(text: str) -> str:
    is_number = re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text, re.ASCII)
    return f"'{text}" if text.startswith(FORMULA) and not is_number else text


def _leaves(value: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _leaves(below, (*path, key))
        else:
            yield (*path, key), below


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


async def _record(platform: Platform, factory: Factory, written: Written) -> Any:
    """A folder where all that people can write was written."""
    teacher = await factory.member(name=written.member, email=f"{uuid4()}@example.org")
    folder = await factory.owned_item(teacher, name=written.item, description=written.text)
    for number, (extra, is_encoded) in enumerate(written.extras):
        await factory.insert(
            action,
            type=written.text,
            view="player",
            account_id=teacher["id"],
            item_id=folder["id"],
            created_at=MOMENT - timedelta(seconds=number),
            # Older rows hold it as text.
            extra=json.dumps(extra, ensure_ascii=False) if is_encoded else extra,
        )
    await factory.insert(chat_message, item_id=folder["id"], creator_id=teacher["id"], body=written.text)
    return folder


@property_test
@given(written=_WRITTEN)
async def test_json_round_trips(platform: Platform, factory: Factory, written: Written) -> None:
    folder = await _record(platform, factory, written)
    exported = await _export(platform, folder, "json")
    files = {name: orjson.loads(content) for name, content in exported.items()}
    actions = files["actions_player"]
    assert [row["extra"] for row in actions] == [extra for extra, _ in written.extras]
    assert {(row["type"], row["item"]["name"]) for row in actions} == {(written.text, written.item)}
    assert [(row["name"], row["description"]) for row in files["items"]] == [(written.item, written.text)]
    assert [row["name"] for row in files["accounts"]] == [written.member]
    assert [row["body"] for row in files["chat"]] == [written.text]


@property_test
@given(written=_WRITTEN)
async def test_tables_hold_every_value_and_no_formula(
    platform: Platform, factory: Factory, written: Written
) -> None:
    folder = await _record(platform, factory, written)
    exported = await _export(platform, folder, "csv")
    files = {name: _rows(content) for name, content in exported.items()}
    text, item = _neutral(written.text), _neutral(written.item)
    for row, (extra, _) in zip(files["actions_player"], written.extras, strict=True):
        assert (row["type"], row["item.name"], row["itemId"]) == (text, item, str(folder["id"]))
        assert row["createdAt"].startswith("2024-02-29T13:00:0")
        _assert_shown(row, extra)
    assert [(row["name"], row["description"]) for row in files["items"]] == [(item, text)]
    assert [row["name"] for row in files["accounts"]] == [_neutral(written.member)]
    assert [row["body"] for row in files["chat"]] == [text]
    cells = [cell for table in files.values() for row in table for cell in row.values()]
    assert not [cell for cell in cells if cell != _neutral(cell)]


def _assert_shown(row: dict[str, str], extra: dict[str, Any]) -> None:
    """Each value is in its column, or in the rest; and nothing else is."""
    rest = orjson.loads(row["extra"] or b"{}")
    filled = {name for name, cell in row.items() if name.startswith("extra.") and cell}
    for path, value in _leaves(extra):
        if value is None or value != _at(rest, path):
            name = f"extra.{'.'.join(path)}"
            assert row[name] == _cell(value)
            filled.discard(name)
    assert not filled


async def test_the_commonest_paths_are_columns_and_the_rest_is_json(
    platform: Platform, factory: Factory
) -> None:
    folder = await factory.item()
    common = {f"k{number:03}": number for number in range(MOST - 1)}
    deep: Any = {"end": 1}
    for _ in range(DEEPEST + 3):
        deep = {"d": deep}
    extras = [
        {**common, "odd": {"one": 1, "common": "x"}},
        {**common, "odd": {"two": [1], "common": "y"}, "rare": "z"},
        {**common, "odd": "no object", "empty": {}},
        {"deep": deep},
        [1, 2],
        None,
        "no JSON {",
    ]
    for number, extra in enumerate(extras):
        await factory.insert(
            action,
            type="a",
            item_id=folder["id"],
            created_at=MOMENT - timedelta(seconds=number),
            # A JSON null, not none at all.
            extra=text("'null'::jsonb") if extra is None else extra,
        )
    rows = _rows((await _export(platform, folder, "csv"))["actions_unknown"])
    columns = [name for name in rows[0] if name.startswith("extra.")]
    assert len(columns) == MOST
    assert columns[-1] == "extra.odd.common"
    assert [orjson.loads(row["extra"]) if row["extra"] else None for row in rows] == [
        {"odd": {"one": 1}},
        {"odd": {"two": [1]}, "rare": "z"},
        {"odd": "no object", "empty": {}},
        {"deep": deep},
        [1, 2],
        None,
        "no JSON {",
    ]


async def test_what_lies_deeper_than_columns_go_is_shown_as_a_whole(
    platform: Platform, factory: Factory
) -> None:
    folder = await factory.item()
    bottom = {"x": {"y": 1}}
    extra: Any = bottom
    for _ in range(DEEPEST):
        extra = {"d": extra}
    await factory.insert(action, type="a", item_id=folder["id"], extra=extra)
    (row,) = _rows((await _export(platform, folder, "csv"))["actions_unknown"])
    assert orjson.loads(row[f"extra{'.d' * DEEPEST}"]) == bottom
    assert row["extra"] == ""


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        ([], {}),
        (
            [("a",), ("a", "b")],
            {
                "a": {
                    "value": True,
                    "object": False,
                    "below": {"b": {"value": True, "object": False, "below": {}}},
                }
            },
        ),
    ],
)
def test_the_paths_as_a_tree(paths: list[tuple[str, ...]], shown: Any) -> None:
    assert JsonPaths(paths, complete=False).shown == shown


async def test_every_data_set_has_the_columns_of_the_contract_and_each_path_of_its_objects(
    platform: Platform, factory: Factory
) -> None:
    teacher = await factory.member()
    folder = await factory.owned_item(teacher, settings={"isPinned": True})
    app = await factory.item(folder, type="app", extra={"app": {"url": "https://app.test"}})
    recycled = await factory.item(folder)
    await factory.recycle(recycled)
    place = {"country": "CH", "range": [1, 2], "ll": [-46.5, 6.6], "eu": "0"}
    for item in (app, recycled):
        await factory.insert(action, type="a", item_id=item["id"], geolocation=place)
    who = {"account_id": teacher["id"], "item_id": app["id"]}
    await factory.insert(app_action, **who, type="click", data={"x": {"y": 1}})
    await factory.insert(app_data, **who, type="t", visibility="member", data={"answer": "=1"})
    await factory.insert(app_setting, item_id=app["id"], name="@n", data={"list": ["a", "b"]})
    files = {name: _rows(content) for name, content in (await _export(platform, folder, "csv")).items()}
    assert set(files) == {
        "actions_builder",
        "actions_player",
        "actions_library",
        "actions_unknown",
        "items",
        "accounts",
        "memberships",
        "chat",
        "app_actions",
        "app_data",
        "app_settings",
    }
    # What is recycled is still among the items, but what was done on it is not among the actions.
    assert len(files["items"]) == 3
    (row,) = files["actions_unknown"]
    assert (row["geolocation.country"], row["geolocation.range"], row["geolocation.ll"]) == (
        "CH",
        "1,2",
        "-46.5,6.6",
    )
    assert row["item.extra.app.url"] == "https://app.test"
    items = {row["id"]: row for row in files["items"]}
    assert items[str(folder["id"])]["settings.isPinned"] == "true"
    assert items[str(recycled["id"])]["deletedAt"].endswith("Z")
    assert list(files["memberships"][0]) == [
        "id",
        "permission",
        "itemPath",
        "creatorId",
        "accountId",
        "createdAt",
        "updatedAt",
    ]
    assert files["app_actions"][0]["data.x.y"] == "1"
    assert files["app_data"][0]["data.answer"] == "'=1"
    assert (files["app_settings"][0]["name"], files["app_settings"][0]["data.list"]) == ("'@n", "a,b")


async def test_members_of_the_tree_and_of_what_lies_above_are_there_and_nobody_else(
    platform: Platform, factory: Factory
) -> None:
    above = await factory.item()
    folder = await factory.item(above)
    below = await factory.item(folder)
    beside = await factory.item(above)
    members = {}
    for name, item in (("above", above), ("on", folder), ("below", below), ("beside", beside)):
        member = await factory.member(name=name)
        members[name] = member
        await factory.membership(item["path"], member["id"], "read")
    files = await _export(platform, folder, "json")
    assert {row["name"] for row in orjson.loads(files["accounts"])} == {"above", "on", "below"}
    assert len(orjson.loads(files["memberships"])) == 3
    assert b"@example.org" not in b"".join(files.values())


async def test_empty_sets(platform: Platform, factory: Factory) -> None:
    folder = await factory.item()
    as_json = await _export(platform, folder, "json")
    assert (as_json["chat"], as_json["actions_library"]) == (b"{}", b"{}")
    assert as_json["apps"] == b'{"appActions":[],"appData":[],"appSettings":[]}'
    as_csv = await _export(platform, folder, "csv")
    assert (as_csv["chat"], as_csv["app_data"], as_csv["actions_library"]) == (b"", b"", b"")


async def test_views_that_have_no_file_of_their_own_get_one_when_something_was_done_there(
    platform: Platform, factory: Factory
) -> None:
    folder = await factory.item()
    for view in ("home", "auth", "analytics", "account"):
        await factory.insert(action, type="a", view=view, item_id=folder["id"])
    assert {name for name in await _export(platform, folder, "json") if name.startswith("actions")} == {
        f"actions_{view}"
        for view in ("builder", "player", "library", "unknown", "home", "auth", "analytics", "account")
    }


async def test_a_failure_while_gathering_is_told_as_such_and_leaves_the_connection_usable(
    platform: Platform, factory: Factory
) -> None:
    folder = await factory.item()
    await factory.insert(action, type="a", item_id=folder["id"])
    broken = {**folder, "path": "no path'"}
    with pytest.raises(CannotWriteFile):
        await _export(platform, broken, "json")
    assert len(await _export(platform, folder, "json")) == 9


async def test_an_archive_that_is_abandoned_leaves_nothing_running(
    platform: Platform, factory: Factory
) -> None:
    folder = await factory.item()
    for number in range(300):
        noise = random.Random(number).randbytes(20_000).hex()
        await factory.insert(action, type="a", item_id=folder["id"], extra={"noise": noise})

    async def abandon() -> None:
        async with platform.database.snapshot() as transaction:
            archive = zip_stream(export_entries(transaction, folder, "json", MOMENT))
            assert await anext(archive)
            await archive.aclose()
            raise KeyError

    with pytest.raises(KeyError):
        await abandon()
    assert len(await _export(platform, folder, "json")) == 9


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_names_of_archives_are_safe_everywhere(name: str) -> None:
    found = safe(name)
    assert len(found.encode()) <= 100
    assert not set(found) & set('/\\|:*?"<>')
    assert not any(character.isspace() or unicodedata.category(character) == "Cc" for character in found)
    assert archive_name(name, "csv", MOMENT) == f"{found}_csv_actions_1709211605"


@pytest.mark.parametrize("name", ["😀" * 500, "..", "a/../b", "\u202egnp", "x" * 500])
async def test_the_archive_can_be_unpacked_whatever_the_item_is_called(
    platform: Platform, factory: Factory, name: str
) -> None:
    item = await factory.item(name=name)
    async with platform.database.snapshot() as transaction:
        entries = export_entries(transaction, item, "json", MOMENT)
        written = b"".join([chunk async for chunk in zip_stream(entries)])
    with zipfile.ZipFile(io.BytesIO(written)) as archive, tempfile.TemporaryDirectory() as folder:
        archive.extractall(folder)
        (root,) = Path(folder).iterdir()
        assert root.name == f"{safe(name)}_actions_{item['id']}_2024-02-29_13-00-05"
        assert len(list(root.iterdir())) == 9
