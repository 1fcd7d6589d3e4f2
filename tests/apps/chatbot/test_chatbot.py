"""Apps put questions to a language model that speaks OpenAI's protocol."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from starlette.responses import PlainTextResponse, Response
from structlog.testing import CapturingLogger

from graasp.actions.tables import action
from graasp.apps.chatbot import client as upstream
from graasp.embedded.process import free_port
from graasp.platform import Platform
from graasp.rate_limits import CHATBOT_BY_ACCOUNT, CHATBOT_BY_ITEM
from graasp.settings import Settings
from tests.apps.chatbot.stand_in import KEY, LanguageModel, completion, failure
from tests.apps.tokens import app_headers
from tests.conftest import serving
from tests.factories import Factory, Row

Count = Callable[[], AbstractContextManager[list[str]]]

QUESTION = [
    {"role": "system", "content": "You teach."},
    {"role": "user", "content": "What is a tree?"},
    {"role": "assistant", "content": "A plant."},
    {"role": "user", "content": "And in ‘informatics’?\n"},
]


@pytest.fixture
async def served() -> AsyncIterator[tuple[LanguageModel, str]]:
    model = LanguageModel()
    async with serving(model.app) as url:  # type: ignore[arg-type]
        yield model, f"{url}/v1"
        model.is_over.set()


@pytest.fixture
def model(served: tuple[LanguageModel, str]) -> LanguageModel:
    return served[0]


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(
    served: tuple[LanguageModel, str], make_settings: Callable[..., Settings], options: dict[str, Any]
) -> Settings:
    return make_settings(**{"openai_base_url": served[1], "openai_api_key": KEY} | options)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_PAUSE_S", 0)


class App:
    """The app of a member, or of whom it is told to be."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, item: Row, account_id: UUID) -> None:
        self.client = client
        self.settings = settings
        self.item_id = item["id"]
        self.account_id: UUID | None = account_id

    async def ask(self, body: Any = QUESTION, *, of: UUID | None = None, **query: Any) -> httpx.Response:
        return await self.client.post(
            f"/api/app-items/{of or self.item_id}/chat-bot",
            json=body,
            params=query,
            headers=app_headers(self.settings, self.item_id, self.account_id),
        )


@pytest.fixture
def app_of_member(client: httpx.AsyncClient, settings: Settings, app_item: Row, member: Row) -> App:
    return App(client, settings, app_item, member["id"])


async def test_the_conversation_goes_to_the_model_untouched_and_what_it_says_comes_back(
    app_of_member: App, model: LanguageModel, platform: Platform
) -> None:
    answer = await app_of_member.ask()
    assert (answer.status_code, answer.json()) == (200, {"completion": "Hello", "model": "gpt-5-nano"})
    [asked] = model.asked
    assert asked.body == {"messages": QUESTION, "model": "gpt-5-nano", "temperature": 1}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert "openai-organization" not in asked.headers
    assert await platform.reads.scalar(select(action.c.id)) is None


@pytest.mark.parametrize("options", [{"openai_org_id": "org-1"}])
async def test_the_organisation_is_named_when_there_is_one(app_of_member: App, model: LanguageModel) -> None:
    await app_of_member.ask()
    assert model.asked[0].headers["openai-organization"] == "org-1"


@pytest.mark.parametrize(
    ("options", "wanted", "asked"),
    [
        ({}, None, "gpt-5-nano"),
        ({}, "gpt-4", "gpt-5-nano"),
        ({}, "gpt-4o", "gpt-4o"),
        ({}, "gpt-3.5-turbo-0125", "gpt-3.5-turbo-0125"),
        ({"openai_gpt_version": "gpt-5"}, None, "gpt-5"),
        ({"openai_gpt_version": "gpt-5"}, "gpt-4", "gpt-5"),
        ({"openai_gpt_version": "gpt-5"}, "gpt-5-mini", "gpt-5-mini"),
        ({"openai_gpt_version": "of-yesterday"}, None, "gpt-5-nano"),
    ],
)
async def test_the_model_is_the_one_that_was_asked_for_or_the_installations(
    app_of_member: App, model: LanguageModel, wanted: str | None, asked: str
) -> None:
    answer = await app_of_member.ask(**({"gptVersion": wanted} if wanted else {}))
    assert answer.json()["model"] == model.asked[0].body["model"] == asked


@pytest.mark.parametrize("temperature", ["0", "0.3", "2"])
async def test_the_temperature_is_passed_on(
    app_of_member: App, model: LanguageModel, temperature: str
) -> None:
    await app_of_member.ask(temperature=temperature)
    assert model.asked[0].body["temperature"] == float(temperature)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ([], {}),
        ({}, {}),
        ({"role": "user", "content": "a"}, {}),
        (None, {}),
        ([{"role": "tool", "content": "a"}], {}),
        ([{"role": "user"}], {}),
        ([{"content": "a"}], {}),
        ([{"role": "user", "content": {}}], {}),
        (["a"], {}),
        (QUESTION, {"gptVersion": "gpt-6"}),
        (QUESTION, {"temperature": "2.1"}),
        (QUESTION, {"temperature": "-1"}),
        (QUESTION, {"temperature": "hot"}),
        (QUESTION * 126, {}),
        ([{"role": "user", "content": "a" * 100_001}], {}),
    ],
)
async def test_what_is_no_conversation_is_refused(
    app_of_member: App, model: LanguageModel, body: Any, query: dict[str, str]
) -> None:
    answer = await app_of_member.ask(body, **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert model.asked == []


async def test_a_body_that_is_no_array_is_told_what_it_should_be(app_of_member: App) -> None:
    assert (await app_of_member.ask({})).json()["message"] == "body must be array"
    assert (await app_of_member.ask([])).json()["message"] == "body must NOT have fewer than 1 items"
    answer = await app_of_member.ask([*QUESTION, {"role": "tool", "content": "a"}])
    assert answer.json()["message"] == "body/4/role must be equal to one of the allowed values"


LATE = (408, 409, 429, 500, 502, 503)


@pytest.mark.parametrize(
    ("reply", "status", "code", "message"),
    [
        (completion("Done"), 200, None, "Done"),
        (completion(None), 200, None, None),
        (completion(reason="length"), 500, "GERR1002", "Incomplete model output due to token limitation"),
        (
            completion(reason="content_filter"),
            500,
            "GERR1001",
            'The stop reason "content_filter" is not a known OpenAI reason',
        ),
        (
            failure(429),
            429,
            "GERR1004",
            "This token exceeded current quota, please check plan and billing details.",
        ),
        *(
            (reply, 500, "GERR1000", "The language model could not answer")
            for reply in (
                failure(400),
                failure(401),
                failure(404),
                failure(408),
                failure(500),
                failure(503),
                PlainTextResponse("Bad Gateway", status_code=502),
                PlainTextResponse("hello"),
                PlainTextResponse("[]", media_type="application/json"),
                PlainTextResponse('{"choices": []}', media_type="application/json"),
            )
        ),
    ],
)
async def test_what_the_service_says_becomes_an_answer(
    app_of_member: App, model: LanguageModel, reply: Response, status: int, code: str | None, message: Any
) -> None:
    model.answers = [reply]
    answer = await app_of_member.ask()
    assert answer.status_code == status
    if code is None:
        assert answer.json() == {"completion": message, "model": "gpt-5-nano"}
    else:
        assert answer.json() == {
            "name": message,
            "code": code,
            "message": message,
            "statusCode": status,
            "origin": "OpenAI",
        }
    tries = 3 if reply.status_code in LATE else 1
    assert len(model.asked) == tries


@pytest.mark.parametrize("status", [401, 429])
async def test_operators_are_told_why_without_the_services_words(
    app_of_member: App, model: LanguageModel, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(upstream, "log", log)
    model.answers = [failure(status, "insufficient_quota")]
    await app_of_member.ask()
    [line] = log.calls
    assert line.method_name == "warning"
    assert line.kwargs == {"reason": f"status {status}", "kind": "insufficient_quota"}


async def test_what_fails_at_first_may_succeed(app_of_member: App, model: LanguageModel) -> None:
    model.answers = [failure(503), failure(429), completion("At last")]
    answer = await app_of_member.ask()
    assert answer.json()["completion"] == "At last"


async def test_nobody_waits_for_ever(
    app_of_member: App, model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_TIMEOUT_S", 0.2)
    model.answers = [None]
    answer = await app_of_member.ask()
    assert (answer.status_code, answer.json()["code"]) == (500, "GERR1003")
    assert answer.json()["message"] == "The response takes too long to respond"


@pytest.mark.parametrize(
    "options",
    [
        {"openai_api_key": None},
        {"openai_api_key": "wrong"},
        {"openai_base_url": f"http://127.0.0.1:{free_port()}/v1"},
    ],
)
async def test_a_service_that_is_not_there_is_told_without_its_words(app_of_member: App) -> None:
    answer = await app_of_member.ask()
    assert (answer.status_code, answer.json()["code"]) == (500, "GERR1000")
    assert "key" not in answer.text


async def test_guests_and_members_who_are_not_validated_may_ask(
    app_of_member: App, factory: Factory, app_item: Row
) -> None:
    unvalidated = await factory.member(is_validated=False)
    await factory.membership(app_item["path"], unvalidated["id"], "read")
    for account in (await factory.guest(app_item["path"]), unvalidated):
        app_of_member.account_id = account["id"]
        assert (await app_of_member.ask()).status_code == 200


@pytest.mark.parametrize(
    ("account_id", "state", "refusal"),
    [
        (None, "public", (401, "GERR027")),
        (uuid4(), "public", (401, "GERR027")),
        ("reader", "recycled", (401, "GERR027")),
        ("reader", "hidden", (403, "GERR016")),
        ("stranger", "", (403, "GERR016")),
    ],
)
async def test_others_are_refused_and_nothing_is_asked(
    app_of_member: App,
    model: LanguageModel,
    factory: Factory,
    app_item: Row,
    account_id: Any,
    state: str,
    refusal: tuple[int, str],
) -> None:
    if account_id == "stranger":
        app_of_member.account_id = (await factory.member())["id"]
    elif account_id != "reader":
        app_of_member.account_id = account_id
    if state == "recycled":
        await factory.recycle(app_item)
    elif state:
        await factory.visibility(app_item["path"], state)
    answer = await app_of_member.ask()
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert model.asked == []


async def test_of_another_item_it_is_said_what_is_wrong_as_far_as_it_may_be_read(
    app_of_member: App, factory: Factory, member: Row, app_item: Row
) -> None:
    own, foreign = await factory.owned_item(member), await factory.item()
    answer = await app_of_member.ask(of=own["id"])
    assert answer.json() == {
        "name": (
            message
            := f"The JWT item id '{app_item['id']}' does not correspond with the accessed item {own['id']}."
        ),
        "code": "GERR1007",
        "message": message,
        "statusCode": 403,
        "origin": "core",
    }
    assert (await app_of_member.ask(of=foreign["id"])).json()["code"] == "GERR016"
    assert (await app_of_member.ask(of=uuid4())).json()["code"] == "GERR001"


@pytest.mark.parametrize("options", [{"rate_limits": True}])
async def test_each_account_and_each_item_asks_so_often(
    app_of_member: App, model: LanguageModel, factory: Factory, app: Any, app_item: Row
) -> None:
    limits = app.state.rate_limits
    other = await factory.guest(app_item["path"])
    for _ in range(CHATBOT_BY_ACCOUNT.amount):
        await limits.require("chat-bot", (CHATBOT_BY_ACCOUNT, str(app_of_member.account_id)))
    refused = await app_of_member.ask()
    assert (refused.status_code, refused.json()["code"]) == (429, "GERR429")
    assert int(refused.headers["retry-after"]) > 0
    assert model.asked == []
    app_of_member.account_id = other["id"]
    assert (await app_of_member.ask()).status_code == 200
    for _ in range(CHATBOT_BY_ITEM.amount):
        await limits.require("chat-bot", (CHATBOT_BY_ITEM, str(uuid4())))
    assert (await app_of_member.ask()).status_code == 200
    for _ in range(CHATBOT_BY_ITEM.amount - 2):
        await limits.require("chat-bot", (CHATBOT_BY_ITEM, str(app_item["id"])))
    assert (await app_of_member.ask()).json()["code"] == "GERR429"


async def test_the_database_is_asked_who_asks_and_where(app_of_member: App, count_statements: Count) -> None:
    with count_statements() as statements:
        await app_of_member.ask()
    assert len(statements) == 2
