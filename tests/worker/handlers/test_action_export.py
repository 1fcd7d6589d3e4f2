"""The action export: from the request to the opened archive."""

import csv
import io
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import delete, select, text, update

from graasp.accounts.tables import account
from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.actions.tables import action, action_request_export
from graasp.apps.tables import app_action, app_data
from graasp.chat.tables import chat_message
from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.conftest import Published
from tests.factories import Factory
from tests.statements import counted
from worker.execution import Outcome, execute
from worker.registry import load_handlers

Cookie = Callable[[UUID], dict[str, str]]
RunJobs = Callable[[], Awaitable[list[Outcome]]]


@pytest.fixture
async def course(factory: Factory) -> dict[str, Any]:
    """A folder with a document and an app, a teacher, and what two learners did in it."""
    teacher = await factory.member(name="Teacher", extra={"lang": "fr"})
    learner = await factory.member(name="=cmd()")
    folder = await factory.owned_item(teacher, name='Course: "A/B" é')
    document = await factory.item(
        folder, type="document", name="Text, one", extra={"document": {"content": 'a "b"\n\\n c'}}
    )
    app = await factory.item(folder, type="app", extra={"app": {"url": "https://app.test"}})
    hostile = {"itemId": str(document["id"]), "answer": '=1+1,"x"\r\ny', "deep": {"er": -5}, "a.b": "ü\\"}
    for view, kind, extra in (
        ("player", "item-view", {}),
        ("player", "chat_create", '{"body": "old rows hold text"}'),
        ("builder", "update", hostile),
        ("account", "other", {"x": None}),
    ):
        await factory.insert(
            action, type=kind, view=view, account_id=learner["id"], item_id=document["id"], extra=extra
        )
    await factory.insert(chat_message, item_id=folder["id"], creator_id=learner["id"], body="+hello")
    await factory.insert(app_action, account_id=learner["id"], item_id=app["id"], type="click", data={"x": 1})
    await factory.insert(
        app_data,
        account_id=learner["id"],
        item_id=app["id"],
        type="answer",
        visibility="member",
        data={"text": "a"},
    )
    return {"teacher": teacher, "learner": learner, "folder": folder, "document": document, "app": app}


async def _export(
    client: httpx.AsyncClient, headers: dict[str, str], item_id: Any, export_format: str
) -> None:
    answer = await client.post(f"/api/items/{item_id}/actions/export?format={export_format}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")


def _link(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    link = next(line for line in body.get_content().splitlines() if line.startswith("http"))
    return httpx.URL(link).raw_path.decode()


async def _archive(client: httpx.AsyncClient, mail: EmailMessage) -> dict[str, bytes]:
    """Follow the mail's link as its reader would; the files by their names without the folder."""
    answer = await client.get(_link(mail))
    assert answer.status_code == 303
    content = await client.get(httpx.URL(answer.headers["location"]).raw_path.decode())
    assert content.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(content.content)) as archive:
        assert archive.testzip() is None
        return {name.rpartition("/")[2].rpartition("_")[0]: archive.read(name) for name in archive.namelist()}


async def test_the_teacher_gets_a_mail_whose_link_leads_to_every_data_set_as_json(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "json")
    assert await run_jobs() == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
    (mail,) = mails
    assert mail["to"] == course["teacher"]["email"]
    assert "sont prêtes" in mail["subject"]
    files = {name: orjson.loads(content) for name, content in (await _archive(client, mail)).items()}
    assert set(files) == {
        "actions_builder",
        "actions_player",
        "actions_library",
        "actions_unknown",
        "actions_account",
        "items",
        "accounts",
        "memberships",
        "chat",
        "apps",
    }
    assert files["actions_library"] == {}
    (update,) = files["actions_builder"]
    assert update["extra"]["answer"] == '=1+1,"x"\r\ny'
    assert update["item"]["extra"] == {"document": {"content": 'a "b"\n\\n c'}}
    assert list(update) == [
        "id",
        "view",
        "type",
        "extra",
        "geolocation",
        "createdAt",
        "accountId",
        "itemId",
        "item",
    ]
    assert {"body": "old rows hold text"} in [row["extra"] for row in files["actions_player"]]
    assert {item["name"] for item in files["items"]} >= {'Course: "A/B" é', "Text, one"}
    assert files["accounts"] == [{"id": str(course["teacher"]["id"]), "name": "Teacher"}]
    assert files["chat"][0]["body"] == "+hello"
    assert files["apps"]["appActions"][0]["data"] == {"x": 1}
    assert files["apps"]["appSettings"] == []
    requests = await platform.reads.all(select(action_request_export))
    assert [(row["member_id"], row["format"]) for row in requests] == [(course["teacher"]["id"], "json")]


async def test_csv_has_a_column_for_each_path_of_extra_and_no_cell_that_a_spreadsheet_would_run(
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "csv")
    await run_jobs()
    files = await _archive(client, mails[0])
    assert set(files) >= {"app_actions", "app_data", "app_settings", "actions_unknown"}
    assert files["app_settings"] == b""
    assert not files["actions_builder"].endswith(b"\n")
    (update,) = csv.DictReader(io.StringIO(files["actions_builder"].decode(), newline=""))
    assert update["extra.answer"] == '\'=1+1,"x"\r\ny'
    assert update["extra.deep.er"] == "-5"
    assert update["extra.a.b"] == "ü\\"
    assert update["item.name"] == "Text, one"
    assert update["item.extra.document.content"] == 'a "b"\n\\n c'
    assert (update["extra"], update["item.extra"]) == ("", "")
    chat = list(csv.DictReader(io.StringIO(files["chat"].decode(), newline="")))
    assert chat[0]["body"] == "'+hello"
    accounts = list(csv.DictReader(io.StringIO(files["accounts"].decode(), newline="")))
    assert [row["name"] for row in accounts] == ["Teacher"]


async def test_a_second_request_joins_the_running_one_and_later_gets_the_same_archive_again(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    headers = cookie_for(course["teacher"]["id"])
    for _ in range(3):
        await _export(client, headers, course["folder"]["id"], "json")
    assert len(await platform.reads.all(select(job.c.id))) == 1
    await run_jobs()
    assert len(mails) == 1
    await _export(client, headers, course["folder"]["id"], "json")
    await run_jobs()
    assert len(mails) == 2
    assert set(await _archive(client, mails[1])) == set(await _archive(client, mails[0]))
    assert len(await platform.reads.all(select(action_request_export))) == 1
    results = await platform.reads.all(select(job.c.result).where(job.c.name == "export-actions"))
    assert {"sentAgain": True} in [row["result"] for row in results]


async def test_a_link_dies_with_the_right_it_was_given_for(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "json")
    await run_jobs()
    path = _link(mails[0])
    assert (await client.get(path)).status_code == 303
    await factory.recycle(course["folder"])
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "GERR404")


@pytest.mark.parametrize(
    ("permission", "error"),
    [
        ("write", "USER_CANNOT_ADMIN_ITEM"),
        ("read", "USER_CANNOT_ADMIN_ITEM"),
        (None, "MEMBER_CANNOT_ACCESS"),
        ("recycled", "ITEM_NOT_FOUND"),
        ("missing", "ITEM_NOT_FOUND"),
    ],
)
async def test_without_admin_permission_the_answer_is_the_same_and_the_reason_is_told_to_who_asked(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    published: Published,
    course: dict[str, Any],
    permission: str | None,
    error: str,
) -> None:
    member, item_id = await factory.member(), course["folder"]["id"]
    if permission in ("read", "write"):
        await factory.membership(course["folder"]["path"], member["id"], permission)
    elif permission == "recycled":
        await factory.recycle(course["folder"])
        member = course["teacher"]
    elif permission == "missing":
        item_id = uuid4()
    await _export(client, cookie_for(member["id"]), item_id, "csv")
    assert await run_jobs() == [Outcome.FAILED]
    assert mails == []
    await platform.realtime.flush()
    ((topic, channel, body),) = await published()
    assert (topic, channel) == ("item/member", str(member["id"]))
    (told,) = body.pop("errors")
    assert body == {"kind": "feedback", "op": "export", "resource": [str(item_id)]}
    if error == "ITEM_NOT_FOUND":
        assert told == {"name": "FastifyError", "message": f"ITEM_NOT_FOUND {item_id}"}
    else:
        assert told == {"name": error, "message": error}
    row = await platform.reads.first(select(job.c.state, job.c.error))
    assert row is not None
    assert (row["state"], error in row["error"]) == ("failed", True)
    assert await factory.count(action_request_export) == 0


async def test_success_is_told_with_the_item(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    published: Published,
    course: dict[str, Any],
) -> None:
    headers = cookie_for(course["teacher"]["id"])
    # The second time the archive is only sent again.
    for _ in range(2):
        await _export(client, headers, course["folder"]["id"], "csv")
        await run_jobs()
        await platform.realtime.flush()
        ((topic, channel, body),) = await published()
        assert (topic, channel) == ("item/member", str(course["teacher"]["id"]))
        item_id = str(course["folder"]["id"])
        item = body["result"].pop(item_id)
        assert (item["id"], item["name"], item["creatorId"]) == (item_id, 'Course: "A/B" é', channel)
        assert body == {
            "kind": "feedback",
            "op": "export",
            "resource": [item_id],
            "result": {},
            "errors": [],
        }


async def test_a_failure_while_gathering_is_told_after_the_last_attempt(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    published: Published,
    course: dict[str, Any],
) -> None:
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "json")
    async with platform.unit_of_work() as uow:
        await uow.execute(update(job).values(max_attempts=1))
        await uow.execute(text("alter table chat_message rename column body to gone"))
    try:
        assert await run_jobs() == [Outcome.FAILED]
    finally:
        async with platform.unit_of_work() as uow:
            await uow.execute(text("alter table chat_message rename column gone to body"))
    await platform.realtime.flush()
    ((_, _, body),) = await published()
    message = "A file was not created properly for the requested archive"
    assert body["errors"] == [{"name": message, "message": message}]
    assert [key async for key in platform.storage.list("actions")] == []


async def test_names_carry_the_moment_of_the_request(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    folder = course["folder"]
    await _export(client, cookie_for(course["teacher"]["id"]), folder["id"], "csv")
    await run_jobs()
    request = await platform.reads.first(select(action_request_export))
    assert request is not None
    assert (request["item_path"], request["format"]) == (folder["path"], "csv")
    stamp = int(request["created_at"].timestamp())
    (key,) = [key async for key in platform.storage.list("actions")]
    assert key.startswith(f"actions/{folder['id']}/Course___A_B__é_csv_actions_{stamp}")
    answer = await client.get(_link(mails[0]))
    content = await client.get(httpx.URL(answer.headers["location"]).raw_path.decode())
    name = f"Course___A_B__é_csv_actions_{stamp}.zip"
    assert quote(name) in content.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(content.content)) as archive:
        folders = {entry.partition("/")[0] for entry in archive.namelist()}
        assert folders == {
            f"Course___A_B__é_actions_{folder['id']}_{request['created_at']:%Y-%m-%d_%H-%M-%S}"
        }
        assert all(entry.endswith(f"_{stamp}.csv") for entry in archive.namelist())


async def test_what_makes_a_new_archive_within_the_window_and_what_does_not(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    folder, teacher = course["folder"], course["teacher"]
    second = await factory.member()
    await factory.membership(folder["path"], second["id"], "admin")

    async def makes_a_new_one(who: Any, export_format: str = "json") -> bool:
        before = await factory.count(action_request_export)
        mails.clear()
        await _export(client, cookie_for(who["id"]), folder["id"], export_format)
        await run_jobs()
        assert [mail["to"] for mail in mails] == [who["email"]]
        await _archive(client, mails[0])
        return await factory.count(action_request_export) == before + 1

    assert await makes_a_new_one(teacher)
    assert not await makes_a_new_one(teacher)
    assert await makes_a_new_one(teacher, "csv")
    assert await makes_a_new_one(second)
    # Neither a new name nor a new place make it another item.
    elsewhere = await factory.item()
    moved = f"{elsewhere['path']}.{folder['path']}"
    async with platform.unit_of_work() as uow:
        await uow.execute(update(item).where(item.c.id == folder["id"]).values(name="renamed", path=moved))
    await factory.membership(elsewhere["path"], teacher["id"], "admin")
    assert not await makes_a_new_one(teacher)
    async for key in platform.storage.list("actions"):
        await platform.storage.delete(key)
    assert await makes_a_new_one(teacher)
    hours_ago = datetime.now(UTC) - timedelta(hours=2, seconds=1)
    async with platform.unit_of_work() as uow:
        await uow.execute(update(action_request_export).values(created_at=hours_ago))
    assert await makes_a_new_one(teacher)


async def test_a_request_of_another_server_is_no_archive_of_ours(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    course: dict[str, Any],
) -> None:
    who = {"member_id": course["teacher"]["id"], "item_path": course["folder"]["path"]}
    await factory.insert(action_request_export, **who, format="json")
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "json")
    await run_jobs()
    assert await factory.count(action_request_export) == 2


async def test_an_account_that_is_gone_gets_nothing(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    await _export(client, cookie_for(course["teacher"]["id"]), course["folder"]["id"], "json")
    async with platform.unit_of_work() as uow:
        await uow.execute(delete(account).where(account.c.id == course["teacher"]["id"]))
    assert await run_jobs() == [Outcome.FAILED]
    assert mails == []


async def test_the_archive_is_stored_in_s3_as_well(
    s3_settings: Settings,
    clean_services: None,
    mails: list[EmailMessage],
) -> None:
    load_handlers()
    async with open_platform(s3_settings) as platform:
        factory = Factory(platform.database)
        teacher = await factory.member()
        folder = await factory.owned_item(teacher, name="é")
        async with platform.unit_of_work() as uow:
            export = ExportActions(item_id=folder["id"], member_id=teacher["id"], format="json")
            job_id = await uow.enqueue(EXPORT_ACTIONS, export)
        assert await execute(platform, job_id) is Outcome.SUCCEEDED
        (key,) = [key async for key in platform.storage.list(f"actions/{folder['id']}")]
        content = b"".join([chunk async for chunk in platform.storage.open(key)])
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert len(archive.namelist()) == 9


async def test_an_export_has_the_same_statements_however_much_there_is(
    platform: Platform, factory: Factory, run_jobs: RunJobs
) -> None:
    teacher = await factory.member()
    counts = []
    for items in (1, 25):
        folder = await factory.owned_item(teacher)
        for number in range(items):
            below = await factory.item(folder)
            await factory.insert(action, type="a", item_id=below["id"], extra={f"k{number}": number})
        async with platform.unit_of_work() as uow:
            export = ExportActions(item_id=folder["id"], member_id=teacher["id"], format="csv")
            await uow.enqueue(EXPORT_ACTIONS, export)
        await platform.jobs.flush()
        with counted(platform.database) as statements:
            assert await run_jobs() == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
        counts.append(len([sql for sql in statements if "heartbeat" not in sql]))
    assert counts[0] == counts[1]
