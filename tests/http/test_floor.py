"""What every request meets, whatever it asks for."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from graasp.app import create_app
from graasp.apps.tables import publishers
from graasp.settings import Settings
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]

JSON = {"content-type": "application/json"}


async def test_health_status_and_version_answer_everybody(client: httpx.AsyncClient) -> None:
    health = await client.get("/health")
    assert (health.status_code, health.text) == (200, "OK")
    assert health.headers["content-type"] == "text/plain; charset=utf-8"
    version = await client.get("/api/version")
    assert version.text == "undefined @ undefined"
    status = await client.get("/api/status")
    parts = status.json()
    assert list(parts) == ["api", "database", "meilisearch", "etherpad", "iframely"]
    assert parts["database"] == {"status": "healthy", "isHealthy": "✅", "message": "Running"}
    assert {answer.headers["access-control-allow-origin"] for answer in (health, version, status)} == {"*"}


SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
    "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';"
    "style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "origin-agent-cluster": "?1",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "x-download-options": "noopen",
    "x-frame-options": "SAMEORIGIN",
    "x-permitted-cross-domain-policies": "none",
    "x-xss-protection": "0",
}


def is_protected(answer: httpx.Response) -> bool:
    return SECURITY_HEADERS.items() <= answer.headers.items() and len(answer.headers["x-request-id"]) >= 8


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("HEAD", "/health"),
        ("GET", "/api/items/accessible"),
        ("POST", "/api/items/folders"),
        ("GET", "/nowhere"),
        ("OPTIONS", "/api/items/accessible"),
    ],
)
async def test_security_headers_are_on_every_answer(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert is_protected(await client.request(method, path))


@pytest.fixture
def broken_database(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(app.state.platform.database.reads, "all", fail)


@pytest.mark.usefixtures("broken_database")
async def test_nothing_of_an_unexpected_error_leaves_the_server(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/maintenance/next")
    assert answer.status_code == 500
    assert answer.json() == {
        "name": "UNEXPECTED_ERROR",
        "code": "GERR999",
        "message": "UNEXPECTED_ERROR",
        "statusCode": 500,
        "origin": "unknown",
    }
    assert is_protected(answer)


async def test_a_request_keeps_the_id_its_sender_gave_it_when_it_is_one(client: httpx.AsyncClient) -> None:
    given = {"X-Request-Id": "5f3e2b1a-front-door"}
    assert (await client.get("/health", headers=given)).headers["x-request-id"] == given["X-Request-Id"]
    forged = {"X-Request-Id": 'x" level="error'}
    assert (await client.get("/health", headers=forged)).headers["x-request-id"].isalnum()


async def test_an_unknown_route_and_a_wrong_method_are_not_found(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/api/x?a=b")
    assert unknown.status_code == 404
    assert unknown.json() == {
        "message": "Route GET:/api/x?a=b not found",
        "error": "Not Found",
        "statusCode": 404,
    }
    wrong = await client.put("/health")
    assert (wrong.status_code, wrong.json()["message"]) == (404, "Route PUT:/health not found")
    odd = await client.get("/members%3Fa/x%2Fy?", headers={"Host": "["})
    assert (odd.status_code, odd.json()["message"]) == (404, "Route GET:/members?a/x/y not found")
    case_matters = await client.get("/API/members/current")
    assert case_matters.status_code == 404


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", JSON, 400, "FST_ERR_CTP_EMPTY_JSON_BODY"),
        (b"{", JSON, 400, "FST_ERR_CTP_INVALID_JSON_BODY"),
        (b'{"a": {"__proto__": 1}}', JSON, 400, "FST_ERR_CTP_INVALID_JSON_BODY"),
        (b"x", {"content-type": "application/xml"}, 415, "FST_ERR_CTP_INVALID_MEDIA_TYPE"),
        (b'{"name": "' + b"a" * 1_048_576 + b'"}', JSON, 413, "FST_ERR_CTP_BODY_TOO_LARGE"),
        (b"[]", JSON, 400, "FST_ERR_VALIDATION"),
        (b"text", {"content-type": "text/plain"}, 400, "FST_ERR_VALIDATION"),
    ],
)
async def test_bodies_that_are_refused_before_anything_else(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post("/api/items/folders", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["name"] in ("FastifyError", "Error")


async def test_values_are_coerced_as_the_clients_expect(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    body = {"name": 123, "settings": {"isPinned": "true", "tags": "one"}, "unknown": 1, "description": None}
    created = await client.post("/api/items/folders", json=body, headers=headers)
    assert created.status_code == 200
    assert created.json()["name"] == "123"
    assert created.json()["settings"] == {"hasThumbnail": False, "isPinned": True, "tags": ["one"]}
    wrong = await client.post(
        "/api/items/folders", json={"name": "a", "settings": {"isPinned": ""}}, headers=headers
    )
    assert wrong.json()["message"] == "body/settings/isPinned must be boolean"
    missing = await client.post("/api/items/folders", json={}, headers=headers)
    assert missing.json()["message"] == "body must have required property 'name'"


async def test_paths_answer_without_their_prefix_and_only_the_documented_ones_with_a_slash(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    assert (await client.get("/members/current", headers=headers)).status_code == 200
    for path in ("/api/items", "/api/items/", "/items"):
        created = await client.post(path, json={"name": "a", "type": "folder"}, headers=headers)
        assert created.status_code == 200, path
    assert (await client.get("/api/items/accessible/", headers=headers)).status_code == 404


async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len("OK"))
    prefixless = await client.head("/maintenance/next")
    assert (prefixless.status_code, prefixless.content) == (200, b"")
    assert (await client.head("/nowhere")).status_code == 404


async def test_a_session_is_renewed_and_a_stale_one_cleared(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    renewed = await client.get("/api/members/current", headers=cookie_for((await factory.member())["id"]))
    assert "Max-Age=604800; Domain=127.0.0.1; Path=/; HttpOnly; SameSite=Lax" in renewed.headers["set-cookie"]
    stale = await client.get("/api/members/current", headers=cookie_for(uuid4()))
    assert (stale.status_code, stale.text) == (401, "Unauthorized")
    assert stale.headers["set-cookie"].startswith("session=; Max-Age=0")
    for value in ("x", "a%3Bb", "%3B", ""):
        broken = await client.get("/api/members/current", headers={"Cookie": f"session={value}"})
        assert broken.status_code == 401


async def test_an_answer_to_invalid_input_leaves_the_session_as_it_is(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    for account_id in ((await factory.member())["id"], uuid4()):
        invalid = await client.get("/api/items/nonsense", headers=cookie_for(account_id))
        assert invalid.status_code == 400
        invalid = await client.post("/api/items/folders", json={}, headers=cookie_for(account_id))
        assert (invalid.status_code, "set-cookie" in invalid.headers) == (400, False)


async def test_a_refusal_by_the_next_gate_or_by_a_rule_renews_the_session(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    unvalidated = await factory.member(is_validated=False)
    refused = await client.post(
        "/api/items/folders", json={"name": "a"}, headers=cookie_for(unvalidated["id"])
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "GMERR002")
    assert "Max-Age=604800" in refused.headers["set-cookie"]


async def test_the_documentation_needs_no_other_server(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert "http" not in page.text.replace("http-equiv", "")
    document = (await client.get("/docs/json")).json()
    assert document["info"]["title"] == "Graasp Backend API"
    assert (await client.get("/api/docs/json")).json() == document
    assert "openapi:" in (await client.get("/api/docs/yaml")).text
    assert (await client.get("/docs/assets/swagger-ui-bundle.js")).status_code == 200


@pytest.fixture
async def cors_client(
    make_settings: Callable[..., Settings], clean_services: None
) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(make_settings(cors_origin_regex=r"^http://client\.test$"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as opened,
    ):
        yield opened


async def test_origins_that_match_may_use_the_api_with_credentials(cors_client: httpx.AsyncClient) -> None:
    allowed = await cors_client.get("/api/maintenance/next", headers={"Origin": "http://client.test"})
    assert allowed.json() is None
    assert allowed.headers["access-control-allow-origin"] == "http://client.test"
    assert allowed.headers["access-control-allow-credentials"] == "true"
    other = await cors_client.get("/api/maintenance/next", headers={"Origin": "http://evil.test"})
    assert other.status_code == 200
    assert "access-control-allow-origin" not in other.headers
    asked = {"Origin": "http://client.test", "Access-Control-Request-Method": "PATCH"}
    preflight = await cors_client.options(
        "/api/anything", headers=asked | {"Access-Control-Request-Headers": "content-type,x-a"}
    )
    assert (preflight.status_code, preflight.headers["access-control-max-age"]) == (204, "7200")
    assert preflight.headers["access-control-allow-methods"] == "HEAD, GET, POST, PATCH, PUT, DELETE, OPTIONS"
    assert preflight.headers["access-control-allow-headers"] == "content-type,x-a"
    assert preflight.headers["vary"] == "Origin"
    assert is_protected(preflight)
    assert (await cors_client.options("/api/anything")).text == "Invalid Preflight Request"
    assert (await cors_client.options("/anything", headers=asked)).status_code == 404
    assert (await cors_client.options("/maintenance/next", headers=asked)).status_code == 204
    for method, path in (("GET", "/api/nowhere"), ("PUT", "/api/maintenance/next")):
        unknown = await cors_client.request(method, path, headers={"Origin": "http://client.test"})
        assert unknown.status_code == 404
        assert "access-control-allow-credentials" not in unknown.headers


async def test_apps_may_use_what_is_made_for_them_from_their_own_origins(
    cors_client: httpx.AsyncClient, factory: Factory
) -> None:
    await factory.insert(publishers, name="Publisher", origins=["https://apps.test", "https://more.test"])
    asked = {"Access-Control-Request-Method": "GET"}

    async def allowed(path: str, origin: str) -> str | None:
        answer = await cors_client.options(path, headers=asked | {"Origin": origin})
        return answer.headers.get("access-control-allow-origin")

    for path in ("/api/app-items/list", "/app-items/list", f"/app-items/{uuid4()}/context"):
        for origin in ("https://apps.test", "https://more.test", "http://client.test"):
            assert await allowed(path, origin) == origin
        assert await allowed(path, "https://evil.test") is None
    for path in ("/api/items/accessible", "/items/accessible"):
        assert await allowed(path, "https://apps.test") is None
    # An app may read why it is refused.
    refused = await cors_client.get(f"/app-items/{uuid4()}/context", headers={"Origin": "https://apps.test"})
    assert (refused.status_code, refused.text) == (401, "Unauthorized")
    assert refused.headers["access-control-allow-origin"] == "https://apps.test"
    assert refused.headers["access-control-allow-credentials"] == "true"
