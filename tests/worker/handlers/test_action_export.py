"""The action export: from the request to the opened archive."""

import csv
import io
import zipfile
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from sqlalchemy import select

from graasp.actions.tables import action, action_request_export
from graasp.apps.tables import app_action, app_data
from graasp.chat.tables import chat_message
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.factories import Factory
from worker.execution import Outcome

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


async def _archive(client: httpx.AsyncClient, mail: EmailMessage) -> dict[str, bytes]:
    """Follow the mail's link as its reader would; the files by their names without the folder."""
    body = mail.get_body(("plain",))
    assert body is not None
    link = next(line for line in body.get_content().splitlines() if line.startswith("http"))
    answer = await client.get(httpx.URL(link).raw_path.decode())
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
    body = mails[0].get_body(("plain",))
    assert body is not None
    link = next(line for line in body.get_content().splitlines() if line.startswith("http"))
    path = httpx.URL(link).raw_path.decode()
    assert (await client.get(path)).status_code == 303
    await factory.recycle(course["folder"])
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "GERR404")


async def test_without_admin_permission_the_answer_is_the_same_and_the_job_fails_with_the_reason(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    course: dict[str, Any],
) -> None:
    writer = await factory.member()
    await factory.membership(course["folder"]["path"], writer["id"], "write")
    await _export(client, cookie_for(writer["id"]), course["folder"]["id"], "csv")
    assert await run_jobs() == [Outcome.FAILED]
    assert mails == []
    row = await platform.reads.first(select(job.c.state, job.c.error))
    assert row is not None
    assert row["state"] == "failed"
    assert "USER_CANNOT_ADMIN_ITEM" in row["error"]
