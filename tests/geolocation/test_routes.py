"""Where items are, and what is found on the map."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graasp.geolocation.tables import item_geolocation
from graasp.items.tables import item
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.tags.tables import item_tag, tag
from tests.conftest import serving
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


async def _place(factory: Factory, placed: Any, lat: float = 46.5, lng: float = 6.6, **columns: Any) -> Any:
    return await factory.insert(item_geolocation, item_path=placed["path"], lat=lat, lng=lng, **columns)


async def _rows(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(item_geolocation)))


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_an_item_that_is_moving_is_placed_where_it_goes(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    anna: Any,
    *,
    is_deleted: bool,
) -> None:
    placed, elsewhere = await factory.owned_item(anna), await factory.owned_item(anna)
    path = f"{elsewhere['path']}.{placed['path']}"
    async with platform.unit_of_work() as moving:
        here = item.c.id == placed["id"]
        await moving.execute(
            delete(item).where(here) if is_deleted else update(item).where(here).values(path=path)
        )
        url, body = f"/api/items/{placed['id']}/geolocation", {"geolocation": {"lat": 46.52, "lng": 6.63}}
        placing = asyncio.create_task(client.put(url, json=body, headers=cookie_for(anna["id"])))
        await asyncio.sleep(0.15)
    assert (await placing).status_code == (404 if is_deleted else 204)
    assert [row["item_path"] for row in await _rows(platform)] == ([] if is_deleted else [path])


async def test_an_item_is_placed_and_placed_again(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    placed = await factory.owned_item(anna)
    url, headers = f"/api/items/{placed['id']}/geolocation", cookie_for(anna["id"])
    first = {"lat": 46.52, "lng": 6.63, "addressLabel": "Lausanne", "helperLabel": "room 1"}
    answer = await client.put(
        url, json={"geolocation": first | {"country": "XX", "itemId": "x"}}, headers=headers
    )
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await _rows(platform)
    assert (row["lat"], row["lng"], row["country"]) == (46.52, 6.63, "CH")
    # The labels that are left out stay; the country follows the position.
    await client.put(
        url, json={"geolocation": {"lat": 48.85, "lng": 2.35, "helperLabel": "b"}}, headers=headers
    )
    (row,) = await _rows(platform)
    assert (row["country"], row["addressLabel"], row["helperLabel"]) == ("FR", "Lausanne", "b")
    for lat, lng in ((0, 0), (0, 6.6), (46.5, 0)):
        answer = await client.put(url, json={"geolocation": {"lat": lat, "lng": lng}}, headers=headers)
        assert answer.status_code == 204
    unchanged = await platform.reads.first(select(item).where(item.c.id == placed["id"]))
    assert unchanged is not None
    assert unchanged["updated_at"] == placed["updated_at"]
    for _ in range(2):
        assert (await client.delete(url, headers=headers)).status_code == 204
    assert await _rows(platform) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"geolocation": {}},
        {"geolocation": {"lat": 1}},
        {"geolocation": {"lat": "x", "lng": 1}},
        {"geolocation": {"lat": 1, "lng": 1, "addressLabel": "x" * 301}},
        {"lat": 1, "lng": 1},
    ],
)
async def test_incomplete_places_are_refused(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, anna: Any, body: Any
) -> None:
    placed = await factory.owned_item(anna)
    answer = await client.put(
        f"/api/items/{placed['id']}/geolocation", json=body, headers=cookie_for(anna["id"])
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_items_are_made_with_their_place(
    client: httpx.AsyncClient, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    headers = cookie_for(anna["id"])
    body = {"name": "x", "geolocation": {"lat": 0, "lng": 32.58, "addressLabel": "ignored"}}
    assert (await client.post("/api/items/folders", json=body, headers=headers)).status_code == 200
    (row,) = await _rows(platform)
    assert (row["lat"], row["lng"], row["country"], row["addressLabel"]) == (0, 32.58, "UG", None)
    partial = {"name": "x", "geolocation": {"lat": 3}}
    answer = await client.post("/api/items/folders", json=partial, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "GIGEOERR002")
    assert len(await platform.reads.all(select(item))) == 1


async def test_the_nearest_place_on_the_way_up_counts(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, anna: Any, count_statements: Counter
) -> None:
    top = await factory.owned_item(anna, name="top")
    middle = await factory.item(top, name="middle")
    low = await factory.item(middle, name="low")
    headers = cookie_for(anna["id"])
    url = f"/api/items/{low['id']}/geolocation"
    assert (await client.get(url, headers=headers)).json() is None
    await _place(factory, top, 1, 2)
    await _place(factory, middle, 3, 4, country="CH", addressLabel="a")
    with count_statements() as statements:
        found = (await client.get(url, headers=headers)).json()
    assert len(statements) == 3
    assert {name: found[name] for name in ("lat", "lng", "country", "addressLabel", "helperLabel")} == {
        "lat": 3,
        "lng": 4,
        "country": "CH",
        "addressLabel": "a",
        "helperLabel": None,
    }
    assert (found["item"]["name"], found["item"]["permission"]) == ("middle", "admin")


async def test_the_place_of_an_ancestor_that_is_not_theirs_is_not_told(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, anna: Any
) -> None:
    top = await factory.item()
    child = await factory.item(top)
    await factory.membership(child["path"], anna["id"], "read")
    await _place(factory, top)
    answer = await client.get(f"/api/items/{child['id']}/geolocation", headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()) == (200, None)
    await _place(factory, child)
    answer = await client.get(f"/api/items/{child['id']}/geolocation", headers=cookie_for(anna["id"]))
    assert answer.json()["item"]["id"] == str(child["id"])


@pytest.fixture
async def map_of_anna(factory: Factory, anna: Any) -> dict[str, Any]:
    """Items around the world, seen by Anna in every way."""
    items: dict[str, Any] = {"root": await factory.owned_item(anna, name="root")}
    items["inside"] = await factory.item(items["root"], name="Dogs inside")
    items["beside"] = await factory.item(items["root"], name="beside")
    items["inherits"] = await factory.item(items["inside"], name="inherits")
    items["recycled"] = await factory.owned_item(anna, name="recycled")
    items["private"] = await factory.item(name="private")
    items["public"] = await factory.item(name="public")
    items["hidden"] = await factory.item(items["public"], name="hidden")
    items["read"] = await factory.item(name="read")
    await factory.membership(items["read"]["path"], anna["id"], "read")
    items["hidden from readers"] = await factory.item(items["read"], name="hidden from readers")
    await factory.visibility(items["public"]["path"], "public")
    for name in ("hidden", "hidden from readers"):
        await factory.visibility(items[name]["path"], "hidden")
    for name, placed in items.items():
        if name not in ("root", "inherits"):
            await _place(factory, placed, 10 if name == "beside" else 46.5, 6.6)
    await factory.recycle(items["recycled"])
    return items


async def _found(client: httpx.AsyncClient, query: str, headers: Any = None) -> list[str]:
    answer = await client.get(f"/api/items/geolocation?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return sorted(found["item"]["name"] for found in answer.json())


BOX = "lat1=47&lat2=46&lng1=6&lng2=7"
WORLD = "lat1=-90&lat2=90&lng1=-180&lng2=180"


async def test_what_is_found_in_a_box(
    client: httpx.AsyncClient, cookie_for: Cookie, map_of_anna: Any, anna: Any, count_statements: Counter
) -> None:
    headers = cookie_for(anna["id"])
    with count_statements() as statements:
        assert await _found(client, BOX, headers) == ["Dogs inside", "read"]
    assert len(statements) == 2
    assert await _found(client, WORLD, headers) == ["Dogs inside", "beside", "read"]
    assert await _found(client, "lat1=46.5&lat2=46.5&lng1=6.6&lng2=6.6", headers) == ["Dogs inside", "read"]
    client.cookies.clear()
    assert await _found(client, WORLD) == []


async def test_what_is_found_below_a_parent(
    client: httpx.AsyncClient, cookie_for: Cookie, map_of_anna: Any, anna: Any, factory: Factory
) -> None:
    headers = cookie_for(anna["id"])
    root, public = map_of_anna["root"]["id"], map_of_anna["public"]["id"]
    assert await _found(client, f"parentItemId={root}", headers) == ["Dogs inside", "beside"]
    assert await _found(client, f"parentItemId={root}&{BOX}", headers) == ["Dogs inside"]
    # An incomplete box is none.
    assert await _found(client, f"parentItemId={root}&lat1=1&lng1=1", headers) == ["Dogs inside", "beside"]
    assert await _found(client, f"parentItemId={public}", headers) == ["public"]
    client.cookies.clear()
    assert await _found(client, f"parentItemId={public}") == ["public"]
    for parent, status in ((map_of_anna["private"]["id"], 403), (uuid4(), 404), ("x", 400)):
        answer = await client.get(f"/api/items/geolocation?parentItemId={parent}", headers=headers)
        assert answer.status_code == status
    for incomplete in ("", "lat1=1&lat2=2&lng1=3"):
        answer = await client.get(f"/api/items/geolocation?{incomplete}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_words_and_tags_on_the_map(
    client: httpx.AsyncClient, cookie_for: Cookie, map_of_anna: Any, anna: Any, factory: Factory
) -> None:
    headers = cookie_for(anna["id"])
    label = await factory.insert(tag, name="Deep Sea Fish", category="discipline")
    await factory.insert(item_tag, item_id=map_of_anna["read"]["id"], tag_id=label["id"])
    assert await _found(client, f"{WORLD}&keywords=dog", headers) == ["Dogs inside"]
    assert await _found(client, f"{WORLD}&keywords=sid", headers) == ["Dogs inside", "beside"]
    assert await _found(client, f"{WORLD}&keywords=sea&keywords=fish", headers) == ["read"]
    assert await _found(client, f"{WORLD}&keywords=sea&keywords=cat", headers) == []
    assert await _found(client, f"{BOX}&keywords=", headers) == ["Dogs inside", "read"]


class Geocoder:
    """A server that speaks the Geoapify protocol."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: Response = JSONResponse({"results": []})

    async def __call__(self, request: Request) -> Response:
        self.asked.append({"path": request.url.path, **request.query_params})
        return self.answer


@pytest.fixture
async def geocoder() -> AsyncIterator[tuple[Geocoder, str]]:
    geocoder = Geocoder()

    async def answer(request: Request) -> Response:
        return await geocoder(request)

    async with serving(Starlette(routes=[Route("/v1/{operation}", answer)])) as url:  # type: ignore[arg-type]
        yield geocoder, url


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    if "geocoder" not in request.fixturenames:
        return make_settings()
    _, url = request.getfixturevalue("geocoder")
    return make_settings(geolocation_api_host=f"{url}/v1", geolocation_api_key="key")


async def test_the_address_of_a_position(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, geocoder: tuple[Geocoder, str]
) -> None:
    asked, headers = geocoder[0].asked, cookie_for(anna["id"])
    geocoder[0].answer = JSONResponse(
        {"results": [{"formatted": "1015 Lausanne", "country": "Switzerland", "country_code": "ch"}]}
    )
    url = "/api/items/geolocation/reverse?lat=46.5&lng=6.6"
    for _ in range(2):
        answer = await client.get(url, headers=headers)
        assert answer.json() == {"addressLabel": "1015 Lausanne", "country": "Switzerland"}
    # Asked once: the answer is kept for a while.
    assert asked == [
        {"path": "/v1/reverse", "lat": "46.5", "lon": "6.6", "lang": "en", "format": "json", "apiKey": "key"}
    ]
    geocoder[0].answer = JSONResponse({"results": []})
    nowhere = await client.get(f"{url}&lang=fr", headers=headers)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "GIGEOERR001")
    for wrong in ("lat=1", "lat=x&lng=1", "lat=nan&lng=1"):
        answer = await client.get(f"/api/items/geolocation/reverse?{wrong}", headers=headers)
        assert answer.status_code == 400


async def test_positions_of_an_address(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, geocoder: tuple[Geocoder, str]
) -> None:
    found = {"place_id": "51a", "formatted": "Lausanne", "country_code": "ch", "lat": 46.5, "lon": 6.6}
    geocoder[0].answer = JSONResponse({"results": [found, {"place_id": "52b", "formatted": "Nowhere"}, 3]})
    answer = await client.get(
        "/api/items/geolocation/search?query=Lausanne&lang=fr", headers=cookie_for(anna["id"])
    )
    assert answer.json() == [
        {"id": "51a", "addressLabel": "Lausanne", "country": "ch", "lat": 46.5, "lng": 6.6},
        {"id": "52b", "addressLabel": "Nowhere", "country": None, "lat": None, "lng": None},
    ]
    assert geocoder[0].asked[0]["text"] == "Lausanne"
    assert (
        await client.get("/api/items/geolocation/search", headers=cookie_for(anna["id"]))
    ).status_code == 400


@pytest.mark.parametrize(
    "failure",
    [Response(status_code=500), Response("no json"), JSONResponse([]), JSONResponse({"results": 3})],
)
async def test_a_geocoder_that_fails_is_unavailable(
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    anna: Any,
    geocoder: tuple[Geocoder, str],
    failure: Response,
) -> None:
    geocoder[0].answer = failure
    answer = await client.get("/api/items/geolocation/search?query=x", headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()["code"]) == (503, "GERR503")
    assert "retry-after" in answer.headers


async def test_without_a_geocoder(client: httpx.AsyncClient, cookie_for: Cookie, anna: Any) -> None:
    for url in ("reverse?lat=1&lng=1", "search?query=x"):
        answer = await client.get(f"/api/items/geolocation/{url}", headers=cookie_for(anna["id"]))
        assert answer.status_code == 503
        assert answer.json() == {
            "name": "Geolocation API key is not defined",
            "code": "GIGEOERR004",
            "message": "Geolocation API key is not defined",
            "statusCode": 503,
            "origin": "graasp-plugin-item-geolocation",
        }
